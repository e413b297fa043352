#include "exporters/prometheus/prometheus.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "exporters/common/exposition/openmetrics_encoder.h"
#include "exporters/common/exposition/page_portability.h"
#include "exporters/common/exposition/protobuf_encoder.h"
#include "exporters/common/exposition/text_encoder.h"
#include "exporters/common/security/http_guard.h"
#include "exporters/common/transport/http_server.h"
#include "exporters/prometheus/exposition.h"
#include "exporters/prometheus/server_security.h"
#include "sdk/src/threads.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

using std::chrono::milliseconds;

constexpr std::string_view kHealthPath = "/healthz";

bool Visible(char c) { return c > ' ' && c < 0x7F; }
bool ValidHost(std::string_view host) {
  // One colon would be a port's; IPv6 addresses have more.
  return !host.empty() && std::all_of(host.begin(), host.end(), Visible) &&
         std::count(host.begin(), host.end(), ':') != 1;
}
// What a client can send as it is: RFC 3986's path of visible ASCII.
bool ValidPath(std::string_view path) {
  return path.starts_with('/') && path != kHealthPath &&
         std::all_of(path.begin(), path.end(),
                     [](char c) { return Visible(c) && c != '?' && c != '#'; });
}

constexpr OptionSpec kOptions[] = {
    {.name = "host",
     .default_value = "127.0.0.1",
     .help = "The address to listen at; 0.0.0.0 is every one.",
     .standard = "OTEL_EXPORTER_PROMETHEUS_HOST",
     .valid = ValidHost,
     .accepts = "an address or a host name, without a port"},
    {.name = "port",
     .kind = OptionKind::kInteger,
     .default_value = "9464",
     .help = "The port to listen at; 0 is any free one.",
     .standard = "OTEL_EXPORTER_PROMETHEUS_PORT",
     .max = 65535},
    {.name = "path",
     .default_value = "/metrics",
     .help = "Where the page is.",
     .valid = ValidPath,
     .accepts = "a path that begins with /, other than /healthz"},
    {.name = "format",
     .kind = OptionKind::kChoice,
     .default_value = "auto",
     .help = "What is served: auto is what the client prefers.",
     .choices = "auto,text,openmetrics,protobuf"},
    {.name = "created",
     .kind = OptionKind::kBool,
     .default_value = "false",
     .help = "Adds start times: _created samples in OpenMetrics, created_timestamp in protobuf."},
    {.name = "gzip",
     .kind = OptionKind::kInteger,
     .default_value = "1",
     .help = "Compression where the client takes it: 1 is fast, 9 small, 0 off.",
     .max = 9},
    {.name = "threads",
     .kind = OptionKind::kInteger,
     .default_value = "4",
     .help = "How many clients are served at the same time.",
     .min = 1,
     .max = 64},
    {.name = "max_connections",
     .kind = OptionKind::kInteger,
     .default_value = "64",
     .help = "How many more connections are accepted and wait for a thread.",
     .min = 1,
     .max = 10000},
    {.name = "max_header_bytes",
     .kind = OptionKind::kInteger,
     .default_value = "16384",
     .help = "The longest head of a request.",
     .min = 1024,
     .max = 1048576},
    {.name = "request_timeout",
     .kind = OptionKind::kDuration,
     .default_value = "5s",
     .help = "How long a client may take to send its request, or to take a part of the answer.",
     .min = 100,
     .max = 300000},
    // A bad value of these leaves the backend out: the next best one would be an open server.
    {.name = "web_config",
     .help = "A web configuration file as Prometheus has it: TLS, users with passwords."},
    {.name = "tls_certificate",
     .help = "The server's certificate and its intermediate ones, a PEM file: HTTPS only."},
    {.name = "tls_key", .help = "The certificate's key, a PEM file without a password."},
    {.name = "tls_client_ca",
     .help = "The authorities of which every client needs a certificate, a PEM file."},
    {.name = "bearer_token",
     .help = "What a client has to send as Authorization: Bearer.",
     .secret = true},
    {.name = "bearer_token_file",
     .help = "A file with the bearer token; read again when it changes."},
};

ExpositionOptions ExpositionOptionsOf(const BackendOptions& options) {
  ExpositionOptions exposition;
  exposition.created_timestamps = options.Bool("created");
  exposition.gzip_level = static_cast<int>(options.Integer("gzip"));
  const std::string& format = options.Choice("format");
  if (format == "text") exposition.format = ExpositionFormat::kText004;
  if (format == "openmetrics") exposition.format = ExpositionFormat::kOpenMetrics100;
  if (format == "protobuf") exposition.format = ExpositionFormat::kProtobuf;
  return exposition;
}

