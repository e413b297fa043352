// A TCP client that sends exactly what a test tells it, and reads HTTP answers strictly.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

#include <cctype>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE
namespace testing {

// An answer, taken apart.
struct RawAnswer {
  int status = 0;                              // 0: there was none
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;                            // without the framing
  bool complete = false;                       // it ended as its framing says
  bool chunked = false;

  std::string Header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? "" : found->second;
  }
};

// `head`: the answer to a HEAD, which has no body whatever its headers say.
inline RawAnswer ParseAnswer(std::string_view bytes, bool head = false) {
  RawAnswer answer;
  const auto end = bytes.find("\r\n\r\n");
  if (end == std::string_view::npos || !bytes.starts_with("HTTP/1.1 ")) return answer;
  answer.status = std::atoi(std::string(bytes.substr(9, 3)).c_str());
  std::string_view lines = bytes.substr(0, end + 2);
  lines.remove_prefix(lines.find("\r\n") + 2);
  while (!lines.empty()) {
    const std::string_view line = lines.substr(0, lines.find("\r\n"));
    lines.remove_prefix(line.size() + 2);
    const auto colon = line.find(": ");
    if (colon == std::string_view::npos) return {};
    std::string name(line.substr(0, colon));
    for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    if (!answer.headers.emplace(name, line.substr(colon + 2)).second) return {};  // twice
  }
  std::string_view rest = bytes.substr(end + 4);
  answer.chunked = answer.Header("transfer-encoding") == "chunked";
  if (head) {
    answer.complete = rest.empty();
  } else if (answer.chunked) {
    for (;;) {
      std::size_t size = 0;
      const auto line = rest.find("\r\n");
      if (line == std::string_view::npos) return answer;
      const auto [p, error] = std::from_chars(rest.data(), rest.data() + line, size, 16);
      if (error != std::errc() || p != rest.data() + line) return answer;
      rest.remove_prefix(line + 2);
      if (rest.size() < size + 2 || rest.substr(size, 2) != "\r\n") return answer;
      answer.body += rest.substr(0, size);
      rest.remove_prefix(size + 2);
      if (size == 0) break;
    }
    answer.complete = rest.empty();
  } else {
    answer.body = rest;
    answer.complete = answer.Header("content-length") == std::to_string(rest.size());
  }
  return answer;
}

// One connection to 127.0.0.1.
class RawClient {
 public:
  // `receive_buffer`: a small one makes a client that takes little at a time.
  explicit RawClient(std::uint16_t port, int receive_buffer = 0)
      : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (receive_buffer != 0) {
      setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof(receive_buffer));
    }
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
  }
  ~RawClient() { close(socket_); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  bool connected() const { return connected_; }
  void Send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return;
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
  }
  // What the server sends until it closes, or until the time is over (then closed() is false).
  std::string ReadAll(std::chrono::milliseconds timeout = std::chrono::seconds(20)) {
    std::string all;
    const auto until = std::chrono::steady_clock::now() + timeout;
    char buffer[16 * 1024];
    for (;;) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
          until - std::chrono::steady_clock::now());
      pollfd wait{socket_, POLLIN, 0};
      if (left.count() <= 0 || poll(&wait, 1, static_cast<int>(left.count())) <= 0) return all;
      const ssize_t n = recv(socket_, buffer, sizeof(buffer), 0);
      if (n <= 0) {
        closed_ = true;
        return all;
      }
      all.append(buffer, static_cast<std::size_t>(n));
    }
  }
  // The next bytes, a few at most.
  std::string ReadSome(std::size_t most) {
    std::string some(most, '\0');
    const ssize_t n = recv(socket_, some.data(), most, 0);
    some.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
    return some;
  }
  bool closed() const { return closed_; }

 private:
  const int socket_;
  bool connected_ = false;
  bool closed_ = false;
};

// One request on a connection of its own.
inline RawAnswer Exchange(std::uint16_t port, std::string_view request, bool head = false) {
  RawClient client(port);
  client.Send(request);
  return ParseAnswer(client.ReadAll(), head);
}

// GET of a path. `headers`: lines that end in CRLF.
inline RawAnswer Get(std::uint16_t port, std::string_view path, std::string_view headers = {}) {
  return Exchange(port, "GET " + std::string(path) + " HTTP/1.1\r\nHost: localhost\r\n" +
                            std::string(headers) + "\r\n");
}

// "127.0.0.1:80" -> 80; 0 when there is none.
inline std::uint16_t PortOf(std::string_view endpoint) {
  const auto colon = endpoint.rfind(':');
  if (colon == std::string_view::npos) return 0;
  return static_cast<std::uint16_t>(std::atoi(std::string(endpoint.substr(colon + 1)).c_str()));
}

// The contents of one gzip member with nothing after it; "" when that is not what it is.
inline std::string Gunzip(std::string_view bytes) {
  z_stream stream{};
  if (inflateInit2(&stream, MAX_WBITS + 16) != Z_OK) return {};
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  std::string all;
  std::string piece(64 * 1024, '\0');
  int result = Z_OK;
  while (result == Z_OK) {
    stream.next_out = reinterpret_cast<Bytef*>(piece.data());
    stream.avail_out = static_cast<uInt>(piece.size());
    result = inflate(&stream, Z_NO_FLUSH);
    all.append(piece, 0, piece.size() - stream.avail_out);
  }
  const bool whole = result == Z_STREAM_END && stream.avail_in == 0;
  inflateEnd(&stream);
  return whole ? all : std::string();
}

}  // namespace testing
POLYMETER_END_NAMESPACE
