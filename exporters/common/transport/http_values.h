// What HTTP's options and answers hold, as text: URLs, headers, and words for a log. Pure; takes
// any bytes.
#pragma once

#include <string>
#include <string_view>

#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// The parts are views of the text that was taken apart.
struct UrlParts {
  std::string scheme;  // lower case; empty: none
  std::string_view authority;
  std::string_view path;  // from its '/', with the query
};
UrlParts TakeUrlApart(std::string_view text);

// host[:port], http://host or https://host, with a path or without one; no fragment, nothing that
// would have to be escaped.
bool IsHttpUrl(std::string_view text);
// The same without a path.
bool IsHttpServerUrl(std::string_view text);
// name=value,name=value (ParsePairs) that can stand in a request. RFC 9110: a name is a token, a
// value has no control characters; a line break in one would be another header.
bool AreHttpHeaders(std::string_view pairs);

// A URL as it is shown: without the user name and password that it may have.
std::string ShownUrl(const std::string& url);
// What a server wrote, for a log: one line of valid UTF-8, 200 bytes at most.
std::string ShownText(std::string_view text);

}  // namespace detail
POLYMETER_END_NAMESPACE
