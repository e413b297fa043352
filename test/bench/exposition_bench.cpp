// Target 5: the whole text page, from the live cells to the sink, with warm caches.
//
// polymeter: TakeSnapshot and Encode with a kept EncoderCache. scrape: the same through the public
// polymeter::Scrape. protobuf: that in protobuf. limit: head_limit.h. prom: Collect and Serialize.
// All but the last give their bytes in chunks to a sink that counts them; that our page has the
// lines of the limit's is checked before anything is measured. The counter `allocations` is
// operator new's calls for one page.
#include <benchmark/benchmark.h>
#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "polymeter/polymeter.h"
#include "test/bench/allocations.h"
#include "test/bench/head_limit.h"
#include "test/bench/workload.h"
#if defined(POLYMETER_STATIC)
#include "exporters/common/exposition/text_encoder.h"
#endif

namespace polymeter_bench {
namespace {

enum class Kind { kIntegers, kFractions, kHistograms };

constexpr std::string_view kCounterName = "bench_requests_total";
constexpr std::string_view kHistogramName = "bench_duration_seconds";
constexpr std::size_t kBuckets = 13;

std::string Help(std::string_view name, std::string_view type) {
  return "# HELP " + std::string(name) + " What is measured.\n# TYPE " + std::string(name) + " " +
         std::string(type) + "\n";
}

std::string LabelsText(const SeriesLabels& labels) {
  return "method=\"" + labels.method + "\",route=\"" + labels.route + "\",status=\"" +
         labels.status + "\"";
}

// How often series `i` has observed the value in the middle of bucket `bucket`.
std::uint64_t ObservationsOf(std::size_t i, std::size_t bucket) {
  return 1 + (i * 7 + bucket * 3) % 40;
}
double ObservedIn(std::size_t bucket) {
  return bucket == 0 ? 0.0005 : bucket == kBuckets - 1 ? 7.5 : Bounds()[bucket] * 0.9;
}

// --- sinks ------------------------------------------------------------------------------------

class CountingSink : public polymeter::MessageSink, public polymeter::ScrapeSink {
 public:
  bool Append(std::string_view bytes) override { return Take(bytes); }
  bool EndMessage(std::size_t) override { return true; }
  void Begin(std::string_view, std::string_view) override {}
  bool Write(std::string_view bytes) override { return Take(bytes); }
  std::size_t bytes() const { return bytes_; }

 private:
  bool Take(std::string_view bytes) {
    const char* data = bytes.data();
    benchmark::DoNotOptimize(data);
    benchmark::ClobberMemory();
    bytes_ += bytes.size();
    return true;
  }
  std::size_t bytes_ = 0;
};

class PageSink : public polymeter::MessageSink, public polymeter::ScrapeSink {
 public:
  bool Append(std::string_view bytes) override { return Write(bytes); }
  bool EndMessage(std::size_t) override { return true; }
  void Begin(std::string_view, std::string_view) override {}
  bool Write(std::string_view bytes) override {
    page_.append(bytes);
    return true;
  }
  // The lines about our families, in one order.
  std::vector<std::string> Lines() const {
    std::vector<std::string> lines;
    for (std::size_t begin = 0; begin < page_.size();) {
      const std::size_t end = std::min(page_.find('\n', begin), page_.size());
      const std::string_view line(page_.data() + begin, end - begin);
      if (line.find("bench_") != std::string_view::npos) lines.emplace_back(line);
      begin = end + 1;
    }
    std::sort(lines.begin(), lines.end());
    return lines;
  }

 private:
  std::string page_;
};

// --- contenders: each fills itself with `count` series and writes a page to a sink ------------

class Limit {
 public:
  Limit(Kind kind, std::size_t count)
      : kind_(kind),
        slots_(kind == Kind::kHistograms ? count * kBuckets : count),
        doubles_(kind == Kind::kIntegers ? 0 : count) {
    for (std::size_t i = 0; i < count; ++i) {
      const std::string labels = LabelsText(LabelsOf(i));
      if (kind == Kind::kHistograms) {
        AddHistogram(i, labels);
        continue;
      }
      heads_.Add(std::string(kCounterName) + "{" + labels + "} ");
      slots_.Set(i, AmountOf(i));
      if (kind == Kind::kFractions && IsFractional(i)) doubles_.Set(i, FractionOf(i));
    }
  }

