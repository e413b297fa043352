// The smallest backend: a page of "name value" lines over HTTP. It shows what a new backend must
// bring, and, with its option `defect`, that the conformance suite notices a broken one.
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "exporters/backend_info.h"
#include "exporters/common/transport/http_server.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

const BackendInfo& ScratchBackendInfo();

namespace {

using namespace std::chrono_literals;

constexpr OptionSpec kOptions[] = {
    {.name = "defect",
     .kind = OptionKind::kChoice,
     .default_value = "none",
     .help = "What is broken about this backend.",
     .choices = "none,miscounts,stale_cache,deaf_sink,undead,unbalanced,gives_up"},
    {.name = "greeting", .default_value = "hello", .help = "The first line of a page."},
};

// Every family name that was seen, for the defect: a cache that goes by the name.
struct ScratchCache : EncoderCache {
  std::map<std::string, std::string, std::less<>> heads;
};

class ScratchEncoder : public Encoder {
 public:
  explicit ScratchEncoder(const BackendOptions& options)
      : greeting_(options.Text("greeting")), defect_(options.Choice("defect")) {}

  std::unique_ptr<EncoderCache> MakeCache() const override {
    return std::make_unique<ScratchCache>();
  }
  std::string_view content_type() const override { return "text/plain"; }

  EncodeReport Encode(const Snapshot& snapshot, EncoderCache* cache,
                      MessageSink& sink) const override {
    EncodeReport report;
    const auto append = [&](const std::string& text) {
      if (!report.complete && defect_ != "deaf_sink") return;
      if (!sink.Append(text)) report.complete = false;
    };
    append(greeting_ + "\n");
    std::uint64_t uncarried = 0;
    for (const FamilyView& family : snapshot.families()) {
      std::visit(
          [&](const auto& points) {
            for (const auto& point : points) {
              if (!report.complete && defect_ != "deaf_sink") return;
              std::string line(family.name);
              VisitLabels(family, point.series,
                          [&line](std::string_view name, std::string_view value) {
                            line += ' ';
                            line += name;
                            line += '=';
                            line += value;
                          });
              if (!AppendValue(point, line)) {
                ++uncarried;
                continue;
              }
              if (defect_ == "stale_cache" && cache != nullptr) {
                auto& heads = static_cast<ScratchCache*>(cache)->heads;
                line = heads.emplace(std::string(family.name), line).first->second;
              }
              append(line + "\n");
              if (report.complete) ++report.points;
            }
          },
          family.points);
    }
    if (defect_ != "miscounts") report.LeaveOut("no_number", uncarried);
    if (report.complete && !sink.EndMessage(report.points)) report.complete = false;
    return report;
  }

 private:
  static bool AppendValue(const CounterPoint& point, std::string& line) {
    if (!point.is_integer()) return AppendNumber(point.value(), line);
    line += ' ' + std::to_string(point.whole);
    return true;
  }
  static bool AppendValue(const GaugePoint& point, std::string& line) {
    return AppendNumber(point.value, line);
  }
  static bool AppendValue(const UnknownPoint& point, std::string& line) {
    return AppendNumber(point.value, line);
  }
  static bool AppendValue(const HistogramPoint& point, std::string& line) {
    line += ' ' + std::to_string(point.count);
    return true;
  }
  static bool AppendValue(const SummaryPoint& point, std::string& line) {
    line += ' ' + std::to_string(point.count);
    return true;
  }
  static bool AppendValue(const InfoPoint&, std::string&) { return false; }
  static bool AppendNumber(double value, std::string& line) {
    char text[32];
    const auto end = std::to_chars(text, text + sizeof(text), value).ptr;
    line += ' ';
    line.append(text, end);
    return true;
  }

  const std::string greeting_;
  const std::string defect_;
};

class ScratchBackend : public Backend {
 public:
  ScratchBackend(const BackendOptions& options, const Outside& outside)
      : encoder_(options),
        cache_(encoder_.MakeCache()),
        defect_(options.Choice("defect")),
        clock_(*outside.clock) {
    const HttpServerOptions http;
    server_ = outside.make_http_server ? outside.make_http_server(http) : MakeHttpServer(http);
  }
  ~ScratchBackend() override { static_cast<void>(End(std::chrono::steady_clock::now() + 1s)); }

