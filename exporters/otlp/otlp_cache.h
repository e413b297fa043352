// What stays the same from request to request: the head of each metric, the attributes of each
// series, encoded; and the buffer that requests are built in. Both formats keep their bytes here.
#pragma once

#include <cstdint>
#include <unordered_map>

#include "exporters/common/encoding/padded_text.h"
#include "exporters/common/encoding/series_texts.h"
#include "exporters/otlp/family_form.h"
#include "polymeter/encoder.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

class OtlpCache final : public EncoderCache {
 public:
  struct Family {
    encoding::TextBuffer head;         // empty: not made yet
    encoding::SeriesTexts attributes;  // encoded, as points of `data` have them
    OtlpData data = OtlpData::kGauge;
    std::uint64_t pass = 0;  // the last one that had it
  };

  void BeginPass() noexcept { ++pass_; }
  Family& Of(std::uint64_t id) {
    Family& family = families_[id];
    family.pass = pass_;
    return family;
  }
  // After a whole snapshot: forgets the families that it did not have.
  void EndPass() {
    std::erase_if(families_, [this](const auto& entry) { return entry.second.pass != pass_; });
  }
  encoding::TextBuffer& body() noexcept { return body_; }

 private:
  std::uint64_t pass_ = 0;
  std::unordered_map<std::uint64_t, Family> families_;
  encoding::TextBuffer body_;
};

}  // namespace detail
POLYMETER_END_NAMESPACE
