// Looks for a few members of a JSON object of which only the beginning and the end are at hand: of
// a message that is too long to be parsed. Checks nothing; what it reports of a valid text is
// right.
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <string_view>

#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// Where a value stands: the keys on the way to it, as written (escapes and all). An array's
// elements have the key "[]".
struct JsonPath {
  static constexpr std::size_t kDeepest = 4;
  std::array<std::string_view, kDeepest> keys;
  std::size_t depth = 0;

  // path.Is("params", "textDocument", "version")
  template <class... Keys>
  bool Is(Keys... wanted) const noexcept {
    if (sizeof...(wanted) != depth) return false;
    std::size_t i = 0;
    return ((keys[i++] == std::string_view(wanted)) && ...);
  }
};

// From the front: `visit(path, token)` for each value that begins in `head`, down to
// JsonPath::kDeepest. The token is a scalar as written ("\"text\"", "-1", "null") and complete; of
// an object or array it is its first character. Stops at the first value that `head` cuts off.
void ScanJsonHead(std::string_view head,
                  const std::function<void(const JsonPath& path, std::string_view token)>& visit);

// From the back: `visit(level, key, token)` for scalar members that `tail`, the end of an object's
// text, shows before (that is, behind) any that cannot be told. Level 1 is the object itself; where
// its last member is an object, that one's last members are level 2, and so on to level 3.
void ScanJsonTail(
    std::string_view tail,
    const std::function<void(int level, std::string_view key, std::string_view token)>& visit);

}  // namespace detail
POLYMETER_END_NAMESPACE