HttpServerOptions ServerOptionsOf(const BackendOptions& options) {
  HttpServerOptions server;
  server.host = options.Text("host");
  server.port = static_cast<std::uint16_t>(options.Integer("port"));
  server.threads = static_cast<int>(options.Integer("threads"));
  server.max_connections = static_cast<int>(options.Integer("max_connections"));
  server.max_header_bytes = static_cast<std::size_t>(options.Integer("max_header_bytes"));
  server.request_timeout = options.Duration("request_timeout");
  return server;
}

// --- what answers requests ----------------------------------------------------------------------

class ResponseSink final : public ScrapeSink {
 public:
  explicit ResponseSink(HttpResponse& response) : response_(response) {}
  void Begin(std::string_view content_type, std::string_view content_encoding) override {
    response_.AddHeader("Content-Type", content_type);
    if (!content_encoding.empty()) response_.AddHeader("Content-Encoding", content_encoding);
    response_.AddHeader("Vary", "Accept, Accept-Encoding");
  }
  bool Write(std::string_view bytes) override {
    const auto begin = std::chrono::steady_clock::now();
    const bool written = response_.Write(bytes);
    waited_ += std::chrono::steady_clock::now() - begin;
    if (written) bytes_ += bytes.size();
    return written;
  }
  std::uint64_t bytes() const noexcept { return bytes_; }
  // How long writing took.
  std::chrono::nanoseconds waited() const noexcept { return waited_; }

 private:
  HttpResponse& response_;
  std::uint64_t bytes_ = 0;
  std::chrono::nanoseconds waited_{0};
};

// Shared with the server's threads, of which one may outlive the backend.
class Routes {
 public:
  Routes(const ExpositionOptions& options, const Clock& clock, std::string path)
      : exposition_(options, clock), path_(std::move(path)) {}

  void Open(SnapshotSource& source) {
    const std::lock_guard lock(gate_);
    source_ = &source;
  }
  // Returns when nobody uses the source any more: a snapshot that is being taken ends within the
  // producers' budget. What takes one may also be what closes (a log callback that shuts down), and
  // does not wait for itself.
  void Close() {
    std::unique_lock lock(gate_);
    source_ = nullptr;
    left_.wait(lock, [this] { return users_ == (t_user == this ? 1 : 0); });
  }

  // Before the first request. From now on /healthz alone is open, as orchestrators need it.
  Status RequireLogin(AuthenticatorOptions login) {
    login.log = [this](std::string_view message) { Log(message); };
    auto made = Authenticator::Make(login);
    if (!made.ok()) return made.status();
    authenticator_ = std::move(made.value());
    return {};
  }

  // What the server has to say while it runs.
  void Log(std::string_view message) {
    const Use use(*this);
    if (use.source() == nullptr) return;
    use.source()->Log(LogLevel::kWarning, "prometheus: " + std::string(message));
  }

  void Handle(const HttpRequest& request, HttpResponse& response) {
    const bool metrics = request.path == path_;
    if (authenticator_ != nullptr && request.path != kHealthPath &&
        !AdmitRequest(*authenticator_, request, response)) {
      if (metrics) Count(Status::Error("a client without the right credentials was refused"));
    } else if (!metrics && request.path != kHealthPath) {
      response.Answer(404, "not found\n");
    } else if (request.method != "GET" && request.method != "HEAD") {
      response.AddHeader("Allow", "GET, HEAD");
      response.Answer(405, "method not allowed\n");
    } else if (!metrics) {
      response.Answer(200, "ok\n");
    } else if (request.method == "HEAD") {
      ResponseSink(response).Begin(exposition_.ContentType(request.HeaderList("Accept")), {});
    } else {
      Scrape(request, response);
    }
  }

  void FillReport(BackendReport& report) const {
    report.scrapes = scrapes_;
    report.failed_scrapes = failed_;
    report.encodes = encodes_;
    report.encode_seconds = static_cast<double>(encode_nanos_) * 1e-9;
    report.sent_bytes = sent_bytes_;
    report.dropped = exposition_.Dropped();
    const std::lock_guard lock(error_mutex_);
    report.last_error = error_;
  }

 private:
  // Prometheus says how long it will wait, in seconds.
  static milliseconds TimeoutOf(const HttpRequest& request) {
    const std::string_view text = request.Header("X-Prometheus-Scrape-Timeout-Seconds");
    double seconds = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (error != std::errc() || end != text.data() + text.size() || !(seconds > 0)) {
      return ScrapeRequest().timeout;
    }
    return milliseconds(static_cast<std::int64_t>(std::min(seconds, 3600.0) * 1000));
  }

  // The time in which the calling thread uses the source; null when it is closed.
  class Use {
   public:
    explicit Use(Routes& routes) : routes_(routes), outer_(t_user) {
      const std::lock_guard lock(routes_.gate_);
      source_ = routes_.source_;
      ++routes_.users_;
      t_user = &routes_;
    }
    ~Use() {
      t_user = outer_;
      {
        const std::lock_guard lock(routes_.gate_);
        --routes_.users_;
      }
      routes_.left_.notify_all();
    }
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;
    SnapshotSource* source() const noexcept { return source_; }

