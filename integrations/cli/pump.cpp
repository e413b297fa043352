#include "integrations/cli/pump.h"

#include <cerrno>
#include <cstring>
#include <utility>

namespace polymeter::cli {
namespace {

// Pieces whose way is measured; when more wait, the sink is full and the oldest tells enough.
constexpr std::size_t kMaxPieces = 64;

}  // namespace

Pump::Pump(Fd source, Sink sink, PumpObserver observer, std::size_t capacity)
    : source_(std::move(source)),
      sink_(std::move(sink)),
      observer_(std::move(observer)),
      buffer_(capacity) {
  if (!source_) EndSource();
}

void Pump::Prepare(std::vector<pollfd>& waits) {
  source_wait_ = sink_wait_ = -1;
  if (WantsRead()) {
    source_wait_ = static_cast<int>(waits.size());
    waits.push_back({source_.get(), POLLIN, 0});
  }
  if (!sink_.closed()) {
    // Without anything to write, only to learn that the reader is gone.
    sink_wait_ = static_cast<int>(waits.size());
    waits.push_back({sink_.fd(), static_cast<short>(pending() > 0 ? POLLOUT : 0), 0});
  }
}

void Pump::Handle(const std::vector<pollfd>& waits) {
  const auto events = [&waits](int wait) {
    return wait < 0 ? short{0} : waits[static_cast<std::size_t>(wait)].revents;
  };
  if ((events(sink_wait_) & (POLLERR | POLLHUP | POLLNVAL)) != 0) {
    Drop();
    return;
  }
  if ((events(sink_wait_) & POLLOUT) != 0) Flush();
  if (source_wait_ < 0 || !source_) return;
  if (events(source_wait_) != 0) {
    Read();
  } else if (last_) {
    EndSource();
  }
}

void Pump::Read() {
  if (begin_ > 0 && end_ == buffer_.size()) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, pending());
    end_ -= std::exchange(begin_, 0);
  }
  char* const to = buffer_.data() + end_;
  const ssize_t got = read(source_.get(), to, buffer_.size() - end_);
  if (got < 0 && (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK)) return;
  if (got <= 0) {  // a pseudo-terminal ends with EIO
    EndSource();
    return;
  }
  const auto size = static_cast<std::size_t>(got);
  const TimePoint read_at = std::chrono::steady_clock::now();
  end_ += size;
  read_bytes_ += size;
  if (pieces_.size() < kMaxPieces) pieces_.push_back({read_bytes_, read_at});
  Flush();
  // Still where they were read to: Flush moves nothing. Without a reader they have gone nowhere.
  if (source_) Tell({to, size}, read_at);
}

void Pump::Flush() {
  while (pending() > 0) {
    const ssize_t written = sink_.Write({buffer_.data() + begin_, pending()});
    if (written < 0) {
      Drop();
      return;
    }
    if (written == 0) break;
    begin_ += static_cast<std::size_t>(written);
    written_bytes_ += static_cast<std::uint64_t>(written);
  }
  if (pending() == 0) {
    begin_ = end_ = 0;
    if (!source_) sink_.Close();
  }
  TimePoint then{};
  for (; !pieces_.empty() && pieces_.front().end <= written_bytes_; pieces_.pop_front()) {
    if (then == TimePoint()) then = std::chrono::steady_clock::now();
    try {
      if (observer_.forwarded) observer_.forwarded(then - pieces_.front().read_at);
    } catch (...) {
      observer_.forwarded = nullptr;
    }
  }
}

void Pump::EndSource() {
  source_.Close();
  try {
    if (observer_.end) observer_.end();
  } catch (...) {
    // Only the copy's reader has lost something.
  }
  observer_.end = nullptr;
  if (pending() == 0) sink_.Close();
}

void Pump::Drop() {
  source_.Close();  // not the writer's end: nothing is told
  observer_.end = nullptr;
  begin_ = end_ = 0;
  pieces_.clear();
  sink_.Close();
}

void Pump::Tell(std::string_view bytes, TimePoint read_at) noexcept {
  try {
    if (observer_.bytes) observer_.bytes(bytes, read_at);
  } catch (...) {
    observer_.bytes = nullptr;
  }
}

}  // namespace polymeter::cli
