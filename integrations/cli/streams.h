// The standard streams of the command, and what stands between them and the child's.
#pragma once

#include <vector>

#include "integrations/cli/fd.h"
#include "integrations/cli/guard.h"
#include "integrations/cli/pump.h"

namespace polymeter::cli {

// Opens /dev/null for a standard stream that is closed, so that nothing else gets its number.
void OpenMissingStreams();

// A copy that is closed on exec.
Fd CopyOf(int fd);

// From now on standard input is empty and what this program itself writes to standard output goes
// to standard error: the child's output stays the child's, whatever a backend (console) prints.
void LeaveStreamsToChild();

// Both ends of a channel in place of `like`: a terminal where that is one, so that programs
// that look still show their progress, else a pipe.
struct Channel {
  Fd ours;
  Fd theirs;
  bool terminal = false;
};
Channel ChannelLike(int like);

// Copies what the child writes on its way to the standard streams. Where both lead to the same
// place they stay one stream, so that lines keep their order.
class Tee {
 public:
  // Call before the child is started.
  explicit Tee(ChildPlan& plan);
  // Call after that: the pumps, and which bytes they show.
  void Start(PumpObserver output, PumpObserver errors);

  std::vector<Pump*> pumps();
  bool terminal() const { return output_.terminal || errors_.terminal; }
  // Gives the terminals of the child the size of the real one.
  void Resize() const;

 private:
  bool one_ = false;  // output and errors are the same
  Channel output_;
  Channel errors_;
  Fd output_size_;  // terminals whose size follows the real one's
  Fd errors_size_;
  Fd real_;  // the real terminal
  Fd output_copy_;
  Fd errors_copy_;
  std::vector<Pump> pumps_;
};

}  // namespace polymeter::cli
