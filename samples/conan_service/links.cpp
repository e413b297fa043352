#include "links.h"

namespace {

// Printable and without blanks: what may stand in a Location header.
bool IsAddress(std::string_view text) {
  if (text.substr(0, 7) != "http://" && text.substr(0, 8) != "https://") return false;
  for (const char c : text) {
    if (c <= ' ' || c > '~') return false;
  }
  return text.size() <= 2048;
}

std::string CodeOf(std::size_t number) {
  constexpr std::string_view kDigits = "0123456789abcdefghjkmnpqrstvwxyz";
  std::string code;
  do {
    code.insert(code.begin(), kDigits[number % kDigits.size()]);
    number /= kDigits.size();
  } while (number > 0);
  return code;
}

}  // namespace

Links::Links(const polymeter::Metrics& metrics, std::size_t limit)
    : limit_(limit),
      submitted_(
          metrics.Counter("links_submitted_total", "Addresses submitted, by result.", {"result"})),
      followed_(metrics.Counter("links_followed_total", "Codes asked for, by result.", {"result"})),
      length_(metrics.Histogram(
          "link_length_bytes", "Length of a stored address.",
          polymeter::FamilyOptions().Unit("bytes").Buckets({32, 128, 512, 2048}))),
      stored_(metrics.Gauge("links_stored", "Links kept in memory.",
                            polymeter::FamilyOptions().Additive())) {}

Links::Added Links::Add(std::string_view address) {
  if (!IsAddress(address)) {
    submitted_.With("not_an_address").Increment();
    return {Refusal::kNotAnAddress, {}};
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto known = code_of_.find(std::string(address));
  if (known != code_of_.end()) {
    submitted_.With("known").Increment();
    return {Refusal::kNone, known->second};
  }
  if (code_of_.size() >= limit_) {
    submitted_.With("full").Increment();
    return {Refusal::kFull, {}};
  }
  std::string code = CodeOf(code_of_.size());
  code_of_.emplace(address, code);
  address_of_.emplace(code, address);
  submitted_.With("new").Increment();
  length_.Observe(address.size());
  stored_.Set(static_cast<double>(code_of_.size()));
  return {Refusal::kNone, std::move(code)};
}

std::optional<std::string> Links::Find(std::string_view code) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = address_of_.find(std::string(code));
  followed_.With(found == address_of_.end() ? "unknown" : "found").Increment();
  if (found == address_of_.end()) return std::nullopt;
  return found->second;
}
