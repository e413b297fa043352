// The page of both Prometheus text formats: they share the walk over a snapshot and the lines of
// samples, and differ in metadata and in how numbers are written.
#pragma once

#include <memory>
#include <string>

#include "exporters/common/exposition/name_escaping.h"
#include "polymeter/encoder.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

struct PageDialect {
  bool openmetrics = false;
  bool created = false;  // OpenMetrics: _created lines
  NameEscaping escaping = NameEscaping::kUnderscores;
};

class PageEncoder final : public Encoder {
 public:
  explicit PageEncoder(PageDialect dialect);

  std::unique_ptr<EncoderCache> MakeCache() const override;
  EncodeReport Encode(const Snapshot& snapshot, EncoderCache* cache,
                      MessageSink& sink) const override;
  std::string_view content_type() const override;

 private:
  const PageDialect dialect_;
  const std::string content_type_;
};

}  // namespace detail
POLYMETER_END_NAMESPACE
