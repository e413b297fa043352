// What is wrong with a configuration, collected so that everything is said at once.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

struct Problem {
  std::string subject;  // "METRICS_PROMETHEUS_PORT='99999999'"
  std::string trouble;  // "is not an integer from 0 to 65535"
  std::string instead;  // "9464 (default) is used"
};

class POLYMETER_EXPORT Problems {
 public:
  // The value is quoted and cut for the message; a secret is "***".
  void Add(std::string_view variable, std::string_view value, std::string trouble,
           std::string instead, bool secret = false);
  // One that is not about the value of a variable.
  void Add(std::string subject, std::string trouble, std::string instead);

  bool empty() const noexcept { return problems_.empty(); }
  const std::vector<Problem>& all() const noexcept { return problems_; }
  // One message: "subject trouble; instead.", a line for each where there are several.
  std::string Message() const;

 private:
  std::vector<Problem> problems_;
};

}  // namespace detail
POLYMETER_END_NAMESPACE