   private:
    Routes& routes_;
    const Routes* const outer_;
    SnapshotSource* source_ = nullptr;
  };

  void Scrape(const HttpRequest& request, HttpResponse& response) {
    std::optional<std::chrono::steady_clock::time_point> taken;
    const auto take = [&, this](Deadline deadline) -> std::optional<Snapshot> {
      const Use use(*this);
      if (use.source() == nullptr) return std::nullopt;
      auto snapshot = use.source()->TakeSnapshot(deadline);
      taken = std::chrono::steady_clock::now();
      return snapshot;
    };
    const std::string accept = request.HeaderList("Accept");
    const std::string accept_encoding = request.HeaderList("Accept-Encoding");
    const ScrapeRequest scrape{accept, accept_encoding, TimeoutOf(request)};
    ResponseSink sink(response);
    Status status = exposition_.Answer(take, scrape, sink);
    if (taken) {
      const auto encoding = std::chrono::steady_clock::now() - *taken - sink.waited();
      encode_nanos_ += static_cast<std::uint64_t>(
          std::chrono::duration_cast<std::chrono::nanoseconds>(encoding).count());
      ++encodes_;
    }
    sent_bytes_ += sink.bytes();
    if (!status.ok()) {
      response.Fail(503, status.message() + "\n");
    } else if (!response.Finish()) {
      status = Status::Error("the client is gone");
    }
    Count(status);
  }

  void Count(const Status& status) {
    ++(status.ok() ? scrapes_ : failed_);
    const std::lock_guard lock(error_mutex_);
    error_ = status.message();
  }

  Exposition exposition_;
  const std::string path_;
  std::unique_ptr<Authenticator> authenticator_;              // null: everybody may read
  inline static thread_local const Routes* t_user = nullptr;  // whose source this thread uses

  std::mutex gate_;
  std::condition_variable left_;
  SnapshotSource* source_ = nullptr;
  int users_ = 0;
  std::atomic<std::uint64_t> scrapes_{0};
  std::atomic<std::uint64_t> failed_{0};
  std::atomic<std::uint64_t> encodes_{0};
  std::atomic<std::uint64_t> encode_nanos_{0};
  std::atomic<std::uint64_t> sent_bytes_{0};
  mutable std::mutex error_mutex_;
  std::string error_;
};

// --- the backend --------------------------------------------------------------------------------

class PrometheusBackend final : public Backend {
 public:
  PrometheusBackend(const Clock& clock, std::shared_ptr<Routes> routes, HttpServerOptions server,
                    const Outside& outside)
      : clock_(clock),
        routes_(std::move(routes)),
        server_options_(std::move(server)),
        server_(outside.make_http_server ? outside.make_http_server(server_options_)
                                         : MakeHttpServer(server_options_)) {}
  ~PrometheusBackend() override {
    static_cast<void>(Stop(clock_.SteadyNow() + std::chrono::seconds(1)));
  }

  Status Start(SnapshotSource& source) override;
  Status Stop(Deadline deadline) noexcept override;
  BackendReport Report() const override;

 private:
  HttpStartResult StartServer() {
    return server_->Start([routes = routes_](const HttpRequest& request, HttpResponse& response) {
      routes->Handle(request, response);
    });
  }
  void Retry();
  void SetError(std::string error) {
    const std::lock_guard lock(listening_->mutex);
    listening_->error = std::move(error);
  }

  // In memory of its own, because a forked child cannot destroy it: a thread that the child does
  // not have waits in there, and the condition variable's destructor would wait for that thread.
  struct Listening {
    std::mutex mutex;
    std::condition_variable stop_asked;
    bool stopping = false;
    std::string error;  // why it does not listen
    std::thread retry;
  };

  const Clock& clock_;
  const std::shared_ptr<Routes> routes_;
  const HttpServerOptions server_options_;
  const std::unique_ptr<HttpServer> server_;
  SnapshotSource* source_ = nullptr;
  pid_t process_ = 0;
  std::unique_ptr<Listening> listening_ = std::make_unique<Listening>();
};

Status PrometheusBackend::Start(SnapshotSource& source) {
  source_ = &source;
  process_ = getpid();
  routes_->Open(source);
  const HttpStartResult result = StartServer();
  if (result.outcome == HttpStart::kStarted) return {};
  if (result.outcome == HttpStart::kImpossible) {
    routes_->Close();
    return Status::Error("prometheus: " + result.message);
  }
  SetError(result.message);
  source.Log(LogLevel::kWarning,
             "prometheus: " + result.message +
                 "; trying again until it can be had. METRICS_PROMETHEUS_PORT chooses another "
                 "port, 0 any free one");
  try {
    listening_->retry = StartNamedThread("pm-http-retry", [this] { Retry(); });
  } catch (const std::system_error& e) {
    routes_->Close();
    return Status::Error(std::string("prometheus: no thread to try again: ") + e.what());
  }
  return {};
}

