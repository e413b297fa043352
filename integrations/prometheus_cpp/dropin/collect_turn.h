// One call of a program's Collect() at a time. Internal.
#pragma once

#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// prometheus-cpp's Exposer calls the Collectables of a page one scrape after the other, and
// programs rely on it. Here pushes come beside the scrapes, so whoever calls Collect() takes a
// turn.
//
// While it lives no other thread has one for `whom`; the same thread may have several. It waits for
// half a minute at most and then goes on without: a Collect() may be waiting for this very thread
// (one that scrapes its own page).
class CollectTurn {
 public:
  explicit CollectTurn(const void* whom);
  ~CollectTurn();
  CollectTurn(const CollectTurn&) = delete;
  CollectTurn& operator=(const CollectTurn&) = delete;

 private:
  class Turns;

  const void* const whom_;
  Turns& turns_;
  bool taken_ = false;
};

}  // namespace detail
POLYMETER_END_NAMESPACE
