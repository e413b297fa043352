// The threads that transcribe, each with a recogniser of its own.
#pragma once

#include <polymeter/polymeter.h>
#include <polymeter/section_times.h>

#include <memory>
#include <thread>
#include <vector>

#include "jobs.h"
#include "recognizer.h"

namespace transcriber {

class WorkerPool {
 public:
  // One thread for each recogniser. The store outlives the pool.
  WorkerPool(const polymeter::Metrics& metrics, JobStore& jobs,
             std::vector<std::unique_ptr<Recognizer>> recognizers);
  // Closes the store and waits for the recordings that are being worked on.
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

 private:
  void Work(Recognizer& recognizer);
  Outcome Transcribe(Recognizer& recognizer, const Task& task);

  JobStore& jobs_;
  const polymeter::Section recognition_;  // CPU time; the wall time is the job's
  const std::vector<std::unique_ptr<Recognizer>> recognizers_;
  std::vector<std::thread> threads_;
};

}  // namespace transcriber
