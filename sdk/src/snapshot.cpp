// Snapshot's readers, and the merging of produced families into one.
#include "polymeter/snapshot.h"

#include <algorithm>
#include <array>
#include <map>

#include "sdk/src/snapshot_data.h"
#include "sdk/src/text.h"

POLYMETER_BEGIN_NAMESPACE

std::string_view ToString(MetricType type) noexcept {
  constexpr std::array<std::string_view, 6> kNames = {"counter", "gauge", "histogram",
                                                      "summary", "info",  "unknown"};
  return kNames[static_cast<std::size_t>(type)];
}

std::size_t FamilyView::size() const noexcept {
  return std::visit([](const auto& all) { return all.size(); }, points);
}

namespace {
const detail::SnapshotData& Empty() noexcept {
  static const auto* const kEmpty = [] {
    auto* data = new detail::SnapshotData;
    data->resource = std::make_shared<Resource>();
    return data;
  }();
  return *kEmpty;
}
}  // namespace

const std::vector<FamilyView>& Snapshot::families() const noexcept {
  return data_ ? data_->families : Empty().families;
}
const Resource& Snapshot::resource() const noexcept {
  return data_ && data_->resource ? *data_->resource : *Empty().resource;
}
SystemTime Snapshot::time() const noexcept { return data_ ? data_->time : SystemTime{}; }
std::size_t Snapshot::size() const noexcept {
  std::size_t points = 0;
  for (const FamilyView& family : families()) points += family.size();
  return points;
}

namespace detail {

void* Arena::Allocate(std::size_t bytes) {
  const std::size_t words = (bytes + 7) / 8;
  if (words * 8 > left_) {
    const std::size_t size = std::max(kBlock / 8, words);
    blocks_.push_back(std::make_unique<std::uint64_t[]>(size));
    next_ = reinterpret_cast<char*>(blocks_.back().get());
    left_ = size * 8;
  }
  void* const result = next_;
  next_ += words * 8;
  left_ -= words * 8;
  return result;
}

std::string_view Arena::Copy(std::string_view text) {
  if (text.empty()) return {};
  auto* const copy = static_cast<char*>(Allocate(text.size()));
  std::copy(text.begin(), text.end(), copy);
  return {copy, text.size()};
}

namespace {
// Well mixed.
std::uint64_t HashOfLabel(std::string_view name, std::string_view value) noexcept {
  const std::hash<std::string_view> hash;
  return (hash(name) ^ (hash(value) * 0x9E3779B97F4A7C15u)) * 0xD6E8FEB86659FD93u;
}
}  // namespace

std::uint64_t HashOfLabels(LabelsView labels) noexcept {
  std::uint64_t hash = labels.size();
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const Label label = labels[i];
    hash += HashOfLabel(label.name, label.value);  // a sum is the same in any order
  }
  return hash;
}

bool SameLabels(LabelsView a, LabelsView b) noexcept {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const Label wanted = a[i];
    bool found = false;
    for (std::size_t j = 0; j < b.size() && !found; ++j) {
      found = b[j].name == wanted.name && b[j].value == wanted.value;
    }
    if (!found) return false;
  }
  return true;
}

void KeyOfLabels(LabelsView labels, std::string& key) {
  std::vector<Label> all;
  all.reserve(labels.size());
  for (std::size_t i = 0; i < labels.size(); ++i) all.push_back(labels[i]);
  KeyOfLabels(std::move(all), key);
}

void KeyOfLabels(std::vector<Label> labels, std::string& key) {
  std::sort(labels.begin(), labels.end(),
            [](const Label& a, const Label& b) { return a.name < b.name; });
  key.clear();
  for (const Label& label : labels) {
    for (const std::string_view text : {label.name, label.value}) {
      const std::size_t size = text.size();
      key.append(reinterpret_cast<const char*>(&size), sizeof(size)).append(text);
    }
  }
}

namespace {

std::string Describe(std::string_view name, MetricType type) {
  return std::string(ToString(type)) + " " + ShownName(name);
}

bool IsBefore(const FamilyView& a, const FamilyView& b) noexcept { return a.name < b.name; }

// Families by name: those that are there already, in order, and those that are added. Most
// snapshots have many of the former and look for a few.
class FamilyIndex {
 public:
  // Pointers into `ordered` must stay valid.
  explicit FamilyIndex(std::vector<FamilyView>& ordered)
      : begin_(ordered.data()), end_(ordered.data() + ordered.size()) {}

