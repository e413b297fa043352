// From a recording to a text.
#include "workers.h"

#include <new>
#include <utility>

#include "wav.h"

namespace transcriber {

WorkerPool::WorkerPool(const polymeter::Metrics& metrics, JobStore& jobs,
                       std::vector<std::unique_ptr<Recognizer>> recognizers)
    : jobs_(jobs),
      recognition_(polymeter::SectionTimes(metrics).Get("recognition")),
      recognizers_(std::move(recognizers)) {
  for (const std::unique_ptr<Recognizer>& recognizer : recognizers_) {
    threads_.emplace_back([this, &recognizer] { Work(*recognizer); });
  }
}

WorkerPool::~WorkerPool() {
  jobs_.Close();
  for (std::thread& thread : threads_) thread.join();
}

void WorkerPool::Work(Recognizer& recognizer) {
  while (const std::optional<Task> task = jobs_.Take()) {
    // What is recorded here belongs to the trace of the request that brought the job.
    const polymeter::TraceScope trace(task->trace);
    jobs_.Finish(task->id, Transcribe(recognizer, *task));
  }
}

Outcome WorkerPool::Transcribe(Recognizer& recognizer, const Task& task) try {
  const Wav wav = ParseWav(task.recording);
  if (!wav.error.empty()) return {{}, "bad_audio", wav.error};
  jobs_.SetAudio(task.id, wav.seconds());
  const polymeter::CpuScope section = recognition_.Enter();
  std::optional<std::string> text = recognizer.Transcribe(wav.samples, task.grammar);
  if (!text) return {{}, "decoder", "the decoder failed"};
  return {*std::move(text)};
} catch (const std::bad_alloc&) {
  return {{}, "out_of_memory", "out of memory"};
}

}  // namespace transcriber
