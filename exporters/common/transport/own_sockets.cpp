#include "exporters/common/transport/own_sockets.h"

#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <cstring>
#include <memory>
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

}  // namespace

std::vector<OwnSocket> ShutDownSocketsAt(const sockaddr_storage& address) {
  std::vector<OwnSocket> connections;
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir("/proc/self/fd"), closedir);
  if (directory == nullptr) return connections;
  while (const dirent* const entry = readdir(directory.get())) {
    const std::string_view name = entry->d_name;
    int descriptor = -1;
    std::from_chars(name.data(), name.data() + name.size(), descriptor);
    if (descriptor < 0 || !IsAt(descriptor, address)) continue;
    const int duplicate = fcntl(descriptor, F_DUPFD_CLOEXEC, 3);
    if (duplicate < 0) continue;
    struct stat status {};
    if (IsAt(duplicate, address) && IntegerOption(duplicate, SO_TYPE) == SOCK_STREAM &&
        fstat(duplicate, &status) == 0) {
      if (IntegerOption(duplicate, SO_ACCEPTCONN) == 0) {
        connections.push_back({descriptor, status.st_ino});
      }
      shutdown(duplicate, SHUT_RDWR);
    }
    close(duplicate);
  }
  return connections;
}

void CloseForgotten(const std::vector<OwnSocket>& sockets) {
  for (const OwnSocket& socket : sockets) {
    struct stat status {};
    if (fstat(socket.descriptor, &status) == 0 && S_ISSOCK(status.st_mode) &&
        status.st_ino == socket.inode) {
      close(socket.descriptor);
    }
  }
}

}  // namespace detail
POLYMETER_END_NAMESPACE
