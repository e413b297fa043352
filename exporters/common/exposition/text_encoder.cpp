#include "exporters/common/exposition/text_encoder.h"

#include "exporters/common/exposition/page_encoder.h"

POLYMETER_BEGIN_NAMESPACE

std::unique_ptr<Encoder> MakeTextEncoder() {
  return std::make_unique<detail::PageEncoder>(detail::PageDialect{});
}

POLYMETER_END_NAMESPACE
