// A blocking HTTP client that does the least: one GET on a new connection, the body thrown away.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace polymeter_bench {

// GET /metrics from 127.0.0.1; reads to the end of the connection. Gives the bytes of the whole
// response, headers included; throws std::runtime_error unless the status is 200.
inline std::size_t Get(std::uint16_t port, bool gzip) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) throw std::runtime_error("socket");
  struct Closer {
    int fd;
    ~Closer() { close(fd); }
  } const closer{fd};
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    throw std::runtime_error("connect");
  }
  std::string request = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";
  if (gzip) request += "Accept-Encoding: gzip\r\n";
  request += "\r\n";
  if (send(fd, request.data(), request.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(request.size())) {
    throw std::runtime_error("send");
  }
  std::array<char, 64 * 1024> buffer;
  std::size_t total = 0;
  for (;;) {
    const ssize_t got = recv(fd, buffer.data(), buffer.size(), 0);
    if (got < 0) throw std::runtime_error("recv");
    if (got == 0) break;
    constexpr std::string_view kOk = "HTTP/1.1 200";
    if (total == 0 &&
        std::string_view(buffer.data(), static_cast<std::size_t>(got)).substr(0, kOk.size()) !=
            kOk) {
      throw std::runtime_error("status: " + std::string(buffer.data(), kOk.size()));
    }
    total += static_cast<std::size_t>(got);
  }
  return total;
}

// The port of "127.0.0.1:9464".
inline std::uint16_t PortOf(const std::string& endpoint) {
  const std::size_t colon = endpoint.rfind(':');
  if (colon == std::string::npos) throw std::runtime_error("no port in '" + endpoint + "'");
  return static_cast<std::uint16_t>(std::stoi(endpoint.substr(colon + 1)));
}

}  // namespace polymeter_bench
