// Prometheus text exposition format 0.0.4
// (https://prometheus.io/docs/instrumenting/exposition_formats/).
//
// HELP, TYPE and samples of each family; numbers as Go's %g with the fewest digits that read back
// the same. Of an info family the gauge <name>_info with value 1 is written; unknown is
// `untyped`. Units, start times, exemplars and resource have no place in the format. A family whose
// samples would have the names of another's, such as a gauge `h_count` beside a histogram `h`, is
// left out; so are one family or series of two whose names become one by escaping.
#pragma once

#include <memory>

#include "exporters/common/exposition/name_escaping.h"
#include "polymeter/encoder.h"

POLYMETER_BEGIN_NAMESPACE

struct TextOptions {
  // How names that are not legacy ones are written. Quoted names (allow-utf-8) are version 1.0.0 of
  // the format; everything else of it is the same.
  detail::NameEscaping escaping = detail::NameEscaping::kUnderscores;
};

POLYMETER_EXPORT std::unique_ptr<Encoder> MakeTextEncoder(TextOptions options = {});

POLYMETER_END_NAMESPACE
