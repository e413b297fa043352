// The families of a Registry beyond its end, for their last delivery. Internal.
#pragma once

#include <memory>

#include "prometheus/collectable.h"

namespace prometheus {
namespace detail {

// A Collectable that keeps the families of one of our own Registries alive and is read like it, its
// series the same ones; null for anything else.
std::shared_ptr<Collectable> ContentsOf(const std::shared_ptr<Collectable>& collectable);

// Whether two of them are of one Registry.
bool SameContents(const std::shared_ptr<Collectable>& a, const std::shared_ptr<Collectable>& b);

}  // namespace detail
}  // namespace prometheus
