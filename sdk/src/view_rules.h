// Which views match a family, and what they make of its labels. Pure.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "polymeter/options.h"
#include "polymeter/views.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// Whether `name` is what the pattern says; `*` stands for any characters. In time that grows with
// the product of both lengths at most.
POLYMETER_EXPORT bool MatchesPattern(std::string_view pattern, std::string_view name) noexcept;

// What the views make of one family. Refers to the rules' views.
struct FamilyRules {
  bool dropped = false;
  std::vector<const View*> labels;  // that change labels, in their order
  const View* buckets = nullptr;    // that decides about buckets
  bool any() const noexcept { return dropped || !labels.empty() || buckets != nullptr; }
};

// The effective views of a Metrics. Immutable.
class POLYMETER_EXPORT ViewRules {
 public:
  ViewRules() = default;
  ViewRules(std::vector<View> views, std::string prefix)
      : views_(std::move(views)), prefix_(std::move(prefix)) {}

  bool empty() const noexcept { return views_.empty(); }
  // Whether any view is for every backend.
  bool HasCommon() const noexcept;
  // Whether any view is for a single backend, and for this one.
  bool HasSingle() const noexcept;
  bool HasSingle(std::string_view backend) const noexcept;

  // What acts where a family is registered. One that a later stage may still keep for some
  // backend is not dropped here.
  FamilyRules AtRegistration(std::string_view name, MetricType type) const;
  // What acts on a snapshot for `backend` (empty: for readers that are none). `registered`: views
  // for every backend have acted on the family's labels and buckets where it was registered.
  FamilyRules OfBackend(std::string_view backend, std::string_view name, MetricType type,
                        bool registered) const;

 private:
  bool Matches(const View& view, std::string_view name, MetricType type) const noexcept;

  std::vector<View> views_;
  std::string prefix_;
};

// The labels that views leave of a series.
struct ShownLabels {
  struct Label {
    std::uint32_t position;  // among the series' own
    std::string name;
  };
  std::vector<Label> labels;  // in the series' order
  std::string trouble;        // a rename that was not made: a message; else empty
  // Whether it leaves all labels as they are.
  bool same = true;
};

POLYMETER_EXPORT ShownLabels ShownNames(const std::vector<const View*>& views, MetricType type,
                                        const std::vector<std::string_view>& names);

// Drops and renames constant labels. The first of two that get one name stays.
void ShowConstantLabels(const std::vector<const View*>& views, StringPairs& labels);

// What a view's buckets make of a family's options: they take the place of the code's.
struct ViewOverrides {
  static void Buckets(const View& view, FamilyOptions& options);
};

}  // namespace detail
POLYMETER_END_NAMESPACE
