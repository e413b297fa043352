// Reads a page of Prometheus' text format 0.0.4 or of OpenMetrics 1.0 as strictly as the
// specifications allow, and shares no code with what writes it.
#pragma once

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace polymeter_fuzz {

using Labels = std::map<std::string, std::string>;

struct Sample {
  double value = 0;
  std::string text;  // the value as it was written
  std::optional<Labels> exemplar;
  double exemplar_value = 0;
};

class PageReader {
 public:
  // By name and labels.
  std::map<std::pair<std::string, Labels>, Sample> samples;
  // Of each family, by its name in the metadata.
  std::map<std::string, std::string> types;

  // Empty: all is well; else what is not.
  std::string Read(std::string_view page, bool openmetrics) {
    openmetrics_ = openmetrics;
    if (openmetrics) {
      constexpr std::string_view kEnd = "# EOF\n";
      if (page.size() < kEnd.size() || page.substr(page.size() - kEnd.size()) != kEnd) {
        return "no end";
      }
      page.remove_suffix(kEnd.size());
    }
    while (!page.empty()) {
      const std::size_t end = page.find('\n');
      if (end == std::string_view::npos) return "a line without end";
      line_ = page.substr(0, end);
      page.remove_prefix(end + 1);
      const std::string trouble = line_.substr(0, 2) == "# " ? Metadata() : SampleLine();
      if (!trouble.empty()) return trouble;
    }
    return Histograms();
  }

 private:
  // --- pieces --------------------------------------------------------------------------------

  bool Take(std::string_view text) {
    if (line_.substr(0, text.size()) != text) return false;
    line_.remove_prefix(text.size());
    return true;
  }
  static bool IsNameByte(char c, bool first, bool colons) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (colons && c == ':') ||
           (!first && c >= '0' && c <= '9');
  }
  std::optional<std::string> Name(bool colons) {
    std::size_t size = 0;
    while (size < line_.size() && IsNameByte(line_[size], size == 0, colons)) ++size;
    if (size == 0) return std::nullopt;
    std::string name(line_.substr(0, size));
    line_.remove_prefix(size);
    return name;
  }
  // "..." with its three escapes.
  std::optional<std::string> QuotedText() {
    if (!Take("\"")) return std::nullopt;
    std::string text;
    while (!line_.empty()) {
      const char c = line_.front();
      line_.remove_prefix(1);
      if (c == '"') return text;
      if (c != '\\') {
        text += c;
        continue;
      }
      if (line_.empty()) return std::nullopt;
      const char escaped = line_.front();
      line_.remove_prefix(1);
      if (escaped == 'n') {
        text += '\n';
      } else if (escaped == '\\' || escaped == '"') {
        text += escaped;
      } else {
        return std::nullopt;
      }
    }
    return std::nullopt;
  }
  std::optional<std::string> AnyName(bool colons) {
    return !line_.empty() && line_.front() == '"' ? QuotedText() : Name(colons);
  }
  // To the next space or the end.
  std::string_view Word() {
    const std::size_t size = std::min(line_.find(' '), line_.size());
    const std::string_view word = line_.substr(0, size);
    line_.remove_prefix(size);
    return word;
  }
  static std::optional<double> Number(std::string_view text) {
    if (text == "NaN") return std::numeric_limits<double>::quiet_NaN();
    if (text == "+Inf") return std::numeric_limits<double>::infinity();
    if (text == "-Inf") return -std::numeric_limits<double>::infinity();
    if (text.empty() || text.find_first_not_of("0123456789+-.e") != std::string_view::npos) {
      return std::nullopt;
    }
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
  }

  // --- lines ---------------------------------------------------------------------------------

  std::string Metadata() {
    line_.remove_prefix(2);
    const std::string keyword(Word());
    if (!Take(" ")) return "metadata without a name";
    const auto name = AnyName(/*colons=*/true);
    if (!name || !Take(" ")) return "metadata of what?";
    if (*name != family_) {
      if (!seen_.insert(*name).second) return "a family comes twice: " + *name;
      family_ = *name;
      type_.clear();
      unit_.clear();
      had_samples_ = false;
    }
    if (had_samples_) return "metadata after samples: " + *name;
    if (keyword == "TYPE") {
      if (!type_.empty()) return "two types";
      type_ = line_;
      static const std::set<std::string> kOpenMetrics = {"counter", "gauge",   "histogram",
                                                         "info",    "summary", "unknown"};
      static const std::set<std::string> kText = {"counter", "gauge", "histogram", "summary",
                                                  "untyped"};
      if ((openmetrics_ ? kOpenMetrics : kText).count(type_) == 0) return "type " + type_;
      types[*name] = type_;
    } else if (keyword == "UNIT" && openmetrics_) {
      if (!unit_.empty()) return "two units";
      unit_ = line_;
      const std::string end = "_" + unit_;
      if (unit_.empty() || name->size() <= end.size() ||
          name->compare(name->size() - end.size(), end.size(), end) != 0) {
        return "unit " + unit_ + " of " + *name;
      }
    } else if (keyword == "HELP") {
      for (std::size_t i = 0; i < line_.size(); ++i) {
        if (line_[i] == '"' && openmetrics_) return "a bare quote in HELP";
        if (line_[i] != '\\') continue;
        const char next = ++i < line_.size() ? line_[i] : ' ';
        if (next != 'n' && next != '\\' && !(next == '"' && openmetrics_)) return "escape in HELP";
      }
    } else {
      return "keyword " + keyword;
    }
    return {};
  }

  std::string LabelSet(Labels& labels, std::optional<std::string>* name) {
    for (bool first = true; !Take("}"); first = false) {
      if (!first && !Take(",")) return "labels without a comma";
      const bool quoted = !line_.empty() && line_.front() == '"';
      const auto label = AnyName(/*colons=*/false);
      if (!label) return "no label name";
      if (!Take("=")) {
        if (!quoted || name == nullptr || name->has_value() || !first) return "a label without =";
        *name = *label;
        continue;
      }
      const auto value = QuotedText();
      if (!value) return "no label value";
      if (!labels.emplace(*label, *value).second) return "a label twice: " + *label;
    }
    return {};
  }

  // Whether the family on the page may have such a sample.
  bool Belongs(const std::string& name, const Labels& labels) const {
    if (name.compare(0, family_.size(), family_) != 0) return false;
    const std::string suffix = name.substr(family_.size());
    if (type_ == "counter" && openmetrics_) return suffix == "_total" || suffix == "_created";
    if (type_ == "histogram") {
      if (suffix == "_bucket") return labels.count("le") == 1;
      return suffix == "_sum" || suffix == "_count" || (openmetrics_ && suffix == "_created");
    }
    if (type_ == "summary") {
      if (suffix.empty()) return labels.count("quantile") == 1;
      return suffix == "_sum" || suffix == "_count" || (openmetrics_ && suffix == "_created");
    }
    if (type_ == "info") return suffix == "_info";
    return suffix.empty();
  }

  std::string SampleLine() {
    std::optional<std::string> name;
    Labels labels;
    if (line_.empty()) return "an empty line";
    if (line_.front() != '{') {
      name = Name(/*colons=*/true);
      if (!name) return "no name";
    }
    if (Take("{")) {
      std::string trouble = LabelSet(labels, &name);
      if (!trouble.empty()) return trouble;
    }
    if (!name) return "no name";
    if (!Belongs(*name, labels)) return "sample " + *name + " of " + type_ + " " + family_;
    had_samples_ = true;
    if (!Take(" ")) return "no space before the value";
    Sample sample;
    sample.text = Word();
    const auto value = Number(sample.text);
    if (!value) return "value " + sample.text;
    sample.value = *value;
    const std::string suffix = name->substr(family_.size());
    if (openmetrics_ && suffix == "_total" && !(sample.value >= 0)) return "a counter below 0";
    if (suffix == "_bucket" || suffix == "_count") {
      if (type_ != "unknown" && (type_ == "histogram" || type_ == "summary") &&
          sample.text.find_first_not_of("0123456789") != std::string::npos) {
        return "a count that is no integer";
      }
    }
    if (Take(" # {")) {
      if (!openmetrics_) return "an exemplar in text";
      if (!(type_ == "counter" && suffix == "_total") && suffix != "_bucket") {
        return "an exemplar there";
      }
      std::string trouble = Exemplar(sample);
      if (!trouble.empty()) return trouble;
    }
    if (!line_.empty()) return "after the value: " + std::string(line_);
    if (!samples.emplace(std::make_pair(*name, labels), sample).second) {
      return "a series twice: " + *name;
    }
    return {};
  }

  std::string Exemplar(Sample& sample) {
    Labels labels;
    std::string trouble = LabelSet(labels, nullptr);
    if (!trouble.empty()) return trouble;
    std::size_t code_points = 0;
    for (const auto& [name, value] : labels) {
      for (const std::string* text : {&name, &value}) {
        code_points += static_cast<std::size_t>(
            std::count_if(text->begin(), text->end(), [](char c) { return (c & 0xC0) != 0x80; }));
      }
    }
    if (code_points > 128) return "an exemplar of more than 128 code points";
    if (!Take(" ")) return "an exemplar without value";
    const auto value = Number(Word());
    if (!value) return "an exemplar's value";
    if (Take(" ")) {
      const auto time = Number(Word());
      if (!time || !std::isfinite(*time)) return "an exemplar's time";
    }
    sample.exemplar = std::move(labels);
    sample.exemplar_value = *value;
    return {};
  }

  // --- what belongs together ---------------------------------------------------------------

  std::string Histograms() const {
    struct Seen {
      std::map<double, const Sample*> buckets;
    };
    std::map<std::pair<std::string, Labels>, Seen> all;
    for (const auto& [key, sample] : samples) {
      const std::string& name = key.first;
      if (name.size() < 8 || name.compare(name.size() - 7, 7, "_bucket") != 0) continue;
      const std::string family = name.substr(0, name.size() - 7);
      const auto type = types.find(family);
      if (type == types.end() || type->second != "histogram") continue;
      Labels labels = key.second;
      const auto bound = Number(labels.at("le"));
      if (!bound) return "le=" + labels.at("le");
      labels.erase("le");
      if (!all[{family, labels}].buckets.emplace(*bound, &sample).second) return "a bound twice";
    }
    for (const auto& [key, seen] : all) {
      if (seen.buckets.rbegin()->first != std::numeric_limits<double>::infinity()) return "no +Inf";
      double last = 0;
      double lower = -std::numeric_limits<double>::infinity();
      for (const auto& [bound, sample] : seen.buckets) {
        if (sample->value < last) return "buckets that fall";
        last = sample->value;
        if (sample->exemplar &&
            !(sample->exemplar_value > lower && sample->exemplar_value <= bound)) {
          return "an exemplar outside of its bucket";
        }
        lower = bound;
      }
      const auto count = samples.find({key.first + "_count", key.second});
      const auto sum = samples.find({key.first + "_sum", key.second});
      if (count != samples.end() && count->second.value != last) return "count is not +Inf's";
      if (openmetrics_ && (count == samples.end()) != (sum == samples.end())) {
        return "count without sum";
      }
      if (openmetrics_ && sum != samples.end() && seen.buckets.begin()->first < 0) {
        return "a sum with a negative bound";
      }
    }
    return {};
  }

  bool openmetrics_ = false;
  std::string_view line_;
  std::set<std::string> seen_;
  std::string family_;
  std::string type_;
  std::string unit_;
  bool had_samples_ = false;
};

}  // namespace polymeter_fuzz
