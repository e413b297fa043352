#include "exporters/prometheus/console.h"

#include <memory>
#include <utility>

#include "exporters/common/exposition/page_portability.h"
#include "exporters/common/exposition/text_encoder.h"
#include "exporters/common/transport/file.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr OptionSpec kConsoleOptions[] = {
    {.name = "interval",
     .kind = OptionKind::kDuration,
     .default_value = "15s",
     .help = "From one page to the next.",
     .standard = "OTEL_METRIC_EXPORT_INTERVAL",
     .min = 100},
};

}  // namespace

const BackendInfo& ConsoleBackendInfo() {
  static constexpr BackendInfo kInfo{
      .name = "console",
      .options = kConsoleOptions,
      .make_encoder = [](const BackendOptions&) -> Result<std::unique_ptr<Encoder>> {
        return MakeTextEncoder();
      },
      .make = [](const BackendOptions& options,
                 Outside& outside) -> Result<std::unique_ptr<Backend>> {
        auto connect = [&outside] {
          FileOptions file;
          file.path = "-";
          return outside.make_push_transport ? outside.make_push_transport("console")
                                             : MakeFileTransport(std::move(file));
        };
        return std::unique_ptr<Backend>(std::make_unique<PushBackend>(
            PushOptions("console").Interval(options.Duration("interval")).RandomOffset(false),
            MakeTextEncoder(), std::move(connect), *outside.clock));
      },
      .portability =
          [](const FamilyDescription& family, const BackendOptions&) {
            return PagePortability(family, "console", PageKind::kText);
          },
  };
  return kInfo;
}

}  // namespace detail
POLYMETER_END_NAMESPACE
