// polymeter::Render: a snapshot as a string.
#include "polymeter/render.h"

#include <exception>
#include <memory>
#include <utility>

#include "exporters/backends.h"
#include "sdk/src/core.h"
#include "sdk/src/core_access.h"
#include "sdk/src/option_spec.h"
#include "sdk/src/text.h"

#if POLYMETER_WITH_CSV
#include "exporters/csv/csv_encoder.h"
#endif
#if POLYMETER_WITH_PROMETHEUS
#include "exporters/common/exposition/openmetrics_encoder.h"
#include "exporters/common/exposition/text_encoder.h"
#endif

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

class StringSink final : public MessageSink {
 public:
  // `lines`: the messages are lines or parts of some, without the last line's end.
  explicit StringSink(bool lines) : lines_(lines) {}
  bool Append(std::string_view bytes) override {
    if (std::exchange(begins_, false) && lines_ && !text_.empty() && text_.back() != '\n') {
      text_ += '\n';
    }
    text_ += bytes;
    return true;
  }
  bool EndMessage(std::size_t) override {
    begins_ = true;
    return true;
  }
  std::string Take() { return std::move(text_); }

 private:
  const bool lines_;
  bool begins_ = true;
  std::string text_;
};

using MakeEncoder = std::unique_ptr<Encoder> (*)();
struct Format {
  std::string_view name;
  MakeEncoder make;
};

// Formats that are no backend's, or that a backend has in another form by default.
constexpr Format kFormats[] = {
#if POLYMETER_WITH_CSV
    {"csv", [] { return MakeCsvEncoder(); }},  // with its header
#endif
#if POLYMETER_WITH_PROMETHEUS
    {"text", [] { return MakeTextEncoder(); }},
    {"openmetrics", [] { return MakeOpenMetricsEncoder(); }},
#endif
    {{}, nullptr},
};

Result<std::unique_ptr<Encoder>> EncoderFor(std::string_view format) {
  std::string known;
  const auto add = [&known](std::string_view name) {
    known.append(known.empty() ? "" : ", ").append(name);
  };
  for (const Format& candidate : kFormats) {
    if (candidate.make == nullptr) continue;
    if (candidate.name == format) return candidate.make();
    add(candidate.name);
  }
  for (const TableRow& row : BackendTable()) {
    if (row.info == nullptr || row.info->make_encoder == nullptr) continue;
    if (row.name == format) {
      Problems problems;
      return row.info->make_encoder(
          ResolveOptions(row.name, row.info->options, Environment(), {}, problems));
    }
    if (row.name != "csv") add(row.name);
  }
  return Status::Error("no format " + Quoted(format) + " in this build; there is " + known);
}

}  // namespace
}  // namespace detail

Result<std::string> Render(const Metrics& metrics, std::string_view format) try {
  if (!metrics.recording()) {
    const std::string message =
        "nothing to render: this Metrics records nothing. Select a backend or declare "
        "Options().Consumer()";
    const auto& core = detail::CoreAccess::Get(metrics);
    if (core != nullptr) core->Log(LogLevel::kWarning, message);
    return Status::Error(message);
  }
  auto encoder = detail::EncoderFor(format);
  if (!encoder) return encoder.status();
  const Snapshot snapshot = metrics.TakeSnapshot();
  detail::StringSink sink(encoder.value()->content_type().empty());
  static_cast<void>(encoder.value()->Encode(snapshot, nullptr, sink));
  return sink.Take();
} catch (const std::exception& e) {
  return Status::Error(e.what());
} catch (...) {
  return Status::Error("an exception");
}

POLYMETER_END_NAMESPACE
