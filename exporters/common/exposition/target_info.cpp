#include "exporters/common/exposition/target_info.h"

#include <algorithm>
#include <string_view>

#include "exporters/common/encoding/escape.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

std::string LabelName(std::string_view attribute) {
  std::string label;
  for (std::size_t i = 0; i < attribute.size(); ++i) {
    const char c = attribute[i];
    if ((static_cast<unsigned char>(c) & 0xC0) == 0x80) continue;  // one '_' a character
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const bool digit = c >= '0' && c <= '9';
    if (digit && label.empty()) label += '_';
    label += letter || digit ? c : '_';
  }
  // Labels that begin with two are Prometheus' own.
  while (label.substr(0, 2) == "__") label.erase(0, 1);
  return label;
}

}  // namespace

std::map<std::string, std::string> TargetLabels(const Resource& resource) {
  auto attributes = resource.attributes;
  std::sort(attributes.begin(), attributes.end());
  std::map<std::string, std::string> labels;
  for (const auto& [name, value] : attributes) {
    const std::string label = LabelName(name);
    if (label.empty()) continue;
    const auto [joined, is_new] = labels.try_emplace(label, value);
    if (!is_new) joined->second.append(";").append(value);
  }
  return labels;
}

void AppendTargetInfo(encoding::TextBuffer& out, const Resource& resource) {
  out.Append("# TYPE target info\n# HELP target Target metadata\ntarget_info");
  char separator = '{';
  const auto labels = TargetLabels(resource);
  for (const auto& [name, value] : labels) {
    out.Append({&separator, 1});
    out.Append(name);
    out.Append("=\"");
    encoding::AppendEscaped(out, value, encoding::Quotes::kEscaped);
    out.Append("\"");
    separator = ',';
  }
  out.Append(labels.empty() ? " 1\n" : "} 1\n");
}

}  // namespace detail
POLYMETER_END_NAMESPACE
