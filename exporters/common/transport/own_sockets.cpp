#include "exporters/common/transport/own_sockets.h"

#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <mutex>
#include <string_view>

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

// Whether a socket with the local address `local` listens at `address` or was accepted there.
bool Matches(const sockaddr_storage& local, const sockaddr_storage& address) noexcept {
  if (local.ss_family != address.ss_family) return false;
  if (address.ss_family == AF_INET) {
    const auto& a = reinterpret_cast<const sockaddr_in&>(local);
    const auto& b = reinterpret_cast<const sockaddr_in&>(address);
    return a.sin_port == b.sin_port &&
           (b.sin_addr.s_addr == htonl(INADDR_ANY) || a.sin_addr.s_addr == b.sin_addr.s_addr);
  }
  if (address.ss_family == AF_INET6) {
    const auto& a = reinterpret_cast<const sockaddr_in6&>(local);
    const auto& b = reinterpret_cast<const sockaddr_in6&>(address);
    return a.sin6_port == b.sin6_port &&
           (IN6_IS_ADDR_UNSPECIFIED(&b.sin6_addr) ||
            std::memcmp(&a.sin6_addr, &b.sin6_addr, sizeof(a.sin6_addr)) == 0);
  }
  return false;
}

bool IsAt(int descriptor, const sockaddr_storage& address) noexcept {
  sockaddr_storage local{};
  socklen_t size = sizeof(local);
  if (getsockname(descriptor, reinterpret_cast<sockaddr*>(&local), &size) != 0) return false;
  return Matches(local, address);
}

int IntegerOption(int descriptor, int option) noexcept {
  int value = -1;
  socklen_t size = sizeof(value);
  if (getsockopt(descriptor, SOL_SOCKET, option, &value, &size) != 0) return -1;
  return value;
}

bool IsTcpAt(int descriptor, const sockaddr_storage& address) noexcept {
  return IsAt(descriptor, address) && IntegerOption(descriptor, SO_TYPE) == SOCK_STREAM;
}

bool IsTcpTo(int descriptor, const sockaddr_storage& address) noexcept {
  sockaddr_storage peer{};
  socklen_t size = sizeof(peer);
  if (getpeername(descriptor, reinterpret_cast<sockaddr*>(&peer), &size) != 0) return false;
  return Matches(peer, address) && IntegerOption(descriptor, SO_TYPE) == SOCK_STREAM;
}

// Calls `visit` with every open descriptor.
template <class Visit>
void VisitDescriptors(Visit visit) {
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir("/proc/self/fd"), closedir);
  if (directory == nullptr) return;
  while (const dirent* const entry = readdir(directory.get())) {
    const std::string_view name = entry->d_name;
    int descriptor = -1;
    std::from_chars(name.data(), name.data() + name.size(), descriptor);
    if (descriptor >= 0) visit(descriptor);
  }
}

}  // namespace

std::vector<OwnSocket> ShutDownSocketsAt(const sockaddr_storage& address) {
  std::vector<OwnSocket> connections;
  VisitDescriptors([&](int descriptor) {
    if (!IsAt(descriptor, address)) return;
    const int duplicate = fcntl(descriptor, F_DUPFD_CLOEXEC, 3);
    if (duplicate < 0) return;
    struct stat status {};
    if (IsTcpAt(duplicate, address) && fstat(duplicate, &status) == 0) {
      if (IntegerOption(duplicate, SO_ACCEPTCONN) == 0) {
        connections.push_back({descriptor, status.st_ino});
      }
      shutdown(duplicate, SHUT_RDWR);
    }
    close(duplicate);
  });
  return connections;
}

void CloseForgotten(const std::vector<OwnSocket>& sockets) {
  for (const OwnSocket& socket : sockets) {
    // The number may be another thread's by now, which only its name tells without touching it.
    char path[40];
    char ours[40];
    char name[40];
    std::snprintf(path, sizeof(path), "/proc/self/fd/%d", socket.descriptor);
    std::snprintf(ours, sizeof(ours), "socket:[%ju]", static_cast<std::uintmax_t>(socket.inode));
    const ssize_t size = readlink(path, name, sizeof(name));
    if (size > 0 && std::string_view(name, static_cast<std::size_t>(size)) == ours) {
      close(socket.descriptor);
    }
  }
}

// --- in a forked child -------------------------------------------------------------------------

struct ClosedInChildren::All {
  std::mutex mutex;
  std::vector<const ClosedInChildren*> list;

  static All& OfProcess() noexcept {
    static auto* const kAll = new All;  // used at exit and in children
    return *kAll;
  }
};

ClosedInChildren::ClosedInChildren(const sockaddr_storage& address, End end)
    : address_(address), end_(end) {
  static const int registered = pthread_atfork([] { All::OfProcess().mutex.lock(); },
                                               [] { All::OfProcess().mutex.unlock(); }, &CloseAll);
  static_cast<void>(registered);
  All& all = All::OfProcess();
  const std::lock_guard lock(all.mutex);
  all.list.push_back(this);
}

ClosedInChildren::~ClosedInChildren() {
  All& all = All::OfProcess();
  const std::lock_guard lock(all.mutex);
  std::erase(all.list, this);
}

void ClosedInChildren::CloseAll() noexcept {
  All& all = All::OfProcess();
  if (!all.list.empty()) {
    VisitDescriptors([&all](int descriptor) {
      for (const ClosedInChildren* const one : all.list) {
        if (one->end_ == End::kOwn ? !IsTcpAt(descriptor, one->address_)
                                   : !IsTcpTo(descriptor, one->address_)) {
          continue;
        }
        close(descriptor);
        return;
      }
    });
  }
  all.list.clear();
  all.mutex.unlock();
}

}  // namespace detail
POLYMETER_END_NAMESPACE
