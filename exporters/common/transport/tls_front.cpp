#include "exporters/common/transport/tls_front.h"
#include "sdk/src/left_to_parent.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <system_error>
#include <utility>
#include <vector>

#include "sdk/src/threads.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

using std::chrono::milliseconds;
using FrontClock = std::chrono::steady_clock;

int PollTimeout(FrontClock::time_point until, FrontClock::time_point now) {
  if (until == FrontClock::time_point::max()) return -1;
  if (until <= now) return 0;
  const auto left = std::chrono::ceil<milliseconds>(until - now);
  return static_cast<int>(std::min<milliseconds::rep>(left.count(), 60'000));
}

// poll takes two entries of each connection and two more, and refuses more of them than the process
// may have descriptors.
std::size_t MostConnections(int wanted) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return static_cast<std::size_t>(wanted);
  const rlim_t room = limit.rlim_cur < 4 ? 1 : (limit.rlim_cur - 2) / 2;
  return static_cast<std::size_t>(std::min<rlim_t>(static_cast<rlim_t>(wanted), room));
}

}  // namespace

struct TlsFront::Shared {
  ~Shared() {
    if (wake >= 0) close(wake);
    if (listener >= 0) close(listener);
  }
  void Wake() const {
    const std::uint64_t one = 1;
    static_cast<void>(!write(wake, &one, sizeof(one)));
  }
  void CloseListener() {
    if (listener >= 0) close(std::exchange(listener, -1));
  }

  TlsFrontOptions options;
  TlsCertificates certificates{TlsServerOptions()};
  int listener = -1;  // the thread's from Start on
  int wake = -1;
  std::atomic<bool> draining{false};
  std::atomic<bool> stopping{false};
  std::atomic<FrontClock::rep> stop_at{0};  // of `stopping`
  std::vector<std::unique_ptr<TlsConnection>> connections;

  std::mutex mutex;
  std::condition_variable changed;
  bool ended = false;
};

TlsFront::TlsFront() : shared_(std::make_shared<Shared>()) {}

TlsFront::~TlsFront() {
  if (shared_ == nullptr) return;
  static_cast<void>(Stop(FrontClock::now() + std::chrono::seconds(1), milliseconds(0)));
}

