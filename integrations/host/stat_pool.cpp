#include "integrations/host/stat_pool.h"

#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <system_error>
#include <utility>

#include "sdk/src/threads.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace host {

bool StatVfs(const std::string& path, MountNumbers& numbers) {
  struct statvfs stat {};
  int result = 0;
  do {
    result = statvfs(path.c_str(), &stat);
  } while (result != 0 && errno == EINTR);
  if (result != 0) return false;
  // Blocks are counted in fragments; f_bsize is only the best size of a transfer.
  const auto block = static_cast<double>(stat.f_frsize);
  numbers.size = static_cast<double>(stat.f_blocks) * block;
  numbers.free = static_cast<double>(stat.f_bfree) * block;
  numbers.avail = static_cast<double>(stat.f_bavail) * block;
  numbers.files = static_cast<double>(stat.f_files);
  numbers.files_free = static_cast<double>(stat.f_ffree);
  return true;
}

struct StatPool::State {
  explicit State(AskMount a) : ask(std::move(a)) {}

  const AskMount ask;
  std::mutex mutex;
  std::condition_variable returned;  // a call did
  std::uint64_t round = 0;           // of Ask
  std::uint64_t calls_returned = 0;
  std::size_t threads = 0;
  std::deque<std::string> queue;
  std::map<std::string, std::uint64_t> calls;   // that run: path and round
  std::map<std::string, MountNumbers> numbers;  // of this round

  // Takes the first of the queue; nothing of it is left behind when there is no memory.
  void AskNext(std::unique_lock<std::mutex>& lock);
};

StatPool::StatPool(AskMount ask, std::size_t max_threads)
    : max_threads_(max_threads), state_(std::make_shared<State>(std::move(ask))) {}

StatPool::~StatPool() = default;

void StatPool::State::AskNext(std::unique_lock<std::mutex>& lock) {
  const std::string path = std::move(queue.front());
  queue.pop_front();
  const std::uint64_t asked = round;
  const auto call = calls.emplace(path, asked).first;
  lock.unlock();
  MountNumbers answer;
  bool good = false;
  try {
    good = ask(path, answer);
  } catch (...) {  // what it throws is no answer
  }
  lock.lock();
  calls.erase(call);
  // What comes too late is too old.
  if (good && asked == round) numbers.emplace(path, answer);
}

void StatPool::Work(const std::shared_ptr<State>& state) {
  std::unique_lock lock(state->mutex);
  while (!state->queue.empty()) {
    try {
      state->AskNext(lock);
    } catch (...) {  // no memory: no answer
    }
    ++state->calls_returned;
    state->returned.notify_all();
  }
  --state->threads;
}

StatPool::Answers StatPool::Ask(const std::vector<std::string>& paths,
                                std::chrono::steady_clock::time_point deadline) {
  using Clock = std::chrono::steady_clock;
  std::unique_lock lock(state_->mutex);
  const std::uint64_t round = ++state_->round;
  state_->numbers.clear();
  for (const std::string& path : paths) {
    const bool queued =
        std::find(state_->queue.begin(), state_->queue.end(), path) != state_->queue.end();
    if (!queued && state_->calls.count(path) == 0) state_->queue.push_back(path);
  }
  const auto in_call = [&] {
    return std::any_of(state_->calls.begin(), state_->calls.end(),
                       [&](const auto& call) { return call.second == round; });
  };
  // As long as a call may take until another thread is started for the rest: half of the time is
  // enough to start all.
  const auto patience =
      std::max<Clock::duration>(deadline - Clock::now(), Clock::duration::zero()) /
      (2 * static_cast<Clock::rep>(max_threads_));
  while (!state_->queue.empty() || in_call()) {
    if (!state_->queue.empty() && state_->threads < max_threads_) {
      try {
        StartNamedThread("pm-host-stat", [state = state_] { Work(state); }).detach();
        ++state_->threads;
      } catch (const std::system_error&) {  // no thread: what is there must do
        if (state_->threads == 0) break;
      }
    }
    // Every thread hangs since another time: there is nothing to wait for.
    if (state_->calls.size() >= max_threads_ && !in_call()) break;
    // Goes on when all are done, or when none came back for so long.
    bool over = false;
    for (bool moving = true; moving && !over;) {
      const std::uint64_t before = state_->calls_returned;
      over = state_->returned.wait_until(lock, std::min(deadline, Clock::now() + patience),
                                         [&] { return state_->queue.empty() && !in_call(); });
      moving = state_->calls_returned != before && Clock::now() < deadline;
    }
    if (over || Clock::now() >= deadline) break;
  }
  state_->queue.clear();
  Answers answers;
  answers.numbers = std::move(state_->numbers);
  state_->numbers.clear();
  for (const auto& [path, since] : state_->calls) {
    if (since == round) answers.hanging.push_back(path);
  }
  ++state_->round;  // a call that returns from now on is late
  return answers;
}

std::size_t StatPool::hanging() const {
  const std::lock_guard lock(state_->mutex);
  return state_->calls.size();
}

}  // namespace host
}  // namespace detail
POLYMETER_END_NAMESPACE
