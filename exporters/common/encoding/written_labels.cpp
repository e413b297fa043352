#include "exporters/common/encoding/written_labels.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <unordered_map>
#include <variant>

POLYMETER_BEGIN_NAMESPACE
namespace encoding {
namespace {

// Whether two names of labels in the family become one.
class NameTable {
 public:
  explicit NameTable(const WriteLabelName& write) : write_(write) {}

  bool TellsApart(const FamilyView& family) {
    std::visit(
        [&](const auto& points) {
          for (const auto& point : points) {
            if (!apart_) return;
            std::size_t place = 0;
            VisitLabels(family, point.series,
                        [&](std::string_view name, std::string_view) { Add(place++, name); });
          }
        },
        family.points);
    return apart_;
  }

 private:
  void Add(std::size_t place, std::string_view name) {
    // The series of a registry's family share their names.
    if (place >= last_.size()) last_.resize(place + 1);
    if (last_[place].data() == name.data() && last_[place].size() == name.size()) return;
    last_[place] = name;
    if (known_.find(name) != known_.end()) return;
    std::string written = write_(name);
    apart_ = apart_ && by_written_.emplace(written, name).second;
    known_.emplace(name, std::move(written));
  }

  const WriteLabelName& write_;
  std::vector<std::string_view> last_;
  std::map<std::string_view, std::string> known_;
  std::map<std::string, std::string_view> by_written_;
  bool apart_ = true;
};

using LabelList = std::vector<std::pair<std::string, std::string>>;

std::string KeyOf(LabelList labels) {
  std::sort(labels.begin(), labels.end());
  std::string key;
  for (const auto& label : labels) {
    for (const std::string& text : {label.first, label.second}) {
      const std::size_t size = text.size();
      key.append(reinterpret_cast<const char*>(&size), sizeof(size)).append(text);
    }
  }
  return key;
}

// Less: stays.
std::pair<std::size_t, LabelList> RankOf(const FamilyView& family, SeriesView series,
                                         const WriteLabelName& write) {
  std::pair<std::size_t, LabelList> rank;
  VisitLabels(family, series, [&](std::string_view name, std::string_view value) {
    rank.first += write(name) != name ? 1 : 0;
    rank.second.emplace_back(name, value);
  });
  std::sort(rank.second.begin(), rank.second.end());
  return rank;
}

}  // namespace

LabelList WrittenLabels(const FamilyView& family, SeriesView series, const WriteLabelName& write) {
  struct Written {
    std::string name;
    std::vector<std::pair<std::string_view, std::string_view>> values;  // by the label's own name
  };
  std::vector<Written> all;
  VisitLabels(family, series, [&](std::string_view own, std::string_view value) {
    std::string name = write(own);
    const auto known = std::find_if(all.begin(), all.end(),
                                    [&](const Written& other) { return other.name == name; });
    Written& written = known != all.end() ? *known : all.emplace_back();
    written.name = std::move(name);
    written.values.emplace_back(own, value);
  });
  LabelList labels;
  labels.reserve(all.size());
  for (Written& written : all) {
    std::sort(written.values.begin(), written.values.end());
    std::string value;
    for (const auto& [own, text] : written.values) {
      if (own != written.values.front().first) value += ';';
      value += text;
    }
    labels.emplace_back(std::move(written.name), std::move(value));
  }
  return labels;
}

std::optional<FamilyView> WithoutClashingSeries(const FamilyView& family,
                                                const WriteLabelName& write,
                                                std::uint64_t& left_out) {
  left_out = 0;
  if (NameTable(write).TellsApart(family)) return std::nullopt;
  FamilyView without = family;
  std::visit(
      [&](auto& points) {
        std::unordered_map<std::string, std::size_t> kept;  // by written labels
        std::vector<bool> leave(points.size());
        for (std::size_t i = 0; i < points.size(); ++i) {
          const auto [known, is_new] =
              kept.emplace(KeyOf(WrittenLabels(family, points[i].series, write)), i);
          if (is_new) continue;
          ++left_out;
          const bool better = RankOf(family, points[i].series, write) <
                              RankOf(family, points[known->second].series, write);
          leave[better ? known->second : i] = true;
          if (better) known->second = i;
        }
        std::size_t to = 0;
        for (std::size_t i = 0; i < points.size(); ++i) {
          if (!leave[i]) points[to++] = points[i];
        }
        points.erase(points.begin() + static_cast<std::ptrdiff_t>(to), points.end());
      },
      without.points);
  if (left_out == 0) return std::nullopt;
  return without;
}

}  // namespace encoding
POLYMETER_END_NAMESPACE
