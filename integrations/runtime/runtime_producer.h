// The process_, allocator_ and cgroup_ families of one process.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "integrations/runtime/allocator.h"
#include "integrations/runtime/cgroup.h"
#include "integrations/runtime/process_reader.h"
#include "polymeter/producer.h"
#include "polymeter/runtime.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

class RuntimeProducer final : public Producer {
 public:
  explicit RuntimeProducer(const RuntimeOptions& options);

  void Collect(FamilySink& sink) override;
  // False when there is nothing to watch from the beginning.
  bool watches() const { return !process_.gone(); }

 private:
  // Writes families by their row.
  class Writer;

  void WriteProcess(Writer& writer) const;
  void WriteAllocator(Writer& writer);
  void WriteCgroup(Writer& writer) const;

  const bool cpu_by_mode_;
  const StringPairs constant_labels_;
  std::vector<FamilyOptions> options_;  // by row
  std::vector<Label> labels_;           // constant ones, room for one more
  ProcessReader process_;
  CgroupReader cgroup_;
  AllocatorReader allocator_;
  ProcessSample process_sample_;
  CgroupSample cgroup_sample_;
};

}  // namespace detail
POLYMETER_END_NAMESPACE
