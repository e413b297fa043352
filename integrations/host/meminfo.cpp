#include "integrations/host/meminfo.h"

#include <cstdint>

#include "integrations/host/fields.h"
#include "integrations/host/host_families.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace host {
namespace {

// "Active(anon)" is Active_anon.
std::string NameOf(std::string_view field) {
  std::string name;
  for (const char c : field) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (c != ')') name += plain ? c : '_';
  }
  return name;
}

// The row's text with the field's name in it.
std::string Filled(std::string_view text, const std::string& field) {
  constexpr std::string_view kPlace = "<field>";
  std::string filled(text);
  const std::size_t at = filled.find(kPlace);
  return at == std::string::npos ? filled : filled.replace(at, kPlace.size(), field);
}

}  // namespace

std::vector<MemoryField> ParseMemInfo(std::string_view text) {
  std::vector<MemoryField> fields;
  while (!text.empty()) {
    std::string_view line = NextLine(text);
    const std::string_view name = NextPart(line, ':');
    const auto number = NumberOf<std::uint64_t>(NextField(line));
    if (name.empty() || !number) continue;
    const bool bytes = NextField(line) == "kB";
    fields.push_back({NameOf(name), static_cast<double>(*number) * (bytes ? 1024 : 1), bytes});
  }
  return fields;
}

void Write(const std::vector<MemoryField>& fields, FamilySink& sink) {
  for (const MemoryField& field : fields) {
    const FamilyRow& row = kHostFamilies[field.bytes ? kMemoryBytes : kMemoryCount];
    sink.BeginFamily(row.type, Filled(row.name, field.name), Filled(row.help, field.name),
                     OptionsOf(row));
    sink.Gauge({}, field.value);
  }
}

}  // namespace host
}  // namespace detail
POLYMETER_END_NAMESPACE
