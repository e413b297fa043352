// From any bytes to a snapshot, from the snapshot through the encoder that they name, and from what
// it wrote through a parser that shares no code with us. Aborts where a parser refuses, where a
// value that it reads is not the snapshot's, where an encoder does not account for every point, or
// where a warm cache gives other bytes.
#include <google/protobuf/unknown_field_set.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "exporters/backends.h"
#include "sdk/src/delta.h"
#include "sdk/testing/snapshot_builder.h"
#include "test/fuzz/page_reader.h"

namespace {

using polymeter::Encoder;
using polymeter::MetricType;
using polymeter::Snapshot;

[[noreturn]] void Fail(std::string_view encoder, std::string_view why, std::string_view message) {
  std::fprintf(stderr, "%.*s: %.*s:\n%.*s\n", static_cast<int>(encoder.size()), encoder.data(),
               static_cast<int>(why.size()), why.data(), static_cast<int>(message.size()),
               message.data());
  std::abort();
}

// --- from bytes to a snapshot -----------------------------------------------------------------

class Bytes {
 public:
  Bytes(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}
  bool empty() const { return size_ == 0; }
  std::uint8_t Byte() {
    if (size_ == 0) return 0;
    --size_;
    return *data_++;
  }
  std::string Text() {
    std::string text;
    for (std::size_t left = Byte() % 12; left > 0; --left) text += static_cast<char>(Byte());
    return text;
  }
  // Small integers, special values, and any bits.
  double Number() {
    static constexpr double kSpecial[] = {0.0, -0.0, 1e308, 5e-324, 9007199254740993.0, 0.1, -1.5};
    const std::uint8_t kind = Byte();
    if (kind < 100) return kind;
    if (kind < 150) return kSpecial[kind % std::size(kSpecial)];
    std::uint64_t bits = 0;
    for (int i = 0; i < 8; ++i) bits = bits << 8 | Byte();
    double number = 0;
    std::memcpy(&number, &bits, sizeof(number));
    return number;
  }

