// What a Gateway sends: pages of its Collectables, each to its group. Internal.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "exporters/pushgateway/pushgateway_client.h"
#include "integrations/prometheus_cpp/dropin/collectables_source.h"
#include "polymeter/encoder.h"
#include "prometheus/collectable.h"
#include "prometheus/labels.h"

namespace prometheus {
namespace detail {

using polymeter::detail::HttpMethod;

// Thread-safe. Functions that give an int never throw; it is what Gateway says.
class GatewayRequests {
 public:
  struct Page {
    std::string path;
    std::string text;
  };

  GatewayRequests(polymeter::detail::PushgatewayClientOptions options, std::string job,
                  Labels labels, std::chrono::seconds timeout);

  void Register(const std::weak_ptr<Collectable>& collectable, const Labels* labels);
  bool AddHeader(const std::string& header);

  // Of all Collectables that live, as they are now. Calls Collect() under no lock.
  std::vector<Page> Pages();
  // All of them; of several failures the last one.
  int SendAll(HttpMethod method, const std::vector<Page>& pages) noexcept;
  // One after the other, until the first failure.
  int PushNow(HttpMethod method) noexcept;
  int DeleteGroup(bool with_labels) noexcept;

 private:
  struct Entry {
    Entry(const std::weak_ptr<Collectable>& given, std::string path_of_group);
    const std::weak_ptr<Collectable> collectable;
    const std::string path;
    polymeter::detail::CollectablesSource source;
    std::mutex mutex;  // of the cache
    std::unique_ptr<polymeter::EncoderCache> cache;
  };

  std::vector<std::shared_ptr<Entry>> Entries();
  bool Encode(Entry& entry, std::string& text);
  int Send(HttpMethod method, const std::string& path, const std::string& page);

  const std::string job_;
  const Labels labels_;
  const std::chrono::seconds timeout_;
  const std::unique_ptr<polymeter::Encoder> encoder_;

  std::mutex entries_mutex_;
  std::vector<std::shared_ptr<Entry>> entries_;

  // One request at a time.
  std::mutex client_mutex_;
  polymeter::detail::PushgatewayClientOptions options_;
  pid_t process_ = 0;  // whose connections they are
  std::unique_ptr<polymeter::detail::PushgatewayClient> client_;
};

}  // namespace detail
}  // namespace prometheus
