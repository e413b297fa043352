#include "prometheus/gateway.h"

#include <utility>
#include <vector>

#include "integrations/prometheus_cpp/dropin/gateway_requests.h"
#include "integrations/prometheus_cpp/dropin/push_hub.h"

namespace prometheus {
namespace detail {

struct GatewayParts {
  const std::shared_ptr<GatewayRequests> requests;  // shared with what futures stand for
  polymeter::detail::PushHubUse hub;
};

}  // namespace detail

namespace {

using detail::GatewayRequests;
using detail::HttpMethod;

std::shared_ptr<GatewayRequests> MakeGatewayRequests(
    const std::string& host, const std::string& port, const std::string& job, const Labels& labels,
    const std::string& username, const std::string& password, std::chrono::seconds timeout) {
  polymeter::detail::PushgatewayClientOptions options;
  options.url = host + ":" + port;
  options.username = username;
  options.password = password;
  options.environment_proxy = true;
  return std::make_shared<GatewayRequests>(std::move(options), job, labels, timeout);
}

// What it captures is shared: it may outlive the Gateway.
template <class Request>
std::future<int> InBackground(Request request) {
  try {
    return std::async(std::launch::async, request);
  } catch (const std::system_error&) {  // no thread: when it is waited for
    return std::async(std::launch::deferred, std::move(request));
  }
}

std::future<int> PushInBackground(const std::shared_ptr<GatewayRequests>& requests,
                                  HttpMethod method) {
  const auto pages = std::make_shared<const std::vector<GatewayRequests::Page>>(requests->Pages());
  return InBackground([requests, method, pages] { return requests->SendAll(method, *pages); });
}

}  // namespace

Gateway::Gateway(const std::string& host, const std::string& port, const std::string& jobname,
                 const Labels& labels, const std::string& username, const std::string& password,
                 std::chrono::seconds timeout)
    : parts_(new detail::GatewayParts{
          MakeGatewayRequests(host, port, jobname, labels, username, password, timeout), {}}) {}

Gateway::~Gateway() = default;

void Gateway::RegisterCollectable(const std::weak_ptr<Collectable>& collectable,
                                  const Labels* labels) {
  parts_->requests->Register(collectable, labels);
  parts_->hub.Add(collectable);
}

Labels Gateway::GetInstanceLabel(std::string hostname) {
  Labels labels;
  if (!hostname.empty()) labels.emplace("instance", std::move(hostname));
  return labels;
}

int Gateway::Push() { return parts_->requests->PushNow(HttpMethod::kPost); }

std::future<int> Gateway::AsyncPush() {
  return PushInBackground(parts_->requests, HttpMethod::kPost);
}

int Gateway::PushAdd() { return parts_->requests->PushNow(HttpMethod::kPut); }

std::future<int> Gateway::AsyncPushAdd() {
  return PushInBackground(parts_->requests, HttpMethod::kPut);
}

int Gateway::Delete() { return parts_->requests->DeleteGroup(/*with_labels=*/false); }

std::future<int> Gateway::AsyncDelete() {
  return InBackground(
      [requests = parts_->requests] { return requests->DeleteGroup(/*with_labels=*/false); });
}

int Gateway::DeleteForInstance() { return parts_->requests->DeleteGroup(/*with_labels=*/true); }

std::future<int> Gateway::AsyncDeleteForInstance() {
  return InBackground(
      [requests = parts_->requests] { return requests->DeleteGroup(/*with_labels=*/true); });
}

bool Gateway::AddHttpHeader(const std::string& header) {
  return parts_->requests->AddHeader(header);
}

}  // namespace prometheus
