// What a program calls of the stand-in, by a name that prometheus-cpp has, too.
#include "standin.h"

namespace prometheus {
void Counter::Increment() { ++value_; }
double Counter::Value() const { return value_; }
}  // namespace prometheus
