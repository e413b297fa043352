// HttpServer over civetweb's C interface, with what civetweb 1.15 lacks for a guest in somebody
// else's process: its threads set SIGPIPE to be ignored (put back here), wait up to two seconds
// at a time whatever mg_stop says (their sockets are shut down here), and lose sockets that are
// queued when it stops (closed here).
#include "exporters/common/transport/http_server.h"

#include <civetweb.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cctype>
#include <cerrno>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include "exporters/common/transport/https_server.h"
#include "exporters/common/transport/listen_address.h"
#include "exporters/common/transport/own_sockets.h"
#include "sdk/src/left_to_parent.h"
#include "sdk/src/threads.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

namespace {

bool SameHeader(std::string_view a, std::string_view b) noexcept {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char c, char d) {
    return std::tolower(static_cast<unsigned char>(c)) ==
           std::tolower(static_cast<unsigned char>(d));
  });
}

}  // namespace

std::string_view HttpRequest::Header(std::string_view name) const noexcept {
  for (const auto& [n, value] : headers) {
    if (SameHeader(n, name)) return value;
  }
  return {};
}

std::string HttpRequest::HeaderList(std::string_view name) const {
  std::string list;
  for (const auto& [n, value] : headers) {
    if (!SameHeader(n, name)) continue;
    if (!list.empty()) list += ", ";
    list += value;
  }
  return list;
}

namespace {

using std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

// What civetweb's threads use. Shared, because a thread that could not be stopped in time may
// outlive the server.
struct Serving {
  HttpHandler handler;
  milliseconds response_timeout{};
  std::atomic<bool> closing{false};   // answers 503
  std::atomic<bool> aborting{false};  // answers end where they are
  std::mutex mutex;
  std::condition_variable changed;
  int threads_begun = 0;
  int threads_missing = 0;  // civetweb goes on with fewer workers and only logs it
  int in_handler = 0;
  bool stopped = false;  // mg_stop has returned
  std::string message;   // the last one that civetweb logged
};

Serving& Of(const mg_context* context) { return *static_cast<Serving*>(mg_get_user_data(context)); }
Serving& Of(const mg_connection* connection) { return Of(mg_get_context(connection)); }

// --- one answer -------------------------------------------------------------------------------

// mg_write gives up after request_timeout without any progress, which a client that reads one
// byte now and then never lets happen. So an answer goes out in pieces, small ones once the client
// has proved slow, and the time is looked at between them.
class Sender {
 public:
  Sender(mg_connection* connection, Serving& serving)
      : connection_(connection),
        serving_(serving),
        deadline_(SteadyClock::now() + serving.response_timeout) {}

  bool operator()(std::string_view bytes) {
    constexpr std::size_t kMost = 16 * 1024;
    constexpr std::size_t kMostToSlow = 4 * 1024;
    while (!bytes.empty()) {
      const auto before = SteadyClock::now();
      if (serving_.aborting || before >= deadline_) return false;
      const std::string_view piece = bytes.substr(0, slow_ ? kMostToSlow : kMost);
      const int sent = mg_write(connection_, piece.data(), piece.size());
      if (sent < 0 || static_cast<std::size_t>(sent) != piece.size()) return false;
      bytes.remove_prefix(piece.size());
      slow_ = slow_ || SteadyClock::now() - before > milliseconds(100);
    }
    return true;
  }

 private:
  mg_connection* const connection_;
  Serving& serving_;
  const SteadyClock::time_point deadline_;
  bool slow_ = false;
};

class InHandler {
 public:
  explicit InHandler(Serving& serving) : serving_(serving) {
    const std::lock_guard lock(serving_.mutex);
    ++serving_.in_handler;
  }
  ~InHandler() {
    {
      const std::lock_guard lock(serving_.mutex);
      --serving_.in_handler;
    }
    serving_.changed.notify_all();
  }

