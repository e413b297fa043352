#include "exporters/prometheus/text_encoder.h"

#include "exporters/prometheus/page_encoder.h"

POLYMETER_BEGIN_NAMESPACE

std::unique_ptr<Encoder> MakeTextEncoder() {
  return std::make_unique<detail::PageEncoder>(detail::PageDialect{});
}

POLYMETER_END_NAMESPACE