  void Write(polymeter::MessageSink& sink) const {
    ChunkWriter out(sink);
    if (kind_ == Kind::kHistograms) {
      out.Text(Help(kHistogramName, "histogram"));
      WriteHistograms(out);
    } else {
      out.Text(Help(kCounterName, "counter"));
      for (std::size_t i = 0; i < heads_.size(); ++i) {
        out.Text(heads_[i]);
        const std::uint64_t whole = slots_.Sum(i);
        const double part = kind_ == Kind::kFractions ? doubles_.Sum(i) : 0;
        if (part == 0) {
          out.Number(whole);
        } else {
          out.Number(static_cast<double>(whole) + part);
        }
      }
    }
    out.Flush();
  }

 private:
  void AddHistogram(std::size_t i, const std::string& labels) {
    const std::string name(kHistogramName);
    double sum = 0;
    for (std::size_t bucket = 0; bucket < kBuckets; ++bucket) {
      char bound[32] = "+Inf";
      if (bucket + 1 < kBuckets) *std::to_chars(bound, bound + 31, Bounds()[bucket]).ptr = '\0';
      heads_.Add(name + "_bucket{" + labels + ",le=\"" + bound + "\"} ");
      const std::uint64_t count = ObservationsOf(i, bucket);
      slots_.Set(i * kBuckets + bucket, count);
      for (std::uint64_t n = 0; n < count; ++n) sum += ObservedIn(bucket);
    }
    heads_.Add(name + "_sum{" + labels + "} ");
    heads_.Add(name + "_count{" + labels + "} ");
    doubles_.Set(i, sum);
  }

  void WriteHistograms(ChunkWriter& out) const {
    const std::size_t count = heads_.size() / (kBuckets + 2);
    std::size_t head = 0;
    for (std::size_t i = 0; i < count; ++i) {
      std::uint64_t below = 0;
      for (std::size_t bucket = 0; bucket < kBuckets; ++bucket) {
        below += slots_.Sum(i * kBuckets + bucket);
        out.Text(heads_[head++]);
        out.Number(below);
      }
      out.Text(heads_[head++]);
      out.Number(doubles_.Sum(i));
      out.Text(heads_[head++]);
      out.Number(below);
    }
  }

  Kind kind_;
  Heads heads_;
  LiveSlots slots_;
  LiveDoubles doubles_;
};

polymeter::Metrics FilledMetrics(Kind kind, std::size_t count) {
  polymeter::Metrics metrics(polymeter::Options().Consumer().SeriesLimit(0));
  if (kind == Kind::kHistograms) {
    const auto family =
        metrics.Histogram(kHistogramName, "What is measured.", {"method", "route", "status"},
                          polymeter::FamilyOptions().Buckets(Bounds()));
    for (std::size_t i = 0; i < count; ++i) {
      const SeriesLabels labels = LabelsOf(i);
      const auto histogram = family.With(labels.method, labels.route, labels.status);
      for (std::size_t bucket = 0; bucket < kBuckets; ++bucket) {
        const std::uint64_t times = ObservationsOf(i, bucket);
        for (std::uint64_t n = 0; n < times; ++n) histogram.Observe(ObservedIn(bucket));
      }
    }
    return metrics;
  }
  const auto family =
      metrics.Counter(kCounterName, "What is measured.", {"method", "route", "status"});
  for (std::size_t i = 0; i < count; ++i) {
    const SeriesLabels labels = LabelsOf(i);
    const auto counter = family.With(labels.method, labels.route, labels.status);
    counter.Increment(AmountOf(i));
    if (kind == Kind::kFractions && IsFractional(i)) counter.Increment(FractionOf(i));
  }
  return metrics;
}

#if defined(POLYMETER_STATIC)
class Polymeter {
 public:
  Polymeter(Kind kind, std::size_t count) : metrics_(FilledMetrics(kind, count)) {}
  void Write(polymeter::MessageSink& sink) {
    const polymeter::Snapshot snapshot = metrics_.TakeSnapshot();
    encoder_->Encode(snapshot, cache_.get(), sink);
  }

 private:
  polymeter::Metrics metrics_;
  std::unique_ptr<polymeter::Encoder> encoder_ = polymeter::MakeTextEncoder();
  std::unique_ptr<polymeter::EncoderCache> cache_ = encoder_->MakeCache();
};
#endif

class PublicScrape {
 public:
  PublicScrape(Kind kind, std::size_t count) : metrics_(FilledMetrics(kind, count)) {}
  template <class Sink>
  void Write(Sink& sink) {
    const polymeter::Status status = polymeter::Scrape(metrics_, polymeter::ScrapeRequest(), sink);
    benchmark::DoNotOptimize(status.ok());
  }

