// The values that a label may have. Internal.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "polymeter/instruments.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace build {

// An allow-list; what is not on it is `other` and counted. Immutable once made.
class LabelList {
 public:
  LabelList(std::initializer_list<std::string_view> known, Counter folded,
            const std::vector<std::string>& extra = {})
      : values_(known.begin(), known.end()), folded_(folded) {
    values_.insert(values_.end(), extra.begin(), extra.end());
    values_.emplace_back("other");
    std::sort(values_.begin(), values_.end());
  }

  // As it is, or "other".
  std::string_view Fold(std::string_view value) const noexcept {
    if (std::binary_search(values_.begin(), values_.end(), value)) return value;
    folded_.Increment();
    return "other";
  }

 private:
  std::vector<std::string> values_;
  Counter folded_;
};

}  // namespace build
}  // namespace detail
POLYMETER_END_NAMESPACE
