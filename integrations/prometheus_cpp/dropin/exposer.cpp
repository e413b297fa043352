#include "prometheus/exposer.h"

#include <CivetServer.h>

#include <utility>

#include "integrations/prometheus_cpp/dropin/exposer_server.h"

namespace prometheus {
namespace {

using detail::ExposerServer;

std::unique_ptr<ExposerServer> MakeServer(const std::vector<std::string>& options,
                                          const CivetCallbacks* callbacks) {
  if (callbacks == nullptr) {
    return detail::MakeOwnServer(polymeter::detail::ParseExposerOptions(options));
  }
  polymeter::detail::CheckCivetwebOptions(options);
  return detail::MakeCivetServer(std::make_shared<CivetServer>(options, callbacks));
}

std::unique_ptr<ExposerServer> MakeServer(const std::string& bind_address, std::size_t threads,
                                          const CivetCallbacks* callbacks) {
  if (callbacks != nullptr) {
    return MakeServer({"listening_ports", bind_address, "num_threads", std::to_string(threads)},
                      callbacks);
  }
  return detail::MakeOwnServer(polymeter::detail::ParseBindAddress(bind_address, threads));
}

}  // namespace

Exposer::Exposer(const std::string& bind_address, std::size_t num_threads,
                 const CivetCallbacks* callbacks)
    : server_(MakeServer(bind_address, num_threads, callbacks)) {}

// By value, as in prometheus-cpp.
Exposer::Exposer(std::vector<std::string> options, const CivetCallbacks* callbacks)
    : server_(MakeServer(options, callbacks)) {}

Exposer::Exposer(std::shared_ptr<CivetServer> server)
    : server_(detail::MakeCivetServer(std::move(server))) {}

Exposer::~Exposer() = default;

void Exposer::RegisterCollectable(const std::weak_ptr<Collectable>& collectable,
                                  const std::string& uri) {
  const auto change = server_->pages().Register(collectable, uri);
  if (change.collectables) server_->hub().Add(collectable);
  if (change.new_page) server_->Published(uri);
}

void Exposer::RegisterAuth(std::function<bool(const std::string&, const std::string&)> authCB,
                           const std::string& realm, const std::string& uri) {
  const auto change = server_->pages().Guard(std::move(authCB), realm, uri);
  server_->Guarded(uri);
  if (change.new_page) server_->Published(uri);
}

void Exposer::RemoveCollectable(const std::weak_ptr<Collectable>& collectable,
                                const std::string& uri) {
  const auto change = server_->pages().Remove(collectable, uri);
  if (change.collectables) server_->hub().Remove(collectable);
  if (change.new_page) server_->Published(uri);
}

std::vector<int> Exposer::GetListeningPorts() const { return server_->Ports(); }

}  // namespace prometheus
