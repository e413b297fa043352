#include "sdk/src/view_text.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <optional>
#include <utility>

#include "sdk/src/bucket_limit.h"
#include "sdk/src/text.h"
#include "sdk/src/value_parsing.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr std::string_view kViewActions =
    "keep, drop, drop_labels(a,b), keep_labels(a,b), rename_label(from:to), buckets(0.1,0.5,1), "
    "buckets(native) and buckets(native:schema)";
constexpr MetricType kViewTypes[] = {MetricType::kCounter,   MetricType::kGauge,
                                     MetricType::kHistogram, MetricType::kSummary,
                                     MetricType::kInfo,      MetricType::kUnknown};

std::optional<MetricType> TypeNamed(std::string_view text) {
  for (const MetricType type : kViewTypes) {
    if (ToString(type) == text) return type;
  }
  return std::nullopt;
}

bool HasAnyOf(std::string_view text, std::string_view characters) {
  return text.find_first_of(characters) != std::string_view::npos;
}

bool HasControlCharacter(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

bool IsNameForView(std::string_view text) {
  return !text.empty() && IsUtf8(text) && !HasControlCharacter(text);
}

// Parses one rule.
class RuleParser {
 public:
  explicit RuleParser(std::string_view rule) : rest_(rule) {}

  // Nothing: why() says what is wrong.
  std::optional<View> Parse() {
    const std::size_t equals = rest_.find('=');
    if (equals == std::string_view::npos) {
      return Fail("has no '=' between a family and what becomes of it");
    }
    std::optional<View> view = ParseTarget(Trimmed(rest_.substr(0, equals)));
    if (!view) return std::nullopt;
    rest_.remove_prefix(equals + 1);
    while (true) {
      if (!ParseAction(*view)) return std::nullopt;
      rest_ = Trimmed(rest_);
      if (rest_.empty()) break;
      if (rest_.front() != ',') {
        return Fail("has " + Quoted(rest_) + " where a ',' or the rule's end belongs");
      }
      rest_.remove_prefix(1);
    }
    std::string trouble = CheckView(*view);
    if (!trouble.empty()) return Fail(std::move(trouble));
    return view;
  }
  const std::string& why() const noexcept { return why_; }

 private:
  std::nullopt_t Fail(std::string why) {
    why_ = std::move(why);
    return std::nullopt;
  }

  // statsd/http_*[histogram]
  std::optional<View> ParseTarget(std::string_view text) {
    std::string_view backend;
    const std::size_t slash = text.find('/');
    if (slash != std::string_view::npos) {
      backend = Trimmed(text.substr(0, slash));
      text = Trimmed(text.substr(slash + 1));
      if (backend.empty()) return Fail("names no backend before '/'");
    }
    std::optional<MetricType> type;
    const std::size_t bracket = text.find('[');
    if (bracket != std::string_view::npos) {
      const std::string_view name = Trimmed(text.substr(bracket + 1));
      if (!name.empty() && name.back() == ']')
        type = TypeNamed(Trimmed(name.substr(0, name.size() - 1)));
      if (!type) {
        return Fail("has " + Quoted(text.substr(bracket)) +
                    ", where [counter], [gauge], [histogram], [summary], [info] and [unknown] are "
                    "accepted");
      }
      text = Trimmed(text.substr(0, bracket));
    }
    if (text.empty()) return Fail("names no family before '='; * is every family");
    if (HasAnyOf(text, " \t()[],/") || HasAnyOf(backend, " \t()[],*")) {
      return Fail("has " + Quoted(HasAnyOf(text, " \t()[],/") ? text : backend) +
                  " where a name without spaces and ()[],/ is accepted");
    }
    View view{std::string(text)};
    if (!backend.empty()) view.Backend(std::string(backend));
    if (type) view.Type(*type);
    return view;
  }

  // One action at the beginning of rest_, which it takes off.
  bool ParseAction(View& view) {
    rest_ = Trimmed(rest_);
    const std::size_t end = rest_.find_first_of("(),");
    const std::string_view word = Trimmed(rest_.substr(0, end));
    std::optional<std::string_view> arguments;
    if (end == std::string_view::npos) {
      rest_ = {};
    } else if (rest_[end] == '(') {
      const std::size_t close = rest_.find(')', end);
      if (close == std::string_view::npos) {
        Fail("has no ')' after " + Quoted(rest_));
        return false;
      }
      arguments = rest_.substr(end + 1, close - end - 1);
      rest_.remove_prefix(close + 1);
    } else {
      rest_.remove_prefix(end);
    }
    if (Act(view, word, arguments)) return true;
    if (why_.empty()) {
      Fail("has the action " +
           Quoted(std::string(word) + (arguments ? "(" + std::string(*arguments) + ")" : "")) +
           "; accepted are " + std::string(kViewActions));
    }
    return false;
  }

  bool Act(View& view, std::string_view word, std::optional<std::string_view> arguments) {
    if (word == "keep" || word == "drop") {
      if (arguments) return false;
      if (view.fate() != View::Fate::kOpen) {
        Fail("says keep or drop twice");
        return false;
      }
      word == "keep" ? view.Keep() : view.Drop();
      return true;
    }
    if (!arguments || HasAnyOf(*arguments, "(")) return false;
    if (word == "drop_labels" || word == "keep_labels") {
      std::vector<std::string> labels = SplitList(*arguments);
      if (word == "drop_labels") {
        if (labels.empty()) return false;
        view.DropLabels(std::move(labels));
      } else if (view.kept_labels()) {
        Fail("says keep_labels twice");
        return false;
      } else {
        view.KeepLabels(std::move(labels));
      }
      return true;
    }
    if (word == "rename_label") {
      const std::size_t colon = arguments->find(':');
      if (colon == std::string_view::npos) return false;
      view.RenameLabel(std::string(Trimmed(arguments->substr(0, colon))),
                       std::string(Trimmed(arguments->substr(colon + 1))));
      return true;
    }
    return word == "buckets" && ActOnBuckets(view, Trimmed(*arguments));
  }

  bool ActOnBuckets(View& view, std::string_view arguments) {
    if (view.buckets() || view.native_schema()) {
      Fail("says buckets twice");
      return false;
    }
    constexpr std::string_view kNative = "native";
    if (arguments.substr(0, kNative.size()) == kNative) {
      const std::string_view rest = Trimmed(arguments.substr(kNative.size()));
      if (rest.empty()) {
        view.Native();
        return true;
      }
      const auto schema = rest.front() == ':' ? ParseInteger(rest.substr(1)) : std::nullopt;
      if (!schema || *schema < -4 || *schema > 8) {
        Fail("has buckets(" + std::string(arguments) +
             "), where a schema is an integer from -4 to 8: buckets(native:3)");
        return false;
      }
      view.Native(static_cast<int>(*schema));
      return true;
    }
    std::vector<double> bounds;
    for (const std::string& number : SplitList(arguments)) {
      const auto bound = ParseNumber(number);
      if (!bound) return false;
      bounds.push_back(*bound);
    }
    view.Buckets(std::move(bounds));
    return true;
  }

  std::string_view rest_;
  std::string why_;
};

std::string TextOfNumber(double value) {
  char text[64];
  const auto end = std::to_chars(text, text + sizeof(text), value, std::chars_format::general);
  return std::string(text, end.ptr);
}

std::string TextOfList(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ",") + name;
  return text;
}

}  // namespace