 private:
  Serving& serving_;
};

std::string_view View(const char* text) { return text == nullptr ? "" : text; }

int Answer(mg_connection* connection, Serving& serving) {
  const mg_request_info& info = *mg_get_request_info(connection);
  HttpRequest request;
  request.method = View(info.request_method);
  request.path = View(info.local_uri_raw);
  request.query = View(info.query_string);
  for (int i = 0; i < info.num_headers; ++i) {
    request.headers.emplace_back(View(info.http_headers[i].name), View(info.http_headers[i].value));
  }
  const auto version = View(info.http_version) == "1.0" ? HttpResponse::Version::kHttp10
                                                        : HttpResponse::Version::kHttp11;
  HttpResponse response(version, request.method == "HEAD", Sender(connection, serving));
  if (serving.closing) {
    response.Answer(503, "shutting down\n");
  } else {
    try {
      serving.handler(request, response);
    } catch (...) {
      response.Fail(500, "internal error\n");
    }
  }
  response.Finish();
  return response.status();
}

// --- callbacks of civetweb: C, so nothing may be thrown through them -----------------------------

bool HasBody(const mg_connection* connection) {
  return mg_get_request_info(connection)->content_length > 0 ||
         mg_get_header(connection, "Transfer-Encoding") != nullptr;
}

// Every request ends here. A result other than 0 tells civetweb that it has been answered. After a
// positive one it reads what is left of the request's body, for as long as a byte comes now and
// then. After a negative one, which civetweb.h says nothing about, 1.15 and 1.16 close the
// connection at once.
int OnRequest(mg_connection* connection) {
  Serving& serving = Of(connection);
  const InHandler in_handler(serving);
  int status = 500;
  try {
    status = std::max(1, Answer(connection, serving));
  } catch (...) {  // no memory: the connection is closed
  }
  return HasBody(connection) ? -1 : status;
}

// What civetweb refuses by itself: a head that is too long or malformed.
int OnError(mg_connection* connection, int status, const char*) {
  try {
    HttpResponse response(HttpResponse::Version::kHttp11, false,
                          Sender(connection, Of(connection)));
    response.Answer(status, "bad request\n");
    response.Finish();
  } catch (...) {
  }
  return 0;  // answered
}

int OnLog(const mg_connection* connection, const char* message) {
  try {
    Serving& serving = Of(connection);
    const std::lock_guard lock(serving.mutex);
    serving.message = View(message);
    if (serving.message.find("Cannot start worker thread") != std::string::npos) {
      ++serving.threads_missing;
    }
  } catch (...) {
  }
  return 1;  // civetweb writes nothing
}

void* OnThread(const mg_context* context, int) {
  pthread_setname_np(pthread_self(), "pm-http");
  Serving& serving = Of(context);
  {
    const std::lock_guard lock(serving.mutex);
    ++serving.threads_begun;
  }
  serving.changed.notify_all();
  return nullptr;
}

// --- starting -----------------------------------------------------------------------------------

// civetweb's threads, one after the other as they begin, let the process ignore SIGPIPE. This puts
// back what the application had, unless it has chosen something else meanwhile. (civetweb itself
// needs no ignored SIGPIPE: it writes with MSG_NOSIGNAL, and its threads block every signal.)
class SigpipeKept {
 public:
  SigpipeKept() noexcept { sigaction(SIGPIPE, nullptr, &before_); }
  ~SigpipeKept() {
    struct sigaction now {};
    if (sigaction(SIGPIPE, nullptr, &now) == 0 && now.sa_handler == SIG_IGN) {
      sigaction(SIGPIPE, &before_, nullptr);
    }
  }
  SigpipeKept(const SigpipeKept&) = delete;
  SigpipeKept& operator=(const SigpipeKept&) = delete;

