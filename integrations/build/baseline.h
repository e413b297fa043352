// What a limit on a build says (the grammar is in polymeter/build.h) and which measures a build
// has.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "polymeter/build.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace build {

struct Limit {
  enum Kind : unsigned char { kPercent, kChange, kValue };
  std::string text;
  std::string measure;
  bool above = true;  // what lies above the amount is a regression; else what lies below
  Kind kind = kValue;
  // Percent and change without their sign (`above` has it); seconds, bytes, a share or a number.
  double amount = 0;
};

// The reason why `text` is none names the part that is wrong.
Result<Limit> ParseLimit(std::string_view text);

// `before` is only needed for percent and change.
BuildVerdict Judge(const Limit& limit, std::optional<double> before, std::optional<double> now);

struct MeasureRow {
  std::string_view name;
  std::string_view unit;  // "s", "B" or empty
};
// All that a limit may name.
const std::vector<MeasureRow>& Measures();

}  // namespace build
}  // namespace detail
POLYMETER_END_NAMESPACE
