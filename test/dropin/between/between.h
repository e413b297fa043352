// A shared library between the program and its metrics: it is given the program's registry, makes
// families there, and gives back what it made. Only its functions are visible.
#pragma once

#include <memory>

namespace prometheus {  // the header needs no more of it
class Collectable;
class Counter;
class Histogram;
class Registry;
}  // namespace prometheus

#define BETWEEN_EXPORT __attribute__((visibility("default")))

namespace between {

// Makes a family in `registry`, adds a counter to it and increments it once.
BETWEEN_EXPORT prometheus::Counter& Count(prometheus::Registry& registry);
// Increments a counter of the program's.
BETWEEN_EXPORT void Increment(prometheus::Counter& counter, int times);
// What is there already or is made: the counter of these labels, which the program adds as well.
BETWEEN_EXPORT prometheus::Counter& Add(prometheus::Registry& registry, const char* label);
BETWEEN_EXPORT prometheus::Histogram& AddHistogram(prometheus::Registry& registry);
// Takes a counter that `Add` gave out of the registry.
BETWEEN_EXPORT void Remove(prometheus::Registry& registry, prometheus::Counter& counter);
// Back to zero, where there is a Reset.
BETWEEN_EXPORT void Reset(prometheus::Counter& counter);
BETWEEN_EXPORT void Reset(prometheus::Histogram& histogram);
// A registry of the library's own, with one counter at 7.
BETWEEN_EXPORT std::shared_ptr<prometheus::Collectable> Own();
// True when an exception of the drop-in (a bad name) is caught here by its type.
BETWEEN_EXPORT bool CatchesBadName(prometheus::Registry& registry);

}  // namespace between
