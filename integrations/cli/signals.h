// The signals that the command passes on, as events instead of interruptions.
#pragma once

#include <signal.h>

#include "integrations/cli/fd.h"

namespace polymeter::cli {

class Signals {
 public:
  // Blocks them for this thread and those that it starts. Call it before there are threads. One
  // that is ignored (nohup) stays so, and is not passed on.
  Signals();

  int fd() const { return fd_.get(); }
  // The mask as it was: the child's.
  const sigset_t& original() const { return original_; }

  struct Signal {
    int number = 0;  // 0: there is none (any more)
    // From the terminal, which sends it to all of the process group: the child has it already.
    bool from_terminal = false;
  };
  Signal Next();

 private:
  sigset_t original_;
  Fd fd_;
};

}  // namespace polymeter::cli
