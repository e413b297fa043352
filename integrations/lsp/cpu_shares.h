// Shares a server's CPU time out to the requests that were in flight while it was used. No clock,
// no I/O: it is told how much the server has used so far.
#pragma once

#include <cstddef>

#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// What the server uses between two readings goes to the requests in flight in equal parts: to a
// request that was alone from its beginning to its end, all of it; with company, an estimate. Used
// with none in flight (indexing, diagnostics) it is nobody's. A request's share is the difference
// of two marks, so that each event costs the same however many are in flight.
class CpuShares {
 public:
  // A reading, taken while `in_flight` requests were in flight. Gives the mark now.
  double Advance(double cpu_seconds, std::size_t in_flight) noexcept {
    const double used = cpu_seconds - last_;
    if (!(used > 0)) return mark_;  // the first one, or a clock that stepped back
    last_ = cpu_seconds;
    if (in_flight > 0) mark_ += used / static_cast<double>(in_flight);
    return mark_;
  }

 private:
  double last_ = 0;
  double mark_ = 0;
};

}  // namespace detail
POLYMETER_END_NAMESPACE
