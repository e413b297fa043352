// One direction of a stream: forwards every byte as it is, then shows a copy. Bounded memory: a
// reader that does not keep up stops the writer, as a pipe does. Ends are passed on: end of file
// forwards, a reader that went away backwards.
#pragma once

#include <poll.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <string_view>
#include <vector>

#include "integrations/cli/fd.h"
#include "integrations/cli/sink.h"

namespace polymeter::cli {

using TimePoint = std::chrono::steady_clock::time_point;

// What is told of the bytes that passed, after they were written or, when the sink is full, put
// aside. An exception ends the telling and never the forwarding.
struct PumpObserver {
  std::function<void(std::string_view bytes, TimePoint read_at)> bytes;
  std::function<void(std::chrono::nanoseconds took)> forwarded;
  std::function<void()> end;  // the writer has closed its end
};

class Pump {
 public:
  static constexpr std::size_t kCapacity = std::size_t{256} << 10;

  Pump(Fd source, Sink sink, PumpObserver observer, std::size_t capacity = kCapacity);

  // Adds what to wait for; Handle then gets the same list after poll(2).
  void Prepare(std::vector<pollfd>& waits);
  void Handle(const std::vector<pollfd>& waits);

  // The writer has ended, though something else may hold its end open: what lies in the pipe
  // now is all that is to come.
  void TakeWhatIsThere() { last_ = true; }
  // Whether Handle may find its end without anything happening.
  bool looks_for_end() const { return last_ && WantsRead(); }
  // Nothing will be read or written any more.
  bool done() const { return !source_ && sink_.closed(); }
  void Drop();

  std::uint64_t bytes() const { return read_bytes_; }
  // Changes whenever anything was read or written.
  std::uint64_t moved() const { return read_bytes_ + written_bytes_; }

 private:
  struct Piece {
    std::uint64_t end;  // of all bytes so far
    TimePoint read_at;
  };

  bool WantsRead() const { return source_ && begin_ + (buffer_.size() - end_) > 0; }
  std::size_t pending() const { return end_ - begin_; }
  void Read();
  void Flush();
  void EndSource();
  void Tell(std::string_view bytes, TimePoint read_at) noexcept;

  Fd source_;
  Sink sink_;
  PumpObserver observer_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;  // of what is not written yet
  std::size_t end_ = 0;
  std::uint64_t read_bytes_ = 0;
  std::uint64_t written_bytes_ = 0;
  std::deque<Piece> pieces_;  // not written entirely
  bool last_ = false;
  int source_wait_ = -1;
  int sink_wait_ = -1;
};

}  // namespace polymeter::cli
