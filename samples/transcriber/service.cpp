// Routes, the checks of what they are given, and their answers in JSON.
#include "service.h"

#include <polymeter/http_httplib.h>

#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

#include "wav.h"

namespace transcriber {
namespace {

// RFC 9110's names.
namespace status {
constexpr int kOk = 200;
constexpr int kAccepted = 202;
constexpr int kBadRequest = 400;
constexpr int kNotFound = 404;
constexpr int kConflict = 409;
constexpr int kContentTooLarge = 413;
constexpr int kUnsupportedMediaType = 415;
constexpr int kTooManyRequests = 429;
constexpr int kInternalServerError = 500;
constexpr int kServiceUnavailable = 503;
}  // namespace status

// A minute of samples, and what a file may have beside them. It bounds the memory of the queue and
// the time that a stop waits for a worker.
constexpr std::size_t kMaxBody = 60 * kSampleRate * sizeof(std::int16_t) + (64 << 10);

constexpr const char* kJson = "application/json";

// As a JSON string. The texts are words and our own messages: no control characters.
std::string Quoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted += '"';
}

std::string JsonOf(const JobView& job) {
  std::string json = "{\"id\": " + Quoted(std::to_string(job.id)) +
                     ", \"state\": " + Quoted(polymeter::LabelValue(job.state));
  if (job.state == JobState::kCompleted) json += ", \"text\": " + Quoted(job.text);
  if (job.state == JobState::kFailed) {
    json += ", \"reason\": " + Quoted(job.reason) + ", \"message\": " + Quoted(job.message);
  }
  if (job.trace.valid()) {
    const auto trace_id = job.trace.TraceIdHex();
    json += ", \"trace_id\": " + Quoted({trace_id.data(), trace_id.size()});
  }
  return json += "}\n";
}

void Answer(httplib::Response& response, int status, const std::string& json) {
  response.status = status;
  response.set_content(json, kJson);
}

void Refuse(httplib::Response& response, int status, std::string_view error) {
  Answer(response, status, "{\"error\": " + Quoted(error) + "}\n");
}

// The id in the path; 0, which no job has, for one that is too long.
JobId IdOf(const httplib::Request& request) {
  const std::string digits = request.matches[1];
  JobId id = 0;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), id);
  return read.ec == std::errc() ? id : 0;
}

// Whether the query asks for the grammar; nothing when it asks for something else.
std::optional<bool> GrammarOf(const httplib::Request& request) {
  if (request.params.empty()) return false;
  const std::string value = request.get_param_value("grammar");
  if (request.params.size() > 1 || (value != "0" && value != "1")) return std::nullopt;
  return value == "1";
}

// What cpp-httplib refuses by itself gets the same form of answer.
void ExplainStatus(const httplib::Request& /*request*/, httplib::Response& response) {
  if (!response.body.empty()) return;
  switch (response.status) {
    case status::kNotFound:
      return Refuse(response, response.status, "no such route");
    case status::kContentTooLarge:
      return Refuse(response, response.status, "longer than a minute");
    default:
      return Refuse(response, response.status, "bad request");
  }
}

void ExplainException(const httplib::Request& /*request*/, httplib::Response& response,
                      const std::exception_ptr& /*exception*/) {
  Refuse(response, status::kInternalServerError, "internal error");
}

}  // namespace

Service::Service(const polymeter::Metrics& metrics, JobStore& jobs, bool grammar)
    : jobs_(jobs), grammar_(grammar), http_(metrics) {
  server_.set_payload_max_length(kMaxBody);
  server_.set_keep_alive_max_count(1);  // nobody holds a thread between two requests
  server_.set_error_handler(httplib::Server::Handler(&ExplainStatus));
  server_.set_exception_handler(&ExplainException);
  polymeter::InstrumentHttplib(server_, http_);
  AddRoutes();
}

Service::~Service() {
  server_.stop();
  if (listener_.joinable()) listener_.join();
}

