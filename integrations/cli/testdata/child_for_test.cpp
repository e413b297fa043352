// What the tests run behind the command. The first argument says what it does.
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace {

[[noreturn]] void SleepForTests() {
  alarm(120);  // never for ever
  while (true) pause();
}

void WriteAll(int fd, const char* data, std::size_t size) {
  while (size > 0) {
    const ssize_t written = write(fd, data, size);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) _exit(9);
    data += written;
    size -= static_cast<std::size_t>(written);
  }
}

void Say(const std::string& line) { WriteAll(1, (line + "\n").data(), line.size() + 1); }

// Standard input to standard output, to its end.
int Echo(int code) {
  std::vector<char> buffer(65536);
  while (true) {
    const ssize_t got = read(0, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return code;
    WriteAll(1, buffer.data(), static_cast<std::size_t>(got));
  }
}

// A process of a session of its own, which leaves its parent's group and survives its parent.
pid_t Grandchild(bool obeys) {
  int ready[2];
  if (pipe(ready) != 0) _exit(9);
  const pid_t pid = fork();
  if (pid != 0) {
    char byte = 0;
    close(ready[1]);
    static_cast<void>(!read(ready[0], &byte, 1));
    close(ready[0]);
    return pid;
  }
  setsid();
  if (!obeys) signal(SIGTERM, SIG_IGN);
  WriteAll(ready[1], "x", 1);
  close(ready[0]);
  close(ready[1]);
  close(0);
  close(1);
  close(2);
  SleepForTests();
}

int Signals() {
  sigset_t all;
  sigemptyset(&all);
  for (const int signal : {SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2}) sigaddset(&all, signal);
  sigprocmask(SIG_BLOCK, &all, nullptr);
  Say("ready");
  alarm(120);
  while (true) {
    int signal = 0;
    if (sigwait(&all, &signal) != 0) return 9;
    Say("got " + std::to_string(signal));
    if (signal == SIGTERM) return 7;
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  const int number = argc > 2 ? std::atoi(argv[2]) : 0;
  if (what == "exit") return number;
  if (what == "raise") {
    raise(number);
    return 8;
  }
  if (what == "echo") return Echo(number);
  if (what == "signals") return Signals();
  if (what == "sleep") {
    Say(std::to_string(getpid()));
    SleepForTests();
  }
  if (what == "tree") {  // itself, one that obeys SIGTERM, one that does not
    const pid_t one = Grandchild(true);
    const pid_t two = Grandchild(false);
    Say(std::to_string(getpid()) + " " + std::to_string(one) + " " + std::to_string(two));
    SleepForTests();
  }
  if (what == "leave") {  // a process that is to stay when this one has ended
    Say(std::to_string(Grandchild(true)));
    return 0;
  }
  if (what == "late") {  // writes when it has ended, as `exec > >(tee log)` does
    const pid_t parent = getpid();
    if (fork() == 0) {
      alarm(120);
      while (getppid() == parent) usleep(1000);
      usleep(20000);
      Say("late");
    }
    return 0;
  }
  if (what == "flood") {
    const std::vector<char> block(65536, 'x');
    for (int i = 0; i < number; ++i) WriteAll(1, block.data(), block.size());
    return 0;
  }
  if (what == "streams") {
    WriteAll(1, "out\n", 4);
    WriteAll(2, "err\n", 4);
    WriteAll(1, "out again\n", 10);
    return 0;
  }
  if (what == "terminal") {
    Say(std::string(isatty(0) ? "tty" : "no") + " " + (isatty(1) ? "tty" : "no") + " " +
        (isatty(2) ? "tty" : "no") + " " + std::to_string(tcgetpgrp(0) == getpgrp()));
    return 0;
  }
  if (what == "close") {  // its standard output, and reads on
    close(1);
    char buffer[4096];
    while (read(0, buffer, sizeof(buffer)) > 0) {
    }
    return number;
  }
  if (what == "work") {  // with children that use the processor
    for (int i = 0; i < 3; ++i) {
      if (fork() == 0) {
        volatile unsigned long sum = 0;
        for (unsigned long k = 0; k < 50000000; ++k) sum = sum + k;
        _exit(0);
      }
    }
    while (wait(nullptr) > 0) {
    }
    return 0;
  }
  std::fprintf(stderr, "child_for_test: '%s'?\n", what.c_str());
  return 9;
}
