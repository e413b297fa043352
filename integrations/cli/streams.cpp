#include "integrations/cli/streams.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>

#include <utility>

namespace polymeter::cli {
namespace {

bool SamePlace(int a, int b) {
  struct stat one {};
  struct stat other {};
  return fstat(a, &one) == 0 && fstat(b, &other) == 0 && one.st_dev == other.st_dev &&
         one.st_ino == other.st_ino;
}

void CopySize(int from, int to) {
  winsize size{};
  if (ioctl(from, TIOCGWINSZ, &size) == 0) ioctl(to, TIOCSWINSZ, &size);
}

bool MakeTerminal(int like, Channel& channel) {
  Fd ours(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  char name[64];
  if (!ours || grantpt(ours.get()) != 0 || unlockpt(ours.get()) != 0 ||
      ptsname_r(ours.get(), name, sizeof(name)) != 0) {
    return false;
  }
  Fd theirs(open(name, O_RDWR | O_NOCTTY | O_CLOEXEC));
  termios settings{};
  if (!theirs || tcgetattr(theirs.get(), &settings) != 0) return false;
  cfmakeraw(&settings);  // bytes pass as they are; the real terminal does the rest
  if (tcsetattr(theirs.get(), TCSANOW, &settings) != 0) return false;
  CopySize(like, theirs.get());
  channel = {std::move(ours), std::move(theirs), true};
  return true;
}

}  // namespace

void OpenMissingStreams() {
  for (int fd = 0; fd < 3; ++fd) {
    if (fcntl(fd, F_GETFD) < 0) static_cast<void>(open("/dev/null", O_RDWR));
  }
}

Fd CopyOf(int fd) { return Fd(fcntl(fd, F_DUPFD_CLOEXEC, 3)); }

void LeaveStreamsToChild() {
  const Fd null(open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (null) dup2(null.get(), STDIN_FILENO);
  dup2(STDERR_FILENO, STDOUT_FILENO);
}

Channel ChannelLike(int like) {
  Channel channel;
  if (like >= 0 && isatty(like) == 1 && MakeTerminal(like, channel)) {
    fcntl(channel.ours.get(), F_SETFL, O_RDWR | O_NONBLOCK);
    return channel;
  }
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return channel;
  channel.ours = Fd(ends[0]);
  channel.theirs = Fd(ends[1]);
  fcntl(ends[0], F_SETFL, O_NONBLOCK);  // of this end alone
  return channel;
}

Tee::Tee(ChildPlan& plan)
    : one_(SamePlace(STDOUT_FILENO, STDERR_FILENO)), output_(ChannelLike(STDOUT_FILENO)) {
  plan.output = output_.theirs.get();
  if (one_) {
    plan.errors = output_.theirs.get();
  } else {
    errors_ = ChannelLike(STDERR_FILENO);
    plan.errors = errors_.theirs.get();
  }
  output_copy_ = CopyOf(STDOUT_FILENO);
  errors_copy_ = CopyOf(STDERR_FILENO);
  if (terminal()) real_ = CopyOf(output_.terminal ? STDOUT_FILENO : STDERR_FILENO);
  pumps_.reserve(2);
}

void Tee::Start(PumpObserver output, PumpObserver errors) {
  output_.theirs.Close();
  errors_.theirs.Close();
  // The pump has the other end; for sizes a copy stays.
  if (output_.terminal) output_size_ = CopyOf(output_.ours.get());
  if (errors_.terminal) errors_size_ = CopyOf(errors_.ours.get());
  pumps_.emplace_back(std::move(output_.ours), Sink(std::move(output_copy_)), std::move(output));
  if (one_) return;
  pumps_.emplace_back(std::move(errors_.ours), Sink(std::move(errors_copy_)), std::move(errors));
}

std::vector<Pump*> Tee::pumps() {
  std::vector<Pump*> all;
  for (Pump& pump : pumps_) all.push_back(&pump);
  return all;
}

void Tee::Resize() const {
  if (output_size_) CopySize(real_.get(), output_size_.get());
  if (errors_size_) CopySize(real_.get(), errors_size_.get());
}

}  // namespace polymeter::cli
