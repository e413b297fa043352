// Counter, Gauge and Histogram, each outside of any family.
#include <cmath>
#include <ctime>
#include <limits>
#include <memory>
#include <vector>

#include "prometheus/counter.h"
#include "prometheus/gauge.h"
#include "prometheus/histogram.h"
#if defined(SURFACE_1_3)
#include "prometheus/info.h"
#endif
#include "test/dropin/surface/transcript.h"

namespace surface {
namespace {

const double kInf = std::numeric_limits<double>::infinity();
const double kNaN = std::numeric_limits<double>::quiet_NaN();

double Counted(std::initializer_list<double> amounts) {
  prometheus::Counter counter;
  for (const double amount : amounts) counter.Increment(amount);
  return counter.Value();
}

void SayCounters() {
  prometheus::Counter counter;
  Say("counter/new", counter.Value());
  counter.Increment();
  Say("counter/by one", counter.Value());
  counter.Increment(0.5);
  Say("counter/by a half", counter.Value());
  counter.Increment(-5);
  Say("counter/by a negative amount", counter.Value());
  Say("counter/Collect", Text(counter.Collect()));
  Say("counter/type", Text(prometheus::Counter::metric_type));
  Say("counter/by zero", Counted({0, 3, 0}));
  Say("counter/2^53", Counted({9007199254740992.0}));
  Say("counter/by 1e300 twice", Counted({1e300, 1e300}));
  Say("counter/tenths", Counted({0.1, 0.2}));
  Say("counter/by infinity", Counted({1, kInf}));
  Say("counter/by NaN", Counted({1, kNaN}));
  Say("counter/by -infinity", Counted({1, -kInf}));
  Say("counter/by the smallest double", Counted({5e-324}));
  std::unique_ptr<prometheus::Counter> on_heap(new prometheus::Counter());
  for (int i = 0; i < 1000; ++i) on_heap->Increment();
  Say("counter/1000 increments", on_heap->Value());
}

void SayGauges() {
  prometheus::Gauge gauge;
  Say("gauge/new", gauge.Value());
  gauge.Set(5);
  gauge.Increment();
  gauge.Increment(2.5);
  gauge.Decrement();
  gauge.Decrement(0.25);
  Say("gauge/up and down", gauge.Value());
  gauge.Increment(-3);
  gauge.Decrement(-1);
  Say("gauge/by negative amounts", gauge.Value());
  gauge.Set(-7);
  Say("gauge/Collect", Text(gauge.Collect()));
  gauge.Set(kNaN);
  Say("gauge/NaN", gauge.Value());
  gauge.Set(-kInf);
  Say("gauge/-infinity", gauge.Value());
  Say("gauge/starts at", prometheus::Gauge(3.5).Value());
  prometheus::Gauge zero(1);
  zero.Set(-0.0);
  Say("gauge/negative zero", std::signbit(zero.Value()));
  gauge.SetToCurrentTime();
  // prometheus-cpp asks time(), which stands a tick behind: the second before may still be said.
  const double passed = static_cast<double>(std::time(nullptr)) - gauge.Value();
  Say("gauge/SetToCurrentTime is in seconds", std::abs(passed) < 30);
  Say("gauge/SetToCurrentTime has a fraction", gauge.Value() != std::floor(gauge.Value()));
}

void SayHistograms() {
  prometheus::Histogram histogram(prometheus::Histogram::BucketBoundaries{1, 2.5, 10});
  Say("histogram/new", Text(histogram.Collect()));
  for (const double value : {0.5, 1.0, 1.0000001, 2.5, 9.0, 10.0, 11.0, -4.0}) {
    histogram.Observe(value);
  }
  Say("histogram/a bound belongs to its bucket", Text(histogram.Collect()));
  histogram.Observe(kInf);
  Say("histogram/infinity", Text(histogram.Collect()));
  prometheus::Histogram not_a_number({1, 2});
  not_a_number.Observe(kNaN);
  Say("histogram/NaN", Text(not_a_number.Collect()));
  prometheus::Histogram without_bounds({});
  without_bounds.Observe(3);
  Say("histogram/no bounds", Text(without_bounds.Collect()));
  prometheus::Histogram with_infinity({1, kInf});
  with_infinity.Observe(5);
  Say("histogram/a bound of +Inf", Text(with_infinity.Collect()));
  prometheus::Histogram negative({-10, -1, 0});
  negative.Observe(-5);
  Say("histogram/negative bounds", Text(negative.Collect()));

  prometheus::Histogram multiple({1, 2});
  multiple.ObserveMultiple({5, 9, 3}, 34.5);
  multiple.ObserveMultiple({0, 1, 0}, 2);
  Say("histogram/ObserveMultiple", Text(multiple.Collect()));
  Say("histogram/ObserveMultiple of too few counts", Thrown([&] {
        multiple.ObserveMultiple({1, 2}, 3);
      }));
  Say("histogram/ObserveMultiple of too many counts", Thrown([&] {
        multiple.ObserveMultiple({1, 2, 3, 4}, 3);
      }));
  Say("histogram/unchanged by it", Text(multiple.Collect()));
  prometheus::Histogram mixed({1, 2});
  mixed.Observe(1.5);
  mixed.ObserveMultiple({1, 0, 0}, 0.25);
  mixed.Observe(7);
  Say("histogram/both ways", Text(mixed.Collect()));
  prometheus::Histogram large({1});
  large.ObserveMultiple({4294967296.0, 1099511627776.0}, 1e15);
  Say("histogram/large counts", Text(large.Collect()));
  prometheus::Histogram negative_sum({1});
  negative_sum.ObserveMultiple({1, 0}, -3);
  Say("histogram/a negative sum", Text(negative_sum.Collect()));
}

#if defined(SURFACE_1_3)
void SayNewer() {
  prometheus::Counter counter;
  counter.Increment(41.5);
  counter.Reset();
  Say("1.3/counter/Reset", counter.Value());
  counter.Increment();
  Say("1.3/counter/after Reset", counter.Value());
  for (int i = 0; i < 10000; ++i) {
    counter.Increment(2);
    counter.Reset();
  }
  Say("1.3/counter/after many of them", counter.Value());

  prometheus::Histogram histogram({1, 2});
  histogram.Observe(1.5);
  histogram.Reset();
  Say("1.3/histogram/Reset", Text(histogram.Collect()));
  histogram.Observe(5);
  Say("1.3/histogram/after Reset", Text(histogram.Collect()));
  const std::vector<double> counts = {1, 2, 3};
  histogram.ObserveMultiple(counts.begin(), counts.end(), 8.5);
  Say("1.3/histogram/ObserveMultiple by iterators", Text(histogram.Collect()));
  Say("1.3/histogram/too few counts by iterators",
      Thrown([&] { histogram.ObserveMultiple(counts.begin(), counts.begin() + 2, 1.0); }));
  Say("1.3/histogram/unsorted bounds", Thrown([] { prometheus::Histogram({2, 1}); }));
  Say("1.3/histogram/repeated bounds", Thrown([] { prometheus::Histogram({1, 2, 2}); }));

  prometheus::Info info;
  Say("1.3/info/type", Text(prometheus::Info::metric_type));
  Say("1.3/info/Collect", Text(info.Collect()));
  Say("1.3/info/field", info.Collect().info.value);
}
#endif

}  // namespace

void Instruments() {
  SayCounters();
  SayGauges();
  SayHistograms();
#if defined(SURFACE_1_3)
  SayNewer();
#endif
}

}  // namespace surface
