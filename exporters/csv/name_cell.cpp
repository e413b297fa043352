#include "exporters/csv/name_cell.h"

#include "exporters/common/encoding/json_text.h"
#include "sdk/src/text.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

bool BeginsFormula(std::string_view name) {
  if (std::string_view(" =+-@").find(name[0]) != std::string_view::npos) return true;
  // Their full-width forms.
  for (const std::string_view wide :
       {"\xEF\xBC\x9D", "\xEF\xBC\x8B", "\xEF\xBC\x8D", "\xEF\xBC\xA0"}) {
    if (name.substr(0, wide.size()) == wide) return true;
  }
  return false;
}

}  // namespace

void AppendJsonInCell(encoding::TextBuffer& out, std::string_view json, bool defuse) {
  for (;;) {
    const std::size_t plain = json.find_first_of(defuse ? "\";|" : "\"");
    out.Append(json.substr(0, plain));
    if (plain == std::string_view::npos) return;
    out.Append(json[plain] == '"' ? "\"\"" : json[plain] == ';' ? "\\u003b" : "\\u007c");
    json.remove_prefix(plain + 1);
  }
}

void AppendNameCell(encoding::TextBuffer& out, std::string_view name) {
  if (IsMetricName(name)) {
    out.Append(name);
    return;
  }
  encoding::TextBuffer json;
  encoding::AppendJsonString(json, name);
  const std::string_view text = json.text();
  const bool harmless = text.substr(1, text.size() - 2) == name &&
                        name.find_first_of(";|") == std::string_view::npos && !name.empty() &&
                        !BeginsFormula(name);
  out.Append("\"");
  if (harmless) {
    out.Append(name);
  } else {
    AppendJsonInCell(out, text, /*defuse=*/true);
  }
  out.Append("\"");
}

}  // namespace detail
POLYMETER_END_NAMESPACE
