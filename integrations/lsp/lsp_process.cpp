// The CPU time and the memory of a server process.
#include <unistd.h>

#include <ctime>
#include <string>

#include "integrations/common/file_reader.h"
#include "integrations/common/proc_text.h"
#include "polymeter/lsp.h"

POLYMETER_BEGIN_NAMESPACE

LspOptions& LspOptions::Process(pid_t pid) {
  Cpu([pid]() -> std::optional<double> {
    clockid_t clock{};
    timespec time{};
    // Pid 0 would be the caller, and so would one that does not fit into a clock's number.
    constexpr pid_t kMost = 1 << 28;
    if (pid <= 0 || pid >= kMost || clock_getcpuclockid(pid, &clock) != 0) return std::nullopt;
    if (clock_gettime(clock, &time) != 0) return std::nullopt;
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
  });
  Memory([path = "/proc/" + std::to_string(pid) + "/statm"]() -> std::optional<std::uint64_t> {
    std::string text;
    if (!detail::ReadFile(path, text)) return std::nullopt;
    const auto memory = detail::ParseStatm(text);
    // A zombie has none.
    if (!memory || memory->resident_pages == 0) return std::nullopt;
    return memory->resident_pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  });
  return *this;
}

POLYMETER_END_NAMESPACE
