#include "integrations/runtime/runtime_producer.h"

#include "integrations/runtime/runtime_families.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

class RuntimeProducer::Writer {
 public:
  Writer(FamilySink& sink, const std::vector<FamilyOptions>& options, std::vector<Label>& labels)
      : sink_(sink), options_(options), labels_(labels) {}

  // One series without a label of its own.
  template <class T>
  void Single(std::size_t row, const std::optional<T>& value) {
    if (!value) return;
    Begin(row);
    Point(row, labels_.size(), *value);
  }
  void Begin(std::size_t row) {
    const FamilyRow& family = kRuntimeFamilies[row];
    sink_.BeginFamily(family.type, family.name, family.help, options_[row]);
  }
  template <class T>
  void Labelled(std::size_t row, std::string_view label, std::string_view value, T amount) {
    labels_.push_back({label, value});
    Point(row, labels_.size(), amount);
    labels_.pop_back();
  }

 private:
  template <class T>
  void Point(std::size_t row, std::size_t labels, T value) {
    if (kRuntimeFamilies[row].type == MetricType::kCounter) {
      sink_.Counter(labels_.data(), labels, value);
    } else {
      sink_.Gauge(labels_.data(), labels, static_cast<double>(value));
    }
  }

  FamilySink& sink_;
  const std::vector<FamilyOptions>& options_;
  std::vector<Label>& labels_;
};

RuntimeProducer::RuntimeProducer(const RuntimeOptions& options)
    : cpu_by_mode_(options.cpu_by_mode()),
      constant_labels_(options.labels()),
      process_(options.root(), options.pid()),
      cgroup_(options.root(), process_.folder()) {
  for (const FamilyRow& row : kRuntimeFamilies) options_.push_back(OptionsOf(row));
  labels_.reserve(constant_labels_.size() + 1);
  for (const auto& [name, value] : constant_labels_) labels_.push_back({name, value});
}

void RuntimeProducer::Collect(FamilySink& sink) {
  if (process_.gone()) return;
  // First, so that the process is still the same one after everything has been read.
  cgroup_.Read(cgroup_sample_);
  if (!process_.Read(process_sample_)) return;
  Writer writer(sink, options_, labels_);
  WriteProcess(writer);
  if (process_.own()) WriteAllocator(writer);
  WriteCgroup(writer);
}

void RuntimeProducer::WriteProcess(Writer& writer) const {
  const ProcessSample& s = process_sample_;
  if (!cpu_by_mode_) {
    writer.Single(RuntimeRow("process_cpu_seconds_total"), s.cpu_seconds);
  } else if (s.cpu_user_seconds && s.cpu_system_seconds) {
    constexpr std::size_t kRow = RuntimeRow("process_cpu_seconds_total");
    writer.Begin(kRow);
    writer.Labelled(kRow, "mode", "user", *s.cpu_user_seconds);
    writer.Labelled(kRow, "mode", "system", *s.cpu_system_seconds);
  }
  writer.Single(RuntimeRow("process_resident_memory_bytes"), s.resident_bytes);
  writer.Single(RuntimeRow("process_virtual_memory_bytes"), s.virtual_bytes);
  writer.Single(RuntimeRow("process_open_fds"), s.open_fds);
  writer.Single(RuntimeRow("process_max_fds"), s.max_fds);
  writer.Single(RuntimeRow("process_threads"), s.threads);
  writer.Single(RuntimeRow("process_start_time_seconds"), s.start_time_seconds);
  if (s.context_switches) {
    constexpr std::size_t kRow = RuntimeRow("process_context_switches_total");
    writer.Begin(kRow);
    writer.Labelled(kRow, "type", "voluntary", s.context_switches->voluntary);
    writer.Labelled(kRow, "type", "involuntary", s.context_switches->involuntary);
  }
  if (s.minor_faults && s.major_faults) {
    constexpr std::size_t kRow = RuntimeRow("process_page_faults_total");
    writer.Begin(kRow);
    writer.Labelled(kRow, "type", "minor", *s.minor_faults);
    writer.Labelled(kRow, "type", "major", *s.major_faults);
  }
  if (s.io) {
    constexpr std::size_t kRow = RuntimeRow("process_disk_io_bytes_total");
    writer.Begin(kRow);
    writer.Labelled(kRow, "direction", "read", s.io->read_bytes);
    writer.Labelled(kRow, "direction", "write", s.io->write_bytes);
  }
  writer.Single(RuntimeRow("process_run_delay_seconds_total"), s.run_delay_seconds);
}

void RuntimeProducer::WriteAllocator(Writer& writer) {
  const std::optional<AllocatorSample> sample = allocator_.Read(std::chrono::steady_clock::now());
  if (!sample) return;
  constexpr std::size_t kAllocated = RuntimeRow("allocator_allocated_bytes");
  constexpr std::size_t kFree = RuntimeRow("allocator_free_bytes");
  writer.Begin(kAllocated);
  writer.Labelled(kAllocated, "allocator", sample->allocator, sample->allocated_bytes);
  writer.Begin(kFree);
  writer.Labelled(kFree, "allocator", sample->allocator, sample->free_bytes);
}

void RuntimeProducer::WriteCgroup(Writer& writer) const {
  const CgroupSample& s = cgroup_sample_;
  writer.Single(RuntimeRow("cgroup_memory_limit_bytes"), s.memory_limit_bytes);
  writer.Single(RuntimeRow("cgroup_memory_usage_bytes"), s.memory_usage_bytes);
  writer.Single(RuntimeRow("cgroup_cpu_limit_cores"), s.cpu_limit_cores);
  writer.Single(RuntimeRow("cgroup_cpu_throttled_seconds_total"), s.cpu_throttled_seconds);
  writer.Single(RuntimeRow("cgroup_oom_kills_total"), s.oom_kills);
}

}  // namespace detail
POLYMETER_END_NAMESPACE
