#include "integrations/docgen/doxyfile.h"

#include <cstddef>
#include <iterator>
#include <utility>
#include <vector>

#include "integrations/common/proc_text.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr int kMaxDepth = 10;
constexpr int kMaxIncludes = 100;
constexpr std::size_t kMaxValue = 4096;

struct FormatRow {
  DocgenFormat format;
  std::string_view generate;
  std::string_view output;
  std::string_view folder;
  std::string_view extension;  // that of HTML is a setting
  bool on;
};
constexpr FormatRow kFormats[] = {
    {DocgenFormat::kHtml, "GENERATE_HTML", "HTML_OUTPUT", "html", ".html", true},
    {DocgenFormat::kXml, "GENERATE_XML", "XML_OUTPUT", "xml", ".xml", false},
    {DocgenFormat::kLatex, "GENERATE_LATEX", "LATEX_OUTPUT", "latex", ".tex", true},
    {DocgenFormat::kRtf, "GENERATE_RTF", "RTF_OUTPUT", "rtf", ".rtf", false},
    {DocgenFormat::kMan, "GENERATE_MAN", "MAN_OUTPUT", "man", "", false},
    {DocgenFormat::kDocbook, "GENERATE_DOCBOOK", "DOCBOOK_OUTPUT", "docbook", ".xml", false},
};
static_assert(std::size(kFormats) == kDocgenFormats);

bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

std::string_view Trim(std::string_view text) {
  while (!text.empty() && IsBlank(text.front())) text.remove_prefix(1);
  while (!text.empty() && IsBlank(text.back())) text.remove_suffix(1);
  return text;
}

// Without a comment, which begins at a # outside of quotes.
std::string_view WithoutComment(std::string_view line) {
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '"' && (i == 0 || line[i - 1] != '\\')) quoted = !quoted;
    if (line[i] == '#' && !quoted) return line.substr(0, i);
  }
  return line;
}

// As doxygen reads it.
bool IsYes(std::string value) {
  for (char& c : value) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return value == "yes" || value == "true" || value == "1" || value == "all";
}

class Parser {
 public:
  Parser(const VariableLookup& variable, const IncludeReader& include)
      : variable_(variable), include_(include) {
    for (const FormatRow& row : kFormats) {
      auto& format = FormatOf(row.format);
      format.on = row.on;
      format.folder = row.folder;
      format.extension = row.extension;
    }
  }

  void Text(std::string_view text, int depth) {
    std::string joined;
    while (!text.empty()) {
      std::string_view line = Trim(WithoutComment(NextLine(text)));
      const bool goes_on = !line.empty() && line.back() == '\\';
      if (goes_on) line = Trim(line.substr(0, line.size() - 1));
      if (joined.size() < kMaxValue) {
        if (!joined.empty()) joined += ' ';
        joined += line.substr(0, kMaxValue);
      }
      if (goes_on && !text.empty()) continue;
      Setting(joined, depth);
      joined.clear();
    }
  }

  DoxygenOutputs Take() { return std::move(result_); }

 private:
  DoxygenOutputs::Format& FormatOf(DocgenFormat format) {
    return result_.formats[static_cast<std::size_t>(format)];
  }

  // Doxygen seeks a file in the folders of @INCLUDE_PATH first.
  void Include(const std::string& name, int depth) {
    if (depth >= kMaxDepth || !include_) return;
    std::vector<std::string> places;
    if (name.substr(0, 1) != "/") {
      std::string_view folders = include_path_;
      for (auto folder = NextWord(folders); !folder.empty(); folder = NextWord(folders)) {
        places.push_back(std::string(folder) + "/" + name);
      }
    }
    places.push_back(name);
    for (const std::string& place : places) {
      if (++includes_ > kMaxIncludes) return;
      if (const auto text = include_(place)) return Text(*text, depth + 1);
    }
  }

  void Setting(std::string_view line, int depth) {
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos || equals == 0) return;
    const bool adds = line[equals - 1] == '+';
    const std::string_view name = Trim(line.substr(0, equals - (adds ? 1 : 0)));
    const std::string value = Value(line.substr(equals + 1));
    if (name == "@INCLUDE") {
      Include(value, depth);
    } else if (name == "@INCLUDE_PATH") {
      include_path_ = value;
    } else if (name == "OUTPUT_DIRECTORY") {
      Put(result_.folder, value, adds);
    } else if (name == "WARN_LOGFILE") {
      Put(result_.log_file, value, adds);
    } else if (name == "HTML_FILE_EXTENSION") {
      if (!value.empty()) FormatOf(DocgenFormat::kHtml).extension = value;
    } else {
      for (const FormatRow& row : kFormats) {
        if (name == row.generate) FormatOf(row.format).on = IsYes(value);
        if (name == row.output && !value.empty()) Put(FormatOf(row.format).folder, value, adds);
      }
    }
  }

  static void Put(std::string& setting, const std::string& value, bool adds) {
    if (!adds || setting.empty()) {
      setting = value;
    } else if (setting.size() < kMaxValue) {
      setting += " " + value;
    }
  }

  // Without quotes, with the environment's values.
  std::string Value(std::string_view text) const {
    std::string value;
    text = Trim(text);
    for (std::size_t i = 0; i < text.size() && value.size() < kMaxValue; ++i) {
      if (text[i] == '"') continue;
      const std::size_t close = text.substr(i, 2) == "$(" ? text.find(')', i) : std::string::npos;
      if (close == std::string::npos) {
        value += text[i];
        continue;
      }
      if (variable_) value += variable_(text.substr(i + 2, close - i - 2)).value_or("");
      i = close;
    }
    return value;
  }

  const VariableLookup& variable_;
  const IncludeReader& include_;
  DoxygenOutputs result_;
  std::string include_path_;  // separated by blanks
  int includes_ = 0;
};

}  // namespace

DoxygenOutputs ParseDoxyfile(std::string_view text, const VariableLookup& variable,
                             const IncludeReader& include) {
  Parser parser(variable, include);
  parser.Text(text, 0);
  return parser.Take();
}

}  // namespace detail
POLYMETER_END_NAMESPACE
