// libFuzzer: families as the input describes them, through both OTLP encoders. Every message must
// be one that a reader which shares nothing with the encoder takes, below the limit, and every
// point must be accounted for.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "exporters/otlp/json_scan.h"
#include "exporters/otlp/otlp_encoder.h"
#include "exporters/otlp/request_reader_for_test.h"
#include "sdk/testing/snapshot_builder.h"

namespace {

using namespace polymeter;

void Need(bool holds) {
  if (!holds) std::abort();
}

// Takes values off the input; zeros when it is at its end.
class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}
  template <class T>
  T Take() {
    T value{};
    const std::size_t n = std::min(sizeof(T), size_);
    std::memcpy(&value, data_, n);
    data_ += n;
    size_ -= n;
    return value;
  }
  std::string Text() {
    const std::size_t n = std::min<std::size_t>(Take<std::uint8_t>(), size_);
    std::string text(reinterpret_cast<const char*>(data_), n);
    data_ += n;
    size_ -= n;
    return text;
  }
  bool empty() const { return size_ == 0; }

 private:
  const std::uint8_t* data_;
  std::size_t size_;
};

// Exponential buckets as the input likes them, of which the sink refuses the impossible.
struct Native {
  explicit Native(Input& in) {
    view.schema = in.Take<std::int8_t>() % 12;
    view.zero_threshold = in.Take<double>();
    view.zero_count = in.Take<std::uint32_t>();
    view.count = view.zero_count;
    std::size_t range = 0;
    for (NativeBuckets* const buckets : {&view.positive, &view.negative}) {
      std::vector<std::uint64_t>& own = counts[range++];
      own.resize(in.Take<std::uint8_t>());
      for (std::uint64_t& count : own) {
        count = in.Take<std::uint64_t>() >> in.Take<std::uint8_t>() % 64;
        view.count += count;
      }
      *buckets = {in.Take<std::int32_t>() % (1 << 21), static_cast<std::uint32_t>(own.size()),
                  own.data()};
    }
    view.positive_infinite = in.Take<std::uint8_t>() % 2;
    view.count += view.positive_infinite;
  }
  NativeHistogram view;
  std::vector<std::uint64_t> counts[2];
};

struct Exemplars {
  explicit Exemplars(Input& in) : values(in.Take<std::uint8_t>() % 4) {
    text = in.Text();
    label = {text, text};
    for (Exemplar& exemplar : values) {
      exemplar = {in.Take<double>(), in.Take<std::int64_t>(), {}, &label, 1, 0};
      exemplar.trace.trace_id = in.Take<std::array<std::uint8_t, 16>>();
      exemplar.trace.span_id = in.Take<std::array<std::uint8_t, 8>>();
    }
  }
  std::string text;
  Label label;
  std::vector<Exemplar> values;
};

void AddRichPoint(FamilySink& sink, Input& in, const Label* labels, std::size_t count) {
  const std::uint8_t parts = in.Take<std::uint8_t>();
  const Native native(in);
  const Exemplars exemplars(in);
  const double bound = 1;
  const std::uint64_t buckets[] = {in.Take<std::uint32_t>(), in.Take<std::uint32_t>()};
  HistogramPoint point{SeriesView(nullptr),     &bound,           buckets, 1,
                       buckets[0] + buckets[1], in.Take<double>()};
  if (parts % 4 == 0) {
    point.bound_count = 0;
    point.count = buckets[0];
  }
  if (parts % 8 < 7) point.native = &native.view;
  point.exemplars = exemplars.values.data();
  point.exemplar_count = static_cast<std::uint32_t>(exemplars.values.size());
  sink.Histogram(labels, count, point);
}

