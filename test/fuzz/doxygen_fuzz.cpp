// libFuzzer: any bytes as what doxygen says, as a Doxyfile and as XML. Whole or in pieces, the same
// must come out, and every warning must be counted somewhere.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <string>
#include <string_view>

#include "integrations/docgen/documented.h"
#include "integrations/docgen/doxyfile.h"
#include "integrations/docgen/doxygen_lines.h"
#include "polymeter/docgen.h"

namespace {

using polymeter::DocgenRun;
using polymeter::DoxygenStream;

void Need(bool holds) {
  if (!holds) std::abort();
}

DocgenRun Read(std::string_view bytes, std::size_t piece) {
  polymeter::DoxygenReader reader;
  for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size()))) {
    reader.Feed(DoxygenStream::kErrors, bytes.substr(0, piece));
  }
  return reader.Finish();
}

std::uint64_t WarningLines(std::string_view bytes) {
  std::uint64_t count = 0;
  while (!bytes.empty()) {
    const std::string_view line = bytes.substr(0, bytes.find('\n'));
    count += polymeter::detail::ParseWarningLine(line.substr(0, 8192)).has_value();
    bytes.remove_prefix(std::min(bytes.size(), line.size() + 1));
  }
  return count;
}

// Words that make random bytes look like doxygen's.
std::string Seasoned(std::string_view bytes) {
  static constexpr std::string_view kWords[] = {"\n",
                                                "a.h:1: warning: ",
                                                "error: ",
                                                "  parameter 'x'",
                                                "Spent ",
                                                "1.5",
                                                " seconds in ",
                                                "Parsing",
                                                "Found unknown command",
                                                " is not documented.",
                                                "0.1 sec: ",
                                                "\r\n"};
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte % 3 == 0) {
      text += kWords[byte / 3 % std::size(kWords)];
    } else {
      text += c;
    }
  }
  return text;
}

void Check(std::string_view bytes) {
  const DocgenRun whole = Read(bytes, bytes.size() + 1);
  const DocgenRun pieces = Read(bytes, 3);
  Need(whole.warnings == pieces.warnings);
  Need(whole.repeated_warnings == pieces.repeated_warnings);
  Need(whole.unknown_phases == pieces.unknown_phases);
  Need(whole.phase_seconds == pieces.phase_seconds);
  Need(whole.unique_warnings() + whole.repeated_warnings == WarningLines(bytes));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  Check(bytes);
  Check(Seasoned(bytes));
  int includes = 0;
  static_cast<void>(polymeter::detail::ParseDoxyfile(
      bytes, [](std::string_view name) { return std::optional<std::string>(name); },
      [&](std::string_view) {
        ++includes;
        return std::optional<std::string>(bytes);
      }));
  Need(includes <= 100);
  polymeter::detail::DocumentedCount count;
  count.Add(bytes);
  count.Add("<memberdef id=\"a\">" + std::string(bytes) + "</memberdef>");
  Need(count.documented() <= count.all());
  return 0;
}
