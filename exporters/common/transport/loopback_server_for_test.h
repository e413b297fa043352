// A server on 127.0.0.1 that does to its clients what a test tells it: answers, slowly or never,
// resets, closes in the middle. One thread a connection.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cctype>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE
namespace testing {

class LoopbackServer {
 public:
  struct Request {
    std::string line;                            // "POST /v1/metrics HTTP/1.1"
    std::map<std::string, std::string> headers;  // names in lower case
    std::string body;
  };

  class Connection {
   public:
    explicit Connection(int socket) : socket_(socket) {}
    // False: the client is gone or the server stops.
    bool Send(std::string_view bytes) {
      while (!bytes.empty()) {
        const ssize_t n = send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (n <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(n));
      }
      return true;
    }
    // Exactly so many bytes; fewer when the client is gone.
    std::string Read(std::size_t bytes) {
      while (read_.size() < bytes && Fill()) {
      }
      const std::string out = read_.substr(0, bytes);
      read_.erase(0, bytes);
      return out;
    }
    // The next HTTP/1.1 request, with a Content-Length or without a body.
    std::optional<Request> ReadRequest() {
      std::size_t end;
      while ((end = read_.find("\r\n\r\n")) == std::string::npos) {
        if (!Fill()) return std::nullopt;
      }
      Request request;
      const std::string head = Read(end + 4);
      request.line = head.substr(0, head.find("\r\n"));
      std::size_t begin = request.line.size() + 2;
      while (begin + 2 < head.size()) {
        const auto stop = head.find("\r\n", begin);
        const std::string line = head.substr(begin, stop - begin);
        const auto colon = line.find(':');
        std::string name = line.substr(0, colon);
        for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
        request.headers[name] =
            line.substr(std::min(line.find_first_not_of(": ", colon), line.size()));
        begin = stop + 2;
      }
      request.body = Read(std::strtoul(request.headers["content-length"].c_str(), nullptr, 10));
      return request;
    }
    // Whatever comes next, until the client closes.
    void ReadUntilClosed() {
      while (Fill()) {
      }
    }
    // A reset instead of an end.
    void Reset() {
      const linger now{1, 0};
      setsockopt(socket_, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    }

   private:
    bool Fill() {
      char buffer[16 * 1024];
      const ssize_t n = recv(socket_, buffer, sizeof(buffer), 0);
      if (n <= 0) return false;
      read_.append(buffer, static_cast<std::size_t>(n));
      return true;
    }
    const int socket_;
    std::string read_;
  };
  // Called once for each connection, which ends when it returns.
  using Handler = std::function<void(Connection&)>;

  explicit LoopbackServer(Handler handler)
      : handler_(std::move(handler)), listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    if (bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        listen(listener_, 16) != 0 ||
        getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
      std::abort();
    }
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { Accept(); });
  }
  ~LoopbackServer() {
    stopping_ = true;
    shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    {
      const std::lock_guard lock(mutex_);
      for (const int open : open_) shutdown(open, SHUT_RDWR);
    }
    for (std::thread& thread : threads_) thread.join();
    close(listener_);
  }
  LoopbackServer(const LoopbackServer&) = delete;
  LoopbackServer& operator=(const LoopbackServer&) = delete;

  std::uint16_t port() const { return port_; }
  std::string url(std::string_view path = "/v1/metrics") const {
    return "http://127.0.0.1:" + std::to_string(port_) + std::string(path);
  }
  int connections() const { return connections_; }

 private:
  void Accept() {
    for (;;) {
      const int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (client < 0) return;
      ++connections_;
      const std::lock_guard lock(mutex_);
      open_.push_back(client);
      threads_.emplace_back([this, client] { Serve(client); });
    }
  }
  void Serve(int client) {
    Connection connection(client);
    handler_(connection);
    const std::lock_guard lock(mutex_);
    std::erase(open_, client);
    close(client);
  }

  const Handler handler_;
  const int listener_;
  std::uint16_t port_ = 0;
  std::atomic<bool> stopping_{false};
  std::atomic<int> connections_{0};
  std::mutex mutex_;
  std::vector<int> open_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

// Answers every request with the same bytes.
inline LoopbackServer::Handler Always(std::string answer) {
  return [answer = std::move(answer)](LoopbackServer::Connection& connection) {
    while (connection.ReadRequest() && connection.Send(answer)) {
    }
  };
}

inline std::string HttpAnswer(int status, std::string_view body = {},
                              std::string_view headers = {}) {
  return "HTTP/1.1 " + std::to_string(status) +
         " Status\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
         std::string(headers) + "\r\n" + std::string(body);
}

// Answers each request with the next of its answers, the last one again and again, and keeps them.
class HttpReceiver {
 public:
  explicit HttpReceiver(std::vector<std::string> answers = {HttpAnswer(200)})
      : answers_(std::move(answers)),
        server_([this](LoopbackServer::Connection& connection) { Serve(connection); }) {}

  const LoopbackServer& server() const { return server_; }
  std::string url() const { return server_.url(""); }
  std::vector<LoopbackServer::Request> requests() {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  std::vector<std::string> lines() {
    std::vector<std::string> lines;
    for (const auto& request : requests()) lines.push_back(request.line);
    return lines;
  }

 private:
  void Serve(LoopbackServer::Connection& connection) {
    while (auto request = connection.ReadRequest()) {
      std::string answer;
      {
        const std::lock_guard lock(mutex_);
        answer = answers_[std::min(requests_.size(), answers_.size() - 1)];
        requests_.push_back(std::move(*request));
      }
      if (!connection.Send(answer)) return;
    }
  }

  const std::vector<std::string> answers_;
  std::mutex mutex_;
  std::vector<LoopbackServer::Request> requests_;
  LoopbackServer server_;  // last: its threads use what stands above
};

}  // namespace testing
POLYMETER_END_NAMESPACE
