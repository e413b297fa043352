#include "exporters/otlp/classify.h"

#include <charconv>
#include <string>
#include <string_view>
#include <utility>

#include "exporters/common/encoding/base64.h"
#include "exporters/common/transport/http_values.h"
#include "exporters/common/transport/retry_after.h"
#include "exporters/otlp/answer_parts.h"
#include "sdk/src/value_parsing.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

using std::chrono::milliseconds;

std::string WithDetail(std::string what, std::string_view detail) {
  if (!detail.empty()) what += ": " + ShownText(detail);
  return what;
}

milliseconds DelayOr(std::optional<milliseconds> delay) { return delay.value_or(milliseconds(-1)); }

SendResult NoAnswer(const HttpResult& result) {
  if (result.outcome == HttpResult::Outcome::kTooLarge) {
    return SendResult::Rejected("answer_too_large", result.error);
  }
  return SendResult::Retry(ShownText(result.error));
}

SendResult Accepted(const std::optional<PartialSuccess>& partial) {
  SendResult result = SendResult::Accepted();
  if (!partial) return result;  // what it says cannot be read, that it is a success can
  result.rejected_points = partial->rejected;
  if (partial->rejected != 0) {
    result.reason = "partial_success";
    result.message = WithDetail(
        "the receiver refused " + std::to_string(partial->rejected) + " points", partial->message);
  } else if (!partial->message.empty()) {
    result.message = WithDetail("the receiver warns", partial->message);
  }
  return result;
}

// `type` in lower case. Of a media type neither the case nor the parameters count (RFC
// 9110, 8.3.1).
bool HasType(const HttpResult& result, std::string_view type) {
  const std::string_view given = result.Header("content-type");
  return LowerCase(Trimmed(given.substr(0, given.find(';')))) == type;
}

std::string ErrorBody(const HttpResult& result) {
  std::optional<RpcStatus> status;
  if (HasType(result, "application/json")) {
    status = ReadJsonStatus(result.body);
  } else if (HasType(result, "application/x-protobuf")) {
    status = ReadStatus(result.body);
  } else if (HasType(result, "text/plain")) {
    return result.body;
  }
  return status ? status->message : std::string();
}

bool IsRetryableHttp(int status) {
  return status == 429 || status == 502 || status == 503 || status == 504;
}

// What became of a body that did not arrive: empty if it did.
std::string LostBody(const HttpResult& result) {
  if (result.outcome == HttpResult::Outcome::kAnswered) return {};
  return "the rest of the answer is lost: " + ShownText(result.error);
}

// An answer that is HTTP's alone.
SendResult HttpFailure(const HttpResult& result, SystemTime now) {
  std::string what = "HTTP " + std::to_string(result.status);
  if (result.status >= 300 && result.status < 400) {
    return SendResult::Rejected(
        "http_" + std::to_string(result.status),
        WithDetail(what + ", redirects are not followed", result.Header("location")));
  }
  what = WithDetail(std::move(what), ErrorBody(result));
  if (const std::string lost = LostBody(result); !lost.empty()) what += ", " + lost;
  if (IsRetryableHttp(result.status)) {
    return SendResult::Retry(what, DelayOr(ParseRetryAfter(result.Header("retry-after"), now)));
  }
  return SendResult::Rejected("http_" + std::to_string(result.status), what);
}

// --- gRPC --------------------------------------------------------------------------------------

constexpr int kResourceExhausted = 8;

bool IsRetryableGrpc(int code) {
  switch (code) {
    case 1:   // CANCELLED
    case 4:   // DEADLINE_EXCEEDED
    case 10:  // ABORTED
    case 11:  // OUT_OF_RANGE
    case 14:  // UNAVAILABLE
    case 15:  // DATA_LOSS
      return true;
    default:
      return false;
  }
}

// The message of a unary answer: not compressed, because we do not say that we could read it.
std::string_view GrpcMessage(std::string_view body) {
  constexpr std::size_t kPrefix = 5;
  if (body.size() < kPrefix || body[0] != 0) return {};
  std::size_t size = 0;
  for (std::size_t i = 1; i < kPrefix; ++i) {
    size = size << 8 | static_cast<unsigned char>(body[i]);
  }
  return size <= body.size() - kPrefix ? body.substr(kPrefix, size) : std::string_view();
}

}  // namespace

SendResult ClassifyHttp(const HttpResult& result, SystemTime now) {
  // The status decides, and it comes first: what a receiver has taken must not be sent again.
  if (result.status == 0) return NoAnswer(result);
  if (result.status < 200 || result.status >= 300) return HttpFailure(result, now);
  if (result.outcome != HttpResult::Outcome::kAnswered) {
    SendResult accepted = SendResult::Accepted();
    accepted.message = "HTTP " + std::to_string(result.status) + ", " + LostBody(result);
    return accepted;
  }
  if (HasType(result, "application/json")) return Accepted(ReadJsonResponse(result.body));
  if (HasType(result, "application/x-protobuf")) return Accepted(ReadResponse(result.body));
  return SendResult::Accepted();
}

SendResult ClassifyGrpc(const HttpResult& result, SystemTime now) {
  if (result.outcome != HttpResult::Outcome::kAnswered) return NoAnswer(result);
  if (!result.http2) {
    return SendResult::Rejected("no_http2", "gRPC needs HTTP/2, which the server does not speak");
  }
  const std::string_view text = result.Header("grpc-status");
  int code = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), code);
  if (text.empty() || error != std::errc() || end != text.data() + text.size() || code < 0) {
    if (result.status != 200) return HttpFailure(result, now);
    return SendResult::Rejected("grpc_no_status", "the answer has no grpc-status");
  }
  if (code == 0) return Accepted(ReadResponse(GrpcMessage(result.body)));

  const std::string what = WithDetail("gRPC status " + std::to_string(code),
                                      DecodePercent(result.Header("grpc-message")));
  std::optional<milliseconds> delay;
  if (const auto details = DecodeBase64(result.Header("grpc-status-details-bin"))) {
    if (const auto status = ReadStatus(*details)) delay = status->retry_delay;
  }
  if (IsRetryableGrpc(code) || (code == kResourceExhausted && delay)) {
    return SendResult::Retry(what, DelayOr(delay));
  }
  // A small set, whatever a server writes.
  return SendResult::Rejected(code <= 16 ? "grpc_" + std::to_string(code) : "grpc_other", what);
}

}  // namespace detail
POLYMETER_END_NAMESPACE