std::string CheckView(const View& view) {
  if (!IsNameForView(view.families())) return "names no family; * is every family";
  if (!view.backend().empty() && !IsNameForView(view.backend())) return "names no backend";
  const auto bad_name = [](const std::string& label) {
    return "names the label " + Quoted(label) + ", which is empty or no UTF-8 text";
  };
  for (const std::string& label : view.dropped_labels()) {
    if (!IsNameForView(label)) return bad_name(label);
  }
  if (view.kept_labels()) {
    for (const std::string& label : *view.kept_labels()) {
      if (!IsNameForView(label)) return bad_name(label);
    }
  }
  for (auto it = view.renamed_labels().begin(); it != view.renamed_labels().end(); ++it) {
    if (!IsNameForView(it->first)) return bad_name(it->first);
    if (!IsLabelName(it->second) || it->second == "le" || it->second == "quantile") {
      return "renames a label to " + Quoted(it->second) +
             ", which is not [a-zA-Z_][a-zA-Z0-9_]* or is reserved (le, quantile, __*)";
    }
    const bool twice = std::any_of(view.renamed_labels().begin(), it, [&](const auto& other) {
      return other.first == it->first || other.second == it->second;
    });
    if (twice) return "renames " + Quoted(it->first) + " twice, or two labels to one name";
  }
  if (view.buckets()) {
    const std::vector<double>& bounds = *view.buckets();
    bool right = !bounds.empty() && bounds.size() <= kMostBounds;
    for (std::size_t i = 0; i < bounds.size() && right; ++i) {
      right = std::isfinite(bounds[i]) && (i == 0 || bounds[i - 1] < bounds[i]);
    }
    if (!right) {
      return "has buckets that are not 1 to " + std::to_string(kMostBounds) +
             " finite, ascending bounds";
    }
  }
  if (view.native_schema() && (*view.native_schema() < -4 || *view.native_schema() > 8)) {
    return "has a schema that is not from -4 to 8";
  }
  if (view.fate() == View::Fate::kOpen && view.dropped_labels().empty() && !view.kept_labels() &&
      view.renamed_labels().empty() && !view.buckets() && !view.native_schema()) {
    return "does nothing";
  }
  return {};
}

std::vector<View> ParseViews(std::string_view text, std::vector<BadView>& bad) {
  std::vector<View> views;
  std::string one_line(text);  // a deployment's file may write a rule a line
  for (char& c : one_line) {
    if (c == '\n' || c == '\r') c = ' ';
  }
  for (std::string& rule : SplitList(one_line, ';')) {
    RuleParser parser(rule);
    if (auto view = parser.Parse()) {
      views.push_back(*std::move(view));
    } else {
      bad.push_back({std::move(rule), parser.why()});
    }
  }
  return views;
}

std::string ToText(const View& view) {
  std::string text = view.backend().empty() ? "" : view.backend() + "/";
  text += view.families();
  if (view.type()) text += "[" + std::string(ToString(*view.type())) + "]";
  std::string actions;
  const auto add = [&actions](const std::string& action) {
    actions += (actions.empty() ? "" : ",") + action;
  };
  if (view.fate() == View::Fate::kKeep) add("keep");
  if (view.fate() == View::Fate::kDrop) add("drop");
  if (!view.dropped_labels().empty()) add("drop_labels(" + TextOfList(view.dropped_labels()) + ")");
  if (view.kept_labels()) add("keep_labels(" + TextOfList(*view.kept_labels()) + ")");
  for (const auto& [from, to] : view.renamed_labels()) add("rename_label(" + from + ":" + to + ")");
  if (view.buckets()) {
    std::vector<std::string> bounds;
    for (const double bound : *view.buckets()) bounds.push_back(TextOfNumber(bound));
    add("buckets(" + TextOfList(bounds) + ")");
  }
  if (view.native_schema()) add("buckets(native:" + std::to_string(*view.native_schema()) + ")");
  return text + "=" + actions;
}

}  // namespace detail
POLYMETER_END_NAMESPACE
