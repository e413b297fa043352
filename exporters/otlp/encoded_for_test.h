// What the encoder makes of families that a test writes.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "exporters/otlp/otlp_encoder.h"
#include "exporters/otlp/request_reader_for_test.h"
#include "sdk/src/snapshot_data.h"
#include "sdk/testing/snapshot_builder.h"

POLYMETER_BEGIN_NAMESPACE
namespace testing {

constexpr std::uint64_t kEncodedStart = 1700000000000000000;
constexpr std::uint64_t kEncodedTime = 1800000000250000000;

template <class Write>
Snapshot WrittenSnapshot(Write&& write) {
  SnapshotBuilder builder;
  write(builder.sink());
  builder.Resource("service.name", "svc")
      .Time(SystemTime(std::chrono::nanoseconds(kEncodedTime)))
      .Generation(1, SystemTime(std::chrono::nanoseconds(kEncodedStart)));
  EXPECT_EQ(builder.refused(), 0u);
  return builder.Build();
}

// The same, as the differences since `start`.
inline Snapshot AsDifferences(const Snapshot& totals, std::uint64_t start) {
  auto data = std::make_shared<detail::SnapshotData>();
  data->time = totals.time();
  data->resource = std::make_shared<Resource>(totals.resource());
  data->families = totals.families();
  data->keep.push_back(std::make_shared<Snapshot>(totals));
  for (FamilyView& family : data->families) {
    family.delta = true;
    family.delta_start_unix_nanos = static_cast<std::int64_t>(start);
  }
  return Snapshot(std::move(data));
}

class EncodedMessages : public MessageSink {
 public:
  bool Append(std::string_view bytes) override {
    open_ += bytes;
    return true;
  }
  bool EndMessage(std::size_t count) override {
    all.push_back(std::exchange(open_, {}));
    points += count;
    return true;
  }
  std::vector<std::string> all;
  std::size_t points = 0;

 private:
  std::string open_;
};

inline std::string OneMessage(const Snapshot& snapshot,
                              const detail::OtlpEncoderOptions& options = {}) {
  EncodedMessages messages;
  const EncodeReport report = detail::MakeOtlpEncoder(options)->Encode(snapshot, nullptr, messages);
  EXPECT_TRUE(report.complete && report.dropped.empty());
  EXPECT_EQ(report.points, snapshot.size());
  EXPECT_EQ(messages.all.size(), 1u);
  return messages.all.empty() ? std::string() : messages.all.front();
}

inline ReadMetric OneMetric(const Snapshot& snapshot,
                            const detail::OtlpEncoderOptions& options = {}) {
  const ReadRequest request = RequestReader::Read(OneMessage(snapshot, options));
  EXPECT_EQ(request.metrics.size(), 1u);
  return request.metrics.at(0);
}

// Exponential buckets that own their counts.
struct NativeLiteral {
  std::int32_t schema = 0;
  double zero_threshold = 0;
  std::uint64_t zero_count = 0;
  std::int32_t positive_first = 0;
  std::vector<std::uint64_t> positive = {};
  std::int32_t negative_first = 0;
  std::vector<std::uint64_t> negative = {};
  std::uint64_t positive_infinite = 0;
  std::uint64_t negative_infinite = 0;

  NativeHistogram View() const {
    NativeHistogram native;
    native.schema = schema;
    native.zero_threshold = zero_threshold;
    native.zero_count = zero_count;
    native.positive = {positive_first, static_cast<std::uint32_t>(positive.size()),
                       positive.data()};
    native.negative = {negative_first, static_cast<std::uint32_t>(negative.size()),
                       negative.data()};
    native.positive_infinite = positive_infinite;
    native.negative_infinite = negative_infinite;
    native.count = zero_count + positive_infinite + negative_infinite;
    for (const std::uint64_t count : positive) native.count += count;
    for (const std::uint64_t count : negative) native.count += count;
    return native;
  }
};

// A series with these and no explicit buckets.
inline void PutNative(FamilySink& sink, const std::vector<Label>& labels,
                      const NativeLiteral& literal, double sum,
                      const std::vector<Exemplar>& exemplars = {}) {
  const NativeHistogram native = literal.View();
  HistogramPoint point{SeriesView(nullptr), nullptr, &native.count, 0, native.count, sum};
  point.native = &native;
  point.exemplars = exemplars.data();
  point.exemplar_count = static_cast<std::uint32_t>(exemplars.size());
  sink.Histogram(labels.data(), labels.size(), point);
}

}  // namespace testing
POLYMETER_END_NAMESPACE
