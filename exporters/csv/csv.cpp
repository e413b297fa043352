#include "exporters/csv/csv.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "exporters/common/transport/file_options.h"
#include "exporters/csv/csv_encoder.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr OptionSpec kOptions[] = {
    {.name = "path",
     .default_value = "-",
     .help = "The file; - is standard output, which always grows.",
     .valid = IsFilePath,
     .accepts = kFilePathAccepts},
    {.name = "mode",
     .kind = OptionKind::kChoice,
     .default_value = "append",
     .help = "Whether the file grows by each snapshot or holds the last one only.",
     .choices = "append,replace"},
    kFileInterval,
    {.name = "header",
     .kind = OptionKind::kBool,
     .default_value = "true",
     .help = "Whether a file begins with the names of the columns."},
    {.name = "line_end",
     .kind = OptionKind::kChoice,
     .default_value = "crlf",
     .help = "How rows end: crlf as RFC 4180 has it, lf as many tools prefer.",
     .choices = "crlf,lf"},
    {.name = "formulas",
     .kind = OptionKind::kChoice,
     .default_value = "defuse",
     .help =
         "defuse writes ; and | in labels as JSON's \\u003b and \\u007c, so that no spreadsheet "
         "finds a formula there; keep leaves them.",
     .choices = "defuse,keep"},
    kFileMaxBytes,
    kFileMaxAge,
    kFileKeep,
};

CsvOptions CsvOptionsOf(const BackendOptions& options) {
  CsvOptions csv;
  csv.header = options.Bool("header");
  csv.crlf = options.Choice("line_end") == "crlf";
  csv.defuse_formulas = options.Choice("formulas") == "defuse";
  return csv;
}

bool Replaces(const BackendOptions& options) { return options.Choice("mode") == "replace"; }

// What grows has the header once a file, so it is the transport that writes it.
std::unique_ptr<Encoder> EncoderOf(const BackendOptions& options) {
  CsvOptions csv = CsvOptionsOf(options);
  csv.header = csv.header && Replaces(options);
  return MakeCsvEncoder(csv);
}

FileOptions FileOptionsOf(const BackendOptions& options, const Clock& clock) {
  FileOptions file = AppendingOptions(options, clock);
  if (Replaces(options)) {
    file.mode = FileMode::kReplace;
  } else if (const CsvOptions csv = CsvOptionsOf(options); csv.header) {
    file.preamble = CsvHeader(csv);
  }
  return file;
}

std::vector<PortabilityNote> Portability(const FamilyDescription& family, const BackendOptions&) {
  std::vector<PortabilityNote> notes;
  const auto add = [&](PortabilityEffect effect, std::string detail) {
    notes.push_back({{}, "csv", effect, std::move(detail), false});
  };
  if (!family.unit.empty()) add(PortabilityEffect::kUnitLost, "there is no column for it");
  if (family.exemplars) add(PortabilityEffect::kExemplarsLost, "they have no rows");
  return notes;
}

}  // namespace

const BackendInfo& CsvBackendInfo() {
  static constexpr BackendInfo kInfo{
      .name = "csv",
      .options = kOptions,
      .make_encoder = [](const BackendOptions& options) -> Result<std::unique_ptr<Encoder>> {
        return EncoderOf(options);
      },
      .make = [](const BackendOptions& options,
                 Outside& outside) -> Result<std::unique_ptr<Backend>> {
        auto connect = [file = FileOptionsOf(options, *outside.clock), &outside] {
          return outside.make_push_transport ? outside.make_push_transport("csv")
                                             : MakeFileTransport(file);
        };
        return std::unique_ptr<Backend>(
            std::make_unique<PushBackend>(FilePushOptions("csv", options), EncoderOf(options),
                                          std::move(connect), *outside.clock));
      },
      .portability = Portability,
  };
  return kInfo;
}

}  // namespace detail
POLYMETER_END_NAMESPACE
