#include "integrations/prometheus_cpp/bridge/inclusion.h"

#include <pthread.h>

#include <mutex>
#include <utility>
#include <vector>

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {
thread_local Inclusion* t_current = nullptr;
}  // namespace

// All of the process. Held for short look-ups only, and no other lock is taken under it.
class Inclusions {
 public:
  static Inclusions& OfProcess() {
    static Inclusions* const all = new Inclusions;  // outlives static destructors
    return *all;
  }

  void Add(Inclusion* inclusion) {
    const std::lock_guard lock(mutex_);
    all_.insert(inclusion);
  }
  void Remove(Inclusion* inclusion) noexcept {
    const std::lock_guard lock(mutex_);
    all_.erase(inclusion);
  }
  bool Include(Inclusion& inclusion, const WeakCore& inner) {
    const std::lock_guard lock(mutex_);
    if (inclusion.inner_.count(inner) == 0) {
      if (Reaches(inner, inclusion.outer_)) return false;
      inclusion.inner_.insert(inner);
    }
    inclusion.seen_.insert(inner);
    return true;
  }
  void Begin(Inclusion& inclusion) noexcept {
    const std::lock_guard lock(mutex_);
    inclusion.seen_.clear();
  }
  // What the Collectable no longer brings along is forgotten.
  void End(Inclusion& inclusion) noexcept {
    const std::lock_guard lock(mutex_);
    inclusion.inner_.swap(inclusion.seen_);
    inclusion.seen_.clear();
  }

 private:
  Inclusions() {
    // A child forked while another thread holds the lock would find it locked for ever.
    pthread_atfork([] { OfProcess().mutex_.lock(); }, [] { OfProcess().mutex_.unlock(); },
                   [] { OfProcess().mutex_.unlock(); });
  }

  bool Reaches(const WeakCore& from, const WeakCore& to) const {
    CoreSet visited;
    std::vector<WeakCore> open = {from};
    while (!open.empty()) {
      const WeakCore core = std::move(open.back());
      open.pop_back();
      if (!core.owner_before(to) && !to.owner_before(core)) return true;
      if (!visited.insert(core).second) continue;
      for (const Inclusion* inclusion : all_) {
        const WeakCore& outer = inclusion->outer_;
        if (core.owner_before(outer) || outer.owner_before(core)) continue;
        open.insert(open.end(), inclusion->inner_.begin(), inclusion->inner_.end());
      }
    }
    return false;
  }

  std::mutex mutex_;
  std::set<Inclusion*> all_;
};

Inclusion::Inclusion(WeakCore outer) : outer_(std::move(outer)) {
  Inclusions::OfProcess().Add(this);
}
Inclusion::~Inclusion() { Inclusions::OfProcess().Remove(this); }

Inclusion* Inclusion::Current() noexcept { return t_current; }

bool Inclusion::Include(const WeakCore& inner) {
  return Inclusions::OfProcess().Include(*this, inner);
}

Inclusion::Collecting::Collecting(Inclusion& inclusion) noexcept
    : inclusion_(inclusion), before_(std::exchange(t_current, &inclusion)) {
  Inclusions::OfProcess().Begin(inclusion_);
}
Inclusion::Collecting::~Collecting() {
  t_current = before_;
  Inclusions::OfProcess().End(inclusion_);
}

}  // namespace detail
POLYMETER_END_NAMESPACE
