// Snapshot's readers, and the merging of produced families into one.
#include "polymeter/snapshot.h"

#include <algorithm>
#include <array>
#include <map>

#include "sdk/src/snapshot_data.h"

POLYMETER_BEGIN_NAMESPACE

std::string_view ToString(MetricType type) noexcept {
  constexpr std::array<std::string_view, 6> kNames = {"counter", "gauge", "histogram",
                                                      "summary", "info",  "unknown"};
  return kNames[static_cast<std::size_t>(type)];
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

std::uint64_t HashOfLabels(LabelsView labels) noexcept {
  std::uint64_t hash = labels.size();
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const Label label = labels[i];
    const std::uint64_t name = std::hash<std::string_view>{}(label.name);
    const std::uint64_t value = std::hash<std::string_view>{}(label.value);
    // A sum of well-mixed terms is the same in any order.
    hash += (name ^ (value * 0x9E3779B97F4A7C15u)) * 0xD6E8FEB86659FD93u;
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

namespace {

std::string Describe(std::string_view name, MetricType type) {
  return std::string(ToString(type)) + " " + std::string(name);
}

using Index = std::map<std::string_view, FamilyView*, std::less<>>;

// The family whose samples bear the name `name` (x for x_sum), or which has samples that are
// named as another family is.
const FamilyView* SuffixClash(const Index& index, std::string_view name, MetricType type) {
  static constexpr std::string_view kSuffixes[] = {"_bucket", "_sum", "_count"};
  for (const std::string_view suffix : kSuffixes) {
    const bool bucket = suffix == "_bucket";
    if (name.size() > suffix.size() &&
        name.substr(name.size() - suffix.size()) == suffix) {
      const auto base = index.find(name.substr(0, name.size() - suffix.size()));
      if (base != index.end() &&
          (base->second->type() == MetricType::kHistogram ||
           (base->second->type() == MetricType::kSummary && !bucket))) {
        return base->second;
      }
    }
    if (type == MetricType::kHistogram || (type == MetricType::kSummary && !bucket)) {
      const auto sample = index.find(std::string(name) + std::string(suffix));
      if (sample != index.end()) return sample->second;
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
  id = id * 0x9E3779B97F4A7C15u + static_cast<std::uint64_t>(family.type());
  return id | (std::uint64_t{1} << 63);
}

// Appends the points of `from` whose labels `into` does not have; gives how many it left out.
std::uint64_t AppendPoints(FamilyPoints& into, const FamilyPoints& from) {
  return std::visit(
      [&](auto& target) {
        using Points = std::decay_t<decltype(target)>;
        std::unordered_multimap<std::uint64_t, SeriesView> seen;
        for (const auto& point : target) {
          seen.emplace(HashOfLabels(point.series.labels()), point.series);
        }
        std::uint64_t left_out = 0;
        for (const auto& point : std::get<Points>(from)) {
          const auto [begin, end] = seen.equal_range(HashOfLabels(point.series.labels()));
          const bool known = std::any_of(begin, end, [&](const auto& entry) {
            return SameLabels(entry.second.labels(), point.series.labels());
          });
          if (known) {
            ++left_out;
          } else {
            target.push_back(point);
          }
        }
        return left_out;
      },
      into);
}

}  // namespace

std::vector<NameClash> MergeProduced(
    SnapshotData& data, const std::vector<std::shared_ptr<const ProducedFamilies>>& produced) {
  std::vector<NameClash> clashes;
  std::size_t count = 0;
  for (const auto& source : produced) count += source->families.size();
  data.families.reserve(data.families.size() + count);  // keeps the pointers of `index` valid
  Index index;
  for (FamilyView& family : data.families) index.emplace(family.name, &family);

  for (const auto& source : produced) {
    bool used = false;
    for (const auto& family : source->families) {
      const std::uint64_t points =
          std::visit([](const auto& p) { return p.size(); }, family->points);
      if (points == 0) continue;
      const auto same = index.find(family->name);
      const FamilyView* rival = same == index.end()
                                    ? SuffixClash(index, family->name, family->type())
                                    : same->second->type() != family->type() ? same->second
                                                                             : nullptr;
      const auto clash = [&](const FamilyView& kept, std::uint64_t lost) {
        clashes.push_back({Describe(kept.name, kept.type()),
                           Describe(family->name, family->type()), lost});
      };
      if (rival != nullptr) {
        clash(*rival, points);
        continue;
      }
      used = true;
      if (same != index.end()) {
        const std::uint64_t lost = AppendPoints(same->second->points, family->points);
        if (lost != 0) clash(*same->second, lost);
        continue;
      }
      FamilyView& view = data.families.emplace_back();
      view.id = IdOf(*family);
      view.name = family->name;
      view.help = family->help;
      view.unit = family->unit;
      view.points = family->points;
      view.constant_labels = data.constant_labels;
      view.constant_label_count = data.constant_label_count;
      index.emplace(view.name, &view);
    }
    if (used) data.keep.push_back(source);
  }
  std::sort(data.families.begin(), data.families.end(),
            [](const FamilyView& a, const FamilyView& b) { return a.name < b.name; });
  return clashes;
}

}  // namespace detail
POLYMETER_END_NAMESPACE
