// How the library starts a thread: named, every signal blocked.
#pragma once

#include <pthread.h>
#include <signal.h>

#include <thread>
#include <utility>

#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// Blocks every signal in the calling thread while it lives: threads started meanwhile inherit that.
class SignalsBlocked {
 public:
  SignalsBlocked() noexcept {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

// `name`: at most 15 characters. Throws std::system_error when the system gives no thread.
template <class Function>
std::thread StartNamedThread(const char* name, Function&& function) {
  const SignalsBlocked blocked;
  std::thread thread(std::forward<Function>(function));
  pthread_setname_np(thread.native_handle(), name);
  return thread;
}

}  // namespace detail
POLYMETER_END_NAMESPACE