 private:
  struct sigaction before_ {};
};

// Two servers that start at once would take each other's SIGPIPE for the application's. The wait
// ends, because a forked child may find the mutex locked for ever. (Not a timed_mutex: GCC 12's
// ThreadSanitizer does not see its timed lock.)
std::unique_lock<std::mutex> OneStartAtATime() {
  static auto* const kMutex = new std::mutex;
  std::unique_lock lock(*kMutex, std::try_to_lock);
  for (int i = 0; i < 200 && !lock.owns_lock(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    static_cast<void>(lock.try_lock());
  }
  return lock;
}

// Returns null with the reason in `serving.message`.
mg_context* StartCivetweb(const HttpServerOptions& options, const std::string& where,
                          const std::shared_ptr<Serving>& serving) {
  const auto one_at_a_time = OneStartAtATime();
  // Counts how often it is called: once for us, so that an application that balances its own calls
  // never takes civetweb away from under us.
  static const unsigned initialized = mg_init_library(MG_FEATURES_DEFAULT);
  static_cast<void>(initialized);

  const int threads = std::max(1, options.threads);
  const int queue = std::max(1, options.max_connections);
  std::vector<std::pair<std::string, std::string>> settings{
      {"listening_ports", where},
      {"num_threads", std::to_string(threads)},
      {"connection_queue", std::to_string(queue)},
      {"listen_backlog", std::to_string(queue)},
      {"max_request_size", std::to_string(std::max<std::size_t>(1024, options.max_header_bytes))},
      {"request_timeout_ms", std::to_string(options.request_timeout.count())},
      // A client that keeps its connection would keep a worker.
      {"enable_keep_alive", "no"},
      {"tcp_nodelay", "1"},
      // Nothing of civetweb looks at a path: it arrives as it was sent.
      {"decode_url", "no"},
      {"enable_auth_domain_check", "no"},
      {"enable_directory_listing", "no"},
  };
  settings.insert(settings.end(), options.civetweb.begin(), options.civetweb.end());
  std::vector<const char*> pairs;
  const auto known = [](const std::string& name) {
    for (const mg_option* i = mg_get_valid_options(); i->name != nullptr; ++i) {
      if (name == i->name) return true;
    }
    return false;
  };
  for (const auto& [name, value] : settings) {
    if (!known(name)) continue;  // another version of civetweb
    pairs.push_back(name.c_str());
    pairs.push_back(value.c_str());
  }
  pairs.push_back(nullptr);

  mg_callbacks callbacks{};
  callbacks.begin_request = OnRequest;
  callbacks.http_error = OnError;
  callbacks.log_message = OnLog;
  callbacks.init_thread = OnThread;

  const SigpipeKept sigpipe_kept;
  const SignalsBlocked blocked;
  mg_context* const context = mg_start(&callbacks, serving.get(), pairs.data());
  if (context == nullptr) return nullptr;
  std::unique_lock lock(serving->mutex);
  serving->changed.wait_for(lock, std::chrono::seconds(2), [&] {
    return serving->threads_begun + serving->threads_missing >= threads + 1;
  });
  return context;
}

// --- the server ---------------------------------------------------------------------------------

// The thread in mg_stop. One that takes too long is left alone: it owns what it needs.
struct Stopper {
  std::thread thread;
  ~Stopper() {
    if (thread.joinable()) thread.detach();
  }
};

class CivetwebServer final : public HttpServer {
 public:
  explicit CivetwebServer(const HttpServerOptions& options)
      : options_(options), host_(options.host, mg_check_feature(MG_FEATURES_IPV6) != 0) {}
  ~CivetwebServer() override {
    static_cast<void>(Stop(SteadyClock::now() + std::chrono::seconds(1)));
  }

  HttpStartResult Start(HttpHandler handler) override;
  Status Stop(Deadline deadline) noexcept override;
  std::string endpoint() const override {
    const std::lock_guard lock(endpoint_mutex_);
    return endpoint_;
  }

 private:
  void SetEndpoint(std::string endpoint) {
    const std::lock_guard lock(endpoint_mutex_);
    endpoint_ = std::move(endpoint);
  }
  Status StopCivetweb(Deadline deadline);

  const HttpServerOptions options_;
  std::mutex mutex_;  // held by Start and Stop to their ends
  ListenHost host_;
  ListenAddress address_;  // once it is resolved; with the bound port while serving
  // Of its own, because a handler that Stop waits for may ask for the endpoint.
  mutable std::mutex endpoint_mutex_;
  std::string endpoint_;
  std::unique_ptr<ClosedInChildren> closed_in_children_;
  std::shared_ptr<Serving> serving_;
  mg_context* context_ = nullptr;
  std::atomic<pid_t> process_{getpid()};  // a fork while Start has the mutex is seen, too
};

HttpStartResult CivetwebServer::Start(HttpHandler handler) {
  const std::lock_guard lock(mutex_);
  if (context_ != nullptr) return {HttpStart::kImpossible, "the server runs already"};
  if (address_.size == 0) {
    FoundAddress found = host_.Find();
    if (!found.error.empty()) {
      return {found.may_heal ? HttpStart::kFailed : HttpStart::kImpossible, std::move(found.error)};
    }
    address_ = found.address;
  }
  const std::string where = address_.Text(options_.port);
  auto serving = std::make_shared<Serving>();
  serving->handler = std::move(handler);
  serving->response_timeout = options_.response_timeout;
  context_ = StartCivetweb(options_, where, serving);
  if (context_ == nullptr) {
    // civetweb says it in words only.
    const int why = ListenError(address_, options_.port);
    if (why == EADDRINUSE) return {HttpStart::kBusy, where + " is in use"};
    const std::string reason = why != 0 ? std::generic_category().message(why) : serving->message;
    return {HttpStart::kFailed, "cannot listen at " + where + ": " + reason};
  }
  mg_server_port port{};
  mg_get_server_ports(context_, 1, &port);
  address_.SetPort(static_cast<std::uint16_t>(port.port));
  closed_in_children_ = std::make_unique<ClosedInChildren>(address_.storage);
  SetEndpoint(address_.Text(static_cast<std::uint16_t>(port.port)));
  serving_ = std::move(serving);
  process_ = getpid();
  return {};
}

Status CivetwebServer::Stop(Deadline deadline) noexcept {
  try {
    if (process_ != 0 && process_ != getpid()) {
      // Its threads are the parent's, and one of them may have had the mutex.
      LeaveToParent(std::move(serving_));
      context_ = nullptr;
      endpoint_.clear();
      return {};
    }
    const std::lock_guard lock(mutex_);
    return context_ == nullptr ? Status() : StopCivetweb(deadline);
  } catch (const std::exception& e) {
    return Status::Error(e.what());
  }
}

Status CivetwebServer::StopCivetweb(Deadline deadline) {
  const std::shared_ptr<Serving> serving = std::move(serving_);
  serving_.reset();
  mg_context* const context = std::exchange(context_, nullptr);
  const auto closed_in_children = std::move(closed_in_children_);  // until it has stopped
  SetEndpoint({});

  // Running answers get half of the time, a second at most.
  serving->closing = true;
  const auto now = SteadyClock::now();
  const auto patience =
      std::min<Deadline::duration>((std::max(deadline, now) - now) / 2, std::chrono::seconds(1));
  {
    std::unique_lock lock(serving->mutex);
    serving->changed.wait_for(lock, patience, [&] { return serving->in_handler == 0; });
  }
  serving->aborting = true;

  // mg_stop joins its workers and knows no deadline, so it gets a thread of its own.
  const auto stop = [serving, context] {
    mg_stop(context);
    {
      const std::lock_guard lock(serving->mutex);
      serving->stopped = true;
    }
    serving->changed.notify_all();
  };
  Stopper stopper;
  try {
    stopper.thread = StartNamedThread("pm-http-stop", stop);
  } catch (const std::system_error&) {
    ShutDownSocketsAt(address_.storage);
    stop();
    return {};
  }
  std::vector<OwnSocket> connections;
  bool stopped = false;
  for (milliseconds pause(5); !stopped; pause = std::min(2 * pause, milliseconds(200))) {
    for (const OwnSocket& socket : ShutDownSocketsAt(address_.storage)) {
      if (std::find(connections.begin(), connections.end(), socket) == connections.end()) {
        connections.push_back(socket);
      }
    }
    const auto until = std::min<Deadline>(deadline, SteadyClock::now() + pause);
    std::unique_lock lock(serving->mutex);
    stopped = serving->changed.wait_until(lock, until, [&] { return serving->stopped; });
    if (!stopped && SteadyClock::now() >= deadline) {
      return Status::Error("the HTTP server at " + address_.Text(options_.port) +
                           " did not stop in time; its threads end later");
    }
  }
  stopper.thread.join();
  CloseForgotten(connections);
  return {};
}

}  // namespace

std::unique_ptr<HttpServer> MakeHttpServer(const HttpServerOptions& options) {
  if (options.tls) return MakeHttpsServer(options);
  return std::make_unique<CivetwebServer>(options);
}

}  // namespace detail
POLYMETER_END_NAMESPACE
