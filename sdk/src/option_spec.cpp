#include "sdk/src/option_spec.h"

#include <cassert>
#include <optional>
#include <utility>

#include "sdk/src/value_parsing.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

// The standards have semantics of their own: OpenTelemetry's durations are integer
// milliseconds, its booleans only true or false.
bool IsOpenTelemetry(std::string_view variable) noexcept {
  return variable.substr(0, 5) == "OTEL_";
}

std::string Range(const OptionSpec& spec, std::string_view unit) {
  std::string text;
  if (spec.min != std::numeric_limits<std::int64_t>::min()) {
    text += " from " + std::to_string(spec.min) + std::string(unit);
  }
  if (spec.max != std::numeric_limits<std::int64_t>::max()) {
    text += " to " + std::to_string(spec.max) + std::string(unit);
  }
  return text;
}

std::string AcceptsIn(const OptionSpec& spec, bool otel) {
  if (!spec.accepts.empty()) return std::string(spec.accepts);
  switch (spec.kind) {
    case OptionKind::kText:
      return "a text";
    case OptionKind::kBool:
      return otel ? "true or false" : "true or false (1, 0, yes, no, on, off)";
    case OptionKind::kInteger:
      return "an integer" + Range(spec, "");
    case OptionKind::kNumber:
      return "a number" + Range(spec, "");
    case OptionKind::kDuration:
      if (otel) return "an integer number of milliseconds" + Range(spec, "");
      return "a duration with its unit (250ms, 10s, 5m, 1h)" + Range(spec, "ms");
    case OptionKind::kChoice: {
      std::string text;
      for (const std::string& choice : SplitList(spec.choices)) {
        text += (text.empty() ? "one of " : ", ") + choice;
      }
      return text;
    }
    case OptionKind::kList:
      return "a comma-separated list";
    case OptionKind::kPairs:
      return "name=value,name=value, percent-encoded";
  }
  return {};
}

// What a person may see of a value, which need not be a right one.
std::string Shown(const OptionSpec& spec, std::string_view text) {
  if (spec.secret) return text.empty() ? "" : "***";
  // To the last '@' of all, because a password may hold any other.
  const std::size_t at = spec.url ? text.rfind('@') : std::string_view::npos;
  if (at == std::string_view::npos) return std::string(text);
  const std::size_t scheme = text.substr(0, at).find("://");
  const std::size_t begin = scheme == std::string_view::npos ? 0 : scheme + 3;
  return std::string(text.substr(0, begin)) + "***" + std::string(text.substr(at));
}

}  // namespace

std::string Accepts(const OptionSpec& spec) { return AcceptsIn(spec, /*otel=*/false); }

std::string Accepts(const OptionSpec& spec, std::string_view variable) {
  return AcceptsIn(spec, IsOpenTelemetry(variable));
}

std::string_view ToString(OptionKind kind) noexcept {
  switch (kind) {
    case OptionKind::kText:
      return "text";
    case OptionKind::kBool:
      return "flag";
    case OptionKind::kInteger:
      return "integer";
    case OptionKind::kNumber:
      return "number";
    case OptionKind::kDuration:
      return "duration";
    case OptionKind::kChoice:
      return "choice";
    case OptionKind::kList:
      return "list";
    case OptionKind::kPairs:
      return "pairs";
  }
  return {};
}

std::string VariableName(std::string_view backend, std::string_view option) {
  std::string name = "METRICS_";
  const auto append = [&name](std::string_view part) {
    for (const char c : part) {
      name += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    }
  };
  append(backend);
  if (!backend.empty()) name += '_';
  append(option);
  return name;
}

// --- values ----------------------------------------------------------------------------------

bool BackendOptions::Parse(const OptionSpec& spec, std::string_view text, bool otel, Value& out) {
  const auto in_range = [&spec](auto value) {
    using T = decltype(value);
    return value >= static_cast<T>(spec.min) && value <= static_cast<T>(spec.max);
  };
  out.text = std::string(Trimmed(text));
  switch (spec.kind) {
    case OptionKind::kText:
      break;
    case OptionKind::kBool: {
      const auto value = otel && LowerCase(out.text) != "true" && LowerCase(out.text) != "false"
                             ? std::nullopt
                             : ParseBool(text);
      if (!value) return false;
      out.integer = *value ? 1 : 0;
      break;
    }
    case OptionKind::kInteger: {
      const auto value = ParseInteger(text);
      if (!value || !in_range(*value)) return false;
      out.integer = *value;
      break;
    }
    case OptionKind::kNumber: {
      const auto value = ParseNumber(text);
      if (!value || !in_range(*value)) return false;
      out.number = *value;
      break;
    }
    case OptionKind::kDuration: {
      // A standard's gets its unit here: the limits are the same then, and what is said to be
      // effective is a value of our own variable.
      if (otel) out.text = ParseInteger(text) ? out.text + "ms" : "";
      const auto value = ParseDuration(out.text);
      if (!value || !in_range(value->count())) return false;
      out.integer = value->count();
      break;
    }
    case OptionKind::kChoice: {
      bool known = false;
      for (const std::string& choice : SplitList(spec.choices)) {
        if (LowerCase(choice) != LowerCase(out.text)) continue;
        out.text = choice;
        known = true;
        break;
      }
      if (!known) return false;
      break;
    }
    case OptionKind::kList:
      out.list = SplitList(text);
      if (out.list.empty()) return false;  // blanks and commas
      break;
    case OptionKind::kPairs: {
      auto value = ParsePairs(text);
      if (!value) return false;
      out.pairs = std::move(*value);
      break;
    }
  }
  return spec.valid == nullptr || spec.valid(out.text);
}

