#include "integrations/host/name_filter.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace host {
namespace {

// The library's matcher recurses once a character.
constexpr std::size_t kLongestName = 1024;

std::optional<std::regex> Compile(const std::string& option, const std::string& pattern,
                                  const NameFilter::Complain& complain) {
  try {
    return std::regex(pattern, std::regex::ECMAScript | std::regex::optimize);
  } catch (const std::regex_error& e) {
    complain("HostOptions: " + option + "(\"" + pattern + "\") is no regular expression (" +
             e.what() + "); it is ignored");
    return std::nullopt;
  }
}

bool Matches(const std::regex& pattern, std::string_view name) noexcept {
  if (name.size() > kLongestName) return false;
  try {
    return std::regex_search(name.begin(), name.end(), pattern);
  } catch (...) {  // too complex, or no memory
    return false;
  }
}

}  // namespace

NameFilter::NameFilter(std::string_view option, const std::optional<std::string>& include,
                       const std::optional<std::string>& exclude, const char* fallback,
                       const Complain& complain) {
  const std::string name(option);
  if (include) include_ = Compile("Include" + name, *include, complain);
  const bool nothing = exclude && exclude->empty();
  if (exclude && !nothing) exclude_ = Compile("Exclude" + name, *exclude, complain);
  if (!include_ && !exclude_ && !nothing) exclude_ = std::regex(fallback);
}

bool NameFilter::Admits(std::string_view name) const noexcept {
  return !(include_ && !Matches(*include_, name)) && !(exclude_ && Matches(*exclude_, name));
}

}  // namespace host
}  // namespace detail
POLYMETER_END_NAMESPACE
