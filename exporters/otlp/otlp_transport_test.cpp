#include "exporters/otlp/otlp_transport.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "exporters/common/transport/loopback_server_for_test.h"
#include "exporters/common/transport/raw_client_for_test.h"
#include "exporters/otlp/otlp.h"
#include "polymeter/metrics.h"
#include "sdk/src/core_access.h"
#include "sdk/testing/manual_clock.h"

namespace polymeter {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using detail::OtlpProtocol;
using detail::OtlpTransport;
using detail::OtlpTransportOptions;
using detail::SystemClock;
using ::testing::HasSubstr;
using testing::HttpAnswer;
using testing::HttpReceiver;
using testing::LoopbackServer;
using Outcome = SendResult::Outcome;

Deadline In(std::chrono::milliseconds time) { return std::chrono::steady_clock::now() + time; }

OtlpTransportOptions To(const LoopbackServer& server,
                        OtlpProtocol protocol = OtlpProtocol::kHttpProtobuf) {
  OtlpTransportOptions options;
  options.protocol = protocol;
  options.url = server.url(protocol == OtlpProtocol::kGrpc ? "/svc/Export" : "/v1/metrics");
  return options;
}

// --- OTLP/HTTP ---------------------------------------------------------------------------------

TEST(OtlpTransport, SendsProtobufAndJsonWithTheirTypes) {
  HttpReceiver receiver({HttpAnswer(200)});
  OtlpTransportOptions options = To(receiver.server());
  options.headers = {{"api-key", "secret"}, {"Content-Type", "text/plain"}};
  OtlpTransport protobuf(options, SystemClock());
  EXPECT_EQ(protobuf.Send("a\0b"s, In(10s)).outcome, Outcome::kAccepted);
  options.protocol = OtlpProtocol::kHttpJson;
  options.headers.emplace_back("User-Agent", "mine/1");
  OtlpTransport json(options, SystemClock());
  EXPECT_EQ(json.Send("{}", In(10s)).outcome, Outcome::kAccepted);
  auto requests = receiver.requests();
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_EQ(requests[0].line, "POST /v1/metrics HTTP/1.1");
  EXPECT_EQ(requests[0].body, "a\0b"s);
  EXPECT_EQ(requests[0].headers["content-type"], "application/x-protobuf");
  EXPECT_EQ(requests[0].headers["content-length"], "3");
  EXPECT_EQ(requests[0].headers["api-key"], "secret");
  EXPECT_THAT(requests[0].headers["user-agent"], HasSubstr("OTel-OTLP-Exporter-"));
  EXPECT_EQ(requests[0].headers.count("content-encoding"), 0u);
  EXPECT_EQ(requests[1].headers["content-type"], "application/json");
  EXPECT_EQ(requests[1].headers["user-agent"], "mine/1");
}

TEST(OtlpTransport, CompressesWhereAsked) {
  HttpReceiver receiver({HttpAnswer(200)});
  OtlpTransportOptions options = To(receiver.server());
  options.gzip = true;
  OtlpTransport transport(options, SystemClock());
  const std::string message(100000, 'x');
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(transport.Send(message, In(10s)).outcome, Outcome::kAccepted);
  }
  for (auto& request : receiver.requests()) {
    EXPECT_EQ(request.headers["content-encoding"], "gzip");
    EXPECT_LT(request.body.size(), 2000u);
    EXPECT_EQ(testing::Gunzip(request.body), message);
  }
}

TEST(OtlpTransport, ReadsADateByItsClock) {
  const testing::SteppedClock clock;  // 2026-01-01T00:00:00Z
  HttpReceiver receiver(
      {HttpAnswer(503, "", "Retry-After: Thu, 01 Jan 2026 00:00:30 GMT\r\n"),
       HttpAnswer(429, "", "Retry-After: 2\r\n"),
       HttpAnswer(200, "\x0a\x05\x08\x03\x12\x01x"s, "Content-Type: application/x-protobuf\r\n"),
       HttpAnswer(413)});
  OtlpTransport transport(To(receiver.server()), clock);
  const auto send = [&] { return transport.Send("x", clock.SteadyNow() + 10s); };
  EXPECT_EQ(send().retry_after, 30s);
  EXPECT_EQ(send().retry_after, 2s);
  EXPECT_EQ(send().rejected_points, 3u);
  EXPECT_EQ(send().reason, "http_413");
}

