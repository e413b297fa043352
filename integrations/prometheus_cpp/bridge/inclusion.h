// Keeps a Metrics from being shown in itself, however long the way round. Internal.
//
// Attach(outer, Collectable(inner)) puts inner's families into outer's snapshots. Where such
// inclusions form a loop, every snapshot would wait for itself, and families would come back under
// ever longer names. The cores of a loop know nothing of each other, and each collects on a
// thread of its own; so the inclusions of the whole process are noted in one place. They are
// found while collecting, not when attaching: a Collectable may hide in another one.
#pragma once

#include <memory>
#include <set>

#include "sdk/src/core_access.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

using WeakCore = std::weak_ptr<Core>;
using CoreSet = std::set<WeakCore, std::owner_less<WeakCore>>;

// What one attached Collectable has brought into the core it is attached to.
class Inclusion {
 public:
  explicit Inclusion(WeakCore outer);
  ~Inclusion();
  Inclusion(const Inclusion&) = delete;
  Inclusion& operator=(const Inclusion&) = delete;

  // While it lives, the calling thread collects for `inclusion`.
  class Collecting {
   public:
    explicit Collecting(Inclusion& inclusion) noexcept;
    ~Collecting();
    Collecting(const Collecting&) = delete;
    Collecting& operator=(const Collecting&) = delete;

   private:
    Inclusion& inclusion_;
    Inclusion* const before_;
  };

  // The one that the calling thread collects for, or null.
  static Inclusion* Current() noexcept;

  // Notes that inner's families come along. False where inner includes the outer core already,
  // or is it: then they must not.
  bool Include(const WeakCore& inner);

 private:
  friend class Inclusions;

  const WeakCore outer_;
  // Guarded by the lock of all inclusions.
  CoreSet inner_;
  CoreSet seen_;  // in the collection that runs; becomes inner_ at its end
};

}  // namespace detail
POLYMETER_END_NAMESPACE
