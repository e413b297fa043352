// A backend of the application's own that remembers what was asked of it, and by which process.
#pragma once

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <functional>

#include "polymeter/backend.h"
#include "polymeter/snapshot.h"

class RecordingBackend : public polymeter::Backend {
 public:
  polymeter::Status Start(polymeter::SnapshotSource& source) override {
    ++starts;
    source_ = &source;
    return {};
  }
  polymeter::Status Stop(polymeter::Deadline deadline) noexcept override {
    ++stops;
    time_to_stop = deadline - std::chrono::steady_clock::now();
    if (on_stop && source_ != nullptr) on_stop(source_->TakeSnapshot());
    return {};
  }
  polymeter::BackendReport Report() const override {
    polymeter::BackendReport report;
    report.name = "recording";
    return report;
  }

  std::atomic<int> starts{0};
  std::atomic<int> stops{0};
  std::chrono::steady_clock::duration time_to_stop{};
  std::function<void(const polymeter::Snapshot&)> on_stop;  // the last flush

 private:
  polymeter::SnapshotSource* source_ = nullptr;
};
