// Labelled families: one name, one series for every combination of label values.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <string_view>

#include "polymeter/fwd.h"
#include "polymeter/instruments.h"
#include "polymeter/label_value.h"

POLYMETER_BEGIN_NAMESPACE

namespace detail {

class FamilyCore;

// The look-up: no allocation, no lock when the series exists. A wrong number of values gives
// kNoopCell, and is counted and reported once.
POLYMETER_EXPORT CellAddress FindOrCreate(FamilyCore* family, const std::string_view* values,
                                          std::size_t count) noexcept;
POLYMETER_EXPORT CellAddress FindOrCreate(FamilyCore* family, NamedLabels labels) noexcept;
POLYMETER_EXPORT bool RemoveSeries(FamilyCore* family, const std::string_view* values,
                                   std::size_t count) noexcept;
POLYMETER_EXPORT bool RemoveSeries(FamilyCore* family, NamedLabels labels) noexcept;
POLYMETER_EXPORT void RemoveAllSeries(FamilyCore* family) noexcept;

struct HandleAccess {
  template <class Handle>
  static Handle Make(CellAddress cell) noexcept {
    Handle handle;
    handle.cell_ = cell;
    return handle;
  }
  template <class Handle>
  static CellAddress Cell(const Handle& handle) noexcept {
    return handle.cell_;
  }
};

// Turns arguments into texts that live until the end of the full expression.
template <std::size_t N>
struct LabelTexts {
  std::array<std::string_view, N> views;
  template <class... Texts>
  explicit LabelTexts(const Texts&... texts) noexcept : views{texts.text()...} {}
};

}  // namespace detail

// A family of `Handle`s with N labels. Copying is cheap (one reference count) and
// thread-safe; a default-constructed family, or one of a Metrics that records nothing, gives
// no-op handles. After the Metrics is gone, what With gives counts into nothing.
template <class Handle, std::size_t N>
class Family {
 public:
  Family() noexcept = default;

  // The series with these label values, in the order of the family's label names; made on
  // first use. Values must be valid UTF-8: invalid bytes become U+FFFD. Keep the handle where the
  // values are known beforehand: recording through it is several times cheaper than looking it up.
  template <class... Values>
  Handle With(const Values&... values) const noexcept {
    static_assert(N == kDynamic || sizeof...(Values) == N,
                  "With() takes exactly one value for each label name of the family");
    return Call(LabelTextsOf(LabelText(values)...));
  }
  // The same by name, in any order; a missing name or one that is not the family's gives a
  // no-op handle, is counted and reported once.
  Handle With(NamedLabels labels) const noexcept {
    return detail::HandleAccess::Make<Handle>(detail::FindOrCreate(core_.get(), labels));
  }
  // Values known only at run time.
  Handle WithValues(const std::string_view* values, std::size_t count) const noexcept {
    return detail::HandleAccess::Make<Handle>(detail::FindOrCreate(core_.get(), values, count));
  }

  // Unlists the series; handles to it count into nothing (what they still count is reported
  // as polymeter_removed_series_increments_total). True when there was one. Where a view has taken
  // a label of the family away nothing is removed, because others count in the series.
  template <class... Values>
  bool Remove(const Values&... values) const noexcept {
    static_assert(N == kDynamic || sizeof...(Values) == N,
                  "Remove() takes exactly one value for each label name of the family");
    return RemoveTexts(LabelText(values)...);
  }
  bool Remove(NamedLabels labels) const noexcept {
    return detail::RemoveSeries(core_.get(), labels);
  }
  // Unlists every series of the family.
  void RemoveAll() const noexcept { detail::RemoveAllSeries(core_.get()); }

  // False for a family whose handles are no-ops.
  explicit operator bool() const noexcept { return core_ != nullptr; }

 private:
  friend class Metrics;
  explicit Family(std::shared_ptr<detail::FamilyCore> core) noexcept : core_(std::move(core)) {}

  template <class... Texts>
  static detail::LabelTexts<sizeof...(Texts)> LabelTextsOf(const Texts&... texts) noexcept {
    return detail::LabelTexts<sizeof...(Texts)>(texts...);
  }
  template <std::size_t M>
  Handle Call(const detail::LabelTexts<M>& texts) const noexcept {
    return detail::HandleAccess::Make<Handle>(
        detail::FindOrCreate(core_.get(), texts.views.data(), M));
  }
  template <class... Texts>
  bool RemoveTexts(const Texts&... texts) const noexcept {
    const detail::LabelTexts<sizeof...(Texts)> all(texts...);
    return detail::RemoveSeries(core_.get(), all.views.data(), sizeof...(Texts));
  }

  std::shared_ptr<detail::FamilyCore> core_;
};

POLYMETER_END_NAMESPACE
