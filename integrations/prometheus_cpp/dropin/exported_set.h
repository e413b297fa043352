// What the push hub exports, and what it keeps of Registries that are gone. Internal.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include "integrations/prometheus_cpp/dropin/collectables_source.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// The usual program declares its Exposer before its Registry, so at its end the Registry goes
// first, and with it all that was recorded since the last push. So the contents of a Registry stay
// in the source until every backend has read them once more.
//
// Thread-safe.
class ExportedSet {
 public:
  using Shared = std::shared_ptr<::prometheus::Collectable>;

  explicit ExportedSet(CollectablesSource& source) : source_(source) {}

  // Whether there are backends. Without any the source stays empty, and nothing is kept.
  void SetRead(bool read);

  // Exported until removed as often as it was added.
  void Add(const Shared& collectable);
  void Remove(const Shared& collectable);
  // The same at the end of who added it: of a Registry the last values still leave.
  void End(const Shared& collectable);

  // The contents whose Registries are gone. What a snapshot that begins now will have.
  std::vector<Shared> Gone();
  // The calling thread, one of so many, has read a snapshot with these.
  void NoteRead(const std::vector<Shared>& gone, std::size_t readers);
  // Down to so many, the oldest first.
  void ForgetGone(std::size_t most);

 private:
  struct Exported {
    std::weak_ptr<::prometheus::Collectable> collectable;
    std::size_t times = 0;
    Shared contents;  // of a Registry that is read; else null
  };
  struct Left {
    Shared contents;
    std::vector<std::thread::id> readers = {};
  };
  void Drop(const Shared& collectable, bool at_end);
  void Show(const Shared& collectable, Exported& exported);
  void SetAside(Exported& exported);
  void FindGone();

  CollectablesSource& source_;
  std::mutex mutex_;
  bool read_ = false;
  std::unordered_map<const ::prometheus::Collectable*, Exported> exported_;
  std::deque<Left> gone_;
  std::size_t look_at_ = 1024;  // so many: some may be gone
};

}  // namespace detail
POLYMETER_END_NAMESPACE
