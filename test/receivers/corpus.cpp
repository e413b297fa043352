#include "test/receivers/corpus.h"

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "test/receivers/corpus_values.h"

namespace receivers {
namespace {

using namespace std::string_literals;
using polymeter::FamilyOptions;

// Values of labels, no two alike once they have been made UTF-8.
std::vector<std::string> HostileTexts() {
  std::string controls;
  for (char c = 1; c < 32; ++c) controls += c;
  return {"plain",
          "say \"hi\"",
          "\"",
          "line one\nline two",
          "\n",
          "back\\slash",
          "\\",
          "ends in \\",
          "literal \\n and \\\" and \\\\",
          "carriage\rreturn",
          "tab\ttab",
          controls,
          "\x7f",
          "Zürich ☃ 𝄞 日本語",
          "\xEF\xBB\xBF"
          "byte order mark",
          "line\xE2\x80\xA8separator",
          "lone \xFF byte",
          "cut short \xC3",
          "surrogate \xED\xA0\x80",
          "overlong \xC0\xAF",
          "beyond \xF4\x90\x80\x80",
          "NUL \0 inside"s,
          "\0"s,
          "",
          " ",
          "  spaces around  ",
          "a{b=\"c\",d='e'} 1 # {x=\"y\"} 2",
          "# EOF",
          "\n# EOF\n",
          "\nforged_total 1\n",
          "NaN",
          std::string(8000, 'x') + "\"\\\n"};
}

void Check(bool holds, const std::string& what) {
  if (holds) return;
  std::fprintf(stderr, "corpus: %s\n", what.c_str());
  std::exit(2);
}

}  // namespace

polymeter::Options Corpus::BaseOptions(Truth& truth) {
  const Labels constant = {{"dc", "north \"1\"\n\\"}, {"rack", "7"}};
  truth.ConstantLabels(constant);
  truth.Resource({{"service.name", "corpus \"1\"\n\\ \xFF"},
                  {"service.version", "1.2.3"},
                  {"service.instance.id", "instance-1"},
                  {"9lives", "digit first"}});
  return polymeter::Options()
      .Service("corpus \"1\"\n\\ \xFF")
      .Version("1.2.3")
      .Instance("instance-1")
      .ResourceAttributes({{"9lives", "digit first"}})
      .ConstLabels(constant)
      .Consumer();
}
Corpus::Corpus(const polymeter::Metrics& metrics, Truth& truth)
    : metrics_(metrics), truth_(truth), produced_(truth) {
  LabelValues();
  LabelNames();
  Helps();
  Units();
  Counters();
  Gauges();
  Histograms();
  Clashes();
  Many();
  Refusals();
  attachment_ = metrics_.AddProducer(produced_);
}

void Corpus::LabelValues() {
  Family& counters = truth_.Add("label_value", "counter", "hostile_values_total", "Label values.");
  const auto family = metrics_.Counter("hostile_values_total", "Label values.", {"value"});
  Family& pairs = truth_.Add("label_value", "gauge", "hostile_pairs", "Two labels.");
  const auto two = metrics_.Gauge("hostile_pairs", "Two labels.", {"first", "second"});
  Family& distributed =
      truth_.Add("label_value", "histogram", "hostile_histogram", "Hostile labels and le.");
  const auto histogram = metrics_.Histogram("hostile_histogram", "Hostile labels and le.",
                                            {"value"}, FamilyOptions().Buckets({1}));
  std::uint64_t n = 0;
  for (const std::string& text : HostileTexts()) {
    family.With(text).Increment(++n);
    counters.points.push_back(One({{"value", text}}, n));
    two.With(text, std::string_view("x")).Set(n);
    two.With("y", text).Set(-static_cast<double>(n));
    pairs.points.push_back(One({{"first", text}, {"second", "x"}}, static_cast<double>(n)));
    pairs.points.push_back(One({{"first", "y"}, {"second", text}}, -static_cast<double>(n)));
    histogram.With(text).Observe(0.5);
    Point point;
    point.labels = {{"value", text}};
    point.parts = {{1, Number(std::uint64_t{1})}, {kInf, Number(std::uint64_t{0})}};
    point.count = std::uint64_t{1};
    point.sum = 0.5;
    distributed.points.push_back(point);
  }
  // Two values that become one are one series.
  Family& merged = truth_.Add("label_value", "counter", "merged_values_total", "Become one.");
  const auto one = metrics_.Counter("merged_values_total", "Become one.", {"value"});
  one.With("\xFE").Increment(1);
  one.With("\xFF").Increment(2);
  merged.points = {One({{"value", "\xFE"}}, std::uint64_t{1}),
                   One({{"value", "\xFF"}}, std::uint64_t{2})};
}

void Corpus::LabelNames() {
  // Reserved in histograms and summaries only.
  Family& le = truth_.Add("gauge", "gauge", "with_label_le", "A gauge's own le.");
  metrics_.Gauge("with_label_le", "A gauge's own le.", {"le"}).With("0.5").Set(1);
  le.points = {One({{"le", "0.5"}}, 1.0)};
  Family& quantile = truth_.Add("gauge", "gauge", "with_label_quantile", "A gauge's own quantile.");
  metrics_.Gauge("with_label_quantile", "A gauge's own quantile.", {"quantile"}).With("0.5").Set(1);
  quantile.points = {One({{"quantile", "0.5"}}, 1.0)};
  // The server has labels of these names.
  Family& job = truth_.Add("label_name", "gauge", "with_label_job", "The server's labels.");
  metrics_.Gauge("with_label_job", "The server's labels.", {"job", "instance"})
      .With("mine", "i")
      .Set(1);
  job.points = {One({{"job", "mine"}, {"instance", "i"}}, 1.0)};
  // Like a constant label: the series' own wins.
  Family& shadow = truth_.Add("label_name", "counter", "with_label_dc_total", "Own dc.");
  metrics_.Counter("with_label_dc_total", "Own dc.", {"dc"}).With("south").Increment(3);
  metrics_.Counter("with_label_dc_total", "Own dc.", {"dc"}).With("").Increment(4);
  shadow.points = {One({{"dc", "south"}}, std::uint64_t{3}), One({{"dc", ""}}, std::uint64_t{4})};
  Family& constant = truth_.Add("label_name", "gauge", "with_constant_label", "Family's own dc.");
  constant.constant_labels = {{"dc", "west"}, {"shelf", "\"\\\n\xFF"}};
  metrics_
      .Gauge("with_constant_label", "Family's own dc.", {"a"},
             FamilyOptions().ConstLabels(constant.constant_labels))
      .With("x")
      .Set(1);
  constant.points = {One({{"a", "x"}}, 1.0)};
  Family& underscore = truth_.Add("label_name", "gauge", "_Under_Score:colon:9", "Odd names.");
  metrics_.Gauge("_Under_Score:colon:9", "Odd names.", {"_", "A9_"}).With("x", "y").Set(1);
  underscore.points = {One({{"_", "x"}, {"A9_", "y"}}, 1.0)};
}

void Corpus::Helps() {
  int n = 0;
  for (const std::string& text : HostileTexts()) {
    const std::string name = "help_" + std::to_string(n++);
    metrics_.Gauge(name, text).Set(1);
    truth_.Add("help", "gauge", name, text).points = {One({}, 1.0)};
  }
}

void Corpus::Units() {
  const auto gauge = [&](const std::string& name, const std::string& unit) {
    metrics_.Gauge(name, "With a unit.", FamilyOptions().Unit(unit)).Set(1);
    truth_.Add("unit", "gauge", name, "With a unit.", unit).points = {One({}, 1.0)};
  };
  gauge("room_temperature_celsius", "celsius");
  gauge("disk_free_bytes", "bytes");
  metrics_.Counter("transferred_bytes_total", "With a unit.", FamilyOptions().Unit("bytes"))
      .Increment();
  truth_.Add("unit", "counter", "transferred_bytes_total", "With a unit.", "bytes").points = {
      One({}, std::uint64_t{1})};
  metrics_.Histogram("waited_seconds", "With a unit.", FamilyOptions().Unit("seconds").Buckets({1}))
      .Observe(2);
  Point point;
  point.parts = {{1, Number(std::uint64_t{0})}, {kInf, Number(std::uint64_t{1})}};
  point.count = std::uint64_t{1};
  point.sum = 2.0;
  truth_.Add("unit", "histogram", "waited_seconds", "With a unit.", "seconds").points = {point};
}

void Corpus::Counters() {
  Family& integers = truth_.Add("counter_integer", "counter", "integers_total", "Integers.");
  const auto whole = metrics_.Counter("integers_total", "Integers.", {"value"});
  for (const std::uint64_t n :
       {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{1000000}, kTo53 - 1, kTo53, kTo53 + 1,
        std::uint64_t{1} << 63, ~std::uint64_t{0}}) {
    whole.With(n).Increment(n);
    integers.points.push_back(One({{"value", std::to_string(n)}}, n));
  }
  Family& doubles = truth_.Add("counter_double", "counter", "doubles_total", "Doubles.");
  const auto real = metrics_.Counter("doubles_total", "Doubles.", {"value"});
  int i = 0;
  for (const double d : {kTiny, 0.1 + 0.2, 1e-7, 0.0001, 1.5, 123456.5, 1e15 + 0.5, 1e21 + 1e6,
                         1.2345678901234567e300, kHuge, kInf}) {
    real.With(i).Increment(d);
    doubles.points.push_back(One({{"value", std::to_string(i++)}}, d));
  }
  real.With("mixed").Increment(3);
  real.With("mixed").Increment(0.5);
  doubles.points.push_back(One({{"value", "mixed"}}, 3.5));

  Family& plain = truth_.Add("counter_without_total", "counter", "no_suffix", "No _total.");
  metrics_.Counter("no_suffix", "No _total.", {"value"}).With("x").Increment(kTo53 + 1);
  plain.points = {One({{"value", "x"}}, kTo53 + 1)};
}

void Corpus::Gauges() {
  Family& gauges = truth_.Add("gauge", "gauge", "gauges", "Gauges.");
  const auto family = metrics_.Gauge("gauges", "Gauges.", {"value"});
  int i = 0;
  for (const double d :
       {0.0,    -0.0,        1.0,  -1.0,      kNan, kInf, -kInf,   kTiny,    -kTiny,
        kHuge,  -kHuge,      0.1,  0.1 + 0.2, 1e-5, 1e-4, 99999.0, 100000.0, 999999.0,
        1e6,    123456789.0, 1e15, 1e16,      1e17, 1e20, 1e21,    1e22,     9007199254740993.0,
        1.0 / 3}) {
    family.With(i).Set(d);
    gauges.points.push_back(One({{"value", std::to_string(i++)}}, d));
  }
  const auto additive = metrics_.Gauge("queue_length", "Additive.", FamilyOptions().Additive());
  additive.Increment(2);
  additive.Decrement(5.5);
  truth_.Add("additive_gauge", "gauge", "queue_length", "Additive.").points = {One({}, -3.5)};
}

void Corpus::Histograms() {
  const auto observe = [&](const std::string& kind, const std::string& name,
                           const std::vector<double>& bounds, const std::vector<double>& values) {
    const auto histogram = metrics_.Histogram(name, "Observed.", FamilyOptions().Buckets(bounds));
    Point point;
    for (const double bound : bounds) point.parts.emplace_back(bound, Number(std::uint64_t{0}));
    point.parts.emplace_back(kInf, Number(std::uint64_t{0}));
    double sum = 0;
    for (const double value : values) {
      histogram.Observe(value);
      sum += value;
      for (auto& [bound, count] : point.parts) {
        if (value <= bound) {
          ++count.integer;
          break;
        }
      }
    }
    point.count = std::uint64_t{values.size()};
    point.sum = sum;
    truth_.Add(kind, "histogram", name, "Observed.").points = {point};
  };
  observe("histogram", "observed", {0.25, 1, 10, 100000, 1e6, 12345678},
          {0.25, 0.25, 0.5, 1, 10, 11, 1e6, 1e9});
  observe("histogram", "observed_nothing", {1, 2}, {});
  observe("histogram", "observed_extremes", {0, kTiny, 1e-5, 1e300, kHuge},
          {0.0, kTiny, 1e-5, kHuge, kInf});
  observe("histogram_negative", "observed_below_zero", {-10, -0.5, 0, 0.5}, {-100, -1, 0.25, 4});
  observe("histogram_negative", "observed_negative_sum", {1, 2}, {-100, 1.5});
  observe("histogram_negative", "observed_infinities", {1, 2}, {-kInf, 1.5, kInf});
  metrics_
      .Histogram("observed", "Observed.",
                 FamilyOptions().Buckets({0.25, 1, 10, 100000, 1e6, 12345678}))
      .Observe(kNan);  // refused
}

void Corpus::Clashes() {
  // A gauge that bears the name which OpenMetrics would give to the counter's family.
  metrics_.Counter("clash_total", "The counter.").Increment(5);
  metrics_.Gauge("clash", "The gauge.").Set(6);
  truth_.Add("counter_clash", "counter", "clash_total", "The counter.").points = {
      One({}, std::uint64_t{5})};
  truth_.Add("gauge", "gauge", "clash", "The gauge.").points = {One({}, 6.0)};
  // And one that bears the name of its created timestamp.
  metrics_.Counter("born_total", "The counter.").Increment(7);
  metrics_.Gauge("born_created", "The gauge.").Set(8);
  truth_.Add("counter_clash", "counter", "born_total", "The counter.").points = {
      One({}, std::uint64_t{7})};
  truth_.Add("gauge", "gauge", "born_created", "The gauge.").points = {One({}, 8.0)};
}

void Corpus::Refusals() {
  const auto refused = [&](const std::string& name, bool ok) {
    Check(!ok, name + " was not refused");
    truth_.Refused(name);
  };
  refused("refused_histogram_le", metrics_.TryHistogram("refused_histogram_le", "R.", {"le"}).ok());
  refused("refused_label_name", metrics_.TryCounter("refused_label_name", "R.", {"__name__"}).ok());
  refused("refused_label_reserved",
          metrics_.TryGauge("refused_label_reserved", "R.", {"__x"}).ok());
  refused("refused_label_bytes", metrics_.TryGauge("refused_label_bytes", "R.", {"a\"b"}).ok());
  refused("refused_label_twice", metrics_.TryGauge("refused_label_twice", "R.", {"a", "a"}).ok());
  refused(
      "refused_constant",
      metrics_.TryGauge("refused_constant", "R.", {"a"}, FamilyOptions().ConstLabels({{"a", "x"}}))
          .ok());
  refused("refused name", metrics_.TryCounter("refused name", "R.").ok());
  refused("refused\xFF", metrics_.TryCounter("refused\xFF", "R.").ok());
  refused("9refused", metrics_.TryCounter("9refused", "R.").ok());
  refused("observed_bucket", metrics_.TryGauge("observed_bucket", "R.").ok());
  refused("refused_bounds",
          metrics_.TryHistogram("refused_bounds", "R.", FamilyOptions().Buckets({2, 1})).ok());
  refused("refused_bounds_nan",
          metrics_.TryHistogram("refused_bounds_nan", "R.", FamilyOptions().Buckets({kNan})).ok());
}

void Corpus::Many() {
  Family& many = truth_.Add("counter_integer", "counter", "many_total", "Ten thousand series.");
  const auto family = metrics_.Counter("many_total", "Ten thousand series.", {"n", "group"});
  for (std::uint64_t n = 0; n < 10000; ++n) {
    family.With(n, n % 17).Increment(n * n + 1);
    many.points.push_back(
        One({{"n", std::to_string(n)}, {"group", std::to_string(n % 17)}}, n * n + 1));
  }
}

}  // namespace receivers
