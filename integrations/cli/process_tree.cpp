#include "integrations/cli/process_tree.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <string>
#include <thread>
#include <unordered_map>

#include "integrations/common/dir_reader.h"
#include "integrations/common/file_reader.h"
#include "integrations/common/proc_text.h"
#include "integrations/runtime/process_reader.h"

namespace polymeter::cli {
namespace {

constexpr std::size_t kMaxProcesses = 65536;

void Signal(const std::vector<TreeProcess>& processes, int signal, std::uint64_t since, bool wake) {
  for (const TreeProcess& process : processes) {
    if (process.start_ticks < since || process.state == 'Z') continue;
    kill(process.pid, signal);
    if (wake) kill(process.pid, SIGCONT);  // a stopped one could not obey
  }
}

bool AnyAlive(const std::vector<TreeProcess>& processes, std::uint64_t since) {
  for (const TreeProcess& process : processes) {
    if (process.start_ticks >= since && process.state != 'Z') return true;
  }
  return false;
}

void ReapAll() {
  while (waitpid(-1, nullptr, WNOHANG) > 0) {
  }
}

}  // namespace

std::optional<TreeProcess> ParseTreeProcess(std::string_view stat) {
  const std::size_t name = stat.rfind(')');
  if (name == std::string_view::npos) return std::nullopt;
  TreeProcess process;
  const auto pid = detail::ParseCount(stat.substr(0, stat.find(' ')));
  if (!pid) return std::nullopt;
  process.pid = static_cast<pid_t>(*pid);
  std::string_view rest = stat.substr(name + 1);
  const std::string_view state = detail::NextWord(rest);
  if (state.size() != 1) return std::nullopt;
  process.state = state[0];
  // Fields by their number in proc(5).
  for (int field = 4; field <= 22; ++field) {
    const std::string_view word = detail::NextWord(rest);
    if (word.empty()) return std::nullopt;
    // Some are negative (the terminal, priorities); none of those that count is.
    const std::uint64_t value = detail::ParseCount(word).value_or(0);
    switch (field) {
      case 4:
        process.parent = static_cast<pid_t>(value);
        break;
      case 10:
        process.minor_faults += value;
        break;
      case 11:
        process.children_minor_faults = value;
        process.minor_faults += value;
        break;
      case 12:
        process.major_faults += value;
        break;
      case 13:
        process.children_major_faults = value;
        process.major_faults += value;
        break;
      case 14:
      case 15:
        process.cpu_ticks += value;
        break;
      case 16:
      case 17:
        process.children_cpu_ticks += value;
        process.cpu_ticks += value;
        break;
      case 22:
        process.start_ticks = value;
        break;
      default:
        break;
    }
  }
  return process;
}

std::vector<TreeProcess> Descendants(pid_t root) {
  if (!detail::ProcShowsOurNamespace("/")) return {};
  std::vector<TreeProcess> all;
  std::string text;
  detail::ForEachEntry("/proc", [&](std::string_view name) {
    if (all.size() >= kMaxProcesses || !detail::ParseCount(name)) return;
    if (!detail::ReadFile("/proc/" + std::string(name) + "/stat", text)) return;
    if (auto process = ParseTreeProcess(text)) all.push_back(*process);
  });
  std::unordered_multimap<pid_t, const TreeProcess*> by_parent;
  for (const TreeProcess& process : all) by_parent.emplace(process.parent, &process);
  std::vector<TreeProcess> found;
  std::vector<pid_t> parents{root};
  // Each process is below one parent, so this ends.
  while (!parents.empty() && found.size() < all.size()) {
    const pid_t parent = parents.back();
    parents.pop_back();
    const auto [begin, end] = by_parent.equal_range(parent);
    for (auto child = begin; child != end; ++child) {
      found.push_back(*child->second);
      parents.push_back(child->second->pid);
    }
  }
  return found;
}

void EndDescendants(std::chrono::milliseconds grace, std::uint64_t since) {
  using std::chrono::milliseconds;
  const auto now = [] { return std::chrono::steady_clock::now(); };
  constexpr milliseconds kStep{10};
  const pid_t self = getpid();
  ReapAll();
  std::vector<TreeProcess> left = Descendants(self);
  Signal(left, SIGTERM, since, /*wake=*/true);
  for (const auto end = now() + grace; AnyAlive(left, since) && now() < end;) {
    std::this_thread::sleep_for(kStep);
    ReapAll();
    left = Descendants(self);
  }
  // New ones may appear while others are killed.
  for (const auto end = now() + milliseconds(3000); AnyAlive(left, since) && now() < end;) {
    Signal(left, SIGKILL, since, /*wake=*/false);
    std::this_thread::sleep_for(kStep);
    ReapAll();
    left = Descendants(self);
  }
  ReapAll();
}

std::optional<TreeProcess> ReadTreeProcess(pid_t pid) {
  std::string text;
  if (!detail::ReadFile("/proc/" + std::to_string(pid) + "/stat", text)) return std::nullopt;
  return ParseTreeProcess(text);
}

}  // namespace polymeter::cli
