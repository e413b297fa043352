#include "integrations/cli/copy_feed.h"

#include <system_error>
#include <utility>

#include "sdk/src/threads.h"

namespace polymeter::cli {
namespace {

constexpr std::size_t kMostPieces = 65536;

}  // namespace

CopyFeed::CopyFeed(LspSession& session) : session_(session) {
  try {
    thread_ = detail::StartNamedThread("pm-lsp-copy", [this] { Run(); });
  } catch (const std::system_error&) {
    // Without one it is slower.
  }
}

PumpObserver CopyFeed::ObserverOf(LspDirection direction) {
  return {[this, direction](std::string_view bytes, TimePoint read_at) {
            Add({direction, std::string(bytes), read_at, {}, false});
          },
          [this, direction](std::chrono::nanoseconds took) {
            Add({direction, {}, {}, took, false});
          },
          [this, direction] {
            Add({direction, {}, {}, {}, true});
          }};
}

void CopyFeed::Add(Piece piece) {
  if (!thread_.joinable()) {
    Feed(piece);
    return;
  }
  std::unique_lock lock(mutex_);
  const auto room = [this] { return bytes_ < kMostBytes && pieces_.size() < kMostPieces; };
  if (!room()) {
    come_.notify_one();
    gone_.wait(lock, room);
  }
  pieces_.push_back(std::move(piece));
  const std::size_t size = pieces_.back().bytes.size();
  bytes_ += size;
  // The rest can wait for the next bytes.
  const bool wake = waits_ && size > 0;
  lock.unlock();
  if (wake) come_.notify_one();
}

void CopyFeed::Feed(const Piece& piece) {
  if (piece.took) {
    session_.Forwarded(piece.direction, *piece.took);
  } else if (piece.end) {
    session_.Eof(piece.direction);
  } else {
    session_.Bytes(piece.direction, piece.bytes, piece.read_at);
  }
}

void CopyFeed::Run() {
  std::deque<Piece> taken;
  std::unique_lock lock(mutex_);
  while (true) {
    waits_ = true;
    come_.wait(lock, [this] { return stop_ || !pieces_.empty(); });
    waits_ = false;
    if (pieces_.empty()) return;
    taken.swap(pieces_);
    bytes_ = 0;
    lock.unlock();
    gone_.notify_one();
    for (const Piece& piece : taken) Feed(piece);
    taken.clear();
    lock.lock();
  }
}

void CopyFeed::Stop() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  come_.notify_one();
  thread_.join();
}

}  // namespace polymeter::cli
