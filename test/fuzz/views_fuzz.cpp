// libFuzzer: METRICS_VIEWS, whole from the input and as a right text with some bytes changed. Every
// rule is taken or refused with a reason, and one that is taken comes back from its own text.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "sdk/src/value_parsing.h"
#include "sdk/src/view_rules.h"
#include "sdk/src/view_text.h"

namespace {

using polymeter::View;
using polymeter::detail::BadView;

void CheckText(std::string_view text) {
  std::vector<BadView> bad;
  const std::vector<View> views = polymeter::detail::ParseViews(text, bad);
  const std::size_t pieces = polymeter::detail::SplitList(text, ';').size();
  if (views.size() + bad.size() > pieces) std::abort();
  for (const BadView& one : bad) {
    if (one.rule.empty() || one.why.empty()) std::abort();
  }
  for (const View& view : views) {
    if (!polymeter::detail::CheckView(view).empty()) std::abort();
    const std::string written = polymeter::detail::ToText(view);
    std::vector<BadView> none;
    const std::vector<View> again = polymeter::detail::ParseViews(written, none);
    if (again.size() != 1 || polymeter::detail::ToText(again[0]) != written) std::abort();
  }
  const polymeter::detail::ViewRules rules(views, "app_");
  for (const std::string_view name : {"http_requests_total", "app_job_seconds", ""}) {
    const auto type = polymeter::MetricType::kHistogram;
    const auto registered = rules.AtRegistration(name, type);
    const auto names =
        polymeter::detail::ShownNames(registered.labels, type, {"path", "code", "le"});
    if (names.labels.size() > 3) std::abort();
    static_cast<void>(rules.OfBackend("statsd", name, type, /*registered=*/true));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::string right =
      "debug_*=drop; http_*=drop_labels(path,user),rename_label(code:status); statsd/job_*=keep; "
      "*_seconds[histogram]=buckets(0.1,0.5,1e3); otlp/*=keep_labels(a),buckets(native:3)";
  CheckText({reinterpret_cast<const char*>(data), size});
  std::string changed = right;
  for (std::size_t i = 0; i + 1 < size && i < 12; i += 2) {
    changed[data[i] % changed.size()] = static_cast<char>(data[i + 1]);
  }
  CheckText(changed);
  return 0;
}
