// Records the hostile corpus, writes its pages and the truth into a directory, and serves it until
// its input ends: receivers_page <directory>. Says where it listens: "ready 127.0.0.1:12345".
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <memory>
#include <string>

#include "exporters/common/exposition/openmetrics_encoder.h"
#include "exporters/common/exposition/protobuf_encoder.h"
#include "exporters/common/exposition/text_encoder.h"
#include "polymeter/polymeter.h"
#include "test/receivers/corpus.h"
#include "test/receivers/truth.h"

namespace {

class File : public polymeter::ScrapeSink {
 public:
  explicit File(const std::string& path) : out_(path, std::ios::binary) {}
  void Begin(std::string_view content_type, std::string_view) override { type = content_type; }
  bool Write(std::string_view bytes) override {
    out_.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    return out_.good();
  }
  std::string type;

 private:
  std::ofstream out_;
};

class Nowhere : public polymeter::MessageSink {
 public:
  bool Append(std::string_view) override { return true; }
  bool EndMessage(std::size_t) override { return true; }
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 64;
  const std::string directory = argv[1];
  receivers::Truth truth;
  const polymeter::Metrics metrics = polymeter::Build(receivers::Corpus::BaseOptions(truth)
                                                          .Backends("prometheus")
                                                          .Set("METRICS_PROMETHEUS_PORT", "0"));
  const receivers::Corpus corpus(metrics, truth);

  // Twice: the second is written from cached line heads.
  for (const char* turn : {"cold", "warm"}) {
    for (const auto& [accept, name] :
         {std::pair("text/plain;version=0.0.4", "text"),
          std::pair("application/openmetrics-text;version=1.0.0", "openmetrics")}) {
      File file(directory + "/" + name + "." + turn);
      const auto status = polymeter::Scrape(metrics, {accept, "", std::chrono::seconds(60)}, file);
      if (!status.ok() || file.type.find(accept == std::string("text/plain;version=0.0.4")
                                             ? "text/plain"
                                             : "application/openmetrics-text") != 0) {
        std::fprintf(stderr, "Scrape: %s %s\n", status.message().c_str(), file.type.c_str());
        return 2;
      }
    }
  }
  // What the formats say they cannot carry.
  const auto snapshot = metrics.TakeSnapshot();
  Nowhere nowhere;
  for (const auto& drop :
       polymeter::MakeTextEncoder()->Encode(snapshot, nullptr, nowhere).dropped) {
    truth.Dropped("text", std::string(drop.reason), drop.points);
  }
  for (const auto& drop :
       polymeter::MakeOpenMetricsEncoder()->Encode(snapshot, nullptr, nowhere).dropped) {
    truth.Dropped("openmetrics", std::string(drop.reason), drop.points);
  }
  for (const auto& drop :
       polymeter::MakeProtobufEncoder()->Encode(snapshot, nullptr, nowhere).dropped) {
    truth.Dropped("protobuf", std::string(drop.reason), drop.points);
  }
  std::ofstream(directory + "/truth.json") << truth.Json();

  std::printf("ready %s\n", metrics.Endpoint().c_str());
  std::fflush(stdout);
  char byte;
  while (read(STDIN_FILENO, &byte, 1) > 0) {
  }
  return 0;
}