TEST(OtlpTransport, RetriesWithAReceiverThatIsNotThereOrNeverAnswers) {
  LoopbackServer silent(
      [](LoopbackServer::Connection& connection) { connection.ReadUntilClosed(); });
  OtlpTransport waits(To(silent), SystemClock());
  EXPECT_EQ(waits.Send("x", In(100ms)).outcome, Outcome::kRetry);
  std::thread other([&] {
    std::this_thread::sleep_for(100ms);
    waits.Interrupt();
  });
  EXPECT_EQ(waits.Send("x", Deadline::max()).outcome, Outcome::kRetry);
  other.join();
}

TEST(OtlpTransport, ShowsItsEndpointWithoutPasswords) {
  const auto shown = [](const char* url) {
    OtlpTransportOptions options;
    options.url = url;
    return OtlpTransport(options, SystemClock()).endpoint();
  };
  EXPECT_EQ(shown("https://user:pass%40@h:4318/v1/metrics"), "https://h:4318/v1/metrics");
  EXPECT_EQ(shown("http://h/a@b"), "http://h/a@b");
  EXPECT_EQ(shown("http://h"), "http://h");
}

// --- OTLP/gRPC ---------------------------------------------------------------------------------

std::string Frame(int type, int flags, std::uint32_t stream, std::string_view payload) {
  std::string out;
  for (int shift = 16; shift >= 0; shift -= 8) {
    out += static_cast<char>(payload.size() >> shift);
  }
  out += static_cast<char>(type);
  out += static_cast<char>(flags);
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(stream >> shift);
  return out.append(payload);
}
// A header field of HPACK, neither indexed nor compressed (RFC 7541, 6.2.2).
std::string Field(const std::string& name, const std::string& value) {
  return "\0"s + static_cast<char>(name.size()) + name + static_cast<char>(value.size()) + value;
}
const std::string kStatus200 = "\x88";  // :status 200 of the static table

// What a gRPC server does to one call over HTTP/2 without TLS.
struct GrpcReceiver {
  struct Behaviour {
    std::string message = {};   // of the answer, prefix included
    std::string trailers = {};  // header fields
    bool trailers_only = false;
    bool hang = false;
  };
  explicit GrpcReceiver(Behaviour wanted)
      : behaviour(std::move(wanted)),
        server([this](LoopbackServer::Connection& connection) { Serve(connection); }) {}

  void Serve(LoopbackServer::Connection& connection) {
    if (connection.Read(24) != "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") return;
    connection.Send(Frame(4, 0, 0, ""));
    std::string data;
    for (;;) {
      const std::string head = connection.Read(9);
      if (head.size() < 9) return;
      const auto byte = [&](std::size_t i) -> unsigned {
        return static_cast<unsigned char>(head[i]);
      };
      const std::string payload = connection.Read(byte(0) << 16U | byte(1) << 8U | byte(2));
      if (byte(3) == 4 && (byte(4) & 1) == 0) connection.Send(Frame(4, 1, 0, ""));
      if (byte(3) == 1) {
        const std::lock_guard lock(mutex);
        header_blocks.push_back(payload);
      }
      if (byte(3) != 0) continue;
      data += payload;
      // More room for the sender, on the stream and on the connection.
      if (!payload.empty() && (byte(4) & 1) == 0) {
        const std::string more = "\x00\x01\x00\x00"s;
        connection.Send(Frame(8, 0, 1, more) + Frame(8, 0, 0, more));
      }
      if ((byte(4) & 1) == 0) continue;
      {
        const std::lock_guard lock(mutex);
        calls.push_back(std::move(data));
      }
      data.clear();
      if (behaviour.hang) continue;
      if (behaviour.trailers_only) {
        connection.Send(Frame(1, 5, 1, kStatus200 + behaviour.trailers));
        continue;
      }
      connection.Send(Frame(1, 4, 1, kStatus200 + Field("content-type", "application/grpc")) +
                      Frame(0, 0, 1, behaviour.message) + Frame(1, 5, 1, behaviour.trailers));
    }
  }

  const Behaviour behaviour;
  std::mutex mutex;
  std::vector<std::string> calls;
  std::vector<std::string> header_blocks;
  LoopbackServer server;  // last: its threads use what stands above
};

SendResult Call(GrpcReceiver& receiver, std::string_view message, bool gzip = false) {
  OtlpTransportOptions options = To(receiver.server, OtlpProtocol::kGrpc);
  options.gzip = gzip;
  OtlpTransport transport(options, SystemClock());
  return transport.Send(message, In(10s));
}

const std::string kEmptyAnswer(5, '\0');

