#include "sdk/src/view_rules.h"

#include <algorithm>
#include <cstddef>

#include "sdk/src/snapshot_data.h"
#include "sdk/src/text.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

bool ChangesLabels(const View& view) noexcept {
  return !view.dropped_labels().empty() || view.kept_labels() || !view.renamed_labels().empty();
}

bool HasBuckets(const View& view) noexcept { return view.buckets() || view.native_schema(); }

bool Holds(const std::vector<std::string>& names, std::string_view name) noexcept {
  return std::find(names.begin(), names.end(), name) != names.end();
}

const std::string* NewName(const View& view, std::string_view name) noexcept {
  for (const auto& [from, to] : view.renamed_labels()) {
    if (from == name) return &to;
  }
  return nullptr;
}

}  // namespace

bool MatchesPattern(std::string_view pattern, std::string_view name) noexcept {
  constexpr std::size_t kNone = std::string_view::npos;
  std::size_t p = 0;
  std::size_t n = 0;
  std::size_t star = kNone;  // the last one; it may take more characters
  std::size_t star_name = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_name = n;
    } else if (p < pattern.size() && pattern[p] == name[n]) {
      ++p;
      ++n;
    } else if (star != kNone) {
      p = star + 1;
      n = ++star_name;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

bool ViewRules::HasCommon() const noexcept {
  return std::any_of(views_.begin(), views_.end(),
                     [](const View& view) { return view.backend().empty(); });
}

bool ViewRules::HasSingle() const noexcept {
  return std::any_of(views_.begin(), views_.end(),
                     [](const View& view) { return !view.backend().empty(); });
}

bool ViewRules::HasSingle(std::string_view backend) const noexcept {
  return std::any_of(views_.begin(), views_.end(), [&](const View& view) {
    return !view.backend().empty() && view.backend() == backend;
  });
}

bool ViewRules::Matches(const View& view, std::string_view name, MetricType type) const noexcept {
  if (view.type() && *view.type() != type) return false;
  if (MatchesPattern(view.families(), name)) return true;
  return !prefix_.empty() && name.substr(0, prefix_.size()) == prefix_ &&
         MatchesPattern(view.families(), name.substr(prefix_.size()));
}

FamilyRules ViewRules::AtRegistration(std::string_view name, MetricType type) const {
  FamilyRules rules;
  bool decided = false;
  for (const View& view : views_) {
    if (!Matches(view, name, type)) continue;
    if (!view.backend().empty()) {
      // Some backend may get it: its snapshots decide.
      if (view.fate() == View::Fate::kKeep) decided = true;
      continue;
    }
    if (!decided && view.fate() != View::Fate::kOpen) {
      decided = true;
      rules.dropped = view.fate() == View::Fate::kDrop;
    }
    if (ChangesLabels(view)) rules.labels.push_back(&view);
    if (rules.buckets == nullptr && HasBuckets(view)) {
      rules.buckets = &view;
      rules.configured_buckets = static_cast<std::size_t>(&view - views_.data()) < configured_;
    }
  }
  return rules;
}

FamilyRules ViewRules::OfBackend(std::string_view backend, std::string_view name, MetricType type,
                                 bool registered) const {
  FamilyRules rules;
  bool decided = false;
  // Views for every backend first, as they are where a family is registered.
  const auto visit = [&](bool common) {
    for (const View& view : views_) {
      if (view.backend().empty() != common || (!common && view.backend() != backend)) continue;
      if ((common && registered) || !Matches(view, name, type)) continue;
      if (ChangesLabels(view)) rules.labels.push_back(&view);
    }
  };
  visit(/*common=*/true);
  visit(/*common=*/false);
  for (const View& view : views_) {
    if ((!view.backend().empty() && view.backend() != backend) || !Matches(view, name, type)) {
      continue;
    }
    if (!decided && view.fate() != View::Fate::kOpen) {
      decided = true;
      rules.dropped = view.fate() == View::Fate::kDrop;
    }
    // What is for this backend alone is the more special.
    const bool counts = HasBuckets(view) && type == MetricType::kHistogram &&
                        !(registered && view.backend().empty());
    if (counts && (rules.buckets == nullptr ||
                   (rules.buckets->backend().empty() && !view.backend().empty()))) {
      rules.buckets = &view;
    }
  }
  return rules;
}

ShownLabels ShownNames(const std::vector<const View*>& views, MetricType type,
                       const std::vector<std::string_view>& names, const StringPairs& constants) {
  struct LabelOfView {
    std::string_view asked;
    std::string name;
    std::size_t position;
    bool constant;
  };
  std::vector<LabelOfView> labels;
  for (std::size_t i = 0; i < names.size(); ++i) {
    labels.push_back({names[i], std::string(names[i]), i, false});
  }
  for (std::size_t i = 0; i < constants.size(); ++i) {
    labels.push_back({constants[i].first, constants[i].first, i, true});
  }
  ShownLabels shown;
  for (const View* const view : views) {
    labels.erase(std::remove_if(labels.begin(), labels.end(),
                                [&](const LabelOfView& label) {
                                  // Nobody's own, so none that keep_labels could mean.
                                  const bool overflow = label.name == kOverflowLabel;
                                  return Holds(view->dropped_labels(), label.name) ||
                                         (view->kept_labels() && !label.constant && !overflow &&
                                          !Holds(*view->kept_labels(), label.name));
                                }),
                 labels.end());
    if (view->renamed_labels().empty()) continue;
    // All at once, so that two names can be swapped.
    std::vector<std::string> renamed;
    for (const LabelOfView& label : labels) {
      const std::string* const to = NewName(*view, label.name);
      renamed.push_back(to == nullptr ? label.name : *to);
    }
    const auto taken = [&](std::size_t i) {
      for (std::size_t other = 0; other < labels.size(); ++other) {
        if (other == i || renamed[other] != renamed[i]) continue;
        const bool hides =
            labels[other].constant != labels[i].constant && labels[other].asked == labels[i].asked;
        if (!hides) return true;
      }
      return false;
    };
    for (std::size_t i = 0; i < labels.size(); ++i) {
      const bool reserved = (type == MetricType::kHistogram && renamed[i] == "le") ||
                            (type == MetricType::kSummary && renamed[i] == "quantile");
      if (!reserved && (renamed[i] == labels[i].name || !taken(i))) continue;
      shown.trouble = "a view renames label " + labels[i].name + " to " + renamed[i] +
                      ", which is another label's name or reserved; its labels keep their names";
      renamed.clear();
      break;
    }
    for (std::size_t i = 0; i < renamed.size(); ++i) labels[i].name = std::move(renamed[i]);
  }
  for (LabelOfView& label : labels) {
    if (label.constant) {
      shown.constants.emplace_back(std::move(label.name), constants[label.position].second);
    } else {
      shown.labels.push_back({static_cast<std::uint32_t>(label.position), std::move(label.name)});
    }
  }
  shown.same = shown.labels.size() == names.size();
  for (std::size_t i = 0; i < names.size() && shown.same; ++i) {
    shown.same = shown.labels[i].name == names[i];
  }
  return shown;
}

void ViewOverrides::Buckets(const View& view, FamilyOptions& options) {
  if (view.buckets()) {
    options.buckets_ = view.buckets();
    options.native_.reset();
  } else if (view.native_schema()) {
    // How many buckets there may be, and what counts as zero, is still the code's to say.
    if (!options.native_) options.native_.emplace();
    options.native_->Schema(*view.native_schema());
    options.buckets_.reset();
  }
}

}  // namespace detail
POLYMETER_END_NAMESPACE
