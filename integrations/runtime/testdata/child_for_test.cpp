// A process to be watched. It is named ") R x", does what its standard input says, one command a
// line, and answers each with one line.
//
//   switch THREADS TIMES   threads that sleep so many times each, then wait
//   release                these threads end
//   allocate MIB           memory with a mapping of its own, written to
//   spin MS                uses so much CPU time
//   open COUNT             file descriptors
//   usage                  -> voluntary involuntary minor major user system, by getrusage
//   leave                  ends at once: no destructor, no search for leaks; no answer
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace {

double CpuSeconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

double Seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

class Sleepers {
 public:
  void Start(int threads, int times) {
    for (int i = 0; i < threads; ++i) {
      threads_.emplace_back([this, times] {
        for (int k = 0; k < times; ++k) usleep(1);
        std::unique_lock lock(mutex_);
        ++done_;
        changed_.notify_all();
        changed_.wait(lock, [this] { return released_; });
      });
    }
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return done_ == threads_.size(); });
  }
  void Release() {
    {
      const std::lock_guard lock(mutex_);
      released_ = true;
      changed_.notify_all();
    }
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
    done_ = 0;
    released_ = false;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::thread> threads_;
  std::size_t done_ = 0;
  bool released_ = false;
};

}  // namespace

int main() {
  prctl(PR_SET_NAME, ") R x", 0, 0, 0);
  std::thread([] {}).join();  // a sanitizer starts one of its own beside the first
  Sleepers sleepers;
  std::vector<void*> kept;
  std::cout << "ready" << std::endl;
  std::string command;
  while (std::cin >> command) {
    if (command == "switch") {
      int threads = 0;
      int times = 0;
      std::cin >> threads >> times;
      sleepers.Start(threads, times);
    } else if (command == "release") {
      sleepers.Release();
    } else if (command == "allocate") {
      std::size_t mib = 0;
      std::cin >> mib;
      void* const memory = std::malloc(mib << 20);
      if (memory == nullptr) return 1;
      std::memset(memory, 1, mib << 20);
      kept.push_back(memory);
    } else if (command == "spin") {
      double ms = 0;
      std::cin >> ms;
      const double end = CpuSeconds() + ms * 1e-3;
      while (CpuSeconds() < end) {
      }
    } else if (command == "open") {
      int count = 0;
      std::cin >> count;
      for (int i = 0; i < count; ++i) {
        if (open("/dev/null", O_RDONLY | O_CLOEXEC) < 0) return 1;
      }
    } else if (command == "usage") {
      rusage usage{};
      getrusage(RUSAGE_SELF, &usage);
      std::cout << usage.ru_nvcsw << ' ' << usage.ru_nivcsw << ' ' << usage.ru_minflt << ' '
                << usage.ru_majflt << ' ' << Seconds(usage.ru_utime) << ' '
                << Seconds(usage.ru_stime) << std::endl;
      continue;
    } else if (command == "leave") {
      _exit(0);
    } else {
      return 2;
    }
    std::cout << "done" << std::endl;
  }
  sleepers.Release();
  for (void* const memory : kept) std::free(memory);
}
