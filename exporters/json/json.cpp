#include "exporters/json/json.h"

#include <memory>
#include <utility>

#include "exporters/common/transport/file_options.h"
#include "exporters/json/json_encoder.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr OptionSpec kJsonOptions[] = {
    {.name = "path",
     .default_value = "-",
     .help = "The file that always holds the last snapshot; - is standard output.",
     .valid = IsFilePath,
     .accepts = kFilePathAccepts},
    kFileInterval,
    {.name = "pretty",
     .kind = OptionKind::kBool,
     .default_value = "false",
     .help = "Indents the document, a series a line."},
};

constexpr OptionSpec kJsonlOptions[] = {
    {.name = "path",
     .default_value = "-",
     .help = "The file that grows by a line a snapshot; - is standard output.",
     .valid = IsFilePath,
     .accepts = kFilePathAccepts},
    kFileInterval,
    kFileMaxBytes,
    kFileMaxAge,
    kFileKeep,
};

std::unique_ptr<Encoder> JsonEncoderOf(const BackendOptions& options) {
  return MakeJsonEncoder(options.Bool("pretty") ? JsonStyle::kPretty : JsonStyle::kCompact);
}

std::unique_ptr<Backend> MakePush(const char* name, const BackendOptions& options,
                                  std::unique_ptr<Encoder> encoder, FileOptions file,
                                  Outside& outside) {
  auto connect = [name, file = std::move(file), &outside] {
    return outside.make_push_transport ? outside.make_push_transport(name)
                                       : MakeFileTransport(file);
  };
  return std::make_unique<PushBackend>(FilePushOptions(name, options), std::move(encoder),
                                       std::move(connect), *outside.clock);
}

}  // namespace

const BackendInfo& JsonBackendInfo() {
  static constexpr BackendInfo kInfo{
      .name = "json",
      .options = kJsonOptions,
      .make_encoder = [](const BackendOptions& options) -> Result<std::unique_ptr<Encoder>> {
        return JsonEncoderOf(options);
      },
      .make = [](const BackendOptions& options,
                 Outside& outside) -> Result<std::unique_ptr<Backend>> {
        FileOptions file;
        file.path = options.Text("path");
        return MakePush("json", options, JsonEncoderOf(options), std::move(file), outside);
      },
  };
  return kInfo;
}

const BackendInfo& JsonlBackendInfo() {
  static constexpr BackendInfo kInfo{
      .name = "jsonl",
      .options = kJsonlOptions,
      .make_encoder = [](const BackendOptions&) -> Result<std::unique_ptr<Encoder>> {
        return MakeJsonLinesEncoder();
      },
      .make = [](const BackendOptions& options,
                 Outside& outside) -> Result<std::unique_ptr<Backend>> {
        return MakePush("jsonl", options, MakeJsonLinesEncoder(),
                        AppendingOptions(options, *outside.clock), outside);
      },
  };
  return kInfo;
}

}  // namespace detail
POLYMETER_END_NAMESPACE
