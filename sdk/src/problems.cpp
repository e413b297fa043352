#include "sdk/src/problems.h"

#include <utility>

#include "sdk/src/text.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

void Problems::Add(std::string_view variable, std::string_view value, std::string trouble,
                   std::string instead, bool secret) {
  Add(std::string(variable) + "=" + (secret ? "***" : Quoted(value)), std::move(trouble),
      std::move(instead));
}

void Problems::Add(std::string subject, std::string trouble, std::string instead) {
  // Whoever found the trouble may quote what the system or a library said.
  problems_.push_back({Printable(subject), Printable(trouble), Printable(instead)});
}

std::string Problems::Message() const {
  const auto line = [](const Problem& p) {
    return p.subject + " " + p.trouble + "; " + p.instead + ".";
  };
  if (problems_.empty()) return {};
  if (problems_.size() == 1) return line(problems_.front());
  std::string message = std::to_string(problems_.size()) + " problems in the configuration:";
  for (const Problem& problem : problems_) message += "\n  " + line(problem);
  return message;
}

}  // namespace detail
POLYMETER_END_NAMESPACE