TEST(OtlpTransport, CallsGrpcManyTimes) {
  GrpcReceiver receiver({.message = kEmptyAnswer, .trailers = Field("grpc-status", "0")});
  OtlpTransport transport(To(receiver.server, OtlpProtocol::kGrpc), SystemClock());
  const std::string large(300000, 'x');  // more than a window
  for (int i = 0; i < 3; ++i) {
    const SendResult result = transport.Send(i == 1 ? large : "abc", In(10s));
    ASSERT_EQ(result.outcome, Outcome::kAccepted) << i << ": " << result.message;
  }
  ASSERT_EQ(receiver.calls.size(), 3u);
  EXPECT_EQ(receiver.calls[0], "\0\0\0\0\x03"s + "abc");
  EXPECT_EQ(receiver.calls[1], "\0\0\x04\x93\xE0"s + large);
}

TEST(OtlpTransport, CompressesGrpcMessages) {
  GrpcReceiver receiver({.message = kEmptyAnswer, .trailers = Field("grpc-status", "0")});
  const std::string message(100000, 'x');
  EXPECT_EQ(Call(receiver, message, true).outcome, Outcome::kAccepted);
  ASSERT_EQ(receiver.calls.size(), 1u);
  EXPECT_EQ(receiver.calls[0][0], 1);
  EXPECT_EQ(testing::Gunzip(receiver.calls[0].substr(5)), message);
}

TEST(OtlpTransport, ReadsTheGrpcStatusWhereverItStands) {
  GrpcReceiver partial(
      {.message = "\0\0\0\0\x07\x0a\x05\x08\x03\x12\x01x"s, .trailers = Field("grpc-status", "0")});
  EXPECT_EQ(Call(partial, "abc").rejected_points, 3u);
  GrpcReceiver unavailable({.message = "", .trailers = Field("grpc-status", "14")});
  EXPECT_EQ(Call(unavailable, "abc").outcome, Outcome::kRetry);
  GrpcReceiver refused({.trailers = Field("content-type", "application/grpc") +
                                    Field("grpc-status", "3") + Field("grpc-message", "bad %C3%A9"),
                        .trailers_only = true});
  const SendResult result = Call(refused, "abc");
  EXPECT_EQ(result.reason, "grpc_3");
  EXPECT_EQ(result.message, "gRPC status 3: bad \xC3\xA9");
  GrpcReceiver none({.message = kEmptyAnswer, .trailers = Field("x", "y")});
  EXPECT_EQ(Call(none, "abc").reason, "grpc_no_status");
}

TEST(OtlpTransport, RetriesAGrpcCallThatIsNotAnswered) {
  GrpcReceiver receiver({.hang = true});
  OtlpTransport transport(To(receiver.server, OtlpProtocol::kGrpc), SystemClock());
  EXPECT_EQ(transport.Send("abc", In(200ms)).outcome, Outcome::kRetry);
  // A server that knows HTTP/1.1 only.
  LoopbackServer old(testing::Always(HttpAnswer(400)));
  OtlpTransport to_old(To(old, OtlpProtocol::kGrpc), SystemClock());
  EXPECT_NE(to_old.Send("abc", In(5s)).outcome, Outcome::kAccepted);
}

// --- the row -----------------------------------------------------------------------------------

TEST(OtlpBackend, PushesWhatIsRecorded) {
  HttpReceiver receiver({HttpAnswer(200)});
  detail::Problems problems;
  const detail::BackendInfo& info = detail::OtlpBackendInfo();
  const auto options = detail::ResolveOptions(
      "otlp", info.options,
      detail::Environment(
          {{"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", receiver.server().url("/custom")}}),
      {}, problems);
  ASSERT_TRUE(problems.empty()) << problems.Message();
  detail::Outside outside;
  auto made = info.make(options, outside);
  ASSERT_TRUE(made) << made.message();
  const std::shared_ptr<Backend> backend = std::move(made.value());
  {
    const Metrics metrics(Options().AddBackend(backend));
    metrics.Counter("jobs_total", "Jobs.").Increment(7);
    EXPECT_TRUE(metrics.Shutdown());
  }
  const BackendReport report = backend->Report();
  EXPECT_EQ(report.name, "otlp");
  EXPECT_EQ(report.endpoint, receiver.server().url("/custom"));
  EXPECT_GT(report.accepted, 0u) << report.last_error;
  auto requests = receiver.requests();
  ASSERT_FALSE(requests.empty());
  EXPECT_EQ(requests.back().line, "POST /custom HTTP/1.1");
  EXPECT_THAT(requests.back().body, HasSubstr("jobs_total"));
}

}  // namespace
}  // namespace polymeter
