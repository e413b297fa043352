// Routes, and the checks of what they are given.
#include "service.h"

#include <charconv>
#include <future>
#include <optional>
#include <utility>

#include "gzip.h"

namespace compress_service {
namespace {

constexpr int kDefaultLevel = 6;

// The level in `query`; nothing when it is no number from 1 to 9 or when the query asks for
// something else.
std::optional<int> LevelOf(std::string_view query) {
  constexpr std::string_view kName = "level=";
  if (query.empty()) return kDefaultLevel;
  if (query.substr(0, kName.size()) != kName) return std::nullopt;
  query.remove_prefix(kName.size());
  int level = 0;
  const char* const end = query.data() + query.size();
  const auto [parsed, error] = std::from_chars(query.data(), end, level);
  if (error != std::errc() || parsed != end || level < kMinLevel || level > kMaxLevel) {
    return std::nullopt;
  }
  return level;
}

Response Refusal(int status, std::string reason, std::string_view extra_header = {}) {
  return {status, "text/plain; charset=utf-8", std::move(reason) + "\n", std::string(extra_header)};
}

}  // namespace

std::string_view TemplateOf(Route route) {
  switch (route) {
    case Route::kCompress:
      return "/compress";
    case Route::kHealth:
      return "/healthz";
    case Route::kUnmatched:
      break;
  }
  return {};
}

Route RouteOf(std::string_view path) {
  for (const Route route : {Route::kCompress, Route::kHealth}) {
    if (path == TemplateOf(route)) return route;
  }
  return Route::kUnmatched;
}

Response Service::Handle(Request request) {
  switch (request.route) {
    case Route::kCompress:
      if (request.method == "POST") return Compress(std::move(request));
      return Refusal(status::kMethodNotAllowed, "POST only", "Allow: POST");
    case Route::kHealth:
      if (request.method != "GET") {
        return Refusal(status::kMethodNotAllowed, "GET only", "Allow: GET");
      }
      if (draining_) return Refusal(status::kServiceUnavailable, "draining");
      return Refusal(status::kOk, "ok");
    case Route::kUnmatched:
      break;
  }
  return Refusal(status::kNotFound, "no such route");
}

Response Service::Compress(Request request) {
  const std::optional<int> level = LevelOf(request.query);
  if (!level) return Refusal(status::kBadRequest, "level must be 1 to 9");
  if (draining_) return Refusal(status::kServiceUnavailable, "draining");
  std::optional<std::future<WorkerPool::Outcome>> submitted =
      pool_.Submit(std::move(request.body), *level);
  if (!submitted) return Refusal(status::kTooManyRequests, "queue full", "Retry-After: 1");
  WorkerPool::Outcome outcome = submitted->get();
  switch (outcome.failure) {
    case WorkerPool::Failure::kNone:
      break;
    case WorkerPool::Failure::kOutOfMemory:
      return Refusal(status::kInternalServerError, "out of memory");
    case WorkerPool::Failure::kAbandoned:
      return Refusal(status::kServiceUnavailable, "shutting down");
  }
  std::string trace;
  if (outcome.trace.valid()) {
    const auto id = outcome.trace.TraceIdHex();
    trace.assign("X-Trace-Id: ").append(id.data(), id.size());
  }
  return {status::kOk, "application/gzip", std::move(outcome.gzip), std::move(trace)};
}

}  // namespace compress_service
