// What answers for an Exposer: our own server, or one of civetweb's. Internal.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "integrations/prometheus_cpp/dropin/exposer_options.h"
#include "integrations/prometheus_cpp/dropin/exposer_pages.h"
#include "integrations/prometheus_cpp/dropin/push_hub.h"

class CivetServer;

namespace prometheus {
namespace detail {

// Thread-safe. Its end waits for calls that run, but for those that the calling thread is in; in a
// forked child it forgets what is the parent's.
class ExposerServer {
 public:
  virtual ~ExposerServer() = default;
  ExposerServer() = default;
  ExposerServer(const ExposerServer&) = delete;
  ExposerServer& operator=(const ExposerServer&) = delete;

  virtual polymeter::detail::ExposerPages& pages() noexcept = 0;
  // A page, or its guard, is new at this URI.
  virtual void Published(const std::string& uri) = 0;
  virtual void Guarded(const std::string& uri) = 0;
  virtual std::vector<int> Ports() const = 0;

  polymeter::detail::PushHubUse& hub() noexcept { return *hub_; }

 protected:
  // The last step of construction and the last of destruction: who could not listen, pushes
  // nothing.
  void JoinHub() { hub_ = std::make_unique<polymeter::detail::PushHubUse>(); }

 private:
  std::unique_ptr<polymeter::detail::PushHubUse> hub_;
};

// Throws CivetException where it cannot listen.
std::unique_ptr<ExposerServer> MakeOwnServer(
    const std::vector<polymeter::detail::ExposerAddress>& addresses);
// Throws std::invalid_argument for null.
std::unique_ptr<ExposerServer> MakeCivetServer(std::shared_ptr<CivetServer> server);

// What the environment wants the pages to be. Throws std::invalid_argument, see Exposer.
polymeter::detail::ExpositionOptions PagesOfProcess();

}  // namespace detail
}  // namespace prometheus
