// Sends to a StatsD receiver, through the encoder of the row `statsd` and the datagram transport,
// and writes down what was recorded:
//
//   statsd_send corpus|timings <directory> METRICS_STATSD_<OPTION>=<value>...
//
// corpus: the hostile corpus, twice: as the first flush and as one in which nothing has changed.
// timings: two flushes of counters, gauges of either sign and observations of every weight.
// Says what went out: "sent <packets> <lines>".
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "exporters/common/transport/datagram.h"
#include "exporters/statsd/deltas_for_test.h"
#include "exporters/statsd/statsd.h"
#include "polymeter/metrics.h"
#include "sdk/src/delta.h"
#include "test/receivers/corpus.h"
#include "test/receivers/truth.h"

namespace {

using polymeter::Snapshot;
using polymeter::detail::BackendOptions;

// Every message on its way at once.
class Sending : public polymeter::MessageSink {
 public:
  explicit Sending(polymeter::PushTransport& transport) : transport_(transport) {}

  bool Append(std::string_view bytes) override {
    message_ += bytes;
    return true;
  }
  bool EndMessage(std::size_t) override {
    const auto result =
        transport_.Send(message_, std::chrono::steady_clock::now() + std::chrono::seconds(30));
    if (result.outcome != polymeter::SendResult::Outcome::kSent) {
      std::fprintf(stderr, "not sent: %s\n", result.message.c_str());
      return false;
    }
    ++packets;
    lines += 1 + std::count(message_.begin(), message_.end(), '\n');
    message_.clear();
    return true;
  }

  long packets = 0;
  long lines = 0;

 private:
  polymeter::PushTransport& transport_;
  std::string message_;
};

class Sender {
 public:
  explicit Sender(const BackendOptions& options)
      : encoder_(std::move(polymeter::detail::StatsdBackendInfo().make_encoder(options).value())),
        cache_(encoder_->MakeCache()),
        transport_(polymeter::detail::MakeDatagramTransport(
            {.target = *polymeter::detail::ParseDatagramUrl(options.Text("address"), 0)})),
        sink_(*transport_) {}

  bool Flush(const Snapshot& snapshot) {
    transport_->BeginBatch();
    const auto report = encoder_->Encode(snapshot, cache_.get(), sink_);
    for (const auto& drop : report.dropped) dropped_[std::string(drop.reason)] += drop.points;
    return report.complete;
  }
  const Sending& sink() const { return sink_; }
  const std::map<std::string, std::uint64_t>& dropped() const { return dropped_; }

 private:
  std::unique_ptr<polymeter::Encoder> encoder_;
  std::unique_ptr<polymeter::EncoderCache> cache_;
  std::unique_ptr<polymeter::PushTransport> transport_;
  Sending sink_;
  std::map<std::string, std::uint64_t> dropped_;
};

bool SendCorpus(Sender& sender, const std::string& directory) {
  receivers::Truth truth;
  const polymeter::Metrics metrics(receivers::Corpus::BaseOptions(truth));
  const receivers::Corpus corpus(metrics, truth);
  polymeter::DeltaOptions differences;
  differences.counters = differences.histograms = differences.summaries = true;
  polymeter::detail::DeltaStage delta(differences);
  if (!sender.Flush(delta.Apply(metrics.TakeSnapshot()))) return false;
  for (const auto& [reason, points] : sender.dropped()) truth.Dropped("statsd", reason, points);
  std::ofstream(directory + "/truth.json") << truth.Json();
  return sender.Flush(delta.Apply(metrics.TakeSnapshot()));
}

// Values are whole eighths, so that sums are exact in any order.
Snapshot Timings(int flush) {
  polymeter::testing::SnapshotBuilder builder;
  polymeter::FamilySink& sink = builder.sink();
  using polymeter::MetricType;
  sink.BeginFamily(MetricType::kCounter, "jobs_total", "");
  sink.Counter({{"kind", "whole"}}, std::uint64_t{3} + static_cast<std::uint64_t>(flush));
  sink.Counter({{"kind", "part"}}, 0.125);
  if (flush == 0) sink.Counter({{"kind", "once"}}, std::uint64_t{1});
  sink.BeginFamily(MetricType::kGauge, "level", "");
  const std::vector<std::vector<double>> levels = {{5, 7},  {5, -7}, {-5, 7},  {-5, -7},
                                                   {0, -7}, {-5, 0}, {-5, -5}, {0.125, -0.125}};
  for (std::size_t i = 0; i < levels.size(); ++i) {
    sink.Gauge({{"n", std::to_string(i)}}, levels[i][static_cast<std::size_t>(flush)]);
  }
  std::vector<std::vector<double>> observations;
  const auto histogram = [&](const std::string& n, std::uint64_t count, std::vector<double> kept) {
    const polymeter::Label label{"n", n};
    const double bound = 1;
    const std::uint64_t buckets[] = {count, 0};
    sink.Histogram(&label, 1, &bound, 1, buckets, 0);
    observations.push_back(std::move(kept));
  };
  sink.BeginFamily(MetricType::kHistogram, "size_bytes", "", "bytes");
  histogram("some", 20, {100, 200, 300});  // 7 7 6
  sink.BeginFamily(MetricType::kHistogram, "wait_seconds", "", "seconds");
  histogram("all", 3, {0.25, 0.5, 0.125});
  histogram("some", 100, {0.25, 0.5, 0.125, 1, 2, 3, 4});  // 15 15 14 14 14 14 14
  histogram("one", 93, {0.5});                             // 1 / (1 / 93.0) is less than 93
  histogram("most", 11, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10});
  histogram("none kept", 30, {});  // 0.5 for 30
  histogram("zero", 2, {0, 0});
  std::vector<double> many;
  for (int i = 0; i < 90; ++i) many.push_back(0.125 * i);
  histogram("packed", 90, many);
  // Exponential buckets alone, of which nothing was kept: (1, 4], (16, 64] and two zeros.
  const std::uint64_t populated[] = {1, 0, 4};
  polymeter::NativeHistogram native;
  native.schema = -1;
  native.zero_count = 2;
  native.positive = {1, 3, populated};
  native.count = 7;
  polymeter::HistogramPoint point{
      polymeter::SeriesView(nullptr), nullptr, &native.count, 0, native.count, 0};
  point.native = &native;
  const polymeter::Label label{"n", "exponential"};
  sink.Histogram(&label, 1, point);
  return polymeter::testing::Recorded(builder, std::move(observations));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 64;
  polymeter::StringPairs settings;
  for (int i = 3; i < argc; ++i) {
    const std::string setting = argv[i];
    const std::size_t equals = setting.find('=');
    settings.emplace_back(setting.substr(0, equals), setting.substr(equals + 1));
  }
  polymeter::detail::Problems problems;
  const BackendOptions options =
      polymeter::detail::ResolveOptions("statsd", polymeter::detail::StatsdBackendInfo().options,
                                        polymeter::detail::Environment(settings), {}, problems);
  if (!problems.empty()) {
    std::fprintf(stderr, "%s\n", problems.Message().c_str());
    return 64;
  }
  Sender sender(options);
  const bool sent = argv[1] == std::string("corpus")
                        ? SendCorpus(sender, argv[2])
                        : sender.Flush(Timings(0)) && sender.Flush(Timings(1));
  if (!sent) return 2;
  std::printf("sent %ld %ld\n", sender.sink().packets, sender.sink().lines);
  return 0;
}
