// Where bytes go: a file descriptor that is never waited for and whose flags are never changed, as
// others may share it (an editor's pipe, a terminal).
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string_view>

#include "integrations/cli/fd.h"

namespace polymeter::cli {

class Sink {
 public:
  explicit Sink(Fd fd);

  // How many bytes were taken; 0: none now, poll for POLLOUT; -1: nobody will ever read them.
  ssize_t Write(std::string_view bytes);
  int fd() const { return fd_.get(); }
  bool closed() const { return !fd_; }
  void Close() { fd_.Close(); }

 private:
  enum class Kind {
    kSocket,       // MSG_DONTWAIT says it for each call
    kNonBlocking,  // says it itself
    kFile,         // does not block
    kBlocking,     // as much as poll(2) promises
  };

  Fd fd_;
  Kind kind_ = Kind::kFile;
};

}  // namespace polymeter::cli