 private:
  polymeter::Metrics metrics_;
};

class ProtobufScrape {
 public:
  ProtobufScrape(Kind kind, std::size_t count) : metrics_(FilledMetrics(kind, count)) {}
  template <class Sink>
  void Write(Sink& sink) {
    polymeter::ScrapeRequest request;
    request.accept =
        "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;"
        "encoding=delimited";
    const polymeter::Status status = polymeter::Scrape(metrics_, request, sink);
    benchmark::DoNotOptimize(status.ok());
  }

 private:
  polymeter::Metrics metrics_;
};

class Prom {
 public:
  Prom(Kind kind, std::size_t count) {
    if (kind == Kind::kHistograms) {
      auto& family = prometheus::BuildHistogram()
                         .Name(std::string(kHistogramName))
                         .Help("What is measured.")
                         .Register(registry_);
      for (std::size_t i = 0; i < count; ++i) {
        const SeriesLabels labels = LabelsOf(i);
        std::vector<double> counts;
        double sum = 0;
        for (std::size_t bucket = 0; bucket < kBuckets; ++bucket) {
          counts.push_back(static_cast<double>(ObservationsOf(i, bucket)));
          sum += counts.back() * ObservedIn(bucket);
        }
        family
            .Add({{"method", labels.method}, {"route", labels.route}, {"status", labels.status}},
                 Bounds())
            .ObserveMultiple(counts, sum);
      }
      return;
    }
    auto& family = prometheus::BuildCounter()
                       .Name(std::string(kCounterName))
                       .Help("What is measured.")
                       .Register(registry_);
    for (std::size_t i = 0; i < count; ++i) {
      const SeriesLabels labels = LabelsOf(i);
      auto& counter = family.Add(
          {{"method", labels.method}, {"route", labels.route}, {"status", labels.status}});
      counter.Increment(static_cast<double>(AmountOf(i)));
      if (kind == Kind::kFractions && IsFractional(i)) counter.Increment(FractionOf(i));
    }
  }
  template <class Sink>
  void Write(Sink& sink) const {
    const std::string page = prometheus::TextSerializer().Serialize(registry_.Collect());
    sink.Append(page);
  }

 private:
  prometheus::Registry registry_;
};

// --- measurement ------------------------------------------------------------------------------

// Ours must be the limit's page, line for line.
template <class Contender>
bool SameLinesAsLimit(Kind kind) {
  PageSink expected;
  Limit(kind, 1000).Write(expected);
  PageSink actual;
  Contender(kind, 1000).Write(actual);
  return expected.Lines() == actual.Lines();
}

template <class Contender, Kind kKind, std::size_t kCount, bool kOurs>
void WritePage(benchmark::State& state) {
  static const bool kSame = !kOurs || SameLinesAsLimit<Contender>(kKind);
  if (!kSame) {
    state.SkipWithError("the page differs from the limit's");
    return;
  }
  static Contender contender(kKind, kCount);
  if (kOurs) {  // fills the cache
    CountingSink sink;
    contender.Write(sink);
  }
  {
    CountingSink sink;
    const AllocationCount count;
    contender.Write(sink);
    state.counters["allocations"] = static_cast<double>(count.value());
    state.counters["bytes"] = static_cast<double>(sink.bytes());
  }
  for (auto _ : state) {
    CountingSink sink;
    contender.Write(sink);
  }
}

#define POLYMETER_BENCH(Contender, kind, count, ours, name) \
  BENCHMARK(WritePage<Contender, kind, count, ours>)        \
      ->Name("exposition/" name)                            \
      ->UseRealTime()                                       \
      ->Unit(benchmark::kMillisecond)
#define POLYMETER_BENCH_ALL(Contender, ours, name)                                      \
  POLYMETER_BENCH(Contender, Kind::kIntegers, 10000, ours, name "/counters/10000");     \
  POLYMETER_BENCH(Contender, Kind::kIntegers, 100000, ours, name "/counters/100000");   \
  POLYMETER_BENCH(Contender, Kind::kFractions, 100000, ours, name "/fractions/100000"); \
  POLYMETER_BENCH(Contender, Kind::kHistograms, 10000, ours, name "/histograms/10000")

POLYMETER_BENCH_ALL(Limit, false, "limit");
#if defined(POLYMETER_STATIC)
POLYMETER_BENCH_ALL(Polymeter, true, "polymeter");
#endif
POLYMETER_BENCH_ALL(PublicScrape, true, "scrape");
// Not of lines; its first page fills the cache.
POLYMETER_BENCH_ALL(ProtobufScrape, false, "protobuf");
POLYMETER_BENCH_ALL(Prom, false, "prom");

}  // namespace
}  // namespace polymeter_bench
