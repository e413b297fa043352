#include "exporters/common/exposition/page_labels.h"

#include <string_view>

#include "exporters/common/encoding/written_labels.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

void AppendLabelValue(encoding::TextBuffer& out, std::string_view value) {
  out.Append("=\"");
  encoding::AppendEscaped(out, value, encoding::Quotes::kEscaped);
  out.Append("\"");
}

}  // namespace

void AppendUtf8Labels(encoding::TextBuffer& out, const FamilyView& family, SeriesView series,
                      NameEscaping escaping) {
  bool first = true;
  const auto separate = [&] {
    if (!first) out.Append(",");
    first = false;
  };
  if (escaping == NameEscaping::kAllowUtf8) {
    VisitLabels(family, series, [&](std::string_view name, std::string_view value) {
      separate();
      AppendLabelName(out, name);
      AppendLabelValue(out, value);
    });
    return;
  }
  const auto write = [escaping](std::string_view name) { return EscapedLabelName(name, escaping); };
  for (const auto& [name, value] : encoding::WrittenLabels(family, series, write)) {
    separate();
    out.Append(name);
    AppendLabelValue(out, value);
  }
}

}  // namespace detail
POLYMETER_END_NAMESPACE
