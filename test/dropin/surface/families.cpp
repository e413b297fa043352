// Family<T>, in a registry and on its own.
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "prometheus/counter.h"
#include "prometheus/family.h"
#include "prometheus/gauge.h"
#include "prometheus/histogram.h"
#include "prometheus/registry.h"
#include "prometheus/summary.h"
#if defined(SURFACE_1_3)
#include "prometheus/info.h"
#endif
#include "test/dropin/surface/transcript.h"

namespace surface {
namespace {

using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;
using prometheus::Labels;
using prometheus::Summary;

void SayAdd() {
  Family<Counter> family("family_total", "Help text.", {{"zone", "eu"}});
  Say("family/new", Text(family.Collect()));
  Say("family/GetName", family.GetName());
  const Labels constant = family.GetConstantLabels();
  Say("family/GetConstantLabels", constant.size() == 1 && constant.at("zone") == "eu");
  Counter& first = family.Add({{"b", "2"}, {"a", "1"}});
  first.Increment(3);
  Say("family/one series", Text(family.Collect()));
  Say("family/same labels, same object", &first == &family.Add({{"a", "1"}, {"b", "2"}}));
  Say("family/Has", family.Has({{"a", "1"}, {"b", "2"}}));
  Say("family/Has: other value", family.Has({{"a", "1"}, {"b", "3"}}));
  Say("family/Has: subset", family.Has({{"a", "1"}}));
  Say("family/Has: with constant labels", family.Has({{"a", "1"}, {"b", "2"}, {"zone", "eu"}}));

  family.Add({{"c", "3"}}).Increment();
  family.Add({}).Increment(7);
  family.Add({{"a", "1"}, {"b", "2"}, {"c", "3"}, {"d", ""}}).Increment(9);
  Say("family/differing labels", Text(family.Collect()));
  Say("family/differing labels: one MetricFamily", family.Collect().size());
  const std::string odd = "quote \" backslash \\ line\nend \xC3\xA9";
  family.Add({{"odd", odd}}).Increment();
  Say("family/any text in a value", family.Has({{"odd", odd}}));

  // Addresses stay while the family grows.
  std::vector<Counter*> many;
  for (int i = 0; i < 2000; ++i) many.push_back(&family.Add({{"i", std::to_string(i)}}));
  bool stable = true;
  for (int i = 0; i < 2000; ++i) {
    stable = stable && many[static_cast<std::size_t>(i)] == &family.Add({{"i", std::to_string(i)}});
  }
  Say("family/addresses are stable", stable);
  Say("family/different labels, different objects",
      std::set<Counter*>(many.begin(), many.end()).size());
  Say("family/many series", family.Collect().at(0).metric.size());
}

void SayRefused() {
  Family<Counter> family("refused_total", "", {{"constant", "x"}});
  const auto add = [&family](const std::string& name) {
    return Thrown([&] { family.Add({{name, "v"}}); });
  };
  Say("family/label of dashes", add("a-b"));
  Say("family/label that begins with a digit", add("1a"));
  Say("family/empty label name", add(""));
  Say("family/reserved label", add("__a"));
  Say("family/label with a colon", add("a:b"));
  Say("family/label that is no ASCII", add("\xC3\xA9"));
  Say("family/one underscore", add("_a"));
  Say("family/`le` on a counter", add("le"));
  Say("family/`quantile` on a counter", add("quantile"));
  Say("family/constant label again", add("constant"));
  Say("family/what was refused is not there", family.Has({{"a-b", "v"}}));

  Say("family/bad name", Thrown([] { Family<Gauge>("a b", "", {}); }));
  Say("family/empty name", Thrown([] { Family<Gauge>("", "", {}); }));
  Say("family/name with colons", Thrown([] { Family<Gauge>("a:b:c", "", {}); }));
  Say("family/reserved name", Thrown([] { Family<Gauge>("__a", "", {}); }));
  Say("family/bad constant label", Thrown([] { Family<Gauge>("a", "", {{"a-b", ""}}); }));

  Family<Histogram> histograms("refused_seconds", "", {});
  Say("family/`le` on a histogram", Thrown([&] {
        histograms.Add({{"le", "1"}}, Histogram::BucketBoundaries{1});
      }));
  Say("family/`quantile` on a histogram", Thrown([&] {
        histograms.Add({{"quantile", "1"}}, Histogram::BucketBoundaries{1});
      }));
  Family<Summary> summaries("refused_bytes", "", {});
  Say("family/`quantile` on a summary", Thrown([&] {
        summaries.Add({{"quantile", "1"}}, Summary::Quantiles{});
      }));
  Say("family/`le` on a summary", Thrown([&] {
        summaries.Add({{"le", "1"}}, Summary::Quantiles{});
      }));
}

void SayRemove() {
  Family<Gauge> family("removed", "", {});
  Gauge& kept = family.Add({{"k", "kept"}}, 4.0);
  Gauge& removed = family.Add({{"k", "removed"}}, 5.0);
  family.Remove(nullptr);
  Gauge foreign;
  family.Remove(&foreign);
  Say("family/Remove of unknown pointers", Text(family.Collect()));
  family.Remove(&removed);
  Say("family/Remove", Text(family.Collect()));
  Say("family/Has what was removed", family.Has({{"k", "removed"}}));
  family.Remove(&removed);
  Say("family/Remove again", Text(family.Collect()));
  Gauge& again = family.Add({{"k", "removed"}});
  Say("family/Add what was removed", again.Value());
  family.Remove(&again);
  family.Remove(&kept);
  Say("family/empty again", Text(family.Collect()));

  std::vector<Gauge*> many;
  for (int i = 0; i < 3000; ++i) many.push_back(&family.Add({{"i", std::to_string(i)}}));
  for (std::size_t i = 0; i < many.size(); i += 2) family.Remove(many[i]);
  Say("family/every second one removed", family.Collect().at(0).metric.size());
  for (std::size_t i = many.size(); i-- > 0;) {
    if (i % 2 == 1) family.Remove(many[i]);
  }
  Say("family/all removed", Text(family.Collect()));
}

void SayArguments() {
  Family<Gauge> gauges("arguments", "", {});
  Say("family/Gauge with a start value", gauges.Add({}, 2.5).Value());
  Say("family/the first arguments count", gauges.Add({}, 9.0).Value());
  Family<Histogram> histograms("arguments_seconds", "Seconds.", {{"c", "d"}});
  Histogram& histogram = histograms.Add({{"a", "b"}}, Histogram::BucketBoundaries{0.5, 1});
  histogram.Observe(0.75);
  histograms.Add({{"a", "other bounds"}}, std::vector<double>{2, 4, 8}).Observe(4);
  Say("family/histograms, each with its bounds", Text(histograms.Collect()));
  Family<Summary> summaries("arguments_bytes", "Bytes.", {});
  summaries.Add({}, Summary::Quantiles{{0.5, 0.05}}, std::chrono::seconds(30), 3).Observe(12);
  Say("family/summary with all arguments", Text(summaries.Collect()));
  const Histogram::BucketBoundaries bounds{1, 2};
  Histogram::BucketBoundaries to_move{3, 4};
  histograms.Add({{"a", "an lvalue"}}, bounds);
  histograms.Add({{"a", "an rvalue"}}, std::move(to_move));
  Say("family/lvalues and rvalues", histograms.Collect().at(0).metric.size());
#if defined(SURFACE_1_3)
  Say("1.3/family/unsorted bounds", Thrown([&] {
        histograms.Add({{"a", "unsorted"}}, Histogram::BucketBoundaries{2, 1});
      }));
  Say("1.3/family/not there", histograms.Has({{"a", "unsorted"}}));
  Family<prometheus::Info> infos("build", "The build.", {});
  infos.Add({{"version", "1.2"}});
  Say("1.3/family/info", Text(infos.Collect()));
#endif
}

}  // namespace

void Families() {
  SayAdd();
  SayRefused();
  SayRemove();
  SayArguments();
}

}  // namespace surface
