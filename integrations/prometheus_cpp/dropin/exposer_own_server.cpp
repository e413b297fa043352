// The Exposer's usual server: one HttpServer for each address.
#include <CivetServer.h>
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "integrations/prometheus_cpp/dropin/dropin_environment.h"
#include "integrations/prometheus_cpp/dropin/dropin_log.h"
#include "integrations/prometheus_cpp/dropin/exposer_server.h"
#include "sdk/src/left_to_parent.h"

namespace prometheus {
namespace detail {
namespace {

using polymeter::Deadline;
using polymeter::LogLevel;
using polymeter::detail::DropinLog;
using polymeter::detail::ExposerAddress;
using polymeter::detail::ExposerPages;
using polymeter::detail::HttpRequest;
using polymeter::detail::HttpResponse;
using polymeter::detail::HttpServer;
using polymeter::detail::HttpStart;

// Of "127.0.0.1:9464".
int PortOf(std::string_view endpoint) {
  int port = 0;
  const char* const end = endpoint.data() + endpoint.size();
  std::from_chars(endpoint.data() + endpoint.rfind(':') + 1, end, port);
  return port;
}

class OwnServer final : public ExposerServer {
 public:
  explicit OwnServer(const std::vector<ExposerAddress>& addresses) {
    try {
      for (const ExposerAddress& address : addresses) Listen(address);
      JoinHub();
    } catch (...) {
      Stop();
      throw;
    }
  }
  ~OwnServer() override { Stop(); }

  ExposerPages& pages() noexcept override { return *pages_; }
  void Published(const std::string&) override {}
  void Guarded(const std::string&) override {}
  std::vector<int> Ports() const override { return ports_; }

 private:
  void Listen(const ExposerAddress& address) {
    auto options = address.server;
    if (address.second_half) options.port = static_cast<std::uint16_t>(ports_.back());
    std::unique_ptr<HttpServer> server = polymeter::detail::MakeHttpServer(options);
    const auto started =
        server->Start([pages = pages_](const HttpRequest& request, HttpResponse& response) {
          pages->Answer(request, response);
        });
    if (started.outcome != HttpStart::kStarted) {
      if (address.second_half && started.outcome != HttpStart::kBusy) return;  // no IPv6 here
      throw CivetException("Exposer: " + started.message);
    }
    if (!address.second_half) ports_.push_back(PortOf(server->endpoint()));
    servers_.push_back(std::move(server));
  }

  void Stop() noexcept {
    if (process_ != getpid()) {  // the calls and the threads are the parent's
      polymeter::detail::LeaveToParent(std::move(pages_));
      return;
    }
    // From one of its own calls it cannot wait for the threads: they end when that call does.
    const auto patience = pages_->InCall() ? std::chrono::seconds(0) : std::chrono::seconds(5);
    const Deadline deadline = std::chrono::steady_clock::now() + patience;
    for (const auto& server : servers_) {
      const polymeter::Status status = server->Stop(deadline);
      if (!status.ok() && !pages_->InCall()) {
        DropinLog()->Log(LogLevel::kWarning, "Exposer: " + status.message());
      }
    }
    pages_->Close();
  }

  const pid_t process_ = getpid();
  std::shared_ptr<ExposerPages> pages_ = std::make_shared<ExposerPages>(PagesOfProcess());
  std::vector<std::unique_ptr<HttpServer>> servers_;
  std::vector<int> ports_;
};

}  // namespace

std::unique_ptr<ExposerServer> MakeOwnServer(const std::vector<ExposerAddress>& addresses) {
  return std::make_unique<OwnServer>(addresses);
}

polymeter::detail::ExpositionOptions PagesOfProcess() {
  const auto environment = polymeter::detail::Environment::OfProcess();
  polymeter::detail::Problems problems;
  const auto options = polymeter::detail::PagesOf(environment, problems);
  if (problems.empty()) return options;
  if (polymeter::detail::StrictOf(environment, problems)) {
    throw std::invalid_argument(problems.Message());
  }
  DropinLog()->Log(LogLevel::kWarning, problems.Message());
  return options;
}

}  // namespace detail
}  // namespace prometheus
