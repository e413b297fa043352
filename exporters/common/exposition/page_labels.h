// The labels of a series as they stand on a page, without the braces.
#pragma once

#include <cstring>
#include <string_view>

#include "exporters/common/encoding/escape.h"
#include "exporters/common/encoding/padded_text.h"
#include "exporters/common/exposition/name_escaping.h"
#include "polymeter/snapshot.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// The labels of a family that has other names than legacy ones.
void AppendUtf8Labels(encoding::TextBuffer& out, const FamilyView& family, SeriesView series,
                      NameEscaping escaping);

// `a="x",b="y"`; a name that is not a legacy one is quoted or escaped, and where names become one
// by that, their values are joined (encoding::WrittenLabels).
inline void AppendPageLabels(encoding::TextBuffer& out, const FamilyView& family, SeriesView series,
                             NameEscaping escaping) {
  if (family.utf8_names) return AppendUtf8Labels(out, family, series, escaping);
  bool first = true;
  VisitLabels(family, series, [&](std::string_view name, std::string_view value) {
    char* to = out.Room(name.size() + 3);
    if (!first) *to++ = ',';
    first = false;
    std::memcpy(to, name.data(), name.size());
    to += name.size();
    std::memcpy(to, "=\"", 2);
    out.Advance(to + 2);
    encoding::AppendEscaped(out, value, encoding::Quotes::kEscaped);
    to = out.Room(1);
    *to = '"';
    out.Advance(to + 1);
  });
}

}  // namespace detail
POLYMETER_END_NAMESPACE