 private:
  const std::uint8_t* data_;
  std::size_t size_;
};

polymeter::Exemplar ExemplarOf(Bytes& bytes, const polymeter::Label (&labels)[1], double value,
                               std::uint32_t bucket) {
  polymeter::Exemplar exemplar{};
  exemplar.value = value;
  exemplar.unix_nanos = 1799999999123456789;
  exemplar.trace.trace_id[0] = exemplar.trace.span_id[7] = bytes.Byte() % 2;
  exemplar.labels = labels;
  exemplar.label_count = bytes.Byte() % 2;
  exemplar.bucket = bucket;
  return exemplar;
}

// With explicit buckets, exponential ones, or both.
void AddHistogram(polymeter::FamilySink& sink, const polymeter::Label* labels, std::size_t count,
                  Bytes& bytes) {
  const double bounds[] = {-1, 0.5, 2};
  const std::uint64_t buckets[] = {bytes.Byte(), bytes.Byte(), bytes.Byte(), bytes.Byte()};
  const std::uint64_t total = buckets[0] + buckets[1] + buckets[2] + buckets[3];
  const std::uint8_t form = bytes.Byte() % 4;
  if (form == 0) {
    sink.Histogram(labels, count, bounds, 3, buckets, bytes.Number());
    return;
  }
  polymeter::NativeHistogram native;
  std::vector<std::uint64_t> positive;
  std::vector<std::uint64_t> negative;
  native.schema = bytes.Byte() % 13 - 4;
  native.zero_threshold = bytes.Byte() % 2 == 0 ? 0 : 0.001;
  native.zero_count = bytes.Byte() % 4;
  native.positive_infinite = bytes.Byte() % 8 == 0 ? 1 : 0;
  native.negative_infinite = bytes.Byte() % 8 == 0 ? 2 : 0;
  native.count = native.zero_count + native.positive_infinite + native.negative_infinite;
  for (auto* const counts : {&positive, &negative}) {
    for (int left = bytes.Byte() % 12; left > 0; --left) {
      const std::uint8_t byte = bytes.Byte();
      counts->push_back(byte % 3 == 0 ? 0 : byte == 255 ? 9007199254740993u : byte);
      native.count += counts->back();
    }
  }
  native.positive = {bytes.Byte() - 128, static_cast<std::uint32_t>(positive.size()),
                     positive.data()};
  native.negative = {bytes.Byte() - 128, static_cast<std::uint32_t>(negative.size()),
                     negative.data()};
  const std::string text = bytes.Text();
  const polymeter::Label free[] = {{"job", text}};
  // In its bucket, or somewhere.
  const polymeter::Exemplar exemplars[] = {
      ExemplarOf(bytes, free, form == 1 ? bytes.Number() : 1.25, form == 1 ? 0 : 2)};
  polymeter::HistogramPoint point{
      polymeter::SeriesView(nullptr), bounds, buckets, 3, total, bytes.Number()};
  if (form == 1) {
    point.bound_count = 0;
    point.buckets = &native.count;
    point.count = native.count;
  }
  if (form != 2) point.native = &native;
  if (form == 3 && native.count < total) point.native = nullptr;
  point.exemplars = exemplars;
  point.exemplar_count = bytes.Byte() % 2;
  sink.Histogram(labels, count, point);
}

Snapshot SnapshotOf(Bytes& bytes, bool labelled) {
  polymeter::testing::SnapshotBuilder builder;
  polymeter::FamilySink& sink = builder.sink();
  builder.Resource("service.name", "fuzz").Resource("team", "t");
  builder.Time(polymeter::SystemTime(std::chrono::seconds(1800000000)));
  if (labelled) builder.Generation(1 + bytes.Byte() % 3);
  const bool utf8 = bytes.Byte() % 4 == 0;  // names that formats quote, escape or narrow
  if (utf8) builder.Names(polymeter::NameValidation::kUtf8);
  for (int family = 0; family < 12 && !bytes.empty(); ++family) {
    const auto type = static_cast<MetricType>(bytes.Byte() % 6);
    std::string name = "f" + std::to_string(bytes.Byte() % 20) + "_total";
    if (utf8) name = bytes.Text() + (bytes.Byte() % 2 == 0 ? "." : "_") + name;
    sink.BeginFamily(type, name, bytes.Text(), bytes.Byte() % 4 == 0 ? "total" : "");
    for (int series = bytes.Byte() % 6; series > 0; --series) {
      const std::string values[] = {bytes.Text(), bytes.Text()};
      const polymeter::Label labels[] = {{utf8 ? "b.2" : "a", values[0]}, {"b_2", values[1]}};
      const std::size_t count = bytes.Byte() % 3;
      switch (type) {
        case MetricType::kCounter:
          if (bytes.Byte() % 4 == 0) {
            const std::string text = bytes.Text();
            const polymeter::Label free[] = {{"job", text}};
            sink.Counter(labels, count, bytes.Byte(), ExemplarOf(bytes, free, bytes.Number(), 0));
          } else {
            sink.Counter(labels, count, bytes.Number());
          }
          break;
        case MetricType::kGauge:
          sink.Gauge(labels, count, bytes.Number());
          break;
        case MetricType::kUnknown:
          sink.Unknown(labels, count, bytes.Number());
          break;
        case MetricType::kInfo:
          sink.Info(labels, count);
          break;
        case MetricType::kHistogram:
          AddHistogram(sink, labels, count, bytes);
          break;
        case MetricType::kSummary: {
          const polymeter::Quantile quantiles[] = {{0.5, bytes.Number()}, {0.9, bytes.Number()}};
          sink.Summary(labels, count, quantiles, 2, bytes.Byte(), bytes.Number());
          break;
        }
      }
    }
  }
  return builder.Build();
}

// --- independent parsers ----------------------------------------------------------------------

// The numbers of counters, gauges and families without a type that a message holds; nothing: it
// does not parse.
using Scalars = std::optional<std::vector<double>>;

// Into `scalars`, of one document. A number that JSON cannot hold is a string.
bool AddJson(std::string_view text, std::vector<double>& scalars) {
  const auto document = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (document.is_discarded()) return false;
  if (!document.contains("families")) return true;  // OTLP's, which IsOtlpJson looks at
  for (const auto& family : document["families"]) {
    for (const auto& series : family["series"]) {
      if (!series.contains("value")) continue;
      const auto& value = series["value"];
      scalars.push_back(value.is_string() ? std::strtod(value.get<std::string>().c_str(), nullptr)
                                          : value.get<double>());
    }
  }
  return true;
}

Scalars OfJson(std::string_view text) {
  std::vector<double> scalars;
  if (!AddJson(text, scalars)) return std::nullopt;
  return scalars;
}

Scalars OfJsonLine(std::string_view text) {
  if (text.empty() || text.back() != '\n') return std::nullopt;
  text.remove_suffix(1);
  if (text.find('\n') != std::string_view::npos) return std::nullopt;
  return OfJson(text);
}

Scalars OfOtlpJson(std::string_view text) {
  const auto document = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (document.is_discarded()) return std::nullopt;
  std::vector<double> scalars;
  for (const auto& resource : document["resourceMetrics"]) {
    for (const auto& scope : resource["scopeMetrics"]) {
      for (const auto& metric : scope["metrics"]) {
        for (const char* const kind : {"gauge", "sum"}) {
          if (!metric.contains(kind)) continue;
          for (const auto& point : metric[kind]["dataPoints"]) {
            const auto& value = point.contains("asInt") ? point["asInt"] : point["asDouble"];
            scalars.push_back(value.is_string()
                                  ? value == "Infinity" ? HUGE_VAL
                                    : value == "-Infinity"
                                        ? -HUGE_VAL
                                        : std::strtod(value.get<std::string>().c_str(), nullptr)
                                  : value.get<double>());
          }
        }
      }
    }
  }
  return scalars;
}

// Calls visit(message) for every length-delimited field `number`; false where one does not parse.
template <class Visit>
bool EachMessage(const google::protobuf::UnknownFieldSet& fields, int number, const Visit& visit) {
  for (int i = 0; i < fields.field_count(); ++i) {
    const auto& field = fields.field(i);
    if (field.number() != number) continue;
    if (field.type() != google::protobuf::UnknownField::TYPE_LENGTH_DELIMITED) return false;
    google::protobuf::UnknownFieldSet inner;
    if (!inner.ParseFromString(field.length_delimited()) || !visit(inner)) return false;
  }
  return true;
}

double AsDouble(std::uint64_t bits) {
  double value = 0;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

Scalars OfOtlp(std::string_view text) {
  google::protobuf::UnknownFieldSet request;
  if (!request.ParseFromArray(text.data(), static_cast<int>(text.size()))) return std::nullopt;
  std::vector<double> scalars;
  const auto point = [&](const google::protobuf::UnknownFieldSet& fields) {
    for (int i = 0; i < fields.field_count(); ++i) {
      const auto& field = fields.field(i);
      if (field.number() == 4) scalars.push_back(AsDouble(field.fixed64()));
      if (field.number() == 6) {
        scalars.push_back(static_cast<double>(static_cast<std::int64_t>(field.fixed64())));
      }
    }
    return true;
  };
  const auto points = [&](const auto& data) { return EachMessage(data, 1, point); };
  const auto metric = [&](const auto& fields) {
    return EachMessage(fields, 5, points) && EachMessage(fields, 7, points);
  };
  const auto scope = [&](const auto& fields) { return EachMessage(fields, 2, metric); };
  const auto resource = [&](const auto& fields) { return EachMessage(fields, 2, scope); };
  if (request.field_count() != 1 || !EachMessage(request, 1, resource)) return std::nullopt;
  return scalars;
}

// Prometheus' delimited MetricFamily messages.
Scalars OfMetricFamilies(std::string_view text) {
  std::vector<double> scalars;
  while (!text.empty()) {
    std::size_t size = 0;
    for (int shift = 0;; shift += 7) {
      if (text.empty() || shift > 35) return std::nullopt;
      const auto byte = static_cast<unsigned char>(text.front());
      text.remove_prefix(1);
      size |= std::size_t{byte & 0x7Fu} << shift;
      if (byte < 0x80) break;
    }
    if (size > text.size()) return std::nullopt;
    google::protobuf::UnknownFieldSet family;
    if (!family.ParseFromArray(text.data(), static_cast<int>(size))) return std::nullopt;
    text.remove_prefix(size);
    std::string name;
    for (int i = 0; i < family.field_count(); ++i) {
      if (family.field(i).number() == 1) name = family.field(i).length_delimited();
    }
    if (name.size() > 5 && name.compare(name.size() - 5, 5, "_info") == 0) continue;
    const auto value = [&](const google::protobuf::UnknownFieldSet& fields) {
      for (int i = 0; i < fields.field_count(); ++i) {
        if (fields.field(i).number() == 1) scalars.push_back(AsDouble(fields.field(i).fixed64()));
      }
      return true;
    };
    const auto metric = [&](const auto& fields) {
      return EachMessage(fields, 2, value) && EachMessage(fields, 3, value) &&
             EachMessage(fields, 5, value);
    };
    if (!EachMessage(family, 4, metric)) return std::nullopt;
  }
  return scalars;
}

Scalars OfPage(std::string_view text, bool openmetrics) {
  polymeter_fuzz::PageReader reader;
  const std::string trouble = reader.Read(text, openmetrics);
  if (!trouble.empty()) {
    std::fprintf(stderr, "%s\n", trouble.c_str());
    return std::nullopt;
  }
  std::vector<double> scalars;
  for (const auto& [key, sample] : reader.samples) {
    const std::string& name = key.first;
    const bool counter = name.size() > 6 && name.compare(name.size() - 6, 6, "_total") == 0;
    // The families of this fuzzer end in _total; of composite ones only quantiles do.
    if (counter && key.second.count("quantile") == 0) scalars.push_back(sample.value);
  }
  return scalars;
}
Scalars OfText(std::string_view text) { return OfPage(text, false); }
Scalars OfOpenMetrics(std::string_view text) { return OfPage(text, true); }

// RFC 4180, section 2: records of equally many fields, quotes doubled inside quotes.
Scalars OfCsv(std::string_view text) {
  std::vector<double> scalars;
  std::size_t columns = 0;
  std::vector<std::string> record(1);
  for (std::size_t i = 0; i < text.size();) {
    if (text[i] == '"') {
      for (++i;; ++i) {
        if (i >= text.size()) return std::nullopt;
        if (text[i] != '"') {
          record.back() += text[i];
          continue;
        }
        if (i + 1 < text.size() && text[i + 1] == '"') {
          record.back() += text[i++];
          continue;
        }
        ++i;
        break;
      }
    } else {
      while (i < text.size() && text[i] != ',' && text[i] != '\r' && text[i] != '\n') {
        if (text[i] == '"') return std::nullopt;
        record.back() += text[i++];
      }
    }
    if (i < text.size() && text[i] == ',') {
      record.emplace_back();
      ++i;
    } else {
      if (text.substr(i, 2) != "\r\n") return std::nullopt;
      i += 2;
      if (columns == 0) columns = record.size();
      if (record.size() != columns) return std::nullopt;
      const std::string& type = record.at(2);
      if (record.at(4) == "value" && (type == "counter" || type == "gauge" || type == "unknown")) {
        scalars.push_back(std::strtod(record.at(5).c_str(), nullptr));
      }
      record.assign(1, {});
    }
  }
  return scalars;
}

// name:value|type[|@rate][|#tags], nothing outside of the characters that receivers keep.
bool IsStatsdLine(std::string_view line) {
  const std::size_t colon = line.find(':');
  const std::size_t pipe = line.find('|');
  if (colon == 0 || colon == std::string_view::npos || pipe == std::string_view::npos) return false;
  for (const char c : line) {
    if (static_cast<unsigned char>(c) < ' ' || static_cast<unsigned char>(c) == 0x7F) return false;
  }
  std::string_view value = line.substr(colon + 1, pipe - colon - 1);
  if (value.empty()) return false;
  for (const char c : value) {
    if (std::strchr("0123456789.-+:", c) == nullptr) return false;
  }
  const std::string_view type = line.substr(pipe + 1, line.find('|', pipe + 1) - pipe - 1);
  return type == "c" || type == "g" || type == "ms" || type == "h" || type == "d";
}
Scalars OfStatsd(std::string_view text) {
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    if (!IsStatsdLine(text.substr(0, end))) return std::nullopt;
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return std::vector<double>();
}

// --- values -----------------------------------------------------------------------------------

// Orders numbers that -0 and 0, and all NaN, are one.
std::vector<double> Sorted(std::vector<double> values) {
  for (double& value : values) {
    if (std::isnan(value)) value = -HUGE_VAL;  // as good as any: no other value is compared to it
    if (value == 0) value = 0;
  }
  std::sort(values.begin(), values.end());
  return values;
}

std::vector<double> ScalarsOf(const Snapshot& snapshot, bool* info) {
  std::vector<double> values;
  for (const auto& family : snapshot.families()) {
    *info = *info || family.type() == MetricType::kInfo;
    if (const auto* const counters = std::get_if<polymeter::CounterPoints>(&family.points)) {
      for (const auto& point : *counters) values.push_back(point.value());
    } else if (const auto* const gauges = std::get_if<polymeter::GaugePoints>(&family.points)) {
      for (const auto& point : *gauges) values.push_back(point.value);
    } else if (const auto* const unknown = std::get_if<polymeter::UnknownPoints>(&family.points)) {
      for (const auto& point : *unknown) values.push_back(point.value);
    }
  }
  return values;
}

// --- every encoder ----------------------------------------------------------------------------

struct Target {
  std::string backend;
  polymeter::StringPairs settings;
  Scalars (*read)(std::string_view message);
  bool values = true;     // whether it reads the values of counters and gauges
  bool info_too = false;  // an info is a gauge of 1 there
};

class Messages : public polymeter::MessageSink {
 public:
  bool Append(std::string_view bytes) override {
    open_ += bytes;
    return true;
  }
  bool EndMessage(std::size_t points) override {
    points_ += points;
    all.push_back(std::exchange(open_, {}));
    return true;
  }
  std::vector<std::string> all;
  std::size_t points() const { return points_; }

 private:
  std::string open_;
  std::size_t points_ = 0;
};

struct Made {
  Target target;
  std::unique_ptr<Encoder> encoder;
};

const std::vector<Made>& Encoders() {
  static const auto* const kAll = [] {
    const Target targets[] = {
        {"json", {}, OfJson},
        {"json", {{"METRICS_JSON_PRETTY", "true"}}, OfJson},
        {"jsonl", {}, OfJsonLine},
        {"csv", {}, OfCsv},
        {"otlp", {}, OfOtlp, true, true},
        {"otlp", {{"METRICS_OTLP_PROTOCOL", "http/json"}}, OfOtlpJson, true, true},
        {"prometheus", {}, OfText},
        {"prometheus",
         {{"METRICS_PROMETHEUS_FORMAT", "openmetrics"}, {"METRICS_PROMETHEUS_CREATED", "true"}},
         OfOpenMetrics},
        {"prometheus",
         {{"METRICS_PROMETHEUS_FORMAT", "protobuf"}, {"METRICS_PROMETHEUS_CREATED", "true"}},
         OfMetricFamilies},
        {"statsd", {}, OfStatsd, false},
        {"statsd", {{"METRICS_STATSD_DIALECT", "dogstatsd"}}, OfStatsd, false},
        {"statsd", {{"METRICS_STATSD_TAGS", "graphite"}}, OfStatsd, false},
    };
    auto* made = new std::vector<Made>;
    for (const Target& target : targets) {
      for (const auto& row : polymeter::detail::BackendTable()) {
        if (row.name != target.backend || row.info == nullptr) continue;  // left out of the build
        polymeter::detail::Problems problems;
        const auto options = polymeter::detail::ResolveOptions(
            row.name, row.info->options, polymeter::detail::Environment(target.settings), {},
            problems);
        if (!problems.empty()) Fail(target.backend, "options", problems.Message());
        made->push_back({target, std::move(row.info->make_encoder(options).value())});
      }
    }
    return made;
  }();
  return *kAll;
}

void Check(const Made& made, const Snapshot& snapshot) {
  const auto cache = made.encoder->MakeCache();
  std::vector<std::string> first;
  for (int turn = 0; turn < 2; ++turn) {  // cold, warm
    Messages messages;
    const auto report = made.encoder->Encode(snapshot, cache.get(), messages);
    std::uint64_t accounted = report.points;
    for (const auto& drop : report.dropped) accounted += drop.points;
    if (accounted != snapshot.size()) {
      Fail(made.target.backend, "does not account for every point", std::to_string(accounted));
    }
    if (turn == 0) {
      first = messages.all;
    } else if (messages.all != first) {
      Fail(made.target.backend, "writes other bytes with a warm cache", "");
    }
    std::vector<double> read;
    for (const std::string& message : messages.all) {
      const Scalars scalars = made.target.read(message);
      if (!scalars) Fail(made.target.backend, "does not parse", message);
      read.insert(read.end(), scalars->begin(), scalars->end());
    }
    if (!made.target.values) continue;
    bool info = false;
    const std::vector<double> wanted = Sorted(ScalarsOf(snapshot, &info));
    if (info && made.target.info_too) continue;
    read = Sorted(std::move(read));
    const bool all = report.dropped.empty() && !(messages.all.empty() && wanted.empty());
    if (all ? read != wanted
            : !std::includes(wanted.begin(), wanted.end(), read.begin(), read.end())) {
      Fail(made.target.backend, "other values are read back",
           messages.all.empty() ? "" : messages.all.front());
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Bytes bytes(data, size);
  // One of them, not all: an input costs a twelfth.
  const Made& made = Encoders()[bytes.Byte() % Encoders().size()];
  const std::uint8_t form = bytes.Byte();
  const Snapshot snapshot = SnapshotOf(bytes, form % 2 == 0);
  if (form / 2 % 2 == 0) {
    Check(made, snapshot);
  } else {
    polymeter::DeltaOptions all;
    all.counters = all.histograms = all.summaries = true;
    polymeter::detail::DeltaStage delta(all);
    Check(made, delta.Apply(snapshot));
  }
  return 0;
}