int TlsFront::Listen(const ListenAddress& address, std::uint16_t port, int backlog) {
  ListenAddress wanted = address;
  wanted.SetPort(port);
  const int listener =
      socket(wanted.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (listener < 0) return errno;
  const int on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (bind(listener, reinterpret_cast<const sockaddr*>(&wanted.storage), wanted.size) != 0 ||
      listen(listener, std::max(1, backlog)) != 0) {
    const int why = errno;
    close(listener);
    return why;
  }
  shared_->listener = listener;
  return 0;
}

std::uint16_t TlsFront::port() const {
  sockaddr_storage local{};
  socklen_t size = sizeof(local);
  if (shared_ == nullptr ||
      getsockname(shared_->listener, reinterpret_cast<sockaddr*>(&local), &size) != 0) {
    return 0;
  }
  return ntohs(local.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(local).sin6_port
                                           : reinterpret_cast<sockaddr_in&>(local).sin_port);
}

Status TlsFront::Start(TlsCertificates certificates, TlsFrontOptions options) {
  sockaddr_storage local{};
  socklen_t size = sizeof(local);
  getsockname(shared_->listener, reinterpret_cast<sockaddr*>(&local), &size);
  shared_->certificates = std::move(certificates);
  shared_->options = std::move(options);
  shared_->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (shared_->wake < 0) {
    return Status::Error("no descriptor: " + std::generic_category().message(errno));
  }
  accepted_closed_in_children_ = std::make_unique<ClosedInChildren>(local);
  hops_closed_in_children_ =
      std::make_unique<ClosedInChildren>(shared_->options.relay.hop, ClosedInChildren::End::kPeer);
  try {
    thread_ = std::make_unique<std::thread>(StartNamedThread("pm-tls", [shared = shared_] {
      for (bool over = false; !over;) {
        try {
          Serve(*shared);
          over = true;
        } catch (const std::exception&) {  // no memory: none for those who are there
          shared->connections.clear();
          std::this_thread::sleep_for(milliseconds(100));
        }
      }
      shared->connections.clear();
      shared->CloseListener();
      {
        const std::lock_guard lock(shared->mutex);
        shared->ended = true;
      }
      shared->changed.notify_all();
    }));
  } catch (const std::system_error& e) {
    return Status::Error(std::string("no thread for TLS: ") + e.what());
  }
  return {};
}

void TlsFront::Serve(Shared& shared) {
  std::vector<pollfd> waits;
  FrontClock::time_point accept_again{};  // after an error of accept
  for (;;) {
    auto now = FrontClock::now();
    if (shared.draining) {
      shared.CloseListener();
      std::erase_if(shared.connections, [](const auto& one) { return !one->relaying(); });
    }
    FrontClock::time_point until = FrontClock::time_point::max();
    if (shared.stopping) {
      until = FrontClock::time_point(FrontClock::duration(shared.stop_at));
      if (shared.connections.empty() || now >= until) return;
    }
    const bool may_accept =
        shared.listener >= 0 && now >= accept_again &&
        shared.connections.size() < MostConnections(shared.options.max_connections);
    if (shared.listener >= 0 && now < accept_again) until = std::min(until, accept_again);
    waits.clear();
    waits.push_back({shared.wake, POLLIN, 0});
    waits.push_back({may_accept ? shared.listener : -1, POLLIN, 0});
    bool more = false;
    for (const auto& one : shared.connections) {
      waits.push_back(one->ClientPoll());
      waits.push_back(one->HopPoll());
      until = std::min(until, one->Deadline());
      more = more || one->HasMore();
    }
    if (poll(waits.data(), waits.size(), more ? 0 : PollTimeout(until, now)) < 0) {
      if (errno == EINVAL && !shared.connections.empty()) {  // the limit has been lowered
        shared.connections.pop_back();
        continue;
      }
      if (errno != EINTR && errno != EAGAIN && errno != ENOMEM) return;
      for (pollfd& wait : waits) wait.revents = 0;
    }
    now = FrontClock::now();
    if (waits[0].revents != 0) {
      std::uint64_t count = 0;
      static_cast<void>(!read(shared.wake, &count, sizeof(count)));
    }
    for (std::size_t i = 0; i < shared.connections.size(); ++i) {
      std::unique_ptr<TlsConnection>& one = shared.connections[i];
      if (!one->Turn(waits[2 * i + 2].revents, waits[2 * i + 3].revents, now)) one.reset();
    }
    std::erase(shared.connections, nullptr);
    if (waits[1].revents == 0 || shared.draining) continue;
    const int client = accept4(shared.listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (client >= 0) {
      const int on = 1;
      setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
      shared.connections.push_back(std::make_unique<TlsConnection>(
          client, shared.certificates.Current(now, shared.options.log), shared.options.relay, now));
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      accept_again = now + milliseconds(100);  // poll would say at once that it waits
    }
  }
}

void TlsFront::BeginStop() {
  shared_->draining = true;
  shared_->Wake();
}

Status TlsFront::Stop(Deadline deadline, milliseconds patience) {
  const std::shared_ptr<Shared> shared = std::move(shared_);
  shared_.reset();
  if (thread_ == nullptr) return {};
  const auto now = FrontClock::now();
  const auto end = std::min<FrontClock::time_point>(now + patience, deadline);
  shared->draining = true;
  shared->stop_at = end.time_since_epoch().count();
  shared->stopping = true;
  shared->Wake();
  if (thread_->get_id() == std::this_thread::get_id()) {
    thread_->detach();  // its message was answered with a stop; it ends after that
    thread_.reset();
    return {};
  }
  {
    std::unique_lock lock(shared->mutex);
    shared->changed.wait_until(lock, std::max<Deadline>(deadline, now + milliseconds(50)),
                               [&] { return shared->ended; });
    if (!shared->ended) {
      thread_->detach();
      thread_.reset();
      return Status::Error("the TLS server's thread did not stop in time; it ends later");
    }
  }
  thread_->join();
  thread_.reset();
  return {};
}

void TlsFront::Forget() {
  if (shared_ == nullptr) return;
  // Its sockets were closed when the child began, and their numbers may be others' by now.
  if (shared_->wake >= 0) close(shared_->wake);
  LeaveToParent(std::move(shared_));
  static_cast<void>(thread_.release());
}

}  // namespace detail
POLYMETER_END_NAMESPACE
