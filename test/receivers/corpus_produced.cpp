#include "test/receivers/corpus_produced.h"

#include <cstdlib>
#include <utility>

#include "test/receivers/corpus_values.h"

namespace receivers {
namespace {

using polymeter::MetricType;

MetricType TypeOf(const std::string& type) {
  for (int i = 0; i < 6; ++i) {
    if (polymeter::ToString(static_cast<MetricType>(i)) == type) return static_cast<MetricType>(i);
  }
  std::abort();
}

void Put(polymeter::FamilySink& sink, const Family& family, const Point& point,
         const std::vector<polymeter::Label>& labels) {
  const polymeter::Label* const l = labels.data();
  const std::size_t n = labels.size();
  if (family.type == "info") return sink.Info(l, n);
  if (family.type == "summary") {
    std::vector<polymeter::Quantile> quantiles;
    for (const auto& [q, value] : point.parts) quantiles.push_back({q, value.real});
    return sink.Summary(l, n, quantiles.data(), quantiles.size(), point.count.integer,
                        point.sum.real);
  }
  if (family.type == "histogram") {
    std::vector<double> bounds;
    std::vector<std::uint64_t> buckets;
    for (const auto& [bound, count] : point.parts) {
      if (bound != kInf) bounds.push_back(bound);
      buckets.push_back(count.integer);
    }
    return sink.Histogram(l, n, bounds.data(), bounds.size(), buckets.data(), point.sum.real);
  }
  const Number& value = point.value.front();
  if (family.type == "counter" && value.is_integer) return sink.Counter(l, n, value.integer);
  if (family.type == "counter") return sink.Counter(l, n, value.real);
  if (family.type == "gauge") return sink.Gauge(l, n, value.real);
  sink.Unknown(l, n, value.real);
}

}  // namespace

ProducedCorpus::ProducedCorpus(Truth& truth) {
  AddValues();
  AddSummaries();
  AddHistograms();
  for (const Family& family : families_) {
    truth.Add(family.kind, family.type, family.name, family.help, family.unit).points =
        family.points;
  }
  AddRefused(truth);
}

void ProducedCorpus::Collect(polymeter::FamilySink& sink) {
  for (const Family& family : families_) {
    sink.BeginFamily(TypeOf(family.type), family.name, family.help, family.unit);
    for (const Point& point : family.points) {
      std::vector<polymeter::Label> labels;
      for (const auto& [name, value] : point.labels) labels.push_back({name, value});
      Put(sink, family, point, labels);
    }
  }
  for (const auto& extra : refused_) extra(sink);
}

Family& ProducedCorpus::Add(std::string kind, std::string type, std::string name,
                            std::string unit) {
  const std::string help = "Help of " + name + ".";
  return families_.emplace_back(
      Family{std::move(kind), std::move(type), std::move(name), help, std::move(unit), {}, {}});
}

void ProducedCorpus::AddValues() {
  Family& one_only = Add("gauge", "gauge", "label_on_one_series_only");
  one_only.points = {One({}, 1.0), One({{"only_here", "x"}}, 2.0),
                     One({{"only_here", "x"}, {"and_here", "y"}}, 3.0)};
  Family& info = Add("info", "info", "build_info");
  info.points.resize(2);
  info.points[0].labels = {{"version", "1.0 \"beta\"\n\\"}, {"empty", ""}};
  info.points[1].labels = {{"version", "2.0"}, {"commit", "Zürich\xFF"}};
  Family& bare = Add("info", "info", "machine");
  bare.points.resize(1);
  bare.points[0].labels = {{"cpu", "x"}};
  Family& unknown = Add("unknown", "unknown", "anything");
  unknown.points = {One({{"v", "nan"}}, kNan),
                    One({{"v", "inf"}}, kInf),
                    One({{"v", "-inf"}}, -kInf),
                    One({{"v", "tiny"}}, kTiny),
                    One({{"v", "negative"}}, -1.5),
                    One({{"v", "-0"}}, -0.0),
                    One({{"v", "2^53"}}, static_cast<double>(kTo53))};

  Family& counters = Add("counter_integer", "counter", "produced_integers_total");
  counters.points = {One({{"v", "2^64-1"}}, ~std::uint64_t{0}), One({{"v", "0"}}, std::uint64_t{0}),
                     One({{"v", "2^53+1"}}, kTo53 + 1)};
  Family& doubles = Add("counter_double", "counter", "produced_doubles_total");
  doubles.points = {One({{"v", "0.1+0.2"}}, 0.1 + 0.2), One({{"v", "inf"}}, kInf)};
}

void ProducedCorpus::AddSummaries() {
  const auto summary = [](Labels labels, std::vector<std::pair<double, double>> quantiles,
                          std::uint64_t count, double sum) {
    Point point;
    point.labels = std::move(labels);
    for (const auto& [q, value] : quantiles) point.parts.emplace_back(q, Number(value));
    point.count = count;
    point.sum = sum;
    return point;
  };
  Family& summaries = Add("summary", "summary", "produced_summary_seconds", "seconds");
  summaries.points = {
      summary({{"v", "usual"}}, {{0, 0.001}, {0.5, 0.25}, {0.9, 0.1 + 0.2}, {0.999, 7}, {1, 1e21}},
              1000, 123.456),
      summary({{"v", "idle"}}, {{0.5, kNan}, {0.99, kNan}}, 0, 0.0),
      summary({{"v", "huge"}}, {{0.5, kHuge}, {1, kInf}}, ~std::uint64_t{0}, kInf),
      summary({{"v", "quote \" newline \n"}}, {{0.5, kTiny}}, kTo53 + 1, kTiny)};
  Family& negative = Add("summary_negative", "summary", "produced_summary_below_zero");
  negative.points = {summary({{"v", "sum"}}, {{0.5, 1.0}}, 3, -4.5),
                     summary({{"v", "sum nan"}}, {{0.5, 1.0}}, 3, kNan),
                     summary({{"v", "quantile"}}, {{0.5, -2.5}, {0.9, 1.0}}, 3, 2.0)};
}

void ProducedCorpus::AddHistograms() {
  const auto histogram = [](Labels labels, std::vector<std::pair<double, std::uint64_t>> buckets,
                            double sum) {
    Point point;
    point.labels = std::move(labels);
    std::uint64_t count = 0;
    for (const auto& [bound, n] : buckets) {
      point.parts.emplace_back(bound, Number(n));
      count += n;
    }
    point.count = count;
    point.sum = sum;
    return point;
  };
  Family& histograms = Add("histogram", "histogram", "produced_histogram");
  histograms.points = {histogram({{"v", "other bounds 1"}}, {{0.5, 1}, {1, 0}, {kInf, 2}}, 9.25),
                       histogram({{"v", "other bounds 2"}, {"more", ""}},
                                 {{1e-5, 0}, {1e6, kTo53 + 1}, {kInf, 0}}, 1e300),
                       histogram({}, {{kInf, 5}}, 1.0)};

  // A gauge that bears the name of a histogram's created timestamp.
  Family& aged = Add("histogram", "histogram", "aged");
  aged.points = {histogram({}, {{1, 1}, {kInf, 0}}, 0.5)};
  Family& created = Add("created_clash", "gauge", "aged_created");
  created.points = {One({}, 1.0), One({{"a", "b"}}, 2.0)};
}

void ProducedCorpus::AddRefused(Truth& truth) {
  const auto refuse = [&](std::string name, std::function<void(polymeter::FamilySink&)> put) {
    truth.Refused(name);
    refused_.push_back(std::move(put));
  };
  refuse("refused_le", [](polymeter::FamilySink& sink) {
    sink.BeginFamily(MetricType::kHistogram, "refused_le", "R.");
    const double bound = 1;
    const std::uint64_t buckets[] = {1, 1};
    const polymeter::Label label{"le", "1"};
    sink.Histogram(&label, 1, &bound, 1, buckets, 2);
  });
  refuse("refused_quantile", [](polymeter::FamilySink& sink) {
    sink.BeginFamily(MetricType::kSummary, "refused_quantile", "R.");
    const polymeter::Quantile quantile{0.5, 1};
    const polymeter::Label label{"quantile", "0.5"};
    sink.Summary(&label, 1, &quantile, 1, 1, 1);
  });
  refuse("refused_name", [](polymeter::FamilySink& sink) {
    sink.BeginFamily(MetricType::kGauge, "refused_name", "R.");
    sink.Gauge({{"__name__", "forged"}}, 1);
    sink.Gauge({{"a b", "x"}}, 1);
    sink.Gauge({{"", "x"}}, 1);
    sink.Gauge({{"twice", "x"}, {"twice", "y"}}, 1);
    sink.Gauge({{"\xFF", "x"}}, 1);
  });
  refuse("refused\nforged 1\n", [](polymeter::FamilySink& sink) {
    sink.BeginFamily(MetricType::kGauge, "refused\nforged 1\n", "R.");
    sink.Gauge({}, 1);
  });
  refuse("", [](polymeter::FamilySink& sink) {
    sink.BeginFamily(MetricType::kGauge, "", "R.");
    sink.Gauge({}, 1);
  });
}

}  // namespace receivers