void Service::AddRoutes() {
  using httplib::ContentReader;
  using httplib::Request;
  using httplib::Response;
  const char* const one_job = R"(/jobs/(\d{1,20}))";
  // With a content reader the body comes as it is, whatever Content-Type curl gives it.
  server_.Post("/jobs",
               polymeter::HttplibRoute(
                   http_, "/jobs",
                   httplib::Server::HandlerWithContentReader(
                       [this](const Request& request, Response& response,
                              const ContentReader& read) { Post(request, response, read); })));
  server_.Get(one_job,
              polymeter::HttplibRoute(
                  http_, "/jobs/{id}",
                  httplib::Server::Handler([this](const Request& request, Response& response) {
                    Get(request, response);
                  })));
  server_.Delete(one_job,
                 polymeter::HttplibRoute(
                     http_, "/jobs/{id}",
                     httplib::Server::Handler([this](const Request& request, Response& response) {
                       Delete(request, response);
                     })));
  server_.Get("/healthz", polymeter::HttplibRoute(
                              http_, "/healthz",
                              httplib::Server::Handler([this](const Request&, Response& response) {
                                if (draining_) {
                                  Refuse(response, status::kServiceUnavailable, "draining");
                                } else {
                                  Answer(response, status::kOk, "{\"status\": \"ok\"}\n");
                                }
                              })));
}

bool Service::Start(const std::string& host, int port) {
  const int bound = port == 0                          ? server_.bind_to_any_port(host)
                    : server_.bind_to_port(host, port) ? port
                                                       : -1;
  if (bound < 0) return false;
  address_ = host + ":" + std::to_string(bound);
  listener_ = std::thread([this] { server_.listen_after_bind(); });
  return true;
}

// A recording is looked at by the worker: what is wrong with it is the job's failure, not the
// request's.
void Service::Post(const httplib::Request& request, httplib::Response& response,
                   const httplib::ContentReader& read) {
  if (request.is_multipart_form_data()) {
    return Refuse(response, status::kUnsupportedMediaType, "the body must be the file itself");
  }
  std::string body;
  const bool whole = read([&body](const char* data, std::size_t size) {
    if (size > kMaxBody - body.size()) return false;  // it may have been compressed
    body.append(data, size);
    return true;
  });
  const std::optional<bool> grammar = GrammarOf(request);
  if (!whole) {
    if (response.status < status::kBadRequest) response.status = status::kContentTooLarge;
    return;  // ExplainStatus says why
  }
  if (!grammar) return Refuse(response, status::kBadRequest, "only grammar=0 or grammar=1");
  if (*grammar && !grammar_) {
    return Refuse(response, status::kBadRequest, "the service has no grammar");
  }
  if (body.empty()) return Refuse(response, status::kBadRequest, "the body is empty");
  if (draining_) return Refuse(response, status::kServiceUnavailable, "draining");
  const std::optional<JobId> id = jobs_.Submit(std::move(body), *grammar);
  if (!id) {
    response.set_header("Retry-After", "1");
    return Refuse(response, status::kTooManyRequests, "the queue is full");
  }
  response.set_header("Location", "/jobs/" + std::to_string(*id));
  Answer(response, status::kAccepted, "{\"id\": " + Quoted(std::to_string(*id)) + "}\n");
}

void Service::Get(const httplib::Request& request, httplib::Response& response) const {
  const std::optional<JobView> job = jobs_.Find(IdOf(request));
  if (!job) return Refuse(response, status::kNotFound, "no such job");
  Answer(response, status::kOk, JsonOf(*job));
}

void Service::Delete(const httplib::Request& request, httplib::Response& response) {
  std::optional<JobView> job = jobs_.Cancel(IdOf(request));
  if (!job) return Refuse(response, status::kNotFound, "no such job");
  if (job->state != JobState::kQueued && job->state != JobState::kRunning) {
    return Answer(response, status::kConflict, JsonOf(*job));
  }
  job->state = JobState::kCancelled;
  Answer(response, status::kOk, JsonOf(*job));
}

}  // namespace transcriber
