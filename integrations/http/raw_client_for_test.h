// A TCP client that sends exactly the bytes of a test and can hang up in the middle of an answer;
// and the numbers that a server's tests look at.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "polymeter/metrics.h"
#include "sdk/testing/values.h"

namespace polymeter::testing {

constexpr int kPatienceMillis = 10'000;

class RawClient {
 public:
  explicit RawClient(int port) : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;
  ~RawClient() { close(socket_); }

  void Send(std::string_view text) {
    EXPECT_EQ(send(socket_, text.data(), text.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(text.size()));
  }
  // What comes until `end` has come, the peer closes, or patience ends.
  std::string ReadUntil(std::string_view end) {
    std::string text;
    while (text.find(end) == std::string::npos) {
      pollfd ready{socket_, POLLIN, 0};
      char buffer[4096];
      if (poll(&ready, 1, kPatienceMillis) != 1) break;
      const ssize_t got = recv(socket_, buffer, sizeof(buffer), 0);
      if (got <= 0) break;
      text.append(buffer, static_cast<std::size_t>(got));
    }
    return text;
  }
  // The peer's next write fails.
  void HangUp() {
    const linger now{1, 0};
    setsockopt(socket_, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    close(socket_);
    socket_ = -1;
  }

 private:
  int socket_;
};

inline std::string Request(std::string_view method, std::string_view path,
                           std::string_view more_headers = {}, std::string_view body = {}) {
  std::string text(method);
  text.append(" ").append(path).append(" HTTP/1.1\r\nHost: localhost\r\n").append(more_headers);
  if (!body.empty())
    text.append("Content-Length: ").append(std::to_string(body.size())).append("\r\n");
  return text.append("\r\n").append(body);
}
inline std::string Ask(int port, std::string_view method, std::string_view path,
                       std::string_view more_headers = {}, std::string_view body = {}) {
  RawClient client(port);
  client.Send(Request(method, path, std::string(more_headers) + "Connection: close\r\n", body));
  return client.ReadUntil("no server says this");
}

// A server counts a request just after its client has the answer.
inline bool Soon(const std::function<bool()>& holds) {
  for (int i = 0; i < kPatienceMillis / 5; ++i) {
    if (holds()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return holds();
}

// What a server counted since this object was made.
class HttpNumbers {
 public:
  explicit HttpNumbers(const Metrics& metrics) : metrics_(metrics), base_(metrics.TakeSnapshot()) {}

  double Requests(std::string_view method, std::string_view path, std::string_view status) const {
    return Counted("http_requests_total", {{"method", method}, {"path", path}, {"status", status}});
  }
  // Whether it is `expected`, soon.
  bool Become(double expected, std::string_view method, std::string_view path,
              std::string_view status) const {
    const bool right = Soon([&] { return Requests(method, path, status) == expected; });
    if (!right) ADD_FAILURE() << All();
    return right;
  }
  double Aborted(std::string_view method, std::string_view path) const {
    return Counted("http_requests_aborted_total", {{"method", method}, {"path", path}});
  }
  double Traceparents(std::string_view result) const {
    return Counted("traceparent_headers_total", {{"result", result}});
  }
  double AllRequests() const { return SumOf(metrics_.TakeSnapshot()) - SumOf(base_); }
  // Now, all methods together.
  double InFlight() const {
    double sum = 0;
    const Snapshot snapshot = metrics_.TakeSnapshot();
    const FamilyView* const family = FindFamily(snapshot, "http_requests_in_flight");
    if (family == nullptr) return 0;
    for (const auto& point : std::get<GaugePoints>(family->points)) sum += point.value;
    return sum;
  }
  // Now.
  double StreamsOpen(std::string_view path, std::string_view kind) const {
    return ValueOf(metrics_.TakeSnapshot(), "http_streams_open", {{"path", path}, {"kind", kind}})
        .value_or(0);
  }
  // {observations, sum} of a histogram with these labels.
  std::pair<double, double> Observed(std::string_view family, std::string_view method,
                                     std::string_view path, std::string_view status) const {
    const std::initializer_list<Label> labels = {
        {"method", method}, {"path", path}, {"status", status}};
    const auto now = ObservedIn(metrics_.TakeSnapshot(), family, labels);
    const auto then = ObservedIn(base_, family, labels);
    return {now.first - then.first, now.second - then.second};
  }

 private:
  double Counted(std::string_view family, std::initializer_list<Label> labels) const {
    return ValueOf(metrics_.TakeSnapshot(), family, labels).value_or(0) -
           ValueOf(base_, family, labels).value_or(0);
  }
  static std::pair<double, double> ObservedIn(const Snapshot& snapshot, std::string_view family,
                                              std::initializer_list<Label> labels) {
    const auto* const point = FindPoint<HistogramPoint>(snapshot, family, labels);
    if (point == nullptr) return {0, 0};
    return {static_cast<double>(point->count), point->sum};
  }
  static double SumOf(const Snapshot& snapshot) {
    double sum = 0;
    const FamilyView* const family = FindFamily(snapshot, "http_requests_total");
    if (family == nullptr) return 0;
    for (const auto& point : std::get<CounterPoints>(family->points)) sum += point.value();
    return sum;
  }
  std::string All() const {
    std::string text = "http_requests_total:";
    const Snapshot snapshot = metrics_.TakeSnapshot();
    const FamilyView* const family = FindFamily(snapshot, "http_requests_total");
    if (family == nullptr) return text;
    for (const auto& point : std::get<CounterPoints>(family->points)) {
      for (std::size_t i = 0; i < 3; ++i) {
        text.append(i == 0 ? "\n " : " ").append(point.series.labels()[i].value);
      }
      text.append(" = ").append(std::to_string(point.whole));
    }
    return text;
  }

  const Metrics metrics_;
  const Snapshot base_;
};

}  // namespace polymeter::testing
