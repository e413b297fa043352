// Feeds an LSP session on a thread of its own, so that the time it takes to read a message is not
// added to the way of the next one.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "integrations/cli/pump.h"
#include "polymeter/lsp.h"

namespace polymeter::cli {

// Used by one thread, but for the one that it starts.
class CopyFeed {
 public:
  // The session is the feed's until Stop. Where no thread can be had, the caller's own is used.
  explicit CopyFeed(LspSession& session);
  ~CopyFeed() { Stop(); }
  CopyFeed(const CopyFeed&) = delete;
  CopyFeed& operator=(const CopyFeed&) = delete;

  // What to give a pump of that direction. Waits where more than kMostBytes are still to be read,
  // which reading catches up with in milliseconds.
  PumpObserver ObserverOf(LspDirection direction);
  // Everything has been fed when it returns.
  void Stop();

  static constexpr std::size_t kMostBytes = std::size_t{4} << 20;

 private:
  struct Piece {
    LspDirection direction;
    std::string bytes;
    TimePoint read_at{};
    std::optional<std::chrono::nanoseconds> took;
    bool end = false;
  };

  void Add(Piece piece);
  void Feed(const Piece& piece);
  void Run();

  LspSession& session_;
  std::mutex mutex_;
  std::condition_variable come_;
  std::condition_variable gone_;
  std::deque<Piece> pieces_;
  std::size_t bytes_ = 0;  // in pieces_
  bool waits_ = false;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace polymeter::cli
