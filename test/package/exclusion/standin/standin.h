// A class of prometheus-cpp's name in the stand-in.
#pragma once

#include <prometheus/detail/one_library.h>

namespace prometheus {

class __attribute__((visibility("default"))) Counter {
 public:
  void Increment();
  double Value() const;

 private:
  double value_ = 0;
};

}  // namespace prometheus
