#include "integrations/prometheus_cpp/dropin/dropin_log.h"

#include <pthread.h>

POLYMETER_BEGIN_NAMESPACE
namespace detail {

const std::shared_ptr<Logger>& DropinLog() {
  static const auto* const kLog = [] {
    static Logger* logger;
    auto* const log = new std::shared_ptr<Logger>(std::make_shared<Logger>(LogCallback()));
    logger = log->get();
    // A child must not find it locked by a thread that it does not have.
    pthread_atfork([] { logger->LockForFork(); }, [] { logger->UnlockAfterFork(); },
                   [] { logger->UnlockAfterFork(); });
    return log;
  }();
  return *kLog;
}

}  // namespace detail
POLYMETER_END_NAMESPACE
