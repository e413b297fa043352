#include "exporters/common/exposition/exemplar_text.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "exporters/common/encoding/escape.h"
#include "exporters/common/encoding/numbers.h"
#include "sdk/src/text.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr std::size_t kMostExemplarCodePoints = 128;

std::size_t CodePoints(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

// The labels of one exemplar being written.
class ExemplarLabels {
 public:
  ExemplarLabels(encoding::TextBuffer& out, NameEscaping escaping)
      : out_(out), escaping_(escaping) {}

  void Add(std::string_view own, std::string_view given) {
    if (own.empty() || own.substr(0, 2) == "__" || Has(own, '\0') || Has(given, '\0')) return;
    std::string name = EscapedLabelName(own, escaping_);
    const std::string value = ToUtf8(given);
    const std::size_t size = CodePoints(name) + CodePoints(value);
    if (size > left_ || std::find(names_.begin(), names_.end(), name) != names_.end()) return;
    left_ -= size;
    if (!names_.empty()) out_.Append(",");
    AppendLabelName(out_, name);
    out_.Append("=\"");
    encoding::AppendEscaped(out_, value, encoding::Quotes::kEscaped);
    out_.Append("\"");
    names_.push_back(std::move(name));
  }

 private:
  static bool Has(std::string_view text, char c) { return text.find(c) != std::string_view::npos; }

  encoding::TextBuffer& out_;
  const NameEscaping escaping_;
  std::size_t left_ = kMostExemplarCodePoints;
  std::vector<std::string> names_;
};

template <std::size_t N>
std::string_view View(const std::array<char, N>& text) {
  return {text.data(), N};
}

}  // namespace

void AppendExemplarText(encoding::TextBuffer& out, const Exemplar& exemplar,
                        NameEscaping escaping) {
  out.Append(" # {");
  ExemplarLabels labels(out, escaping);
  if (exemplar.trace.valid()) {
    labels.Add("trace_id", View(exemplar.trace.TraceIdHex()));
    labels.Add("span_id", View(exemplar.trace.SpanIdHex()));
  }
  for (std::uint32_t i = 0; i < exemplar.label_count; ++i) {
    labels.Add(exemplar.labels[i].name, exemplar.labels[i].value);
  }
  out.Append("} ");
  out.Advance(encoding::WriteFloat(out.Room(encoding::kMostDigits), exemplar.value));
  if (exemplar.unix_nanos <= 0) return;
  out.Append(" ");
  const auto nanos = static_cast<std::uint64_t>(exemplar.unix_nanos);
  out.Advance(encoding::WriteSeconds(out.Room(encoding::kMostDigits), nanos));
}

const Exemplar* BucketExemplars::Of(std::uint32_t bucket) noexcept {
  constexpr double kMost = std::numeric_limits<double>::infinity();
  const double below = bucket == 0 ? -kMost : point_.bounds[bucket - 1];
  const double up_to = bucket == point_.bound_count ? kMost : point_.bounds[bucket];
  const Exemplar* found = nullptr;
  for (; next_ < point_.exemplar_count && point_.exemplars[next_].bucket <= bucket; ++next_) {
    const Exemplar& exemplar = point_.exemplars[next_];
    // The lowest bucket has no lower end: it holds -Inf too.
    const bool inside = exemplar.value <= up_to && (bucket == 0 || exemplar.value > below);
    if (exemplar.bucket != bucket || !inside) continue;
    if (found == nullptr || exemplar.unix_nanos >= found->unix_nanos) found = &exemplar;
  }
  return found;
}

}  // namespace detail
POLYMETER_END_NAMESPACE
