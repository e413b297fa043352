// Whether this is a sanitizer's build: many times slower, and with a malloc of its own.
#pragma once

#include "polymeter/export.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define POLYMETER_SANITIZED 1
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define POLYMETER_SANITIZED 1
#endif

POLYMETER_BEGIN_NAMESPACE
namespace testing {

#if defined(POLYMETER_SANITIZED)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

}  // namespace testing
POLYMETER_END_NAMESPACE

// The name of a test for which a sanitizer leaves no room: it has a malloc of its own, and needs
// memory and descriptors at any time. Shown as disabled there.
#if defined(POLYMETER_SANITIZED)
#define POLYMETER_PLAIN(name) DISABLED_##name
#else
#define POLYMETER_PLAIN(name) name
#endif
// A test of the system's malloc.
#define POLYMETER_MALLOC_TEST(suite, name) TEST(suite, POLYMETER_PLAIN(name))