  // Null: there is none.
  FamilyView* Find(std::string_view name) const {
    FamilyView* const found = std::lower_bound(
        begin_, end_, name, [](const FamilyView& a, std::string_view b) { return a.name < b; });
    if (found != end_ && found->name == name) return found;
    const auto added = added_.find(name);
    return added == added_.end() ? nullptr : added->second;
  }
  void Add(FamilyView& family) { added_.emplace(family.name, &family); }

 private:
  FamilyView* const begin_;
  FamilyView* const end_;
  std::map<std::string_view, FamilyView*, std::less<>> added_;
};

// The family whose samples bear the name `name` (x for x_sum), or which has samples that are
// named as another family is.
const FamilyView* SuffixClash(const FamilyIndex& index, std::string_view name, MetricType type) {
  static constexpr std::string_view kSuffixes[] = {"_bucket", "_sum", "_count"};
  for (const std::string_view suffix : kSuffixes) {
    const bool bucket = suffix == "_bucket";
    if (name.size() > suffix.size() && name.substr(name.size() - suffix.size()) == suffix) {
      const FamilyView* const base = index.Find(name.substr(0, name.size() - suffix.size()));
      if (base != nullptr && (base->type() == MetricType::kHistogram ||
                              (base->type() == MetricType::kSummary && !bucket))) {
        return base;
      }
    }
    if (type == MetricType::kHistogram || (type == MetricType::kSummary && !bucket)) {
      const FamilyView* const sample = index.Find(std::string(name) + std::string(suffix));
      if (sample != nullptr) return sample;
    }
  }
  return nullptr;
}

// The same as long as nothing that an encoder could keep of the family changes.
std::uint64_t IdOf(const ProducedFamily& family) {
  const std::hash<std::string_view> hash;
  std::uint64_t id = hash(family.name);
  id = id * 0x9E3779B97F4A7C15u + hash(family.help);
  id = id * 0x9E3779B97F4A7C15u + hash(family.unit);
  id = id * 0x9E3779B97F4A7C15u + hash(family.otel_name);
  for (const auto& [label, attribute] : family.otel_attributes) {
    id = id * 0x9E3779B97F4A7C15u + hash(label);
    id = id * 0x9E3779B97F4A7C15u + hash(attribute);
  }
  id = id * 0x9E3779B97F4A7C15u + (family.additive ? 1 : 0);
  id = id * 0x9E3779B97F4A7C15u + static_cast<std::uint64_t>(family.type());
  return (id & ~kViewedId) | kProducedId;
}

// A series with the labels that it has on a page: the family's constant ones and its own.
struct ShownSeries {
  const FamilyView* family;
  SeriesView series;

  std::size_t size() const {
    std::size_t n = 0;
    VisitLabels(*family, series, [&](std::string_view, std::string_view) { ++n; });
    return n;
  }
  bool Has(std::string_view name, std::string_view value) const {
    bool has = false;
    VisitLabels(*family, series, [&](std::string_view own_name, std::string_view own_value) {
      has = has || (own_name == name && own_value == value);
    });
    return has;
  }
  std::uint64_t Hash() const {
    std::uint64_t hash = 0;
    VisitLabels(*family, series, [&](std::string_view name, std::string_view value) {
      hash += HashOfLabel(name, value);
    });
    return hash;
  }
  bool operator==(const ShownSeries& other) const {
    bool same = size() == other.size();
    if (!same) return false;
    VisitLabels(*family, series, [&](std::string_view name, std::string_view value) {
      same = same && other.Has(name, value);
    });
    return same;
  }
};

// What the families that several sources share show already. Made when a second source comes: most
// families have one.
class ShownAlready {
 public:
  // Appends the points of `from` to `into` that it does not show already; gives how many it left
  // out. All that `into` gets after the first call it gets here.
  std::uint64_t Append(FamilyView& into, const FamilyPoints& from) {
    return std::visit(
        [&](auto& target) {
          const auto [known, first] = families_.try_emplace(&into);
          Series& shown = known->second;
          if (first) {
            for (const auto& point : target) Add(shown, {&into, point.series});
          }
          std::uint64_t left_out = 0;
          for (const auto& point : std::get<std::decay_t<decltype(target)>>(from)) {
            if (Add(shown, {&into, point.series})) {
              target.push_back(point);
            } else {
              ++left_out;
            }
          }
          return left_out;
        },
        into.points);
  }

 private:
  using Series = std::unordered_multimap<std::uint64_t, SeriesView>;

  // False: it is there.
  static bool Add(Series& all, const ShownSeries& shown) {
    const std::uint64_t hash = shown.Hash();
    const auto [begin, end] = all.equal_range(hash);
    const bool known = std::any_of(begin, end, [&](const auto& entry) {
      return ShownSeries{shown.family, entry.second} == shown;
    });
    if (!known) all.emplace(hash, shown.series);
    return !known;
  }

