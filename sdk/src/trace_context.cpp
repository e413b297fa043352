// The slot of the current trace. Out of line, so that a program and its plug-ins share the one in
// libpolymeter.
#include "polymeter/trace_context.h"

#include <atomic>

POLYMETER_BEGIN_NAMESPACE
namespace {

// Initial-exec: recording paths read it, also in a signal handler, and also in a shared library,
// where the default model may allocate.
__attribute__((tls_model("initial-exec"))) constinit thread_local TraceContext t_trace;
constinit std::atomic<TraceProvider> g_provider{nullptr};

}  // namespace

TraceContext CurrentTrace() noexcept {
  if (const TraceProvider provider = g_provider.load(std::memory_order_acquire)) {
    const TraceContext provided = provider();
    if (provided.valid()) return provided;
  }
  return t_trace;
}

TraceScope::TraceScope(const TraceContext& trace) noexcept : previous_(t_trace) { t_trace = trace; }
TraceScope::~TraceScope() { t_trace = previous_; }

void SetTraceProvider(TraceProvider provider) noexcept {
  g_provider.store(provider, std::memory_order_release);
}

POLYMETER_END_NAMESPACE
