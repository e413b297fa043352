// Which views match a family, and what they make of its labels. Pure.
#pragma once

#include <cstddef>
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

// How much of effective options the configuration says (METRICS_BUCKETS, METRICS_VIEWS) and not the
// code.
struct Configured {
  std::size_t buckets = 0;  // the last ones of Options::buckets()
  std::size_t views = 0;    // the first ones of Options::views()

  static Configured Of(const Options& options) noexcept {
    return {options.configured_buckets_, options.configured_views_};
  }
  static void Set(Options& options, Configured configured) noexcept {
    options.configured_buckets_ = configured.buckets;
    options.configured_views_ = configured.views;
  }
};

// What the views make of one family. Refers to the rules' views.
struct FamilyRules {
  bool dropped = false;
  std::vector<const View*> labels;  // that change labels, in their order
  const View* buckets = nullptr;    // that decides about buckets
  bool configured_buckets = false;  // it is METRICS_VIEWS', not the code's
  bool any() const noexcept { return dropped || !labels.empty() || buckets != nullptr; }
};

// The effective views of a Metrics. Immutable.
class POLYMETER_EXPORT ViewRules {
 public:
  ViewRules() = default;
  // The first `configured` views are METRICS_VIEWS', the others the code's.
  ViewRules(std::vector<View> views, std::string prefix, std::size_t configured = 0)
      : views_(std::move(views)), prefix_(std::move(prefix)), configured_(configured) {}

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
  std::size_t configured_ = 0;
};

// The labels that views leave of a series.
struct ShownLabels {
  struct Label {
    std::uint32_t position;  // among the series' own
    std::string name;
  };
  std::vector<Label> labels;  // in the series' order
  StringPairs constants;      // in their order
  std::string trouble;        // a rename that was not made: a message; else empty
  // Whether it leaves all labels of the series as they are.
  bool same = true;
};

// `names` are the series' own labels, `constants` those of the whole family. No label gets another
// one's name, of whichever kind; only a constant one that the series' own hides is still hidden by
// it under their new name.
POLYMETER_EXPORT ShownLabels ShownNames(const std::vector<const View*>& views, MetricType type,
                                        const std::vector<std::string_view>& names,
                                        const StringPairs& constants = {});

// What a view's buckets make of a family's options: they take the place of the code's.
struct ViewOverrides {
  static void Buckets(const View& view, FamilyOptions& options);
};

}  // namespace detail
POLYMETER_END_NAMESPACE
