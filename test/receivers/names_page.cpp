// Records families and labels under hostile UTF-8 names, with exemplars, infos and start times, and
// writes their pages in every escaping scheme and the truth into a directory: names_page
// <directory>.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "exporters/common/encoding/json_text.h"
#include "exporters/common/exposition/openmetrics_encoder.h"
#include "exporters/common/exposition/text_encoder.h"
#include "exporters/csv/csv_encoder.h"
#include "exporters/json/json_encoder.h"
#include "polymeter/metrics.h"
#include "test/conformance/hostile_names.h"

namespace {

using polymeter::Exemplar;
using polymeter::FamilySink;
using polymeter::Label;
using polymeter::MetricType;
using polymeter::NameValidation;
using polymeter::detail::NameEscaping;

using Labels = std::vector<std::pair<std::string, std::string>>;

std::string JsonText(std::string_view text) {
  polymeter::encoding::TextBuffer out;
  polymeter::encoding::AppendJsonString(out, text);
  return std::string(out.text());
}

std::string JsonObject(const Labels& labels) {
  std::string out = "{";
  for (const auto& [name, value] : labels) {
    out += (out.size() > 1 ? "," : "") + JsonText(name) + ":" + JsonText(value);
  }
  return out + "}";
}

// What was recorded, sample by sample, under the application's own names.
class Truth {
 public:
  // `labels`: the series'; `last`: le or quantile.
  void Sample(const std::string& family, const char* type, const char* suffix, const Labels& labels,
              const char* last, double value, const std::string& exemplar = "null") {
    char number[40];
    std::snprintf(number, sizeof(number), "%.17g", value);
    samples_ += (samples_.empty() ? "" : ",\n") + ("{\"family\":" + JsonText(family)) +
                ",\"type\":\"" + type + "\",\"suffix\":\"" + suffix +
                "\",\"labels\":" + JsonObject(labels) + ",\"last\":" + JsonText(last) +
                ",\"value\":" + number + ",\"exemplar\":" + exemplar + "}";
  }
  void Dropped(const std::string& page, std::uint64_t points) {
    dropped_ += (dropped_.empty() ? "" : ",") + JsonText(page) + ":" + std::to_string(points);
  }
  std::string Json() const {
    return "{\"samples\":[" + samples_ + "],\n\"dropped\":{" + dropped_ + "}}\n";
  }

