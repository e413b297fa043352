// What the backend sends: each snapshot's page to one group of a Pushgateway, and its end.
#pragma once

#include <string>
#include <string_view>

#include "exporters/pushgateway/pushgateway_client.h"
#include "polymeter/push_backend.h"
#include "sdk/src/clock.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

struct PushgatewayTransportOptions {
  PushgatewayClientOptions client;
  std::string path;  // of the group: GroupingPath
  HttpMethod method = HttpMethod::kPut;
  bool delete_at_end = false;
};

// What an answer means. 2xx: accepted. No answer, 429 and 5xx: to be sent again, after the
// Retry-After. Everything else is final ("http_400"): the same page would be refused again.
POLYMETER_EXPORT SendResult ClassifyPushgateway(const HttpResult& result, SystemTime now);

class PushgatewayTransport final : public PushTransport {
 public:
  // `clock` must outlive this.
  PushgatewayTransport(const PushgatewayTransportOptions& options, const Clock& clock);

  SendResult Send(std::string_view message, Deadline deadline) override;
  SendResult End(Deadline deadline) override;
  void Interrupt() noexcept override { client_.Interrupt(); }
  std::string endpoint() const override { return client_.Endpoint(path_); }

 private:
  const std::string path_;
  const HttpMethod method_;
  const bool delete_at_end_;
  const Clock& clock_;
  PushgatewayClient client_;
};

}  // namespace detail
POLYMETER_END_NAMESPACE
