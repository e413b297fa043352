// libFuzzer: bytes as a client sends them, to the prometheus backend's server on a real socket.
// Every answer is whole and well-formed HTTP, only the two known paths are ever answered with
// success, and the server is there for the next one.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "exporters/backends.h"
#include "exporters/common/transport/raw_client_for_test.h"
#include "polymeter/polymeter.h"

namespace {

using polymeter::testing::RawAnswer;

[[noreturn]] void Fail(std::string_view why, std::string_view request, std::string_view answer) {
  std::fprintf(stderr, "%.*s\n--- request\n%.*s\n--- answer\n%.*s\n", static_cast<int>(why.size()),
               why.data(), static_cast<int>(request.size()), request.data(),
               static_cast<int>(answer.size()), answer.data());
  std::abort();
}

// Leaked: it serves to the end of the process.
std::uint16_t Port() {
  static const std::uint16_t kPort = [] {
    polymeter::Options options;
    options.Service("fuzz")
        .Set("METRICS_PROMETHEUS_PORT", "0")
        .Set("METRICS_PROMETHEUS_REQUEST_TIMEOUT", "2s")
        .Set("METRICS_PROMETHEUS_THREADS", "2")
        .Backends("prometheus");
    static auto* const kMetrics = new polymeter::Metrics(polymeter::Build(options));
    kMetrics->Counter("jobs_total", "Jobs.").Increment();
    kMetrics->Histogram("wait_seconds", "Wait.").Observe(0.1);
    return polymeter::testing::PortOf(kMetrics->Endpoint("prometheus"));
  }();
  return kPort;
}

// What requests are made of.
constexpr std::string_view kPieces[] = {"GET ",
                                        "HEAD ",
                                        "POST ",
                                        "PROPFIND ",
                                        "CONNECT ",
                                        "OPTIONS ",
                                        "/metrics",
                                        "/healthz",
                                        "/",
                                        "//",
                                        "/..",
                                        "%2e%2e/",
                                        "?name[]=x",
                                        "*",
                                        "http://localhost/metrics",
                                        " HTTP/1.1\r\n",
                                        " HTTP/1.0\r\n",
                                        " HTTP/9.9\r\n",
                                        "Host: localhost\r\n",
                                        "Host:\r\n",
                                        "Accept: application/openmetrics-text;version=1.0.0\r\n",
                                        "Accept: application/vnd.google.protobuf;proto=io."
                                        "prometheus.client.MetricFamily;encoding=delimited\r\n",
                                        "Accept: */*;q=",
                                        "Accept-Encoding: gzip\r\n",
                                        "Accept-Encoding: gzip;q=0\r\n",
                                        "Connection: close\r\n",
                                        "Connection: keep-alive\r\n",
                                        "Connection: Upgrade\r\nUpgrade: websocket\r\n",
                                        "Content-Length: 5\r\n",
                                        "Content-Length: -1\r\n",
                                        "Content-Length: 99999999999999999999\r\n",
                                        "Transfer-Encoding: chunked\r\n",
                                        "Expect: 100-continue\r\n",
                                        "Authorization: Basic Og==\r\n",
                                        "Range: bytes=0-1\r\n",
                                        "X-Prometheus-Scrape-Timeout-Seconds: 0.5\r\n",
                                        "X-Prometheus-Scrape-Timeout-Seconds: nan\r\n",
                                        "Sec-WebSocket-Key: x\r\n",
                                        "\r\n",
                                        "\n",
                                        "\r",
                                        "0\r\n\r\n",
                                        "5\r\nhello\r\n",
                                        ": \r\n",
                                        " folded\r\n",
                                        "X: "};

std::string Request(const std::uint8_t* data, std::size_t size) {
  std::string request;
  for (std::size_t i = 0; i < size; ++i) {
    if (data[i] < 0x80) {
      request += static_cast<char>(data[i]);
    } else {
      request += kPieces[(data[i] - 0x80) % std::size(kPieces)];
    }
  }
  return request;
}

class Connection {
 public:
  explicit Connection(std::uint16_t port) : socket_(socket(AF_INET, SOCK_STREAM, 0)) {
    // From another address of this host each time: the ports of one would all be waiting after
    // some ten thousand connections in a minute.
    const int later = 1;  // when the other end is known
    setsockopt(socket_, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &later, sizeof(later));
    static std::uint32_t number = 0;
    number = (number + 1) % 1'000'000;
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK + number);
    connected_ = bind(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = connected_ && Connect(address);
    if (!connected_) std::perror("connecting");
  }
  ~Connection() { close(socket_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Sends all, says that nothing more comes, and reads to the end.
  std::string Exchange(std::string_view request) {
    static_cast<void>(send(socket_, request.data(), request.size(), MSG_NOSIGNAL));
    shutdown(socket_, SHUT_WR);
    std::string all;
    char buffer[16 * 1024];
    for (;;) {
      const ssize_t n = recv(socket_, buffer, sizeof(buffer), 0);
      if (n > 0) all.append(buffer, static_cast<std::size_t>(n));
      if (n == 0 || (n < 0 && errno != EINTR)) return all;
    }
  }
  bool connected() const { return connected_; }

 private:
  // libFuzzer's clock interrupts it.
  bool Connect(const sockaddr_in& address) const {
    if (connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) {
      return true;
    }
    if (errno != EINTR) return false;
    pollfd done{socket_, POLLOUT, 0};
    while (poll(&done, 1, -1) < 0 && errno == EINTR) {
    }
    int error = 0;
    socklen_t size = sizeof(error);
    return getsockopt(socket_, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0;
  }

  const int socket_;
  bool connected_ = false;
};

// The answers of one connection, each of which says where it ends.
void Check(std::string_view request, std::string_view answers) {
  const bool known = request.find("/metrics") != std::string_view::npos ||
                     request.find("/healthz") != std::string_view::npos;
  std::string_view rest = answers;
  while (!rest.empty()) {
    if (!rest.starts_with("HTTP/1.1 ") || rest.size() < 13) Fail("no status", request, answers);
    const int status = std::atoi(std::string(rest.substr(9, 3)).c_str());
    if (status < 100 || status > 599) Fail("no status", request, answers);
    if (status >= 300 && status < 400) Fail("a redirection", request, answers);
    if (status == 101) Fail("another protocol", request, answers);
    if (status / 100 == 2 && !known) Fail("success at an unknown path", request, answers);
    const std::size_t end = rest.find("\r\n\r\n");
    if (end == std::string_view::npos) Fail("no end of the head", request, answers);
    const std::string_view head = rest.substr(0, end + 2);
    if (head.find("Server:") != std::string_view::npos) Fail("names the server", request, answers);
    rest.remove_prefix(end + 4);
    if (status == 100) continue;
    // The next answer begins where this one ends; bodies of ours never hold such a line.
    const std::size_t next = rest.find("HTTP/1.1 ");
    rest.remove_prefix(next == std::string_view::npos ? rest.size() : next);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static std::uint64_t inputs = 0;
  const std::string request = Request(data, size);
  {
    Connection connection(Port());
    if (!connection.connected()) Fail("nobody listens", request, "");
    Check(request, connection.Exchange(request));
  }
  if (++inputs % 64 == 0) {
    const std::string good =
        "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    Connection connection(Port());
    const std::string bytes = connection.Exchange(good);
    const RawAnswer answer = polymeter::testing::ParseAnswer(bytes);
    if (answer.status != 200 || !answer.complete ||
        answer.body.find("\njobs_total 1\n") == std::string::npos) {
      Fail("no page after it", request, bytes);
    }
  }
  return 0;
}
