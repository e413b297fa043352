#include "exporters/common/exposition/text_encoder.h"

#include "exporters/common/exposition/page_encoder.h"

POLYMETER_BEGIN_NAMESPACE

std::unique_ptr<Encoder> MakeTextEncoder(TextOptions options) {
  return std::make_unique<detail::PageEncoder>(detail::PageDialect{.escaping = options.escaping});
}

POLYMETER_END_NAMESPACE
