// The world outside of a backend, in memory: transports that keep what they get, and a clock
// that the test moves. A new kind of transport in Outside gets its double here.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "exporters/backend_info.h"
#include "exporters/common/transport/http_server.h"
#include "sdk/testing/manual_clock.h"

POLYMETER_BEGIN_NAMESPACE
namespace testing {

// A server without a socket, whose clients call Get.
class FakeHttpServer : public detail::HttpServer {
 public:
  struct State {
    std::shared_mutex mutex;  // shared by requests, so that Stop waits for them
    detail::HttpHandler handler;
    bool busy = false;  // Start finds the port taken
    int starts = 0;     // attempts
  };

  explicit FakeHttpServer(std::shared_ptr<State> state) : state_(std::move(state)) {}
  ~FakeHttpServer() override { static_cast<void>(Stop(Deadline::max())); }

  detail::HttpStartResult Start(detail::HttpHandler handler) override {
    const std::unique_lock lock(state_->mutex);
    ++state_->starts;
    if (state_->busy) return {detail::HttpStart::kBusy, "somebody else has the port"};
    state_->handler = std::move(handler);
    return {};
  }
  Status Stop(Deadline) noexcept override {
    const std::unique_lock lock(state_->mutex);
    state_->handler = nullptr;
    return {};
  }
  std::string endpoint() const override {
    const std::shared_lock lock(state_->mutex);
    return state_->handler ? "127.0.0.1:1" : "";
  }

 private:
  std::shared_ptr<State> state_;
};

// A transport whose receiver is a list of messages.
class FakePushTransport : public PushTransport {
 public:
  struct State {
    mutable std::mutex mutex;
    std::vector<std::string> messages;
    bool reachable = true;
    int attempts = 0;
  };

  explicit FakePushTransport(std::shared_ptr<State> state) : state_(std::move(state)) {}

  SendResult Send(std::string_view message, Deadline) override {
    const std::lock_guard lock(state_->mutex);
    ++state_->attempts;
    if (!state_->reachable) return SendResult::Retry("nobody is there");
    state_->messages.emplace_back(message);
    return SendResult::Accepted();
  }
  std::string endpoint() const override { return "fake:1"; }

 private:
  std::shared_ptr<State> state_;
};

class FakeWorld {
 public:
  FakeWorld() : outside_(std::make_shared<detail::Outside>()) {
    outside_->clock = &clock_;
    outside_->make_http_server = [http = http_](const detail::HttpServerOptions&) {
      return std::make_unique<FakeHttpServer>(http);
    };
    outside_->make_push_transport = [push = push_](std::string_view) {
      return std::make_unique<FakePushTransport>(push);
    };
  }

  const std::shared_ptr<detail::Outside>& outside() const { return outside_; }
  SteppedClock& clock() { return clock_; }

  // Whether transports find their receiver or their port.
  void SetReachable(bool reachable) {
    const std::unique_lock lock(http_->mutex);
    http_->busy = !reachable;
    const std::lock_guard push_lock(push_->mutex);
    push_->reachable = reachable;
  }
  // What transports were asked to start or to send, refused or not.
  int attempts() const {
    const std::shared_lock lock(http_->mutex);
    const std::lock_guard push_lock(push_->mutex);
    return http_->starts + push_->attempts;
  }

  // Makes a running backend deliver, and returns all that it delivered by this: the bodies of
  // pages, requests, datagrams. Empty when nothing runs. `flushable`: a Backend or a Metrics.
  template <class Flushable>
  std::vector<std::string> Deliver(Flushable& flushable) {
    {
      const std::lock_guard lock(push_->mutex);
      push_->messages.clear();
    }
    static_cast<void>(flushable.Flush(std::chrono::steady_clock::now() + std::chrono::seconds(1)));
    std::vector<std::string> delivered;
    {
      const std::lock_guard lock(push_->mutex);
      delivered.swap(push_->messages);
    }
    if (std::string page = Get("/metrics"); !page.empty()) delivered.push_back(std::move(page));
    return delivered;
  }

  // The body of a successful answer to an HTTP/1.0 client without special wishes.
  std::string Get(std::string_view path) {
    std::string answer;
    {
      const std::shared_lock lock(http_->mutex);
      if (!http_->handler) return {};
      detail::HttpRequest request;
      request.method = "GET";
      request.path = path;
      detail::HttpResponse response(detail::HttpResponse::Version::kHttp10, /*head=*/false,
                                    [&answer](std::string_view bytes) {
                                      answer += bytes;
                                      return true;
                                    });
      http_->handler(request, response);
      if (!response.Finish() || response.status() != 200) return {};
    }
    const std::size_t end = answer.find("\r\n\r\n");
    return end == std::string::npos ? std::string() : answer.substr(end + 4);
  }

 private:
  SteppedClock clock_;
  std::shared_ptr<FakePushTransport::State> push_ = std::make_shared<FakePushTransport::State>();
  std::shared_ptr<FakeHttpServer::State> http_ = std::make_shared<FakeHttpServer::State>();
  std::shared_ptr<detail::Outside> outside_;
};

}  // namespace testing
POLYMETER_END_NAMESPACE
