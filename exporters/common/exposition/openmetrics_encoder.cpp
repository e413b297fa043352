#include "exporters/common/exposition/openmetrics_encoder.h"

#include "exporters/common/exposition/page_encoder.h"

POLYMETER_BEGIN_NAMESPACE

std::unique_ptr<Encoder> MakeOpenMetricsEncoder(OpenMetricsOptions options) {
  return std::make_unique<detail::PageEncoder>(detail::PageDialect{
      .openmetrics = true, .created = options.created_timestamps, .escaping = options.escaping});
}

POLYMETER_END_NAMESPACE
