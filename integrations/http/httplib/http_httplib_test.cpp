// A real cpp-httplib server, driven by sockets.
#include "polymeter/http_httplib.h"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <string>
#include <thread>

#include "integrations/http/raw_client_for_test.h"
#include "polymeter/tracing.h"

namespace polymeter {
namespace {

using testing::Ask;
using testing::RawClient;
using testing::Request;
using testing::Soon;

constexpr std::string_view kTraceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
constexpr std::string_view kTraceHeader =
    "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n";

class HttplibTest : public ::testing::Test {
 protected:
  // libcpp-httplib makes tables at its first request. Its code is not instrumented, so TSan does
  // not see what orders other threads after that; it sees this server's threads end.
  static void SetUpTestSuite() {
    httplib::Server first;
    const int port = first.bind_to_any_port("127.0.0.1");
    std::thread thread([&first] { first.listen_after_bind(); });
    EXPECT_NE(Ask(port, "GET", "/").find(" 404 "), std::string::npos);
    first.stop();
    thread.join();
  }

  HttplibTest() {
    HttplibHooks hooks;
    hooks.pre_routing = [this](const httplib::Request& request, httplib::Response& response) {
      ++pre_routings_;
      if (request.path != "/forbidden") return httplib::Server::HandlerResponse::Unhandled;
      response.status = 403;
      return httplib::Server::HandlerResponse::Handled;
    };
    hooks.logger = [this](const httplib::Request&, const httplib::Response&) { ++logged_; };
    InstrumentHttplib(server_, http_, std::move(hooks));

    server_.Get(R"(/jobs/(\d+))",
                HttplibRoute(http_, "/jobs/{id}", [](const auto& request, auto& response) {
                  response.set_content("job " + request.matches[1].str(), "text/plain");
                }));
    server_.Post("/jobs", HttplibRoute(http_, "/jobs",
                                       [](const httplib::Request&, httplib::Response& response) {
                                         response.status = 202;
                                       }));
    server_.Put("/upload", HttplibRoute(http_, "/upload",
                                        [](const httplib::Request&, httplib::Response& response,
                                           const httplib::ContentReader& reader) {
                                          std::size_t bytes = 0;
                                          reader([&](const char*, std::size_t n) {
                                            bytes += n;
                                            return true;
                                          });
                                          response.set_content(std::to_string(bytes), "text/plain");
                                        }));
    server_.Get("/throws",
                HttplibRoute(http_, "/throws", [](const httplib::Request&, httplib::Response&) {
                  throw std::runtime_error("handler");
                }));
    server_.Get(
        "/trace",
        HttplibRoute(http_, "/trace", [](const httplib::Request&, httplib::Response& response) {
          response.set_content(FormatTraceparent(CurrentTrace()), "text/plain");
        }));
    server_.Get(
        "/chunks",
        HttplibRoute(http_, "/chunks", [](const httplib::Request&, httplib::Response& response) {
          response.set_chunked_content_provider("text/plain",
                                                [](std::size_t offset, httplib::DataSink& sink) {
                                                  if (offset >= 12) {
                                                    sink.done();
                                                  } else {
                                                    sink.write("chunk\n", 6);
                                                  }
                                                  return true;
                                                });
        }));
    server_.Get("/endless",
                HttplibRoute(http_, "/endless",
                             [this](const httplib::Request&, httplib::Response& response) {
                               Endless(response);
                             }));
    server_.Get("/events",
                HttplibRoute(http_, "/events",
                             [this](const httplib::Request&, httplib::Response& response) {
                               HttpRequestScope::Current()->Streaming();
                               Endless(response);
                             }));
    server_.Get("/unrouted", [](const httplib::Request&, httplib::Response& response) {
      response.set_content("here", "text/plain");
    });
    server_.set_keep_alive_timeout(1);
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    EXPECT_TRUE(Soon([this] { return server_.is_running(); }));
  }
  ~HttplibTest() override {
    stopping_ = true;
    server_.stop();
    thread_.join();
    EXPECT_EQ(numbers_.InFlight(), 0);
  }

  // Writes until the client has gone or the test ends.
  void Endless(httplib::Response& response) {
    response.set_chunked_content_provider(
        "text/plain", [this](std::size_t, httplib::DataSink& sink) {
          std::this_thread::sleep_for(std::chrono::milliseconds(1));
          sink.write("more\n", 5);
          return !stopping_;
        });
  }

