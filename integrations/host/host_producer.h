// The producer behind HostMetrics: reads the files and hands their text to the parsers.
#pragma once

#include <sys/types.h>

#include <memory>

#include "integrations/host/filesystem.h"
#include "polymeter/host.h"
#include "polymeter/producer.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace host {

struct HostConfig {
  std::string root;  // without a slash at its end
  NameFilter disks;
  NameFilter network_devices;
  FilesystemOptions filesystem;
};

// Tells of each malformed pattern through `complain`.
HostConfig MakeHostConfig(const HostOptions& options, const NameFilter::Complain& complain,
                          AskMount ask, Say say);

class HostProducer final : public Producer {
 public:
  explicit HostProducer(HostConfig config);
  ~HostProducer() override;
  void Collect(FamilySink& sink) override;

 private:
  class Reader;

  const HostConfig config_;
  std::unique_ptr<Reader> reader_;
  pid_t process_ = 0;  // that made it
};

}  // namespace host
}  // namespace detail
POLYMETER_END_NAMESPACE
