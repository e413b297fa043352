// The version of the command: that of the library it is built with.
#pragma once

namespace polymeter::cli {

#if defined(POLYMETER_VERSION)
inline constexpr const char* kVersion = POLYMETER_VERSION;
#else
inline constexpr const char* kVersion = "unknown";
#endif

}  // namespace polymeter::cli
