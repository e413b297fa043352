// Builds a Snapshot from literals, for the tests of encoders.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "polymeter/options.h"
#include "polymeter/producer.h"
#include "sdk/src/snapshot_data.h"

POLYMETER_BEGIN_NAMESPACE
namespace testing {

class SnapshotBuilder {
 public:
  SnapshotBuilder() : produced_(std::make_shared<detail::ProducedFamilies>()), sink_(*produced_) {}

  FamilySink& sink() { return sink_; }
  SnapshotBuilder& Resource(std::string name, std::string value) {
    resource_.attributes.emplace_back(std::move(name), std::move(value));
    return *this;
  }
  SnapshotBuilder& Time(SystemTime time) {
    time_ = time;
    return *this;
  }
  // Gives every series this generation and start time, as those of a registry have; without it
  // (generation 0) no cache keeps them.
  SnapshotBuilder& Generation(std::uint32_t generation, SystemTime start = SystemTime()) {
    generation_ = generation;
    start_ = start;
    return *this;
  }
  // What the sink takes from now on; legacy names unless said.
  SnapshotBuilder& Names(NameValidation names) {
    produced_->names = names;
    return *this;
  }
  // Points that the sink refused: a test of hostile input looks at it.
  std::uint64_t refused() const { return produced_->refused_points; }

  Snapshot Build() {
    for (const auto& family : produced_->families) {
      for (const auto& [hash, record] : family->by_labels) {
        auto* const writable = const_cast<detail::SeriesRecord*>(record);
        writable->generation = generation_;
        writable->start_unix_nanos =
            std::chrono::duration_cast<std::chrono::nanoseconds>(start_.time_since_epoch()).count();
      }
    }
    auto data = std::make_shared<detail::SnapshotData>();
    data->time = time_;
    data->resource = std::make_shared<polymeter::Resource>(resource_);
    detail::MergeProduced(*data, {produced_});
    return Snapshot(std::move(data));
  }

 private:
  std::shared_ptr<detail::ProducedFamilies> produced_;
  FamilySink sink_;
  polymeter::Resource resource_;
  SystemTime time_{};
  std::uint32_t generation_ = 0;
  SystemTime start_{};
};

}  // namespace testing
POLYMETER_END_NAMESPACE
