// Chrome's trace format: the "Trace Event Format" document of the Chromium project. Times in us.
#include <algorithm>
#include <cmath>
#include <functional>
#include <nlohmann/json.hpp>
#include <queue>
#include <set>
#include <string>
#include <tuple>
#include <unordered_set>
#include <utility>
#include <vector>

#include "polymeter/build.h"

POLYMETER_BEGIN_NAMESPACE
namespace {

using Json = nlohmann::ordered_json;

constexpr int kProcess = 1;
constexpr double kMostSeconds = 1e9;

bool IsTime(const std::optional<double>& seconds) {
  return seconds && *seconds >= 0 && *seconds <= kMostSeconds;
}

std::int64_t Microseconds(double seconds) { return std::llround(seconds * 1e6); }

// Gives each step the lowest lane that is free when it begins.
class Lanes {
 public:
  int Take(std::int64_t begin, std::int64_t end) {
    while (!busy_.empty() && busy_.top().first <= begin) {
      free_.insert(busy_.top().second);
      busy_.pop();
    }
    if (free_.empty()) free_.insert(++count_);
    const int lane = *free_.begin();
    free_.erase(free_.begin());
    busy_.emplace(end, lane);
    return lane;
  }
  int count() const { return count_; }

 private:
  using Busy = std::pair<std::int64_t, int>;  // until when, lane
  std::priority_queue<Busy, std::vector<Busy>, std::greater<>> busy_;
  std::set<int> free_;
  int count_ = 0;
};

Json Metadata(const char* what, int lane, const std::string& name) {
  return {
      {"name", what}, {"ph", "M"}, {"pid", kProcess}, {"tid", lane}, {"args", {{"name", name}}}};
}

Json Event(const BuildStep& step, const std::unordered_set<std::string_view>& critical) {
  Json args;
  if (!step.source.empty()) args["source"] = step.source;
  args["language"] = step.language;
  args["result"] = step.result;
  if (critical.count(step.name) > 0) args["critical_path"] = true;
  if (step.peak_rss_bytes) args["peak_rss_bytes"] = *step.peak_rss_bytes;
  Json event;
  event["name"] = step.name;
  event["cat"] = step.kind;
  event["pid"] = kProcess;
  event["args"] = std::move(args);
  return event;
}

// A step in µs of the build.
struct Span {
  std::int64_t begin;
  std::int64_t end;
  const BuildStep* step;
};

}  // namespace

std::string FormatBuildTrace(const BuildSummary& build) {
  std::vector<Span> spans;
  std::vector<const BuildStep*> without_time;
  std::int64_t last = IsTime(build.wall_seconds) ? Microseconds(build.wall_seconds) : 0;
  for (const BuildStep& step : build.steps) {
    if (IsTime(step.begin_seconds) && IsTime(step.seconds)) {
      const std::int64_t begin = Microseconds(*step.begin_seconds);
      spans.push_back({begin, begin + Microseconds(*step.seconds), &step});
      last = std::max(last, spans.back().end);
    } else {
      without_time.push_back(&step);
    }
  }
  std::stable_sort(spans.begin(), spans.end(), [](const Span& a, const Span& b) {
    return std::tie(a.begin, a.end) < std::tie(b.begin, b.end);
  });

  const std::unordered_set<std::string_view> critical(build.critical_path.begin(),
                                                      build.critical_path.end());
  std::string text = "{\"traceEvents\":[";
  const char* separator = "\n";
  const auto write = [&](const Json& event) {
    text += separator;
    text += event.dump(-1, ' ', false, Json::error_handler_t::replace);
    separator = ",\n";
  };
  write(Metadata("process_name", 0, build.tool));
  Lanes lanes;
  for (const Span& span : spans) {
    Json event = Event(*span.step, critical);
    event["ph"] = "X";
    event["tid"] = lanes.Take(span.begin, span.end);
    event["ts"] = span.begin;
    event["dur"] = span.end - span.begin;
    write(event);
  }
  for (const BuildStep* const step : without_time) {
    Json event = Event(*step, critical);
    event["ph"] = "i";
    event["s"] = "p";  // across the whole process
    event["tid"] = 0;
    event["ts"] = last;
    write(event);
  }
  for (int lane = 1; lane <= lanes.count(); ++lane) {
    write(Metadata("thread_name", lane, "slot " + std::to_string(lane)));
  }
  text += "\n],\"displayTimeUnit\":\"ms\"";
  // As clang writes it, so that its traces can be laid beside this one.
  if (build.begin_unix_ms) {
    // Three more digits, not a product: any begin has its number.
    text += ",\"beginningOfTime\":" + std::to_string(*build.begin_unix_ms);
    if (*build.begin_unix_ms != 0) text += "000";
  }
  return text + "}\n";
}

POLYMETER_END_NAMESPACE