  Status Start(SnapshotSource& source) override {
    source_ = &source;
    starter_ = std::thread([this] { KeepStarting(); });
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return tried_; });
    return {};
  }

  Status Stop(Deadline deadline) noexcept override {
    return defect_ == "undead" ? Status() : End(deadline);
  }

  BackendReport Report() const override {
    const std::lock_guard lock(mutex_);
    BackendReport report;
    report.name = "scratch";
    report.endpoint = server_->endpoint();
    report.last_error = last_error_;
    report.scrapes = scrapes_;
    report.encodes = encodes_;
    report.encode_seconds = encode_seconds_;
    report.sent_bytes = sent_bytes_;
    if (defect_ == "unbalanced") report.offered = 1;
    return report;
  }

 private:
  Status End(Deadline deadline) noexcept {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    changed_.notify_all();
    if (starter_.joinable()) starter_.join();
    return server_->Stop(deadline);
  }

  void KeepStarting() {
    while (true) {
      const HttpStartResult result =
          server_->Start([this](const HttpRequest& request, HttpResponse& response) {
            Answer(request, response);
          });
      const bool up = result.outcome == HttpStart::kStarted;
      if (!up) source_->Log(LogLevel::kWarning, "scratch does not serve yet: " + result.message);
      std::unique_lock lock(mutex_);
      last_error_ = up ? "" : result.message;
      tried_ = true;
      changed_.notify_all();
      if (up || stop_ || defect_ == "gives_up") return;
      const Deadline next = clock_.SteadyNow() + 1s;
      while (!stop_ && clock_.SteadyNow() < next) clock_.WaitUntil(lock, changed_, next);
      if (stop_) return;
    }
  }

  void Answer(const HttpRequest& request, HttpResponse& response) {
    if (request.path != "/metrics") return response.Answer(404, "no such page\n");
    struct Sink : MessageSink {
      explicit Sink(HttpResponse& to) : response(to) {}
      bool Append(std::string_view bytes) override {
        sent += bytes.size();
        return response.Write(bytes);
      }
      bool EndMessage(std::size_t) override { return true; }
      HttpResponse& response;
      std::uint64_t sent = 0;
    };
    const Snapshot snapshot = source_->TakeSnapshot(Deadline::max());
    const std::lock_guard lock(mutex_);
    Sink sink(response);
    const auto begin = std::chrono::steady_clock::now();
    if (encoder_.Encode(snapshot, cache_.get(), sink).complete) ++scrapes_;
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - begin;
    ++encodes_;
    encode_seconds_ += time.count();
    sent_bytes_ += sink.sent;
  }

  const ScratchEncoder encoder_;
  const std::unique_ptr<EncoderCache> cache_;
  const std::string defect_;
  const Clock& clock_;
  SnapshotSource* source_ = nullptr;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool stop_ = false;
  bool tried_ = false;
  std::string last_error_;
  std::uint64_t scrapes_ = 0;
  std::uint64_t encodes_ = 0;
  double encode_seconds_ = 0;
  std::uint64_t sent_bytes_ = 0;
  std::unique_ptr<HttpServer> server_;
  std::thread starter_;
};

// What a line of name, labels and number leaves out.
std::vector<PortabilityNote> Portability(const FamilyDescription& family, const BackendOptions&) {
  std::vector<PortabilityNote> notes;
  const auto add = [&](bool concerned, PortabilityEffect effect, std::string detail) {
    if (concerned) notes.push_back({{}, "scratch", effect, std::move(detail), false});
  };
  add(family.type == MetricType::kInfo, PortabilityEffect::kNotCarried, "no number");
  add(family.type == MetricType::kCounter || family.type == MetricType::kUnknown,
      PortabilityEffect::kTypeChanged, "there are no types");
  add(!family.unit.empty(), PortabilityEffect::kUnitLost, "there are no units");
  add(family.native, PortabilityEffect::kNativeLost, "only the count is written");
  add(family.exemplars, PortabilityEffect::kExemplarsLost, "there are none");
  return notes;
}

}  // namespace

const BackendInfo& ScratchBackendInfo() {
  static constexpr BackendInfo kInfo{
      .name = "scratch",
      .options = kOptions,
      .make_encoder = [](const BackendOptions& options) -> Result<std::unique_ptr<Encoder>> {
        return std::unique_ptr<Encoder>(std::make_unique<ScratchEncoder>(options));
      },
      .make = [](const BackendOptions& options,
                 Outside& outside) -> Result<std::unique_ptr<Backend>> {
        return std::unique_ptr<Backend>(std::make_unique<ScratchBackend>(options, outside));
      },
      .portability = Portability,
  };
  return kInfo;
}

}  // namespace detail
POLYMETER_END_NAMESPACE