  std::unordered_map<const FamilyView*, Series> families_;
};

FamilyPoints PointsLike(const FamilyPoints& points) {
  return std::visit([](const auto& all) -> FamilyPoints { return std::decay_t<decltype(all)>(); },
                    points);
}

// Whether a series names a constant label itself: then two that differ in what they have of their
// own may be the same on a page.
bool NamesConstantLabel(const SnapshotData& data, const FamilyPoints& points) {
  if (data.constant_label_count == 0) return false;
  return std::visit(
      [&](const auto& all) {
        return std::any_of(all.begin(), all.end(), [&](const auto& point) {
          const LabelsView labels = point.series.labels();
          for (std::size_t i = 0; i < labels.size(); ++i) {
            for (std::size_t c = 0; c < data.constant_label_count; ++c) {
              if (labels[i].name == data.constant_labels[c].name) return true;
            }
          }
          return false;
        });
      },
      points);
}

bool SameConstantLabels(const FamilyView& family, const SnapshotData& data) {
  if (family.constant_label_count != data.constant_label_count) return false;
  return std::is_permutation(
      family.constant_labels, family.constant_labels + family.constant_label_count,
      data.constant_labels,
      [](const Label& a, const Label& b) { return a.name == b.name && a.value == b.value; });
}

}  // namespace

std::vector<NameClash> MergeProduced(
    SnapshotData& data, const std::vector<std::shared_ptr<const ProducedFamilies>>& produced) {
  std::vector<NameClash> clashes;
  const std::size_t registered = data.families.size();
  std::size_t count = 0;
  for (const auto& source : produced) count += source->families.size();
  data.families.reserve(data.families.size() + count);  // keeps the pointers of `index` valid
  // The registry's come in order.
  if (!std::is_sorted(data.families.begin(), data.families.end(), IsBefore)) {
    std::stable_sort(data.families.begin(), data.families.end(), IsBefore);
  }
  FamilyIndex index(data.families);
  ShownAlready shown;
  const bool utf8_labels =
      std::any_of(data.constant_labels, data.constant_labels + data.constant_label_count,
                  [](const Label& label) { return !IsLabelName(label.name); });

  for (const auto& source : produced) {
    bool used = false;
    for (const auto& family : source->families) {
      const std::uint64_t points =
          std::visit([](const auto& p) { return p.size(); }, family->points);
      if (points == 0) continue;
      FamilyView* const same = index.Find(family->name);
      const FamilyView* rival = nullptr;
      if (same == nullptr) {
        rival = SuffixClash(index, family->name, family->type());
      } else if (same->type() != family->type() || !SameConstantLabels(*same, data)) {
        // Constant labels of a family are for its own series: it cannot take in others.
        rival = same;
      }
      const auto clash = [&](const FamilyView& kept, std::uint64_t lost) {
        clashes.push_back(
            {Describe(kept.name, kept.type()), Describe(family->name, family->type()), lost});
      };
      if (rival != nullptr) {
        clash(*rival, points);
        continue;
      }
      used = true;
      if (same != nullptr) {
        same->utf8_names = same->utf8_names || family->utf8_names;
        const std::uint64_t lost = shown.Append(*same, family->points);
        if (lost != 0) clash(*same, lost);
        continue;
      }
      FamilyView& view = data.families.emplace_back();
      view.id = IdOf(*family);
      view.name = family->name;
      view.help = family->help;
      view.unit = family->unit;
      view.otel_name = family->otel_name;
      view.otel_attributes = family->otel_attributes.data();
      view.otel_attribute_count = family->otel_attributes.size();
      view.additive = family->additive;
      view.utf8_names = family->utf8_names || utf8_labels;
      view.constant_labels = data.constant_labels;
      view.constant_label_count = data.constant_label_count;
      index.Add(view);
      if (NamesConstantLabel(data, family->points)) {
        view.points = PointsLike(family->points);
        const std::uint64_t lost = shown.Append(view, family->points);
        if (lost != 0) clash(view, lost);
      } else {
        view.points = family->points;
      }
    }
    if (used) data.keep.push_back(source);
  }
  const auto middle = data.families.begin() + static_cast<std::ptrdiff_t>(registered);
  std::sort(middle, data.families.end(), IsBefore);
  // Most of them belong behind the registry's.
  if (!std::is_sorted(data.families.begin(), data.families.end(), IsBefore)) {
    std::inplace_merge(data.families.begin(), middle, data.families.end(), IsBefore);
  }
  return clashes;
}

}  // namespace detail
POLYMETER_END_NAMESPACE
