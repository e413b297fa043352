#include "integrations/prometheus_cpp/dropin/shown_families.h"

#include <algorithm>
#include <deque>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "sdk/src/text.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

// What the families of one snapshot refer to.
struct Shown {
  explicit Shown(const Snapshot& given) : snapshot(given) {}
  const Snapshot snapshot;
  std::deque<std::string> names;
  std::deque<std::vector<Label>> labels;
};

bool Has(const Label* labels, std::size_t count, std::string_view name) {
  return std::any_of(labels, labels + count, [&](const Label& l) { return l.name == name; });
}

}  // namespace

void AppendFamilies(const Snapshot& snapshot, const std::string& prefix, SnapshotData& data) {
  const auto shown = std::make_shared<Shown>(snapshot);
  data.families.reserve(data.families.size() + snapshot.families().size());
  // The application's own names are legacy; the environment's need not be.
  const bool utf8_names =
      (!prefix.empty() && !IsMetricName(prefix)) ||
      std::any_of(data.constant_labels, data.constant_labels + data.constant_label_count,
                  [](const Label& label) { return !IsLabelName(label.name); });
  for (const FamilyView& family : shown->snapshot.families()) {
    FamilyView& view = data.families.emplace_back(family);
    view.utf8_names = view.utf8_names || utf8_names;
    if (!prefix.empty()) view.name = shown->names.emplace_back(prefix + std::string(family.name));
    if (data.constant_label_count == 0) continue;
    if (family.constant_label_count == 0) {
      view.constant_labels = data.constant_labels;
      view.constant_label_count = data.constant_label_count;
      continue;
    }
    std::vector<Label>& labels = shown->labels.emplace_back(
        family.constant_labels, family.constant_labels + family.constant_label_count);
    for (std::size_t i = 0; i < data.constant_label_count; ++i) {
      const Label& label = data.constant_labels[i];
      if (!Has(labels.data(), family.constant_label_count, label.name)) labels.push_back(label);
    }
    view.constant_labels = labels.data();
    view.constant_label_count = labels.size();
  }
  data.keep.push_back(shown);
}

}  // namespace detail
POLYMETER_END_NAMESPACE
