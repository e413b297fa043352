// Records from constructors and destructors of static objects, of thread_local ones and from
// handlers of atexit, before, during and after the life of the default: statics_program <how>.
// The last thing that it does is to say what was dropped.
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <optional>
#include <string>
#include <thread>

#include "polymeter/recorder.h"
#include "polymeter/testing.h"

namespace {

using namespace std::chrono_literals;
using polymeter::DefaultInstallation;
using polymeter::InstallDefault;
using polymeter::Metrics;
using polymeter::Options;

void Say(const std::string& text) { static_cast<void>(!write(1, text.data(), text.size())); }

// Five calls.
void Record() {
  polymeter::RecordCount("jobs", 1, {{"who", "static"}});
  polymeter::RecordLatency("work", 1ms);
  POLYMETER_COUNTER("site_total", "S.").Increment();
  POLYMETER_TIME_SCOPE("scope_seconds", "S.");
  const polymeter::ScopedLatency timing("scope");
}

struct Recording {
  Recording() { Record(); }
  ~Recording() { Record(); }
};

// Made first, destroyed last: says what all the others had dropped.
struct Reporter {
  ~Reporter() {
    Record();
    const auto drops = polymeter::RecorderReport();
    Say("before " + std::to_string(drops.before_installation) + " after " +
        std::to_string(drops.after_shutdown) + "\n");
  }
} g_reporter;

Recording g_before_all;                          // constructor: before; destructor: after
std::optional<DefaultInstallation> g_installed;  // of "static"
Recording g_after_installation;                  // destructor: while it still lives
thread_local std::optional<Recording> t_recording;

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 64;
  const std::string how = argv[1];
  Record();  // before: with the two constructors fifteen calls
  std::optional<Metrics> metrics{Options().Consumer()};
  if (how == "main") {
    const auto installed = InstallDefault(*metrics);
    Record();
    std::thread([] { t_recording.emplace(); }).join();  // its constructor and destructor
    Say(polymeter::testing::ToText(*metrics, "site_total"));
    return 3;  // after: two destructors and the reporter's
  }
  if (how == "static") {
    g_installed = InstallDefault(*metrics);
    metrics.reset();
    Record();
    return 4;
  }
  if (how == "exit") {  // the installation on main's stack is never ended
    const auto installed = InstallDefault(*metrics);
    std::atexit([] { Record(); });
    Record();
    std::exit(5);
  }
  if (how == "never") return 6;
  if (how == "threads") {
    // Threads that never end record while static objects are destroyed.
    static const auto installed = InstallDefault(*metrics);
    metrics.reset();
    for (int i = 0; i < 8; ++i) {
      std::thread([] {
        while (true) Record();
      }).detach();
    }
    while (polymeter::testing::ValueOf(polymeter::Default(), "site_total").value_or(0) < 1000) {
      std::this_thread::sleep_for(1ms);
    }
    return 7;
  }
  return 64;
}
