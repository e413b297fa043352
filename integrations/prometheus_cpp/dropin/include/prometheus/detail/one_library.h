// Ties whoever includes polymeter's headers of prometheus-cpp's API to polymeter's library, and
// keeps the two libraries out of one program. Each header of this folder includes it; C++14.
//
// A source that includes it refers to polymeter_prometheus_api_excludes_prometheus_cpp: linked with
// prometheus-cpp alone that name is undefined, and with both the linker stops at the object that
// defines it. It costs a pointer a source.
#pragma once

#include <polymeter/export.h>

// A macro of its headers.
#if defined(PROMETHEUS_CPP_CORE_EXPORT)
#error "one source includes headers of prometheus-cpp and of polymeter::prometheus_api"
#endif

// In the library alone; its name is what a linker says.
extern "C" POLYMETER_EXPORT const char polymeter_prometheus_api_excludes_prometheus_cpp;

namespace {
__attribute__((used)) const char* const polymeter_prometheus_api_of_this_source =
    &polymeter_prometheus_api_excludes_prometheus_cpp;
}  // namespace
