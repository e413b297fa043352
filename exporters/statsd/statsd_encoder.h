// From a snapshot to StatsD packets. Each message is one datagram.
//
// Counters, histograms and summaries are sent as the differences that the snapshot holds (a
// snapshot of totals is taken for one of differences since the beginning). Points are series. A
// series that has nothing new has no line and counts as written. A series of which something has no
// form in StatsD counts as dropped, even though the rest of it is sent:
//   not_finite       NaN or an infinity (but for a quantile that is NaN: there was no observation)
//   negative_timing  a negative observation, in plain StatsD
//   too_large        a line that fits into no packet
//   name_clash       a family whose name becomes that of another one (WrittenNames), or a gauge
//   whose
//                    labels become those of another one; of other series the receiver makes one
//   no_packet        nothing of the whole snapshot is new, so that there is no packet to count
//                    these points with
#pragma once

#include <memory>

#include "exporters/statsd/statsd_format.h"
#include "polymeter/encoder.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

std::unique_ptr<Encoder> MakeStatsdEncoder(StatsdFormat format);

}  // namespace detail
POLYMETER_END_NAMESPACE
