#include "integrations/build/time_trace.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace build {
namespace {

constexpr int kMostDepth = 64;  // clang's files have five
// 32 years: beyond it a time or duration is nonsense, and sums of them stay exact
constexpr double kMostMicroseconds = 1e15;

enum Phase : unsigned char { kFrontend, kBackend, kSource, kTemplate, kPhases, kNoPhase };

// Templates: instantiation alone. Parsing them is the frontend's and their files' time.
Phase PhaseOf(std::string_view name) {
  if (name == "Frontend") return kFrontend;
  if (name == "Backend") return kBackend;
  if (name == "Source") return kSource;
  if (name == "InstantiateClass" || name == "InstantiateFunction" ||
      name == "PerformPendingInstantiations") {
    return kTemplate;
  }
  return kNoPhase;
}

// The time that events cover, each moment once.
class Covered {
 public:
  void Add(double begin, double end) { spans_.emplace_back(begin, end); }
  void Begin(double time) { open_.push_back(time); }
  bool End(double time) {
    if (open_.empty()) return false;
    const double begin = open_.back();
    open_.pop_back();
    if (time < begin) return false;
    Add(begin, time);
    return true;
  }
  void Total(double duration) { total_ = std::max(total_, duration); }

  // Each of the two may lack something: single events those that are too short to be written, a
  // total what lies under other names of the same phase. Neither has too much.
  double Seconds() {
    std::sort(spans_.begin(), spans_.end());
    double sum = 0;
    double until = -std::numeric_limits<double>::infinity();
    for (const auto& [begin, end] : spans_) {
      if (end <= until) continue;
      sum += end - std::max(begin, until);
      until = end;
    }
    return std::max(sum, total_) / 1e6;
  }

 private:
  std::vector<std::pair<double, double>> spans_;
  std::vector<double> open_;
  double total_ = 0;
};

// nlohmann's events of a text, so that no tree of it is ever built. Depth 1 is the object around
// everything, 2 its array traceEvents, 3 an event.
class Handler {
 public:
  explicit Handler(TimeTrace& trace) : trace_(trace) {}

  bool null() { return Other(); }
  bool boolean(bool) { return Other(); }
  bool number_integer(std::int64_t value) { return Number(static_cast<double>(value)); }
  bool number_unsigned(std::uint64_t value) { return Number(static_cast<double>(value)); }
  bool number_float(double value, const std::string&) { return Number(value); }
  bool binary(nlohmann::json::binary_t&) { return Other(); }
  bool string(const std::string& value) {
    if (InEvent()) {
      if (key_ == kPh) ph_ = value.size() == 1 ? value[0] : '?';
      if (key_ == kName) Name(value);
    }
    return Other();
  }
  bool key(const std::string& name) {
    key_ = kOtherKey;
    if (depth_ == 1) {
      if (name == "traceEvents") key_ = kEvents;
      if (name == "beginningOfTime") key_ = kBeginning;
    } else if (InEvent()) {
      if (name == "ph") key_ = kPh;
      if (name == "name") key_ = kName;
      if (name == "ts") key_ = kTs;
      if (name == "dur") key_ = kDur;
    }
    return true;
  }
  bool start_object(std::size_t) {
    if (depth_ == 2 && in_events_) {
      ph_ = '?';
      phase_ = kNoPhase;
      total_ = false;
      ts_ = dur_ = -1;
    }
    return Deeper();
  }
  bool end_object() {
    if (InEvent()) Event();
    --depth_;
    return Other();
  }
  bool start_array(std::size_t) {
    if (depth_ == 1 && key_ == kEvents) in_events_ = has_events_ = true;
    return Deeper();
  }
  bool end_array() {
    --depth_;
    if (depth_ == 1) in_events_ = false;
    return Other();
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::json::exception&) {
    return false;
  }

  bool has_events() const { return has_events_; }
  void Finish() {
    trace_.phases.frontend_seconds = phases_[kFrontend].Seconds();
    trace_.phases.backend_seconds = phases_[kBackend].Seconds();
    trace_.phases.source_seconds = phases_[kSource].Seconds();
    trace_.phases.template_seconds = phases_[kTemplate].Seconds();
  }

 private:
  enum Key : unsigned char { kOtherKey, kEvents, kBeginning, kPh, kName, kTs, kDur };

  bool InEvent() const { return depth_ == 3 && in_events_; }
  bool Other() {
    key_ = kOtherKey;
    return true;
  }
  bool Deeper() {
    key_ = kOtherKey;
    return ++depth_ <= kMostDepth;
  }
  bool Number(double value) {
    if (depth_ == 1 && key_ == kBeginning && value > 0 && value < 1e18) {
      trace_.begin_unix_us = static_cast<std::int64_t>(value);
    }
    if (InEvent() && key_ == kTs) ts_ = value;
    if (InEvent() && key_ == kDur) dur_ = value;
    return Other();
  }
  void Name(std::string_view name) {
    constexpr std::string_view kTotal = "Total ";
    total_ = name.substr(0, kTotal.size()) == kTotal;
    phase_ = PhaseOf(total_ ? name.substr(kTotal.size()) : name);
  }
  static bool IsTime(double value) { return value >= 0 && value <= kMostMicroseconds; }

  void Event() {
    ++trace_.events;
    if (phase_ == kNoPhase) return;
    Covered& phase = phases_[phase_];
    bool good = IsTime(ts_);
    if (ph_ == 'X') {
      good = good && IsTime(dur_);
      if (good && total_) phase.Total(dur_);
      if (good && !total_) phase.Add(ts_, ts_ + dur_);
    } else if (ph_ == 'b' || ph_ == 'B') {
      if (good) phase.Begin(ts_);
    } else if (ph_ == 'e' || ph_ == 'E') {
      good = good && phase.End(ts_);
    }
    if (!good) ++trace_.bad_events;
  }

  TimeTrace& trace_;
  std::array<Covered, kPhases> phases_;
  int depth_ = 0;
  Key key_ = kOtherKey;
  bool in_events_ = false;
  bool has_events_ = false;
  // the event that is being read
  char ph_ = '?';
  Phase phase_ = kNoPhase;
  bool total_ = false;
  double ts_ = -1;
  double dur_ = -1;
};

}  // namespace

TimeTrace ReadTimeTrace(std::string_view json) {
  TimeTrace trace;
  Handler handler(trace);
  const bool read = nlohmann::json::sax_parse(json.begin(), json.end(), &handler);
  handler.Finish();
  trace.complete = read && handler.has_events();
  return trace;
}

}  // namespace build
}  // namespace detail
POLYMETER_END_NAMESPACE
