// Prometheus text exposition format 0.0.4
// (https://prometheus.io/docs/instrumenting/exposition_formats/).
//
// HELP, TYPE and samples of each family; numbers as Go's %g with the fewest digits that read back
// the same. Of an info family the gauge <name>_info with value 1 is written; unknown is
// `untyped`. Units, start times and resource have no place in the format. A family whose samples
// would have the names of another's, such as a gauge `h_count` beside a histogram `h`, is left out.
#pragma once

#include <memory>

#include "polymeter/encoder.h"

POLYMETER_BEGIN_NAMESPACE

POLYMETER_EXPORT std::unique_ptr<Encoder> MakeTextEncoder();

POLYMETER_END_NAMESPACE
