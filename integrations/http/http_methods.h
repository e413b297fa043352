// The request methods that have a name of their own. Internal.
#pragma once

#include <atomic>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "integrations/common/lazy_handle.h"
#include "polymeter/instruments.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

struct HttpMethodEntry {
  std::string name;
  std::size_t index = 0;  // of kHttpMethods.size()
  LazyHandle<Gauge> in_flight;
};

// Fixed at construction, so that look-ups need no lock.
class HttpMethods {
 public:
  explicit HttpMethods(const std::vector<std::string>& extra);

  // `_OTHER` for an unknown one: index 0.
  const HttpMethodEntry& Find(std::string_view method) const noexcept;
  std::size_t size() const noexcept { return methods_.size(); }

 private:
  std::vector<HttpMethodEntry> methods_;
};

}  // namespace detail
POLYMETER_END_NAMESPACE
