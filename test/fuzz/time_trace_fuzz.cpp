// libFuzzer: a file of clang's -ftime-trace, whole from the input or made of events that the input
// chooses. Whatever it is, phases are finite and not negative, and none of the made ones takes
// longer than all of its events together.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "integrations/build/time_trace.h"

namespace {

using polymeter::detail::build::ReadTimeTrace;
using polymeter::detail::build::TimeTrace;

TimeTrace Check(std::string_view json) {
  TimeTrace trace = ReadTimeTrace(json);
  const polymeter::BuildPhases& phases = trace.phases;
  for (const double seconds : {phases.frontend_seconds, phases.backend_seconds,
                               phases.source_seconds, phases.template_seconds}) {
    if (!std::isfinite(seconds) || seconds < 0) std::abort();
  }
  if (trace.bad_events > trace.events || trace.begin_unix_us < 0) std::abort();
  return trace;
}

// Three bytes an event: its name and kind, its time, its duration.
void CheckMade(const std::uint8_t* data, std::size_t size) {
  constexpr const char* kNames[] = {"Source", "Total Source", "Backend", "OptFunction"};
  std::string json = "{\"traceEvents\":[";
  double sum = 0;
  std::size_t events = 0;
  for (std::size_t i = 0; i + 2 < size; i += 3) {
    const std::string name = kNames[data[i] & 3];
    const bool pair = (data[i] & 4) != 0 && name == "Source";
    const int ts = data[i + 1] * 10;
    const int dur = data[i + 2] * 10;
    sum += dur;
    if (events > 0) json += ',';
    const std::string head = "{\"name\":\"" + name + "\",\"ts\":";
    if (pair) {
      json += head + std::to_string(ts) + ",\"ph\":\"b\"}," + head + std::to_string(ts + dur) +
              ",\"ph\":\"e\"}";
    } else {
      json += head + std::to_string(ts) + ",\"ph\":\"X\",\"dur\":" + std::to_string(dur) + "}";
    }
    events += pair ? 2 : 1;
  }
  const TimeTrace trace = Check(json + "]}");
  if (!trace.complete || trace.events != events || trace.bad_events != 0) std::abort();
  if (trace.phases.source_seconds > sum / 1e6 + 1e-9) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Check({reinterpret_cast<const char*>(data), size});
  Check("{\"traceEvents\":[{\"name\":\"Source\",\"ph\":\"X\",\"ts\":" +
        std::string(reinterpret_cast<const char*>(data), size) + "}],\"beginningOfTime\":1}");
  CheckMade(data, size);
  return 0;
}
