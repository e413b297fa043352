// Names that are not legacy ones, and exemplars, on both text pages. That real parsers read them
// back is judged in test/receivers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cctype>
#include <cstdint>
#include <iterator>
#include <limits>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "exporters/common/exposition/openmetrics_encoder.h"
#include "exporters/common/exposition/text_encoder.h"
#include "polymeter/metrics.h"
#include "sdk/testing/snapshot_builder.h"
#include "test/conformance/hostile_names.h"
#include "test/conformance/sinks.h"

namespace polymeter {
namespace {

using detail::NameEscaping;
using ::testing::HasSubstr;
using testing::HostileNames;
using ::testing::Not;
using testing::SnapshotBuilder;

constexpr NameEscaping kSchemes[] = {NameEscaping::kUnderscores, NameEscaping::kDots,
                                     NameEscaping::kValues, NameEscaping::kAllowUtf8};
constexpr NameEscaping kQuoted = NameEscaping::kAllowUtf8;

struct NamedPage {
  std::string text;
  std::uint64_t points = 0;
  std::uint64_t clashes = 0;
};

NamedPage PageOf(const Encoder& encoder, const Snapshot& snapshot, EncoderCache* cache = nullptr) {
  testing::RecordingSink sink;
  const EncodeReport report = encoder.Encode(snapshot, cache, sink);
  EXPECT_TRUE(report.complete);
  NamedPage page;
  for (const std::string& message : sink.messages()) page.text += message;
  page.points = report.points;
  std::uint64_t dropped = 0;
  for (const auto& drop : report.dropped) {
    dropped += drop.points;
    if (drop.reason == "name_clash") page.clashes += drop.points;
  }
  EXPECT_EQ(report.points + dropped, snapshot.size());
  return page;
}
NamedPage TextIn(NameEscaping escaping, const Snapshot& snapshot) {
  return PageOf(*MakeTextEncoder({.escaping = escaping}), snapshot);
}
NamedPage OmIn(NameEscaping escaping, const Snapshot& snapshot) {
  return PageOf(*MakeOpenMetricsEncoder({.escaping = escaping}), snapshot);
}

// Every kind under names with dots.
Snapshot Dotted() {
  SnapshotBuilder builder;
  FamilySink& sink = builder.Names(NameValidation::kUtf8).sink();
  sink.BeginFamily(MetricType::kCounter, "http.requests_total", "Say \"hi\"");
  sink.Counter({{"http.method", "GET"}, {"code", "200"}}, std::uint64_t{3});
  sink.Counter({}, std::uint64_t{4});
  sink.BeginFamily(MetricType::kHistogram, "rpc.wait_seconds", "Waited.", "seconds");
  const double bounds[] = {1};
  const std::uint64_t buckets[] = {2, 1};
  sink.Histogram(nullptr, 0, bounds, 1, buckets, 3.5);
  const Label peer{"peer", "a"};
  sink.Histogram(&peer, 1, bounds, 1, buckets, 3.5);
  sink.BeginFamily(MetricType::kSummary, "rpc.size", "");
  const Quantile quantiles[] = {{0.5, 2}};
  sink.Summary(nullptr, 0, quantiles, 1, 1, 2);
  sink.BeginFamily(MetricType::kInfo, "build.info", "");
  sink.Info({{"v", "1"}});
  sink.BeginFamily(MetricType::kGauge, "plain", "");
  sink.Gauge({{"host.name", "x"}}, 1);
  return builder.Build();
}

TEST(Utf8Names, StandQuotedInTheBracesWhereTheReaderTakesThem) {
  EXPECT_EQ(TextIn(kQuoted, Dotted()).text,
            "# TYPE \"build.info_info\" gauge\n"
            "{\"build.info_info\",v=\"1\"} 1\n"
            "# HELP \"http.requests_total\" Say \"hi\"\n"
            "# TYPE \"http.requests_total\" counter\n"
            "{\"http.requests_total\",\"http.method\"=\"GET\",code=\"200\"} 3\n"
            "{\"http.requests_total\"} 4\n"
            "# TYPE plain gauge\n"
            "plain{\"host.name\"=\"x\"} 1\n"
            "# TYPE \"rpc.size\" summary\n"
            "{\"rpc.size\",quantile=\"0.5\"} 2\n"
            "{\"rpc.size_sum\"} 2\n"
            "{\"rpc.size_count\"} 1\n"
            "# HELP \"rpc.wait_seconds\" Waited.\n"
            "# TYPE \"rpc.wait_seconds\" histogram\n"
            "{\"rpc.wait_seconds_bucket\",le=\"1\"} 2\n"
            "{\"rpc.wait_seconds_bucket\",le=\"+Inf\"} 3\n"
            "{\"rpc.wait_seconds_sum\"} 3.5\n"
            "{\"rpc.wait_seconds_count\"} 3\n"
            "{\"rpc.wait_seconds_bucket\",peer=\"a\",le=\"1\"} 2\n"
            "{\"rpc.wait_seconds_bucket\",peer=\"a\",le=\"+Inf\"} 3\n"
            "{\"rpc.wait_seconds_sum\",peer=\"a\"} 3.5\n"
            "{\"rpc.wait_seconds_count\",peer=\"a\"} 3\n");
  const std::string om = OmIn(kQuoted, Dotted()).text;
  EXPECT_THAT(om, HasSubstr("# TYPE \"http.requests\" counter\n"
                            "# HELP \"http.requests\" Say \\\"hi\\\"\n"
                            "{\"http.requests_total\",\"http.method\"=\"GET\",code=\"200\"} 3\n"));
  EXPECT_THAT(om, HasSubstr("# TYPE \"rpc.wait_seconds\" histogram\n"
                            "# UNIT \"rpc.wait_seconds\" seconds\n"));
  EXPECT_THAT(om, HasSubstr("# TYPE \"build.info\" info\n{\"build.info_info\",v=\"1\"} 1\n"));
}

TEST(Utf8Names, AreEscapedForOtherReaders) {
  const std::string om = OmIn(NameEscaping::kUnderscores, Dotted()).text;
  EXPECT_THAT(om, HasSubstr("# TYPE http_requests counter\n# HELP http_requests "));
  EXPECT_THAT(om, HasSubstr("http_requests_total{http_method=\"GET\",code=\"200\"} 3\n"
                            "http_requests_total 4\n"));
  EXPECT_THAT(om, HasSubstr("# UNIT rpc_wait_seconds seconds\n"));
  EXPECT_THAT(om, HasSubstr("plain{host_name=\"x\"} 1.0\n"));
  // An info family is one by its written name too.
  EXPECT_THAT(om, HasSubstr("# TYPE build info\nbuild_info{v=\"1\"} 1\n"));

  const std::string dots = OmIn(NameEscaping::kDots, Dotted()).text;
  EXPECT_THAT(dots, HasSubstr("# TYPE http_dot_requests_ counter\n"));
  EXPECT_THAT(dots,
              HasSubstr("http_dot_requests__total{http_dot_method=\"GET\",code=\"200\"} 3\n"));
  EXPECT_THAT(dots, HasSubstr("# UNIT rpc_dot_wait__seconds seconds\n"));

  const std::string values = TextIn(NameEscaping::kValues, Dotted()).text;
  EXPECT_THAT(values, HasSubstr("# TYPE U__http_2e_requests__total counter\n"));
  EXPECT_THAT(values, HasSubstr("U__rpc_2e_wait__seconds_bucket{peer=\"a\",le=\"1\"} 2\n"));
  EXPECT_THAT(values, HasSubstr("plain{U__host_2e_name=\"x\"} 1\n"));
}

TEST(Utf8Names, ACounterIsOneByTheNameThatIsWritten) {
  SnapshotBuilder builder;
  FamilySink& sink = builder.Names(NameValidation::kUtf8).sink();
  sink.BeginFamily(MetricType::kCounter, "jobs.total", "");
  sink.Counter({}, -1.0);
  const Snapshot snapshot = builder.Build();
  // Its escaped name ends in _total: as a counter it may not be negative.
  EXPECT_EQ(OmIn(NameEscaping::kUnderscores, snapshot).text, "# TYPE jobs counter\n# EOF\n");
  EXPECT_EQ(OmIn(kQuoted, snapshot).text,
            "# TYPE \"jobs.total\" unknown\n{\"jobs.total\"} -1.0\n# EOF\n");
}

TEST(Utf8Names, SayTheirMediaType) {
  EXPECT_EQ(MakeTextEncoder()->content_type(), "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_EQ(MakeTextEncoder({.escaping = NameEscaping::kDots})->content_type(),
            "text/plain; version=0.0.4; charset=utf-8; escaping=dots");
  EXPECT_EQ(MakeTextEncoder({.escaping = kQuoted})->content_type(),
            "text/plain; version=1.0.0; charset=utf-8; escaping=allow-utf-8");
  EXPECT_EQ(MakeOpenMetricsEncoder()->content_type(),
            "application/openmetrics-text; version=1.0.0; charset=utf-8");
  EXPECT_EQ(MakeOpenMetricsEncoder({.escaping = kQuoted})->content_type(),
            "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8");
}

TEST(Utf8Names, OfTwoFamiliesThatBecomeOneTheOneThatIsCalledSoStays) {
  SnapshotBuilder builder;
  FamilySink& sink = builder.Names(NameValidation::kUtf8).sink();
  for (const char* const name : {"a.b", "a_b", "c d", "c-d"}) {
    sink.BeginFamily(MetricType::kGauge, name, "");
    sink.Gauge({{"v", name}}, 1);
  }
  const Snapshot snapshot = builder.Build();
  const NamedPage page = TextIn(NameEscaping::kUnderscores, snapshot);
  EXPECT_EQ(page.text, "# TYPE a_b gauge\na_b{v=\"a_b\"} 1\n# TYPE c_d gauge\nc_d{v=\"c d\"} 1\n");
  EXPECT_EQ(page.clashes, 2u);
  EXPECT_EQ(TextIn(NameEscaping::kValues, snapshot).clashes, 0u);
  EXPECT_EQ(TextIn(kQuoted, snapshot).clashes, 0u);
}

TEST(Utf8Names, NoFamilyTakesTheNameOfAnothersSample) {
  SnapshotBuilder builder;
  FamilySink& sink = builder.Names(NameValidation::kUtf8).sink();
  sink.BeginFamily(MetricType::kHistogram, "h.x", "");
  const double bounds[] = {1};
  const std::uint64_t buckets[] = {2, 1};
  sink.Histogram(nullptr, 0, bounds, 1, buckets, 3.5);
  for (const char* const name : {"h_x_count", "h.x.sum", "h_x.bucket", "h_x"}) {
    sink.BeginFamily(MetricType::kGauge, name, "");
    sink.Gauge({}, 1);
  }
  const Snapshot snapshot = builder.Build();
  const NamedPage page = TextIn(NameEscaping::kUnderscores, snapshot);
  // The gauge h_x is called so, hence no h.x, and nobody owns its samples' names.
  EXPECT_EQ(page.text,
            "# TYPE h_x_sum gauge\nh_x_sum 1\n# TYPE h_x gauge\nh_x 1\n"
            "# TYPE h_x_bucket gauge\nh_x_bucket 1\n# TYPE h_x_count gauge\nh_x_count 1\n");
  EXPECT_EQ(page.clashes, 1u);
}

TEST(Utf8Names, AHistogramThatIsWrittenKeepsTheNamesOfItsSamples) {
  SnapshotBuilder builder;
  FamilySink& sink = builder.Names(NameValidation::kUtf8).sink();
  sink.BeginFamily(MetricType::kHistogram, "h.x", "");
  const double bounds[] = {1};
  const std::uint64_t buckets[] = {2, 1};
  sink.Histogram(nullptr, 0, bounds, 1, buckets, 3.5);
  sink.BeginFamily(MetricType::kGauge, "h_x_count", "");
  sink.Gauge({}, 1);
  const NamedPage page = TextIn(NameEscaping::kUnderscores, builder.Build());
  EXPECT_THAT(page.text, HasSubstr("h_x_count 3\n"));
  EXPECT_THAT(page.text, Not(HasSubstr("h_x_count 1\n")));
  EXPECT_EQ(page.clashes, 1u);
}

TEST(Utf8Names, LabelsThatBecomeOneHaveBothValues) {
  SnapshotBuilder builder;
  FamilySink& sink = builder.Names(NameValidation::kUtf8).sink();
  sink.BeginFamily(MetricType::kGauge, "g", "");
  sink.Gauge({{"z", "0"}, {"a_b", "2"}, {"a.b", "1"}, {"a b", ""}}, 1);
  // In the order of their own names: 'a b', 'a.b', 'a_b'.
  const Snapshot snapshot = builder.Build();
  EXPECT_EQ(TextIn(NameEscaping::kUnderscores, snapshot).text,
            "# TYPE g gauge\ng{z=\"0\",a_b=\";1;2\"} 1\n");
  EXPECT_EQ(TextIn(kQuoted, snapshot).text,
            "# TYPE g gauge\ng{z=\"0\",a_b=\"2\",\"a.b\"=\"1\",\"a b\"=\"\"} 1\n");
}

TEST(Utf8Names, SeriesThatBecomeOneAreWrittenOnce) {
  const auto snapshot = [](bool turned) {
    SnapshotBuilder builder;
    FamilySink& sink = builder.Names(NameValidation::kUtf8).sink();
    sink.BeginFamily(MetricType::kCounter, "c_total", "");
    const std::pair<const char*, std::uint64_t> series[] = {{"a.b", 1}, {"a_b", 2}, {"a b", 3}};
    for (int i = 0; i < 3; ++i) {
      const auto& [name, value] = series[turned ? 2 - i : i];
      sink.Counter({{name, "x"}}, value);
    }
    sink.Counter({{"a.b", "y"}}, std::uint64_t{4});
    return builder.Build();
  };
  // Whatever their order is, the one that is called so stays.
  for (const bool turned : {false, true}) {
    const NamedPage page = TextIn(NameEscaping::kUnderscores, snapshot(turned));
    EXPECT_EQ(page.text, "# TYPE c_total counter\nc_total{a_b=\"x\"} 2\nc_total{a_b=\"y\"} 4\n");
    EXPECT_EQ(page.clashes, 2u);
    EXPECT_EQ(TextIn(kQuoted, snapshot(turned)).points, 4u);
  }
}

TEST(Utf8Names, AnEscapedLabelIsNeverOneOfPrometheusOwn) {
  SnapshotBuilder builder;
  FamilySink& sink = builder.Names(NameValidation::kUtf8).sink();
  sink.BeginFamily(MetricType::kGauge, "g", "");
  sink.Gauge({{"..name..", "1"}, {" name ", "2"}}, 1);
  const Snapshot snapshot = builder.Build();
  for (const NameEscaping scheme : kSchemes) {
    const std::string page = TextIn(scheme, snapshot).text;
    EXPECT_THAT(page, Not(HasSubstr("__name__=")));
    EXPECT_THAT(page, Not(HasSubstr("{__")));
    EXPECT_THAT(page, Not(HasSubstr(",__")));
  }
}

// --- hostile names -------------------------------------------------------------------------------

// Every name as a family's and as a label's; `sink` refuses nothing of it.
Snapshot Hostile() {
  SnapshotBuilder builder;
  FamilySink& sink = builder.Names(NameValidation::kUtf8).sink();
  for (const std::string& name : HostileNames()) {
    sink.BeginFamily(MetricType::kGauge, "g" + name, name);
    sink.Gauge({}, 1);
    sink.Gauge({{name, name}}, 2);
    sink.BeginFamily(MetricType::kCounter, name + "x_total", name);
    sink.Counter({{name, "v"}, {name + ".", "w"}}, std::uint64_t{3});
  }
  EXPECT_EQ(builder.refused(), 0u);
  return builder.Generation(1).Build();
}

// A line of a page, strictly: metadata, or name, labels, number. Gives what must not come twice.
std::string KeyOfLine(std::string_view line, bool legacy) {
  const auto fail = [&] {
    ADD_FAILURE() << line;
    return std::string(line);
  };
  const auto letter = [](char c) {
    return std::isalpha(static_cast<unsigned char>(c)) || c == '_';
  };
  const auto name = [&](std::string& out, bool colon) {
    if (!line.empty() && line[0] == '"' && !legacy) {
      line.remove_prefix(1);
      while (!line.empty() && line[0] != '"') {
        if (line[0] == '\\') {
          if (line.size() < 2 ||
              std::string_view("\\\"n").find(line[1]) == std::string_view::npos) {
            return false;
          }
          out += line[0];
          line.remove_prefix(1);
        }
        out += line[0];
        line.remove_prefix(1);
      }
      if (line.empty()) return false;
      line.remove_prefix(1);
      return !out.empty();
    }
    while (!line.empty() && (letter(line[0]) || (colon && line[0] == ':') ||
                             (!out.empty() && std::isdigit(static_cast<unsigned char>(line[0]))))) {
      out += line[0];
      line.remove_prefix(1);
    }
    return !out.empty();
  };
  const auto take = [&](std::string_view token) {
    if (line.substr(0, token.size()) != token) return false;
    line.remove_prefix(token.size());
    return true;
  };
  std::string own;
  for (const std::string_view keyword : {"# TYPE ", "# HELP "}) {
    if (!take(keyword)) continue;
    if (!name(own, true) || !take(" ") || line.empty()) return fail();
    return std::string(keyword) + own;
  }
  if (take("# EOF")) return "# EOF";
  if (line.substr(0, 1) != "{" && !name(own, true)) return fail();
  std::set<std::string> labels;
  if (take("{")) {
    bool first = true;
    while (!take("}")) {
      if (!first && !take(",")) return fail();
      std::string label;
      if (!name(label, false)) return fail();
      if (own.empty() && first) {
        own = label;
        first = false;
        continue;
      }
      first = false;
      if (label.substr(0, 2) == "__" || !take("=\"")) return fail();
      while (!line.empty() && line[0] != '"') line.remove_prefix(line[0] == '\\' ? 2 : 1);
      if (!take("\"") || !labels.insert(label).second) return fail();
    }
  }
  if (own.empty() || !take(" ") ||
      line.find_first_not_of("0123456789.") != std::string_view::npos) {
    return fail();
  }
  return {};
}

TEST(Utf8Names, HostileOnesBreakNoLineInAnyScheme) {
  const Snapshot snapshot = Hostile();
  for (const NameEscaping scheme : kSchemes) {
    for (const bool openmetrics : {false, true}) {
      SCOPED_TRACE(std::string(ToString(scheme)) + (openmetrics ? ", OpenMetrics" : ", text"));
      const NamedPage page = openmetrics ? OmIn(scheme, snapshot) : TextIn(scheme, snapshot);
      std::set<std::string> seen;
      std::istringstream lines(page.text);
      std::uint64_t samples = 0;
      for (std::string line; std::getline(lines, line);) {
        const std::string key = KeyOfLine(line, scheme != kQuoted);
        if (key.empty()) {
          ++samples;
          EXPECT_TRUE(seen.insert(line.substr(0, line.rfind(' '))).second) << line;
        } else {
          EXPECT_TRUE(seen.insert(key).second) << line;
        }
      }
      EXPECT_EQ(samples, page.points);
      if (scheme == kQuoted || scheme == NameEscaping::kValues) {
        EXPECT_EQ(page.clashes, 0u);
      } else {
        EXPECT_GT(page.clashes, 0u);
      }
    }
  }
}

TEST(Utf8Names, WarmAndColdAreTheSameBytesInEveryScheme) {
  const Metrics metrics(
      Options().Consumer().Names(NameValidation::kUtf8).ConstLabels({{"deploy.env", "t"}}));
  for (const std::string& name : HostileNames()) {
    if (name == "le" || name == "quantile") continue;
    metrics.Counter("c" + name + "_total", "C.", {name, "plain"}).With(1, 2).Increment();
    metrics.Histogram("h" + name, "H.", {name}).With(1).Observe(1);
  }
  const auto both = metrics.Gauge("g", "Two labels that become one.", {"a.b", "a_b"});
  for (const NameEscaping scheme : kSchemes) {
    const auto text = MakeTextEncoder({.escaping = scheme});
    const auto om = MakeOpenMetricsEncoder({.escaping = scheme});
    const auto text_cache = text->MakeCache();
    const auto om_cache = om->MakeCache();
    for (int round = 0; round < 6; ++round) {
      // From the third round on two series are one where names are escaped with underscores.
      both.With("1;2", "3").Set(round);
      if (round >= 2) both.With("1", "2;3").Set(round);
      if (round == 4) both.Remove("1", "2;3");
      const Snapshot snapshot = metrics.TakeSnapshot();
      const std::string cold = PageOf(*text, snapshot).text;
      EXPECT_EQ(PageOf(*text, snapshot, text_cache.get()).text, cold);
      EXPECT_EQ(PageOf(*text, snapshot, text_cache.get()).text, cold);
      EXPECT_EQ(PageOf(*om, snapshot, om_cache.get()).text, PageOf(*om, snapshot).text);
    }
  }
}

TEST(Utf8Names, TenThousandFamiliesAreNoMoreThanTenThousand) {
  SnapshotBuilder builder;
  FamilySink& sink = builder.Names(NameValidation::kUtf8).sink();
  constexpr std::uint64_t kFamilies = 10000;
  for (std::uint64_t i = 0; i < kFamilies; ++i) {
    sink.BeginFamily(MetricType::kGauge, "\xF0\x9F\x98\x80." + std::to_string(i), "");
    sink.Gauge({{"\xE2\x82\xAC", "1"}}, 1);
  }
  const Snapshot snapshot = builder.Build();
  for (const NameEscaping scheme : kSchemes) {
    const NamedPage page = OmIn(scheme, snapshot);
    EXPECT_EQ(page.points, kFamilies);
    EXPECT_EQ(page.clashes, 0u);
  }
}

// --- exemplars -----------------------------------------------------------------------------------

TraceContext Trace() {
  TraceContext trace;
  trace.trace_id.fill(0xAB);
  trace.span_id.fill(0xCD);
  return trace;
}
constexpr std::string_view kTraceText =
    "trace_id=\"abababababababababababababababab\",span_id=\"cdcdcdcdcdcdcdcd\"";

Exemplar ExemplarAt(double value, std::uint32_t bucket = 0, std::int64_t nanos = 0) {
  Exemplar exemplar{};
  exemplar.value = value;
  exemplar.unix_nanos = nanos;
  exemplar.bucket = bucket;
  return exemplar;
}

Snapshot CounterWith(const Exemplar& exemplar, std::string_view name = "c_total") {
  SnapshotBuilder builder;
  FamilySink& sink = builder.Names(NameValidation::kUtf8).sink();
  sink.BeginFamily(MetricType::kCounter, name, "");
  const Label label{"a", "b"};
  sink.Counter(&label, 1, std::uint64_t{3}, exemplar);
  return builder.Build();
}

Snapshot HistogramWith(const std::vector<double>& bounds, const std::vector<Exemplar>& exemplars) {
  SnapshotBuilder builder;
  FamilySink& sink = builder.sink();
  sink.BeginFamily(MetricType::kHistogram, "h", "");
  const std::vector<std::uint64_t> buckets(bounds.size() + 1, 1);
  HistogramPoint point{SeriesView(nullptr), bounds.data(),
                       buckets.data(),      static_cast<std::uint32_t>(bounds.size()),
                       buckets.size(),      9};
  point.exemplars = exemplars.data();
  point.exemplar_count = static_cast<std::uint32_t>(exemplars.size());
  sink.Histogram(nullptr, 0, point);
  return builder.Build();
}

TEST(Exemplars, StandBehindTheTotalOfACounter) {
  Exemplar exemplar = ExemplarAt(2, 0, 1700000000123000000);
  exemplar.trace = Trace();
  const Label user{"user", "x\"y\\z\n"};
  exemplar.labels = &user;
  exemplar.label_count = 1;
  EXPECT_EQ(OmIn(kQuoted, CounterWith(exemplar)).text,
            "# TYPE c counter\nc_total{a=\"b\"} 3 # {" + std::string(kTraceText) +
                ",user=\"x\\\"y\\\\z\\n\"} 2.0 1700000000.123\n# EOF\n");
}

TEST(Exemplars, HaveNoPlaceInTextAndBesideUnknowns) {
  const Exemplar exemplar = ExemplarAt(2);
  EXPECT_EQ(TextIn(kQuoted, CounterWith(exemplar)).text,
            "# TYPE c_total counter\nc_total{a=\"b\"} 3\n");
  EXPECT_EQ(OmIn(kQuoted, CounterWith(exemplar, "c")).text,
            "# TYPE c unknown\nc{a=\"b\"} 3\n# EOF\n");
  EXPECT_THAT(TextIn(kQuoted, HistogramWith({1}, {exemplar})).text, Not(HasSubstr(" # ")));
}

TEST(Exemplars, WithoutLabelsAndTimeAreWritten) {
  EXPECT_THAT(OmIn(kQuoted, CounterWith(ExemplarAt(0.5))).text,
              HasSubstr("c_total{a=\"b\"} 3 # {} 0.5\n"));
  EXPECT_THAT(OmIn(kQuoted, CounterWith(ExemplarAt(std::numeric_limits<double>::quiet_NaN()))).text,
              HasSubstr("c_total{a=\"b\"} 3\n"));
}

TEST(Exemplars, LieInTheirBuckets) {
  const std::string page =
      OmIn(kQuoted, HistogramWith({-1, 1, 2}, {ExemplarAt(-1, 0), ExemplarAt(1, 1),
                                               ExemplarAt(0.5, 2), ExemplarAt(7, 3)}))
          .text;
  EXPECT_THAT(page, HasSubstr("h_bucket{le=\"-1.0\"} 1 # {} -1.0\n"));
  EXPECT_THAT(page, HasSubstr("h_bucket{le=\"1.0\"} 2 # {} 1.0\n"));
  EXPECT_THAT(page, HasSubstr("h_bucket{le=\"2.0\"} 3\n"));  // 0.5 is not in it
  EXPECT_THAT(page, HasSubstr("h_bucket{le=\"+Inf\"} 4 # {} 7.0\n"));
}

TEST(Exemplars, OnTheLowerBoundOrNoNumberAreLeftOut) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const std::string page =
      OmIn(kQuoted, HistogramWith({1, 2}, {ExemplarAt(nan, 0), ExemplarAt(1, 1)})).text;
  EXPECT_THAT(page, Not(HasSubstr(" # {")));
}

TEST(Exemplars, OfABucketTheNewestIsWritten) {
  const std::string page = OmIn(kQuoted, HistogramWith({1}, {ExemplarAt(0.1, 0, 1000000000),
                                                             ExemplarAt(0.2, 0, 3000000000),
                                                             ExemplarAt(0.3, 0, 2000000000)}))
                               .text;
  EXPECT_THAT(page, HasSubstr("h_bucket{le=\"1.0\"} 1 # {} 0.2 3.0\n"));
}

TEST(Exemplars, OfAHistogramWithoutBoundsStandAtInfinity) {
  EXPECT_EQ(OmIn(kQuoted, HistogramWith({}, {ExemplarAt(0.1, 0, 1000000000)})).text,
            "# TYPE h histogram\nh_bucket{le=\"+Inf\"} 1 # {} 0.1 1.0\nh_count 1\nh_sum 9.0\n"
            "# EOF\n");
  EXPECT_EQ(TextIn(kQuoted, HistogramWith({}, {})).text,
            "# TYPE h histogram\nh_bucket{le=\"+Inf\"} 1\nh_sum 9\nh_count 1\n");
}

TEST(Exemplars, HaveAtMost128CodePoints) {
  Exemplar exemplar = ExemplarAt(1);
  exemplar.trace = Trace();  // 63 of them
  std::string fits;
  for (int i = 0; i < 64; ++i) fits += "\xE2\x82\xAC";
  const std::string too_long = fits + "x";
  const Label labels[] = {{"a", too_long}, {"b", fits}, {"c", ""}};
  exemplar.labels = labels;
  exemplar.label_count = 3;
  const std::string page = OmIn(kQuoted, CounterWith(exemplar)).text;
  EXPECT_THAT(page, HasSubstr(" # {" + std::string(kTraceText) + ",b=\"" + fits + "\"} 1.0\n"));
}

TEST(Exemplars, LeaveOutLabelsThatNoReaderTakes) {
  Exemplar exemplar = ExemplarAt(1);
  exemplar.trace = Trace();
  const Label labels[] = {{"trace_id", "twice"},
                          {"", "x"},
                          {"__name__", "x"},
                          {std::string_view("a\0b", 3), "x"},
                          {"nul", std::string_view("x\0y", 3)},
                          {"user.id", "7"},
                          {"user_id", "8"},
                          {"bad", "\xFF"}};
  exemplar.labels = labels;
  exemplar.label_count = std::size(labels);
  const std::string start = " # {" + std::string(kTraceText);
  EXPECT_THAT(OmIn(kQuoted, CounterWith(exemplar)).text,
              HasSubstr(start + ",\"user.id\"=\"7\",user_id=\"8\",bad=\"\xEF\xBF\xBD\"} 1.0\n"));
  EXPECT_THAT(OmIn(NameEscaping::kUnderscores, CounterWith(exemplar)).text,
              HasSubstr(start + ",user_id=\"7\",bad=\"\xEF\xBF\xBD\"} 1.0\n"));
}

TEST(OpenMetricsEncoder, OmitsTheSumOfNativeBucketsBelowZero) {
  SnapshotBuilder builder;
  FamilySink& sink = builder.sink();
  sink.BeginFamily(MetricType::kHistogram, "h", "");
  const std::uint64_t one = 1;
  NativeHistogram native;
  native.positive = {3, 1, &one};
  native.negative = {1, 1, &one};
  native.count = 2;
  const std::uint64_t all = 2;
  HistogramPoint point{SeriesView(nullptr), nullptr, &all, 0, 2, 5};
  point.native = &native;
  sink.Histogram(nullptr, 0, point);
  const Snapshot snapshot = builder.Build();
  ASSERT_EQ(snapshot.size(), 1u);
  EXPECT_EQ(OmIn(kQuoted, snapshot).text, "# TYPE h histogram\nh_bucket{le=\"+Inf\"} 2\n# EOF\n");
}

}  // namespace
}  // namespace polymeter
