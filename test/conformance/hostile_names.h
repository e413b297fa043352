// Names that NameValidation::kUtf8 accepts and that would break a format which takes them as they
// are.
#pragma once

#include <string>
#include <vector>

#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE
namespace testing {

inline const std::vector<std::string>& HostileNames() {
  static const std::vector<std::string> names = {"say \"hi\"", "back\\slash", "trailing\\",
                                                 "two\nlines", "\n",          "carriage\r",
                                                 "tab\there",  "\x01\x7F",    "\xF0\x9F\x98\x80",
                                                 "...",        ".",           "1abc",
                                                 "42",         " ",           "a{b=\"c\"}",
                                                 "a} 1\nb",    "#",           "# TYPE x gauge",
                                                 "a:b",        ":",           "le",
                                                 "quantile",   "_",           "\xE2\x80\xA8",
                                                 "a,b",        "a=b",         "job",
                                                 "NaN",        "\"",          "\xEF\xBB\xBFx",
                                                 "x|c",        "@0.1",        "=1+1",
                                                 "+1",         "-1",          "\xEF\xBC\x9D",
                                                 "a;b",        "../..",       "$VAR",
                                                 "%s%n",       "a/b"};
  return names;
}

}  // namespace testing
POLYMETER_END_NAMESPACE
