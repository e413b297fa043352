// One page of an Exposer: the Collectables of a URI and the page's own three families. Internal.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "exporters/common/transport/http_response.h"
#include "exporters/common/transport/http_server.h"
#include "exporters/prometheus/exposition.h"
#include "integrations/prometheus_cpp/dropin/collectable_counts.h"
#include "integrations/prometheus_cpp/dropin/collectables_source.h"
#include "prometheus/counter.h"
#include "prometheus/registry.h"
#include "prometheus/summary.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// Thread-safe.
class ExposerPage {
 public:
  ExposerPage(std::string uri, const ExpositionOptions& options);

  const std::string& uri() const noexcept { return uri_; }
  // False: it is there already, or is not there.
  bool Add(const std::shared_ptr<::prometheus::Collectable>& collectable);
  bool Remove(const std::shared_ptr<::prometheus::Collectable>& collectable);

  // A GET or HEAD of this page.
  void Answer(const HttpRequest& request, HttpResponse& response);

 private:
  const std::string uri_;
  Exposition exposition_;
  const std::shared_ptr<::prometheus::Registry> own_;
  ::prometheus::Counter& transferred_;
  ::prometheus::Counter& scrapes_;
  ::prometheus::Summary& latencies_;
  CollectablesSource source_;
  std::mutex mutex_;
  CollectableCounts there_;  // each once
};

}  // namespace detail
POLYMETER_END_NAMESPACE
