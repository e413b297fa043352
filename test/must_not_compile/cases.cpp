// One mistake a case, each of which the compiler must refuse; CASE 0 is all of it done right.
#include <polymeter/polymeter.h>

#include <string>
#include <string_view>

namespace {

enum class Named { kOne };
std::string_view LabelValue(Named) { return "one"; }
enum class Unnamed { kOne };

}  // namespace

void Use(const polymeter::Metrics& metrics) {
  const auto two = metrics.Counter("jobs_total", "Jobs.", {"model", "language"});
  const auto one = metrics.Histogram("wait_seconds", "Wait.", {"model"});
  const auto gauge = metrics.Gauge("depth", "Depth.", {"queue"});
  const polymeter::Counter counter = metrics.Counter("all_total", "All.");
  two.With("base", std::string("de")).Increment();
  one.With(Named::kOne).Observe(1);
  gauge.With(7).Set(true ? 1 : 2);
  counter.Increment(2.5);
#if CASE == 1
  two.With("base").Increment();  // a value too few
#elif CASE == 2
  two.With("base", "de", "x").Increment();  // one too many
#elif CASE == 3
  one.With().Observe(1);  // none
#elif CASE == 4
  two.Remove("base");
#elif CASE == 5
  const polymeter::CounterFamily<1> wrong = two;  // a family of another number of labels
#elif CASE == 6
  gauge.With(Unnamed::kOne).Set(1);  // an enum that has no text
#elif CASE == 7
  gauge.With(1.5).Set(1);  // a floating-point number as a label
#elif CASE == 8
  gauge.With('a').Set(1);  // a character: its number or its text?
#elif CASE == 9
  counter.Increment(true);
#elif CASE == 10
  counter.Set(1);  // a counter only grows
#elif CASE == 11
  one.Observe(1);  // a family is no series
#elif CASE == 12
  counter.With("base");  // a series is no family
#elif CASE == 13
  const polymeter::HistogramFamily<2> wrong = two;  // another kind
#endif
}