BackendOptions ResolveOptions(std::string_view backend, std::span<const OptionSpec> specs,
                              const Environment& environment, const StringPairs& set,
                              Problems& problems) {
  struct Candidate {
    std::string source;
    std::string subject;  // how a message names it
    std::string_view text;
  };
  BackendOptions resolved;
  for (const OptionSpec& spec : specs) {
    const std::string variable = VariableName(backend, spec.name);
    // Highest priority first.
    std::vector<Candidate> candidates;
    const auto from_environment = [&](const std::string& name) {
      if (const auto text = environment.Get(name)) candidates.push_back({name, name, *text});
    };
    from_environment(variable);
    for (const std::string& name : SplitList(spec.standard)) from_environment(name);
    for (auto it = set.rbegin(); it != set.rend(); ++it) {  // the last call wins
      if (it->first != variable || it->second.empty()) continue;
      candidates.push_back({std::string(kFromOptions), variable + " in Options", it->second});
      break;
    }

    BackendOptions::Value value;
    std::vector<const Candidate*> bad;
    bool found = false;
    for (const Candidate& candidate : candidates) {
      value = {};
      if (BackendOptions::Parse(spec, candidate.text, IsOpenTelemetry(candidate.source), value)) {
        value.source = candidate.source;
        found = true;
        break;
      }
      bad.push_back(&candidate);
      if (spec.kind == OptionKind::kBool && IsOpenTelemetry(candidate.source)) {
        value.integer = 0;  // by the standard, whatever is not `true` is false
        value.text = "false";
        value.source = candidate.source;
        found = true;
        break;
      }
    }
    if (!found) {
      value = {};
      const bool right = spec.default_value.empty() ||
                         BackendOptions::Parse(spec, spec.default_value, false, value);
      assert(right && "the default of an option is not a value of its kind");
      static_cast<void>(right);
      value.source = kFromDefault;
    }
    value.spec = &spec;
    value.variable = variable;
    for (const Candidate* candidate : bad) {
      std::string instead = value.text.empty() ? "nothing" : Shown(spec, value.text);
      instead += " (" + value.source + ") is used";
      problems.Add(candidate->subject, Shown(spec, candidate->text),
                   "is not " + AcceptsIn(spec, IsOpenTelemetry(candidate->source)),
                   std::move(instead), spec.secret);
    }
    resolved.values_.push_back(std::move(value));
  }
  return resolved;
}

// --- access ----------------------------------------------------------------------------------

const BackendOptions::Value& BackendOptions::Find(std::string_view name) const {
  for (const Value& value : values_) {
    if (value.spec->name == name) return value;
  }
  assert(false && "no such option");
  static const Value* const kNone = new Value;
  return *kNone;
}

const std::string& BackendOptions::Text(std::string_view name) const { return Find(name).text; }

bool BackendOptions::Bool(std::string_view name) const {
  const Value& value = Find(name);
  assert(value.spec->kind == OptionKind::kBool);
  return value.integer != 0;
}

std::int64_t BackendOptions::Integer(std::string_view name) const {
  const Value& value = Find(name);
  assert(value.spec->kind == OptionKind::kInteger);
  return value.integer;
}

double BackendOptions::Number(std::string_view name) const {
  const Value& value = Find(name);
  assert(value.spec->kind == OptionKind::kNumber);
  return value.number;
}

std::chrono::milliseconds BackendOptions::Duration(std::string_view name) const {
  const Value& value = Find(name);
  assert(value.spec->kind == OptionKind::kDuration);
  return std::chrono::milliseconds(value.integer);
}

const std::vector<std::string>& BackendOptions::List(std::string_view name) const {
  const Value& value = Find(name);
  assert(value.spec->kind == OptionKind::kList);
  return value.list;
}

const StringPairs& BackendOptions::Pairs(std::string_view name) const {
  const Value& value = Find(name);
  assert(value.spec->kind == OptionKind::kPairs);
  return value.pairs;
}

const std::string& BackendOptions::Source(std::string_view name) const { return Find(name).source; }

std::vector<Setting> BackendOptions::Describe() const {
  std::vector<Setting> settings;
  for (const Value& value : values_) {
    settings.push_back({value.variable, Shown(*value.spec, value.text), value.source});
  }
  return settings;
}

}  // namespace detail
POLYMETER_END_NAMESPACE
