#include "exporters/pushgateway/pushgateway_transport.h"

#include <chrono>
#include <utility>

#include "exporters/common/transport/http_values.h"
#include "exporters/common/transport/retry_after.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

// What to look at where the server's own words do not say it.
std::string_view AdviceFor(int status) {
  switch (status) {
    case 401:
    case 403:
      return "it wants another user name and password, or token";
    case 404:
    case 405:
      return "no Pushgateway answers at this URL";
    case 413:
      return "the page is larger than a server on the way takes";
    default:
      return {};
  }
}

std::string Words(const HttpResult& result) {
  std::string words = "HTTP " + std::to_string(result.status);
  if (result.status >= 300 && result.status < 400) {
    words += ", redirects are not followed";
    const std::string_view location = result.Header("location");
    return location.empty() ? words : words + ": " + ShownText(location);
  }
  if (const std::string_view advice = AdviceFor(result.status); !advice.empty()) {
    words.append(", ").append(advice);
  }
  // A proxy's page of HTML is of no help.
  if (result.Header("content-type").starts_with("text/plain") && !result.body.empty()) {
    words.append(": ").append(ShownText(result.body));
  }
  return words;
}

}  // namespace

SendResult ClassifyPushgateway(const HttpResult& result, SystemTime now) {
  // The status decides, whatever becomes of the rest of the answer.
  if (result.status == 0) {
    return result.outcome == HttpResult::Outcome::kTooLarge
               ? SendResult::Rejected("answer_too_large", result.error)
               : SendResult::Retry(ShownText(result.error));
  }
  if (result.status >= 200 && result.status < 300) return SendResult::Accepted();
  if (result.status == 429 || result.status >= 500) {
    return SendResult::Retry(
        Words(result),
        ParseRetryAfter(result.Header("retry-after"), now).value_or(std::chrono::milliseconds(-1)));
  }
  return SendResult::Rejected("http_" + std::to_string(result.status), Words(result));
}

PushgatewayTransport::PushgatewayTransport(const PushgatewayTransportOptions& options,
                                           const Clock& clock)
    : path_(options.path),
      method_(options.method),
      delete_at_end_(options.delete_at_end),
      clock_(clock),
      client_(options.client) {}

SendResult PushgatewayTransport::Send(std::string_view message, Deadline deadline) {
  return ClassifyPushgateway(client_.Push(method_, path_, message, deadline, clock_), clock_.Now());
}

SendResult PushgatewayTransport::End(Deadline deadline) {
  if (!delete_at_end_) return SendResult::Accepted();
  SendResult result = ClassifyPushgateway(client_.Delete(path_, deadline, clock_), clock_.Now());
  if (!result.message.empty()) result.message = "the group was not deleted: " + result.message;
  return result;
}

}  // namespace detail
POLYMETER_END_NAMESPACE