  const Metrics metrics_{Options().Consumer()};
  const testing::HttpNumbers numbers_{metrics_};
  HttpServerMetrics http_{metrics_};
  httplib::Server server_;
  std::thread thread_;
  int port_ = 0;
  std::atomic<bool> stopping_{false};
  std::atomic<int> pre_routings_{0};
  std::atomic<int> logged_{0};
};

TEST_F(HttplibTest, CountsARequestUnderItsTemplate) {
  EXPECT_NE(Ask(port_, "GET", "/jobs/17").find("job 17"), std::string::npos);
  EXPECT_NE(Ask(port_, "GET", "/jobs/18?verbose=1").find("job 18"), std::string::npos);
  EXPECT_TRUE(numbers_.Become(2, "GET", "/jobs/{id}", "200"));
  EXPECT_EQ(numbers_.Observed("http_request_duration_seconds", "GET", "/jobs/{id}", "200").first,
            2);
  EXPECT_EQ(numbers_.Observed("http_response_size_bytes", "GET", "/jobs/{id}", "200"),
            std::pair(2.0, 12.0));
  EXPECT_EQ(numbers_.Observed("http_request_size_bytes", "GET", "/jobs/{id}", "200"),
            std::pair(2.0, 0.0));
}

TEST_F(HttplibTest, CountsTheBytesOfAnUpload) {
  Ask(port_, "POST", "/jobs", {}, "0123456789");
  EXPECT_NE(Ask(port_, "PUT", "/upload", {}, "01234").find("\r\n\r\n5"), std::string::npos);
  EXPECT_TRUE(numbers_.Become(1, "POST", "/jobs", "202"));
  EXPECT_TRUE(numbers_.Become(1, "PUT", "/upload", "200"));
  EXPECT_EQ(numbers_.Observed("http_request_size_bytes", "POST", "/jobs", "202").second, 10);
  EXPECT_EQ(numbers_.Observed("http_request_size_bytes", "PUT", "/upload", "200").second, 5);
}

TEST_F(HttplibTest, CountsWhatNoHandlerMatchesAsUnmatched) {
  EXPECT_NE(Ask(port_, "GET", "/jobs/../../etc/passwd").find("404"), std::string::npos);
  EXPECT_NE(Ask(port_, "GET", "/nothing").find("404"), std::string::npos);
  EXPECT_NE(Ask(port_, "GET", "/unrouted").find("here"), std::string::npos);
  EXPECT_TRUE(numbers_.Become(2, "GET", "_unmatched", "404"));
  EXPECT_TRUE(numbers_.Become(1, "GET", "_unmatched", "200"));
}

TEST_F(HttplibTest, CountsAnExceptionAs500) {
  EXPECT_NE(Ask(port_, "GET", "/throws").find(" 500 "), std::string::npos);
  EXPECT_TRUE(numbers_.Become(1, "GET", "/throws", "500"));
}

TEST_F(HttplibTest, CountsAHead) {
  Ask(port_, "HEAD", "/jobs/17");
  EXPECT_TRUE(numbers_.Become(1, "HEAD", "/jobs/{id}", "200"));
  EXPECT_EQ(numbers_.Observed("http_response_size_bytes", "HEAD", "/jobs/{id}", "200"),
            std::pair(1.0, 0.0));
}

TEST_F(HttplibTest, CountsAnUnknownMethodAsRefused) {
  RawClient client(port_);  // which the server does not close
  client.Send(Request("BREW", "/jobs/17"));
  EXPECT_NE(client.ReadUntil("\r\n").find(" 400 "), std::string::npos);
  EXPECT_TRUE(numbers_.Become(1, "_OTHER", "_unmatched", "400"));
}

TEST_F(HttplibTest, CountsEachRequestOfAConnection) {
  RawClient client(port_);
  for (int i = 0; i < 4; ++i) {
    client.Send(Request("GET", "/jobs/" + std::to_string(i)));
    EXPECT_NE(client.ReadUntil("job ").find("200 OK"), std::string::npos);
  }
  EXPECT_TRUE(numbers_.Become(4, "GET", "/jobs/{id}", "200"));
}

TEST_F(HttplibTest, ShowsTheTraceToTheHandlerAndToNoOther) {
  EXPECT_NE(Ask(port_, "GET", "/trace", kTraceHeader).find(kTraceparent), std::string::npos);
  EXPECT_EQ(Ask(port_, "GET", "/trace").find("00-"), std::string::npos);
  EXPECT_EQ(Ask(port_, "GET", "/trace", std::string(kTraceHeader) + std::string(kTraceHeader))
                .find("00-"),
            std::string::npos);
  EXPECT_TRUE(numbers_.Become(3, "GET", "/trace", "200"));
  EXPECT_EQ(numbers_.Traceparents("valid"), 1);
  EXPECT_EQ(numbers_.Traceparents("invalid"), 1);
}

TEST_F(HttplibTest, CountsAChunkedResponseOnce) {
  EXPECT_NE(Ask(port_, "GET", "/chunks").find("chunk"), std::string::npos);
  EXPECT_TRUE(numbers_.Become(1, "GET", "/chunks", "200"));
  EXPECT_EQ(numbers_.Aborted("GET", "/chunks"), 0);
}

TEST_F(HttplibTest, CountsAClientThatHangsUpInMidResponse) {
  RawClient client(port_);
  client.Send(Request("GET", "/endless"));
  EXPECT_NE(client.ReadUntil("more").find("200 OK"), std::string::npos);
  EXPECT_EQ(numbers_.InFlight(), 1);
  client.HangUp();
  EXPECT_TRUE(numbers_.Become(1, "GET", "/endless", "200"));
  EXPECT_EQ(numbers_.Aborted("GET", "/endless"), 1);
}

TEST_F(HttplibTest, CountsAStreamApart) {
  RawClient client(port_);
  client.Send(Request("GET", "/events"));
  client.ReadUntil("more");
  EXPECT_EQ(numbers_.StreamsOpen("/events", "stream"), 1);
  EXPECT_EQ(numbers_.InFlight(), 0);
  client.HangUp();
  EXPECT_TRUE(numbers_.Become(1, "GET", "/events", "200"));
  EXPECT_EQ(numbers_.StreamsOpen("/events", "stream"), 0);
  EXPECT_EQ(numbers_.Observed("http_request_duration_seconds", "GET", "/events", "200").first, 0);
}

TEST_F(HttplibTest, CallsTheApplicationsOwnHooks) {
  EXPECT_NE(Ask(port_, "GET", "/forbidden").find(" 403 "), std::string::npos);
  Ask(port_, "GET", "/jobs/1");
  EXPECT_TRUE(numbers_.Become(1, "GET", "_unmatched", "403"));
  EXPECT_TRUE(Soon([&] { return pre_routings_ == 2 && logged_ == 2; }));
}

TEST_F(HttplibTest, CountsManyConnectionsAtOnce) {
  std::vector<std::thread> clients;
  for (int c = 0; c < 4; ++c) {
    clients.emplace_back([this] {
      for (int i = 0; i < 25; ++i) Ask(port_, "GET", "/jobs/" + std::to_string(i), kTraceHeader);
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_TRUE(numbers_.Become(100, "GET", "/jobs/{id}", "200"));
  EXPECT_EQ(numbers_.AllRequests(), 100);
}

TEST(HttplibRoute, GivesTheHandlerItselfWhereNothingIsRecorded) {
  HttpServerMetrics off((Metrics()));
  httplib::Server server;
  InstrumentHttplib(server, off);
  bool called = false;
  const auto handler =
      HttplibRoute(off, "/", [&](const httplib::Request&, httplib::Response&) { called = true; });
  httplib::Response response;
  handler(httplib::Request(), response);
  EXPECT_TRUE(called);
}

// What newer versions have and this one may lack.
struct NewRequest {
  std::string matched_route;
};
struct OldRequest {};

TEST(HttplibMatchedRoute, IsReadWhereTheVersionHasIt) {
  EXPECT_EQ(detail::HttplibMatchedRoute<NewRequest>::Of({"/jobs/:id"}), "/jobs/:id");
  EXPECT_EQ(detail::HttplibMatchedRoute<OldRequest>::Of({}), "");
}

}  // namespace
}  // namespace polymeter
