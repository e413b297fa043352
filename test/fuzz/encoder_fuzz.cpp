// From any bytes to a snapshot, from the snapshot through every encoder, and from what it wrote
// through a parser that shares no code with us. Aborts where a parser refuses, where an encoder
// does not account for every point, or where a warm cache gives other bytes.
#include <google/protobuf/unknown_field_set.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "exporters/backends.h"
#include "sdk/src/delta.h"
#include "sdk/testing/snapshot_builder.h"

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

Snapshot SnapshotOf(Bytes& bytes, bool labelled) {
  polymeter::testing::SnapshotBuilder builder;
  polymeter::FamilySink& sink = builder.sink();
  builder.Resource("service.name", "fuzz").Resource("team", "t");
  builder.Time(polymeter::SystemTime(std::chrono::seconds(1800000000)));
  if (labelled) builder.Generation(1 + bytes.Byte() % 3);
  for (int family = 0; family < 12 && !bytes.empty(); ++family) {
    const auto type = static_cast<MetricType>(bytes.Byte() % 6);
    const std::string name = "f" + std::to_string(bytes.Byte() % 20) + "_total";
    sink.BeginFamily(type, name, bytes.Text(), bytes.Byte() % 4 == 0 ? "total" : "");
    for (int series = bytes.Byte() % 6; series > 0; --series) {
      const std::string values[] = {bytes.Text(), bytes.Text()};
      const polymeter::Label labels[] = {{"a", values[0]}, {"b_2", values[1]}};
      const std::size_t count = bytes.Byte() % 3;
      switch (type) {
        case MetricType::kCounter:
          sink.Counter(labels, count, bytes.Number());
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
        case MetricType::kHistogram: {
          const double bounds[] = {-1, 0.5, 2};
          const std::uint64_t buckets[] = {bytes.Byte(), bytes.Byte(), bytes.Byte(), bytes.Byte()};
          sink.Histogram(labels, count, bounds, 3, buckets, bytes.Number());
          break;
        }
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

// nlohmann's parser: strict JSON, strict UTF-8.
bool IsJson(std::string_view text) { return nlohmann::json::accept(text); }

bool IsJsonLine(std::string_view text) {
  return !text.empty() && text.back() == '\n' &&
         text.substr(0, text.size() - 1).find('\n') == std::string_view::npos &&
         IsJson(text.substr(0, text.size() - 1));
}

bool IsProtobuf(std::string_view text) {
  google::protobuf::UnknownFieldSet fields;
  return fields.ParseFromArray(text.data(), static_cast<int>(text.size())) &&
         fields.field_count() == 1 && fields.field(0).number() == 1;
}

// RFC 4180, section 2: records of equally many fields, quotes doubled inside quotes.
bool IsCsv(std::string_view text) {
  std::size_t columns = 0;
  std::size_t fields = 1;
  for (std::size_t i = 0; i < text.size();) {
    if (text[i] == '"') {
      for (++i;; ++i) {
        if (i >= text.size()) return false;
        if (text[i] != '"') continue;
        if (i + 1 < text.size() && text[i + 1] == '"') {
          ++i;
          continue;
        }
        ++i;
        break;
      }
    } else {
      while (i < text.size() && text[i] != ',' && text[i] != '\r' && text[i] != '\n') {
        if (text[i] == '"') return false;
        ++i;
      }
    }
    if (i < text.size() && text[i] == ',') {
      ++fields;
      ++i;
    } else {
      if (text.substr(i, 2) != "\r\n") return false;
      i += 2;
      if (columns == 0) columns = fields;
      if (fields != columns) return false;
      fields = 1;
    }
  }
  return true;
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
bool IsStatsd(std::string_view text) {
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    if (!IsStatsdLine(text.substr(0, end))) return false;
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return true;
}

// --- every encoder ----------------------------------------------------------------------------

struct Target {
  std::string backend;
  polymeter::StringPairs settings;
  bool (*parses)(std::string_view message);
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
        {"json", {}, IsJson},
        {"json", {{"METRICS_JSON_PRETTY", "true"}}, IsJson},
        {"jsonl", {}, IsJsonLine},
        {"csv", {}, IsCsv},
        {"otlp", {}, IsProtobuf},
        {"otlp", {{"METRICS_OTLP_PROTOCOL", "http/json"}}, IsJson},
        {"statsd", {}, IsStatsd},
        {"statsd", {{"METRICS_STATSD_DIALECT", "dogstatsd"}}, IsStatsd},
        {"statsd", {{"METRICS_STATSD_TAGS", "graphite"}}, IsStatsd},
    };
    auto* made = new std::vector<Made>;
    for (const Target& target : targets) {
      for (const auto& row : polymeter::detail::BackendTable()) {
        if (row.name != target.backend) continue;
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
    for (const std::string& message : messages.all) {
      if (!made.target.parses(message)) Fail(made.target.backend, "does not parse", message);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Bytes bytes(data, size);
  const bool labelled = bytes.Byte() % 2 == 0;
  const Snapshot snapshot = SnapshotOf(bytes, labelled);
  polymeter::DeltaOptions all;
  all.counters = all.histograms = all.summaries = true;
  polymeter::detail::DeltaStage delta(all);
  for (const Made& made : Encoders()) Check(made, snapshot);
  const Snapshot differences = delta.Apply(snapshot);
  for (const Made& made : Encoders()) Check(made, differences);
  return 0;
}
