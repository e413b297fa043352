// The process between the command and its child. It is the child's parent and the foster parent of
// everything that the child leaves behind, so it can end all of it when the command is killed
// (SIGKILL leaves the command itself no time), and it reaps what ends.
//
//   polymeter -- guard -- child -- ...
//
// The child stays in the command's process group, so that the terminal's signals and its job
// control reach it as they would without the command; the guard is in a group of its own, so that
// what ends the command's group does not end the guard.
#pragma once

#include <signal.h>
#include <sys/resource.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace polymeter::cli {

// What the guard tells, one packet each; both ends are one program.
struct GuardReport {
  enum class Kind : std::int32_t { kStarted, kNotStarted, kEnded };
  Kind kind;
  std::int32_t pid;     // of the child
  std::int32_t error;   // kNotStarted: errno of exec
  std::int32_t status;  // kEnded: of wait(2)
  rusage usage;         // kEnded: of the child and all below it that were waited for
  std::int64_t nanos;   // of the end, or of the failure; steady clock
};

// A signal for the child: sent by the guard, which alone knows whether it still is there.
struct GuardOrder {
  std::int32_t signal;
};

struct ChildPlan {
  std::vector<std::string> command;  // looked up in PATH; not empty
  // What the child gets as its standard streams; -1: the caller's.
  int input = -1;
  int output = -1;
  int errors = -1;
  // Set beside what the caller's environment has.
  std::vector<std::pair<std::string, std::string>> environment;
  // Files that the guard removes should the command be killed.
  std::vector<std::string> own_files;
};

// How long what the child leaves behind has to end by itself.
inline constexpr std::chrono::milliseconds kGuardGrace{2000};

// The guard's whole life, in a process forked from one without threads. `socket`: a SOCK_SEQPACKET
// whose other end the caller holds alone. `mask`: the child's signal mask.
[[noreturn]] void RunGuard(int socket, const ChildPlan& plan, const sigset_t& mask);

}  // namespace polymeter::cli
