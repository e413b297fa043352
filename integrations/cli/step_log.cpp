#include "integrations/cli/step_log.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "integrations/build/step_kind.h"
#include "integrations/common/proc_text.h"

namespace polymeter::cli {
namespace {

using detail::build::KindOfCommand;
using detail::build::Language;
using detail::build::LanguageOfSource;
using detail::build::StepKind;

constexpr std::size_t kMostSteps = 1000000;
constexpr std::size_t kMostText = 1000;  // of a path
constexpr std::size_t kFields = 9;

std::string Field(std::string_view text) {
  std::string field(text.substr(0, kMostText));
  for (char& c : field) {
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7F) c = '?';
  }
  return field;
}

template <class Number>
bool ParseField(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

// For a shell's reader of words.
std::string Quoted(std::string_view word) {
  std::string text = "'";
  for (const char c : word) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return text + "'";
}

// make(1) runs steps in many folders, each of which may have a main.o.
std::string NameOf(const StepRecord& record, std::string_view folder) {
  const std::string& output = record.output;
  if (output.empty()) return record.source.empty() ? record.kind : record.source;
  if (output[0] == '/' || folder.empty() || record.folder.empty() || record.folder == folder) {
    return output;
  }
  const std::string path = record.folder + "/" + output;
  const bool below = path.compare(0, folder.size(), folder) == 0 && path[folder.size()] == '/';
  return below ? path.substr(folder.size() + 1) : path;
}

std::optional<StepRecord> ParseLine(std::string_view line) {
  std::array<std::string_view, kFields> fields;
  for (std::size_t i = 0; i < kFields; ++i) {
    const std::size_t tab = line.find('\t');
    if ((tab == std::string_view::npos) != (i + 1 == kFields)) return std::nullopt;
    fields[i] = line.substr(0, tab);
    line.remove_prefix(std::min(line.size(), fields[i].size() + 1));
  }
  StepRecord record;
  if (!ParseField(fields[0], record.begin_us) || !ParseField(fields[1], record.end_us) ||
      !ParseField(fields[2], record.code) || !ParseField(fields[3], record.peak_rss_bytes) ||
      record.begin_us < 0 || record.end_us < record.begin_us) {
    return std::nullopt;
  }
  record.folder = fields[4];
  record.output = fields[5];
  record.source = fields[6];
  record.kind = fields[7];
  record.language = fields[8];
  return record;
}

}  // namespace

StepRecord DescribeStep(const std::vector<std::string>& command) {
  StepRecord record;
  std::string text;
  for (const std::string& word : command) text += (text.empty() ? "" : " ") + Quoted(word);
  const StepKind kind = KindOfCommand(text).value_or(StepKind::kCustom);
  record.kind = LabelValue(kind);
  Language language = Language::kOther;
  for (std::size_t i = 1; i < command.size(); ++i) {
    const std::string& word = command[i];
    if (word == "-o" && i + 1 < command.size()) {
      record.output = command[++i];
    } else if (word.size() > 2 && word.compare(0, 2, "-o") == 0) {
      record.output = word.substr(2);
    } else if (record.source.empty() && !word.empty() && word[0] != '-' &&
               LanguageOfSource(word) != Language::kOther) {
      language = LanguageOfSource(word);
      if (kind == StepKind::kCompile) record.source = word;
    }
  }
  record.language = LabelValue(language);
  return record;
}

std::string FormatStep(const StepRecord& record) {
  return std::to_string(record.begin_us) + "\t" + std::to_string(record.end_us) + "\t" +
         std::to_string(record.code) + "\t" + std::to_string(record.peak_rss_bytes) + "\t" +
         Field(record.folder) + "\t" + Field(record.output) + "\t" + Field(record.source) + "\t" +
         Field(record.kind) + "\t" + Field(record.language) + "\n";
}

StepLog ParseSteps(std::string_view text) {
  StepLog log;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    auto record = end == std::string_view::npos ? std::nullopt : ParseLine(line);
    if (!record) {
      ++log.bad_lines;
    } else if (log.steps.size() < kMostSteps) {
      log.steps.push_back(std::move(*record));
    }
  }
  return log;
}

std::vector<BuildStep> StepsOf(const StepLog& log, std::int64_t begin_us, std::string_view folder) {
  constexpr double kMicro = 1e-6;
  std::vector<BuildStep> steps;
  for (const StepRecord& record : log.steps) {
    BuildStep& step = steps.emplace_back();
    step.name = NameOf(record, folder);
    step.source = record.source;
    step.kind = record.kind;
    step.language = record.language;
    step.result = record.code == 0 ? "ok" : "failed";
    step.begin_seconds =
        static_cast<double>(std::max<std::int64_t>(0, record.begin_us - begin_us)) * kMicro;
    step.seconds = static_cast<double>(record.end_us - record.begin_us) * kMicro;
    step.peak_rss_bytes = record.peak_rss_bytes;
  }
  return steps;
}

}  // namespace polymeter::cli
