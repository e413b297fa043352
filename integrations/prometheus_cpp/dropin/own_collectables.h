// Tells our own Registry and Family objects from other Collectables, so that snapshots can read
// them at their cells. Works without run-time type information, which a user's types may lack.
// Internal.
#pragma once

#include <memory>
#include <vector>

#include "prometheus/collectable.h"

namespace prometheus {
namespace detail {

class FamilyStore;
class RegistryStore;

// What stands behind one of our objects; both null for any other Collectable.
struct OwnCollectable {
  std::shared_ptr<RegistryStore> registry;
  std::shared_ptr<FamilyStore> family;
  // Of what is kept of a Registry: the Registry. Instruments of a program's own are asked only
  // while it lives.
  bool kept = false;
  std::weak_ptr<Collectable> owner = {};
};

// In the constructor of the class whose Collect() may be bypassed.
void NoteOwnCollectable(const Collectable& collectable, OwnCollectable behind);
// In its destructor.
void ForgetOwnCollectable(const Collectable& collectable) noexcept;
// Nothing for an object of a class derived from ours: it may have a Collect() of its own.
OwnCollectable FindOwnCollectable(const Collectable& collectable);

}  // namespace detail
}  // namespace prometheus
