#include "integrations/http/http_methods.h"

#include <algorithm>

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

// OpenTelemetry's list: RFC 9110, PATCH (RFC 5789) and QUERY. The frequent ones first, as they
// are searched in this order.
constexpr std::string_view kKnown[] = {"GET",     "POST", "PUT",   "DELETE",  "PATCH",
                                       "OPTIONS", "HEAD", "QUERY", "CONNECT", "TRACE"};
constexpr std::size_t kMostExtraMethods = 100;

}  // namespace

HttpMethods::HttpMethods(const std::vector<std::string>& extra) {
  std::vector<std::string> names = {"_OTHER"};
  names.insert(names.end(), std::begin(kKnown), std::end(kKnown));
  for (const std::string& name : extra) {
    const bool there = std::find(names.begin(), names.end(), name) != names.end();
    if (!there && !name.empty() && names.size() <= kMostExtraMethods) names.push_back(name);
  }
  methods_ = std::vector<HttpMethodEntry>(names.size());
  for (std::size_t i = 0; i < names.size(); ++i) {
    methods_[i].name = std::move(names[i]);
    methods_[i].index = i;
  }
}

const HttpMethodEntry& HttpMethods::Find(std::string_view method) const noexcept {
  for (std::size_t i = 1; i < methods_.size(); ++i) {
    if (methods_[i].name == method) return methods_[i];
  }
  return methods_[0];
}

}  // namespace detail
POLYMETER_END_NAMESPACE
