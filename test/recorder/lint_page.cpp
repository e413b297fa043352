// Families that break rules one by one, and those that break none: lint_page <file>. Writes the
// page that promtool checks to the file, and to stdout what Lint says, a line "<family> <rule>"
// each.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "polymeter/lint.h"
#include "polymeter/polymeter.h"

namespace {

using polymeter::FamilySink;
using polymeter::Label;
using polymeter::MetricType;

// What may follow the beginning of a name. Each one for each type.
std::vector<std::string> Endings() {
  std::vector<std::string> endings = {"jobs",
                                      "jobs_total",
                                      "total",
                                      "jobs_count",
                                      "jobs_sum",
                                      "jobs_bucket",
                                      "jobs_created",
                                      "jobs_info",
                                      "job:rate",
                                      "jobsOpen",
                                      "jobs_OpenNow",
                                      "jobs_XMLsize",
                                      "jobs_counter",
                                      "gauge_of_jobs",
                                      "jobs_gauge_now",
                                      "job_histogram",
                                      "histogram_x",
                                      "job_summary",
                                      "job_Counter",
                                      "counterpart",
                                      "thermometers",
                                      "secondsx",
                                      "bytes_in_use",
                                      "Bytes",
                                      "MilliSeconds",
                                      "kibimeters",
                                      "nanoseconds_x",
                                      "x_seconds",
                                      "seconds_total",
                                      "request_ms_total",
                                      "jobs_gauge_histogram",
                                      "s",
                                      "b_total",
                                      "jobs_sec_total",
                                      "jobs_MS",
                                      "a__ms",
                                      "jobs_",
                                      "jobs_hours",
                                      "jobs_untyped",
                                      "jobs_unknown"};
  for (const char* unit :
       {"amperes", "bytes",  "celsius", "grams", "joules", "kelvin",   "meters",  "metres",
        "seconds", "volts",  "minutes", "hours", "days",   "weeks",    "kelvins", "fahrenheit",
        "rankine", "inches", "yards",   "miles", "bits",   "calories", "pounds",  "ounces"}) {
    for (const char* prefix : {"",     "pico",  "nano", "micro", "milli", "centi", "deci",
                               "deca", "hecto", "kilo", "kibi",  "mega",  "mibi",  "mebi",
                               "giga", "gibi",  "tera", "tebi",  "peta",  "pebi",  "exa"}) {
      endings.push_back("x_" + std::string(prefix) + unit);
    }
  }
  for (const char* word : {"s", "ms", "us", "ns", "sec", "b", "kb", "mb", "gb", "tb", "pb", "m",
                           "h", "d", "min", "hr", "kib"}) {
    endings.push_back("x_" + std::string(word));
    endings.push_back(std::string(word) + "_x");
    endings.push_back("x_" + std::string(word) + "_y");
  }
  return endings;
}

class Families final : public polymeter::Producer {
 public:
  void Collect(FamilySink& sink) override {
    int number = 0;
    for (const MetricType type : {MetricType::kCounter, MetricType::kGauge, MetricType::kHistogram,
                                  MetricType::kSummary, MetricType::kUnknown, MetricType::kInfo}) {
      for (const std::string& ending : Endings()) {
        // A number of its own, so that no family is a sample of another.
        Add(sink, type, "f" + std::to_string(number++) + "_" + ending, "Help.", "");
      }
      for (const char* label : {"le", "quantile", "modelName", "model", "Model"}) {
        if (type == MetricType::kHistogram && std::string_view(label) == "le") continue;
        if (type == MetricType::kSummary && std::string_view(label) == "quantile") continue;
        Add(sink, type, "f" + std::to_string(number++) + "_labelled", "Help.", label);
      }
      Add(sink, type, "f" + std::to_string(number++) + "_helpless", "", "");
    }
  }

 private:
  static void Add(FamilySink& sink, MetricType type, const std::string& name, const char* help,
                  std::string_view label) {
    sink.BeginFamily(type, name, help);
    const Label labels[] = {{label, "x"}};
    const std::size_t count = label.empty() ? 0 : 1;
    const double bounds[] = {1};
    const std::uint64_t buckets[] = {1, 0};
    switch (type) {
      case MetricType::kCounter:
        return sink.Counter(labels, count, std::uint64_t{1});
      case MetricType::kGauge:
        return sink.Gauge(labels, count, 1);
      case MetricType::kHistogram:
        return sink.Histogram(labels, count, bounds, 1, buckets, 1);
      case MetricType::kSummary:
        return sink.Summary(labels, count, nullptr, 0, 1, 1);
      case MetricType::kInfo:
        return sink.Info(labels, count);
      case MetricType::kUnknown:
        return sink.Unknown(labels, count, 1);
    }
  }
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 64;
  const polymeter::Metrics metrics =
      polymeter::Build(polymeter::Options().Consumer().ProducerBudget(std::chrono::seconds(30)));
  Families families;
  const auto attachment = metrics.AddProducer(families);
  const auto page = polymeter::Render(metrics, "text");
  if (!page) {
    std::fprintf(stderr, "%s\n", page.message().c_str());
    return 1;
  }
  std::ofstream(argv[1], std::ios::binary) << page.value();
  for (const polymeter::LintProblem& problem : polymeter::Lint(metrics).problems) {
    std::printf("%s %s\n", problem.family.c_str(), std::string(problem.rule).c_str());
  }
  return 0;
}