void AddPoint(FamilySink& sink, Input& in, int kind, const std::vector<Label>& labels) {
  const Label* const l = labels.data();
  const std::size_t n = labels.size();
  switch (kind) {
    case 0:
      switch (in.Take<std::uint8_t>() % 3) {
        case 0:
          return sink.Counter(l, n, in.Take<std::uint64_t>());
        case 1:
          if (const Exemplars exemplars(in); !exemplars.values.empty()) {
            return sink.Counter(l, n, in.Take<std::uint64_t>(), exemplars.values.front());
          }
      }
      return sink.Counter(l, n, in.Take<double>());
    case 1:
      return sink.Gauge(l, n, in.Take<double>());
    case 2: {
      if (in.Take<std::uint8_t>() % 2 != 0) return AddRichPoint(sink, in, l, n);
      std::vector<double> bounds(in.Take<std::uint8_t>() % 20);
      for (double& bound : bounds) bound = in.Take<double>();
      std::vector<std::uint64_t> buckets(bounds.size() + 1);
      for (std::uint64_t& bucket : buckets) bucket = in.Take<std::uint32_t>();
      return sink.Histogram(l, n, bounds.data(), bounds.size(), buckets.data(), in.Take<double>());
    }
    case 3: {
      std::vector<Quantile> quantiles(in.Take<std::uint8_t>() % 10);
      for (Quantile& quantile : quantiles) quantile = {in.Take<double>(), in.Take<double>()};
      return sink.Summary(l, n, quantiles.data(), quantiles.size(), in.Take<std::uint64_t>(),
                          in.Take<double>());
    }
    case 4:
      return sink.Info(l, n);
    default:
      return sink.Unknown(l, n, in.Take<double>());
  }
}

Snapshot SnapshotOf(Input& in) {
  testing::SnapshotBuilder builder;
  builder.Resource(in.Text(), in.Text()).Resource("process.pid", in.Text());
  builder.Time(SystemTime(std::chrono::seconds(in.Take<std::uint32_t>())));
  builder.Generation(in.Take<std::uint8_t>() % 2,
                     SystemTime(std::chrono::seconds(in.Take<std::uint32_t>())));
  while (!in.empty()) {
    const int kind = in.Take<std::uint8_t>() % 6;
    builder.sink().BeginFamily(static_cast<MetricType>(kind),
                               "f" + std::to_string(in.Take<std::uint8_t>()), in.Text(), in.Text());
    for (int points = in.Take<std::uint8_t>() % 20; points >= 0; --points) {
      const std::string values[] = {in.Text(), in.Text()};
      std::vector<Label> labels;
      const int count = in.Take<std::uint8_t>() % 3;
      const char* const names[] = {"a", "otel_metric_overflow"};
      for (int i = 0; i < count; ++i) labels.push_back({names[i], values[i]});
      AddPoint(builder.sink(), in, kind, labels);
    }
  }
  return builder.Build();
}

class Reader : public MessageSink {
 public:
  Reader(bool json, std::size_t limit) : json_(json), limit_(limit) {}
  bool Append(std::string_view bytes) override {
    open_ += bytes;
    return true;
  }
  bool EndMessage(std::size_t count) override {
    Need(open_.size() <= limit_ && count != 0);
    std::size_t found = 0;
    if (json_) {
      Need(detail::ScanJson(open_, [&found](std::string_view path, std::string_view) {
        found += path.ends_with(".dataPoints.timeUnixNano") ? 1 : 0;
      }));
    } else {
      for (const auto& metric : testing::RequestReader::Read(open_).metrics) {
        found += metric.points.size();
      }
    }
    Need(found == count);
    points += count;
    all += open_;
    open_.clear();
    return true;
  }
  std::size_t points = 0;
  std::string all;

 private:
  const bool json_;
  const std::size_t limit_;
  std::string open_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input in(data, size);
  const std::size_t limit = 600 + in.Take<std::uint16_t>();
  const Snapshot snapshot = SnapshotOf(in);
  for (const bool json : {false, true}) {
    const auto encoder = detail::MakeOtlpEncoder({.json = json, .max_request_bytes = limit});
    const auto cache = encoder->MakeCache();
    std::string first;
    for (int turn = 0; turn < 2; ++turn) {
      Reader reader(json, limit);
      const EncodeReport report = encoder->Encode(snapshot, cache.get(), reader);
      std::uint64_t dropped = 0;
      for (const auto& drop : report.dropped) dropped += drop.points;
      Need(report.complete && report.points == reader.points);
      Need(report.points + dropped == snapshot.size());
      if (turn == 0) first = reader.all;
      Need(reader.all == first);
    }
  }
  return 0;
}
