// What crosses the boundary of the (shared) library. Compiles as C++14.
#pragma once

#if defined(POLYMETER_STATIC)
#define POLYMETER_EXPORT
#else
#define POLYMETER_EXPORT [[gnu::visibility("default")]]
#endif

// Types live in an inline namespace, so that two incompatible versions in one
// process cannot be mistaken for each other by the linker.
#define POLYMETER_BEGIN_NAMESPACE \
  namespace polymeter {           \
  inline namespace v0 {
#define POLYMETER_END_NAMESPACE \
  }                             \
  }
