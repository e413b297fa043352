// Records the hostile corpus and pushes it twice, the second time from warm caches:
//
//   receivers_otlp DIRECTORY PROTOCOL ENDPOINT COMPRESSION [NAME=VALUE...]
//
// NAME=VALUE are more options of the backend (METRICS_OTLP_...); FLUSH_SECONDS=3 ends a push that
// does not get through earlier, NATIVE=producer and NATIVE=instruments add exponential histograms
// and exemplars, with observations between the pushes (native.json). Leaves truth.json in the
// directory, and in accounts.json what the backend says that became of every point. PROTOCOL `raw`
// pushes nothing and writes each request into a file instead: pb.cold.0, json.warm.3.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>

#include "exporters/otlp/otlp_encoder.h"
#include "polymeter/polymeter.h"
#include "test/receivers/corpus.h"
#include "test/receivers/native_source.h"
#include "test/receivers/truth.h"

namespace {

class Files : public polymeter::MessageSink {
 public:
  explicit Files(std::string prefix) : prefix_(std::move(prefix)) {}
  bool Append(std::string_view bytes) override {
    open_ += bytes;
    return true;
  }
  bool EndMessage(std::size_t) override {
    std::ofstream(prefix_ + "." + std::to_string(count_++), std::ios::binary) << open_;
    open_.clear();
    return true;
  }

 private:
  const std::string prefix_;
  std::string open_;
  int count_ = 0;
};

// Small enough for several requests.
constexpr std::size_t kMostBytes = 300000;

void WriteRaw(const polymeter::Metrics& metrics, const std::string& directory) {
  const polymeter::Snapshot snapshot = metrics.TakeSnapshot();
  for (const bool json : {false, true}) {
    const auto encoder =
        polymeter::detail::MakeOtlpEncoder({.json = json, .max_request_bytes = kMostBytes});
    const auto cache = encoder->MakeCache();
    for (const char* turn : {"cold", "warm"}) {
      Files files(directory + "/" + (json ? "json." : "pb.") + turn);
      static_cast<void>(encoder->Encode(snapshot, cache.get(), files));
    }
  }
}

std::string Accounts(const polymeter::Metrics& metrics) {
  std::string out = "[";
  for (const polymeter::BackendReport& report : metrics.Reports()) {
    std::uint64_t dropped = 0;
    for (const auto& [reason, points] : report.dropped) dropped += points;
    if (out.size() > 1) out += ",";
    out += "{\"name\":\"" + report.name + "\",\"offered\":" + std::to_string(report.offered) +
           ",\"accepted\":" + std::to_string(report.accepted) +
           ",\"superseded\":" + std::to_string(report.superseded) +
           ",\"pending\":" + std::to_string(report.pending) +
           ",\"dropped\":" + std::to_string(dropped) + "}";
    if (!report.last_error.empty()) std::fprintf(stderr, "%s\n", report.last_error.c_str());
  }
  return out + "]\n";
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) return 64;
  const std::string directory = argv[1];
  const bool raw = std::strcmp(argv[2], "raw") == 0;
  receivers::Truth truth;
  polymeter::Options options = receivers::Corpus::BaseOptions(truth);
  if (raw) {
    options.Backends("null");
  } else {
    options.Backends("otlp")
        .Set("METRICS_OTLP_PROTOCOL", argv[2])
        .Set("METRICS_OTLP_ENDPOINT", argv[3])
        .Set("METRICS_OTLP_COMPRESSION", argv[4])
        .Set("METRICS_OTLP_INTERVAL", "1h")
        .Set("METRICS_OTLP_MAX_REQUEST_BYTES", std::to_string(kMostBytes));
  }
  std::chrono::seconds flush(30);
  std::string native_source;
  for (int i = 5; i < argc; ++i) {
    const std::string_view pair = argv[i];
    const auto equals = pair.find('=');
    if (equals == std::string_view::npos) return 64;
    if (pair.substr(0, equals) == "FLUSH_SECONDS") {
      flush = std::chrono::seconds(std::atoi(argv[i] + equals + 1));
      continue;
    }
    if (pair.substr(0, equals) == "NATIVE") {
      native_source = pair.substr(equals + 1);
      continue;
    }
    options.Set(std::string(pair.substr(0, equals)), std::string(pair.substr(equals + 1)));
  }
  options.StopDeadline(flush);
  const polymeter::Metrics metrics = polymeter::Build(options);
  const receivers::Corpus corpus(metrics, truth);
  std::ofstream(directory + "/truth.json") << truth.Json();
  std::optional<receivers::NativeSource> native;
  const auto observe = [&](std::size_t batch) {
    if (native_source.empty()) return;
    if (!native) native.emplace(metrics, native_source == "instruments");
    native->Observe(batch);
    std::ofstream(directory + "/native.json") << native->Json();
  };
  observe(0);
  if (raw) {
    WriteRaw(metrics, directory);
    return 0;
  }
  // The second push is the farewell.
  const auto deadline = [flush] { return std::chrono::steady_clock::now() + flush; };
  polymeter::Status status = metrics.Flush(deadline());
  observe(1);
  if (status.ok()) status = metrics.Shutdown(deadline());
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.message().c_str());
  std::ofstream(directory + "/accounts.json") << Accounts(metrics);
  return status.ok() ? 0 : 2;
}
