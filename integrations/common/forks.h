// What adapters need to know of fork. The metrics of a child start from zero; what an adapter keeps
// in memory of its own does not do so by itself, and no lock of it may stay with a thread that the
// child does not have.
#pragma once

#include <cstdint>
#include <mutex>

#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// How often this process is a forked child. What began under another number is the parent's.
std::uint32_t ForkCount() noexcept;

// For what is rarely added to (label values, pools, memory for jobs). One for all adapters, held
// during a fork: no child finds it locked. Nothing that may call the core or the application is
// done under it.
std::mutex& AddingMutex() noexcept;

}  // namespace detail
POLYMETER_END_NAMESPACE