void PrometheusBackend::Retry() try {
  std::minstd_rand random(std::random_device{}());
  constexpr milliseconds kMost(30000);
  for (milliseconds pause(1000);; pause = std::min(2 * pause, kMost)) {
    // Up to a tenth less, so that replicas do not fall into step.
    const auto until =
        clock_.SteadyNow() + pause * std::uniform_int_distribution<int>(90, 100)(random) / 100;
    {
      std::unique_lock lock(listening_->mutex);
      while (!listening_->stopping && clock_.SteadyNow() < until) {
        clock_.WaitUntil(lock, listening_->stop_asked, until);
      }
      if (listening_->stopping) return;
    }
    const HttpStartResult result = StartServer();
    if (result.outcome == HttpStart::kStarted) {
      SetError({});
      source_->Log(LogLevel::kInfo, "prometheus: now listening at " + server_->endpoint());
      return;
    }
    SetError(result.message);
  }
} catch (const std::exception& e) {  // no memory, or no random numbers
  SetError(std::string("gave up listening: ") + e.what());
}

Status PrometheusBackend::Stop(Deadline deadline) noexcept {
  try {
    if (process_ != 0 && process_ != getpid()) {  // the threads are the parent's
      static_cast<void>(listening_.release());
      return server_->Stop(deadline);
    }
    {
      const std::lock_guard lock(listening_->mutex);
      listening_->stopping = true;
    }
    listening_->stop_asked.notify_all();
    if (listening_->retry.get_id() == std::this_thread::get_id()) {
      listening_->retry.detach();  // its message was answered with a shutdown; it ends after that
    } else if (listening_->retry.joinable()) {
      listening_->retry.join();
    }
    Status status = server_->Stop(deadline);
    routes_->Close();
    return status;
  } catch (const std::exception& e) {
    return Status::Error(std::string("prometheus: ") + e.what());
  }
}

BackendReport PrometheusBackend::Report() const {
  BackendReport report;
  report.name = "prometheus";
  report.endpoint = server_->endpoint();
  routes_->FillReport(report);
  if (listening_ == nullptr) return report;
  const std::lock_guard lock(listening_->mutex);
  if (!listening_->error.empty()) report.last_error = listening_->error;
  return report;
}

Result<std::unique_ptr<Backend>> MakePrometheusBackend(const BackendOptions& options,
                                                       const Outside& outside) {
  auto security = SecurityOf(options);
  if (!security.ok()) return security.status();
  auto routes =
      std::make_shared<Routes>(ExpositionOptionsOf(options), *outside.clock, options.Text("path"));
  const Status login = routes->RequireLogin(std::move(security->login));
  if (!login.ok()) return login;
  HttpServerOptions server = ServerOptionsOf(options);
  server.tls = std::move(security->tls);
  server.log = [routes](std::string_view message) { routes->Log(message); };
  return std::unique_ptr<Backend>(std::make_unique<PrometheusBackend>(
      *outside.clock, std::move(routes), std::move(server), outside));
}

std::vector<PortabilityNote> PrometheusPortability(const FamilyDescription& family,
                                                   const BackendOptions& options) {
  const std::string& format = options.Choice("format");
  if (format == "text") return PagePortability(family, "prometheus", PageKind::kText);
  if (format == "protobuf") return PagePortability(family, "prometheus", PageKind::kProtobuf);
  return PagePortability(family, "prometheus", PageKind::kOpenMetrics, format == "auto");
}

}  // namespace

const BackendInfo& PrometheusBackendInfo() {
  static constexpr BackendInfo kInfo{
      .name = "prometheus",
      .options = kOptions,
      .make_encoder = [](const BackendOptions& options) -> Result<std::unique_ptr<Encoder>> {
        const ExpositionOptions exposition = ExpositionOptionsOf(options);
        if (exposition.format == ExpositionFormat::kOpenMetrics100) {
          return MakeOpenMetricsEncoder(
              OpenMetricsOptions{.created_timestamps = exposition.created_timestamps});
        }
        if (exposition.format == ExpositionFormat::kProtobuf) {
          return MakeProtobufEncoder(
              ProtobufOptions{.created_timestamps = exposition.created_timestamps});
        }
        return MakeTextEncoder();
      },
      .make = [](const BackendOptions& options, Outside& outside)
          -> Result<std::unique_ptr<Backend>> { return MakePrometheusBackend(options, outside); },
      .portability = PrometheusPortability,
  };
  return kInfo;
}

}  // namespace detail
POLYMETER_END_NAMESPACE
