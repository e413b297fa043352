// Exemplars that many threads write into one slot while others read it: never torn, never of an
// observation that the snapshot has not counted.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <string>

#include "polymeter/metrics.h"
#include "sdk/testing/values.h"
#include "test/concurrency/crowd.h"

namespace {

using polymeter::CounterPoint;
using polymeter::Exemplar;
using polymeter::FamilyOptions;
using polymeter::HistogramPoint;
using polymeter::Metrics;
using polymeter::Options;
using polymeter::TraceContext;
using polymeter::TraceScope;
using polymeter::testing::FindPoint;

// Every part of an exemplar follows from its number.
std::uint64_t NumberOf(int thread, std::uint64_t turn) {
  return (turn % 500000) * 8 + static_cast<std::uint64_t>(thread) + 1;
}
TraceContext TraceOf(std::uint64_t number) {
  TraceContext trace;
  trace.flags = TraceContext::kSampled;
  for (int i = 0; i < 2; ++i) std::memcpy(trace.trace_id.data() + 8 * i, &number, 8);
  std::memcpy(trace.span_id.data(), &number, 8);
  return trace;
}
// Of another length each time.
std::string LabelOf(std::uint64_t number) {
  return std::string(number % 53, static_cast<char>('a' + number % 26)) + std::to_string(number);
}

// Whether all of it belongs together. Even numbers come without a label.
bool IsWhole(const Exemplar& exemplar) {
  const auto number = static_cast<std::uint64_t>(exemplar.value);
  if (!(exemplar.trace == TraceOf(number)) || exemplar.unix_nanos == 0) return false;
  if (number % 2 == 0) return exemplar.label_count == 0;
  return exemplar.label_count == 2 && exemplar.labels[0].name == "n" &&
         exemplar.labels[0].value == LabelOf(number) && exemplar.labels[1].name == "last" &&
         exemplar.labels[1].value == "x";
}

class ExemplarRace : public ::testing::Test {
 protected:
  const Metrics metrics_{Options().Consumer()};
  const polymeter::Counter counter_ =
      metrics_.Counter("raced_total", "Raced for.", FamilyOptions().Exemplars());
  // Two buckets, so that threads meet in one.
  const polymeter::Histogram histogram_ =
      metrics_.Histogram("raced", "Raced for.", FamilyOptions().Buckets({2000000}).Exemplars());

  void Record(int thread, std::uint64_t turn) const {
    const std::uint64_t number = NumberOf(thread, turn);
    const TraceScope scope(TraceOf(number));
    if (number % 2 == 0) {
      counter_.Increment(number);
      histogram_.Observe(number);
    } else {
      const std::string text = LabelOf(number);
      counter_.IncrementWithExemplar(number, {{"n", text}, {"last", "x"}});
      histogram_.ObserveWithExemplar(number, {{"n", text}, {"last", "x"}});
    }
  }
};

TEST_F(ExemplarRace, ShowsOnlyWholeExemplars) {
  constexpr int kThreads = 8;
  std::atomic<bool> stop{false};
  std::uint64_t read = 0;
  std::uint64_t torn = 0;
  const auto look = [&](const Exemplar& exemplar) {
    ++read;
    torn += IsWhole(exemplar) ? 0u : 1u;
  };
  std::atomic<int> writing{0};
  crowd::Together(kThreads + 1, [&](int thread) {
    if (thread < kThreads) {
      writing.fetch_add(1);
      for (std::uint64_t turn = 0; !stop.load(std::memory_order_relaxed); ++turn) {
        Record(thread, turn);
      }
      return;
    }
    EXPECT_TRUE(crowd::WaitUntil([&] {
      if (writing.load() < kThreads) return false;
      for (int i = 0; i < 200; ++i) {
        const auto snapshot = metrics_.TakeSnapshot();
        const auto* const counter = FindPoint<CounterPoint>(snapshot, "raced_total");
        if (counter->exemplar != nullptr) look(*counter->exemplar);
        const auto* const histogram = FindPoint<HistogramPoint>(snapshot, "raced");
        for (std::uint32_t e = 0; e < histogram->exemplar_count; ++e) {
          const Exemplar& exemplar = histogram->exemplars[e];
          look(exemplar);
          EXPECT_EQ(exemplar.bucket, exemplar.value <= 2000000 ? 0u : 1u);
        }
      }
      return read >= 5000;
    }));
    stop = true;
  });
  EXPECT_EQ(torn, 0u);
  EXPECT_GE(read, 5000u);
}

TEST_F(ExemplarRace, LosesNoCount) {
  constexpr int kThreads = 8;
  constexpr std::uint64_t kTurns = 5000;
  crowd::Together(kThreads, [&](int thread) {
    for (std::uint64_t turn = 0; turn < kTurns; ++turn) Record(thread, turn);
  });
  std::uint64_t sum = 0;
  for (int thread = 0; thread < kThreads; ++thread) {
    for (std::uint64_t turn = 0; turn < kTurns; ++turn) sum += NumberOf(thread, turn);
  }
  const auto snapshot = metrics_.TakeSnapshot();
  EXPECT_EQ(FindPoint<CounterPoint>(snapshot, "raced_total")->whole, sum);
  EXPECT_EQ(histogram_.Count(), kThreads * kTurns);
  EXPECT_EQ(histogram_.Sum(), static_cast<double>(sum));
}

TEST_F(ExemplarRace, ShowsNoneThatIsNotCounted) {
  const auto family =
      metrics_.Histogram("fresh", "Fresh.", {"i"}, FamilyOptions().Buckets({1}).Exemplars());
  std::atomic<int> made{0};
  crowd::Loop writer([&] {
    const TraceScope scope(TraceOf(1));
    family.With(made.fetch_add(1) % 1000).Observe(0.5);
    if (made.load() % 1000 == 0) family.RemoveAll();
  });
  std::uint64_t seen = 0;
  std::uint64_t uncounted = 0;
  EXPECT_TRUE(crowd::WaitUntil([&] {
    for (int i = 0; i < 20; ++i) {
      const auto snapshot = metrics_.TakeSnapshot();
      const auto* const fresh = polymeter::testing::FindFamily(snapshot, "fresh");
      for (const auto& point : std::get<polymeter::HistogramPoints>(fresh->points)) {
        for (std::uint32_t e = 0; e < point.exemplar_count; ++e) {
          ++seen;
          uncounted += point.buckets[point.exemplars[e].bucket] == 0 ? 1u : 0u;
        }
      }
    }
    return seen >= 20000;
  }));
  writer.Stop();
  EXPECT_EQ(uncounted, 0u);
}

}  // namespace
