// The options that rows which write files have in common.
#pragma once

#include "exporters/common/transport/file.h"
#include "sdk/src/option_spec.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

inline constexpr OptionSpec kFileInterval{.name = "interval",
                                          .kind = OptionKind::kDuration,
                                          .default_value = "15s",
                                          .help = "From one snapshot to the next.",
                                          .min = 100};
inline constexpr OptionSpec kFileMaxBytes{
    .name = "max_file_bytes",
    .kind = OptionKind::kInteger,
    .default_value = "67108864",
    .help =
        "Before the file would grow longer it becomes <path>.1 and a new one begins. 0: no "
        "limit."};
inline constexpr OptionSpec kFileMaxAge{.name = "max_file_age",
                                        .kind = OptionKind::kDuration,
                                        .default_value = "0",
                                        .help = "The same once it is so old. 0: no limit."};
inline constexpr OptionSpec kFileKeep{.name = "keep",
                                      .kind = OptionKind::kInteger,
                                      .default_value = "5",
                                      .help = "How many of <path>.1, <path>.2 and so on stay.",
                                      .max = 1000};

// Of a row that has these options and `path`.
inline FileOptions AppendingOptions(const BackendOptions& options, const Clock& clock) {
  FileOptions file;
  file.path = options.Text("path");
  file.mode = FileMode::kAppend;
  file.max_bytes = static_cast<std::uint64_t>(options.Integer("max_file_bytes"));
  file.max_age = options.Duration("max_file_age");
  file.keep = static_cast<int>(options.Integer("keep"));
  file.clock = &clock;
  return file;
}

// Files wait for nobody, so replicas need not be kept out of step.
inline PushOptions FilePushOptions(std::string name, const BackendOptions& options) {
  return PushOptions(std::move(name)).Interval(options.Duration("interval")).RandomOffset(false);
}

}  // namespace detail
POLYMETER_END_NAMESPACE