 private:
  std::string samples_;
  std::string dropped_;
};

// Trace and user.id; what the truth says of it.
std::string JsonExemplar(double value) {
  char text[200];
  std::snprintf(text, sizeof(text),
                "{\"labels\":{\"trace_id\":\"000102030405060708090a0b0c0d0e0f\",\"span_id\":"
                "\"f0f1f2f3f4f5f6f7\",\"user.id\":\"a, b# \\u20ac\"},\"value\":%.17g}",
                value);
  return text;
}
constexpr Label kExemplarLabels[] = {{"user.id", "a, b# \xE2\x82\xAC"}};

Exemplar MakeExemplar(double value, std::uint32_t bucket) {
  Exemplar exemplar{};
  exemplar.value = value;
  exemplar.unix_nanos = std::chrono::duration_cast<std::chrono::nanoseconds>(
                            std::chrono::system_clock::now().time_since_epoch())
                            .count();
  for (std::uint8_t i = 0; i < 16; ++i) exemplar.trace.trace_id[i] = i;
  for (std::uint8_t i = 0; i < 8; ++i) {
    exemplar.trace.span_id[i] = static_cast<std::uint8_t>(0xF0 + i);
  }
  exemplar.labels = kExemplarLabels;
  exemplar.label_count = 1;
  exemplar.bucket = bucket;
  return exemplar;
}

void Point(FamilySink& sink, Truth& truth, const std::string& family, const Labels& labels,
           double value) {
  std::vector<Label> views;
  for (const auto& [name, text] : labels) views.push_back({name, text});
  sink.Gauge(views.data(), views.size(), value);
  truth.Sample(family, "gauge", "", labels, "", value);
}

class Produced final : public polymeter::Producer {
 public:
  void Collect(FamilySink& sink) override {
    Truth truth;  // of the last collection
    for (const std::string& name : polymeter::testing::HostileNames()) {
      sink.BeginFamily(MetricType::kInfo, "i" + name, "");
      sink.Info({{name, name}});
      truth.Sample("i" + name, "info", "_info", {{name, name}}, "", 1);
    }
    sink.BeginFamily(MetricType::kSummary, "rpc.size", "Sizes.");
    const polymeter::Quantile quantile{0.5, 2};
    const Label peer{"peer.name", "x"};
    sink.Summary(&peer, 1, &quantile, 1, 3, 7);
    const Labels peers{{"peer.name", "x"}};
    truth.Sample("rpc.size", "summary", "", peers, "0.5", 2);
    truth.Sample("rpc.size", "summary", "_sum", peers, "", 7);
    truth.Sample("rpc.size", "summary", "_count", peers, "", 3);

    sink.BeginFamily(MetricType::kCounter, "rpc.sent_total", "Sent.");
    sink.Counter(&peer, 1, std::uint64_t{12}, MakeExemplar(4, 0));
    truth.Sample("rpc.sent_total", "counter", "", peers, "", 12, JsonExemplar(4));

    sink.BeginFamily(MetricType::kHistogram, "rpc.wait_seconds", "Waited.", "seconds");
    const double bounds[] = {0.5, 2};
    const std::uint64_t buckets[] = {3, 2, 1};
    const Exemplar exemplars[] = {MakeExemplar(0.25, 0), MakeExemplar(9, 2)};
    polymeter::HistogramPoint point{polymeter::SeriesView(nullptr), bounds, buckets, 2, 6, 12.5};
    point.exemplars = exemplars;
    point.exemplar_count = 2;
    sink.Histogram(&peer, 1, point);
    const char* const wait = "rpc.wait_seconds";
    truth.Sample(wait, "histogram", "_bucket", peers, "0.5", 3, JsonExemplar(0.25));
    truth.Sample(wait, "histogram", "_bucket", peers, "2.0", 5);
    truth.Sample(wait, "histogram", "_bucket", peers, "+Inf", 6, JsonExemplar(9));
    truth.Sample(wait, "histogram", "_sum", peers, "", 12.5);
    truth.Sample(wait, "histogram", "_count", peers, "", 6);

    // Families, labels and series that become one where names are escaped.
    for (const std::string name : {"clash.a", "clash_a", "clash-a"}) {
      sink.BeginFamily(MetricType::kGauge, name, "");
      Point(sink, truth, name, {{"of", name}}, 1.5);
    }
    const std::string series = "clash.series";
    sink.BeginFamily(MetricType::kGauge, series, "");
    Point(sink, truth, series, {{"a.b", "x"}}, 1);
    Point(sink, truth, series, {{"a_b", "x"}}, 2);
    Point(sink, truth, series, {{"a.b", "1"}, {"a_b", "2"}}, 3);
    Point(sink, truth, series, {{"a.b", "y"}}, 4);
    last = truth;
  }
  Truth last;
};

class PageFile final : public polymeter::MessageSink {
 public:
  explicit PageFile(const std::string& path) : out_(path, std::ios::binary) {}
  bool Append(std::string_view bytes) override {
    out_.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    return out_.good();
  }
  bool EndMessage(std::size_t) override { return out_.good(); }

 private:
  std::ofstream out_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 64;
  const std::string directory = std::string(argv[1]) + "/";
  const polymeter::Metrics metrics(
      polymeter::Options().Consumer().Service("names").Names(NameValidation::kUtf8));
  Produced produced;
  const polymeter::Attachment attachment = metrics.AddProducer(produced);
  std::vector<std::pair<std::string, int>> counted;
  int value = 0;
  for (const std::string& name : polymeter::testing::HostileNames()) {
    metrics.Counter(name + "x_total", "Named " + name, std::vector<std::string>{name, "plain"})
        .With(name, "p")
        .Increment(++value);
    metrics.Gauge("g" + name, "", std::vector<std::string>{name}).With(name).Set(value + 0.5);
    counted.emplace_back(name, value);
  }
  const polymeter::Snapshot snapshot = metrics.TakeSnapshot();
  Truth truth = produced.last;
  for (const auto& [name, n] : counted) {
    truth.Sample(name + "x_total", "counter", "", {{name, name}, {"plain", "p"}}, "", n);
    truth.Sample("g" + name, "gauge", "", {{name, name}}, "", n + 0.5);
  }

  const auto write = [&](const std::string& page, const polymeter::Encoder& encoder) {
    PageFile file(directory + page);
    std::uint64_t dropped = 0;
    const auto report = encoder.Encode(snapshot, nullptr, file);
    for (const auto& drop : report.dropped) dropped += drop.points;
    truth.Dropped(page, dropped);
    return report.complete;
  };
  bool complete = true;
  for (const NameEscaping scheme : {NameEscaping::kUnderscores, NameEscaping::kDots,
                                    NameEscaping::kValues, NameEscaping::kAllowUtf8}) {
    const std::string name(ToString(scheme));
    complete &= write("text." + name, *polymeter::MakeTextEncoder({.escaping = scheme}));
    complete &=
        write("openmetrics." + name,
              *polymeter::MakeOpenMetricsEncoder({.created_timestamps = true, .escaping = scheme}));
  }
  complete &= write("csv", *polymeter::MakeCsvEncoder());
  complete &= write("jsonl", *polymeter::MakeJsonLinesEncoder());
  std::ofstream(directory + "truth.json") << truth.Json();
  return complete ? 0 : 2;
}
