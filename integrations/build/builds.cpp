#include "integrations/build/builds.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "integrations/build/log_clock.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace build {
namespace {

std::int64_t LikelyStart(const NinjaLog& log, const Epoch& epoch) {
  return MtimeIsOfEnd(log) ? epoch.earliest : epoch.latest;
}

bool Near(std::int64_t a, std::int64_t b) {
  return a - b <= kClockTolerance && b - a <= kClockTolerance;
}

// The log, with what each entry says of the time; nothing where that is not to be believed.
struct Entries {
  const NinjaLog& log;
  std::vector<std::optional<Epoch>> epochs;
};

// The build that the entries read now belong to.
class OpenBuild {
 public:
  OpenBuild(const Entries& entries, std::size_t first)
      : entries_(entries), first_end_(entries.log.edges[first].end_ms) {
    Add(first);
  }

  // `in_order`: the file has the entries as they were written, so each ends no earlier than the
  // last, and an output comes once.
  bool Takes(std::size_t index, bool in_order) const {
    const LoggedEdge& edge = entries_.log.edges[index];
    if (in_order && (edge.end_ms < last_end_ || names_.count(edge.outputs.front()) > 0)) {
      return false;
    }
    const std::optional<Epoch>& epoch = entries_.epochs[index];
    if (!epoch || !epoch_) return true;
    if (epoch->earliest > epoch_->latest + kClockTolerance) return false;
    if (MtimeIsOfEnd(entries_.log)) return true;
    // The entry says when its ninja started, or, if it restats, how late that can have been. In the
    // second case either this build was still running then, or the step started when another was
    // done; those that a new build gets done first start at once.
    const std::int64_t since = epoch->latest - epoch_->latest;
    return since <= std::max(kClockTolerance, last_end_ - kClockTolerance) ||
           edge.start_ms >= std::max(kClockTolerance, first_end_);
  }

  void Add(std::size_t index) {
    const LoggedEdge& edge = entries_.log.edges[index];
    build_.edges.push_back(index);
    names_.insert(edge.outputs.front());
    first_end_ = std::min(first_end_, edge.end_ms);
    last_end_ = std::max(last_end_, edge.end_ms);
    const std::optional<Epoch>& epoch = entries_.epochs[index];
    if (!epoch) return;
    if (!epoch_) {
      epoch_ = epoch;
    } else if (epoch->latest >= epoch_->earliest - kClockTolerance) {
      epoch_->earliest = std::max(epoch_->earliest, epoch->earliest);
      epoch_->latest = std::min(epoch_->latest, epoch->latest);
    }  // else its file is older than the build, and says nothing
  }

  // Entries below others of the same ninja that something odd stood between, or that only later
  // ones have shown to be of it.
  bool Continues(const OpenBuild& before) const {
    if (!epoch_ || !before.epoch_ || !Near(begin(), before.begin()) ||
        first_end_ < before.last_end_) {
      return false;
    }
    return std::none_of(names_.begin(), names_.end(),
                        [&](std::string_view name) { return before.names_.count(name) > 0; });
  }
  void Append(const OpenBuild& later) {
    for (const std::size_t index : later.build_.edges) Add(index);
  }

  LoggedBuild Close() && {
    build_.wall_ms = last_end_;
    if (epoch_) build_.begin_ms = begin();
    std::stable_sort(build_.edges.begin(), build_.edges.end(), [&](std::size_t a, std::size_t b) {
      return entries_.log.edges[a].end_ms < entries_.log.edges[b].end_ms;
    });
    return std::move(build_);
  }

 private:
  std::int64_t begin() const { return LikelyStart(entries_.log, *epoch_); }

  const Entries& entries_;
  LoggedBuild build_;
  std::int64_t first_end_;
  std::int64_t last_end_ = 0;
  std::optional<Epoch> epoch_;  // what all entries agree on
  std::unordered_set<std::string_view> names_;
};

// How many entries have each output once: as far as that a log may be compacted.
std::size_t UniqueOutputs(const NinjaLog& log) {
  std::unordered_set<std::string_view> outputs;
  for (std::size_t i = 0; i < log.edges.size(); ++i) {
    for (const std::string& output : log.edges[i].outputs) {
      if (!outputs.insert(output).second) return i;
    }
  }
  return log.edges.size();
}

// Whether the order of the first entries cannot be that in which they were written: one of a build
// that is known ends before another of it above, or stands below one of a later build; or the one
// below build.ninja, which cmake has had dated anew, is of an earlier build. (Compacted twice, the
// entries of a small log are in their first order again.)
bool OutOfOrder(const NinjaLog& log, std::size_t count) {
  std::map<std::int64_t, std::int64_t> last_ends;  // by the likely start of ninja
  std::int64_t latest_build = 0;
  std::optional<std::int64_t> build_file;  // the earliest start of its ninja, if it stands above
  for (std::size_t i = 0; i < count; ++i) {
    const std::optional<Epoch> epoch = EpochOf(log.edges[i]);
    if (!epoch) continue;
    if (build_file && epoch->latest < *build_file - kClockTolerance) return true;
    build_file = IsBuildFile(log.edges[i]) ? std::optional(epoch->earliest) : std::nullopt;
    const std::int64_t start = LikelyStart(log, *epoch);
    const std::int64_t end = log.edges[i].end_ms;
    const auto known = last_ends.lower_bound(start - kClockTolerance);
    if (known != last_ends.end() && Near(known->first, start)) {
      if (end < known->second || epoch->latest < latest_build - kClockTolerance) return true;
      known->second = end;
    } else {
      last_ends.emplace(start, end);
    }
    latest_build = std::max(latest_build, epoch->earliest);
  }
  return false;
}

}  // namespace

std::vector<LoggedBuild> SplitBuilds(const NinjaLog& log) {
  const std::size_t unique = UniqueOutputs(log);
  const std::size_t compacted = OutOfOrder(log, unique) ? unique : 0;
  Entries entries{log, {}};
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < log.edges.size(); ++i) {
    const bool old = i < compacted && IsBuildFile(log.edges[i]);
    entries.epochs.push_back(old ? std::nullopt : EpochOf(log.edges[i]));
    order.push_back(i);
  }
  // An mtime is an instant of its build's time, and builds do not overlap, so in the order of
  // mtimes each build is in one piece. Those without one come first, for themselves.
  const auto middle = order.begin() + static_cast<std::ptrdiff_t>(compacted);
  const auto dated = std::stable_partition(
      order.begin(), middle, [&](std::size_t index) { return !entries.epochs[index]; });
  std::stable_sort(dated, middle, [&](std::size_t a, std::size_t b) {
    return log.edges[a].mtime_ns < log.edges[b].mtime_ns;
  });

  std::vector<OpenBuild> open;
  for (auto at = order.begin(); at != order.end(); ++at) {
    if (!open.empty() && at != dated && open.back().Takes(*at, at >= middle)) {
      open.back().Add(*at);
    } else {
      open.emplace_back(entries, *at);
    }
  }
  std::vector<OpenBuild> builds;
  for (OpenBuild& build : open) {
    const auto few = builds.rbegin() + std::min<std::ptrdiff_t>(3, std::ssize(builds));
    const auto before = std::find_if(
        builds.rbegin(), few, [&](const OpenBuild& known) { return build.Continues(known); });
    if (before != few) {
      before->Append(build);
    } else {
      builds.push_back(std::move(build));
    }
  }
  std::vector<LoggedBuild> closed;
  for (OpenBuild& build : builds) closed.push_back(std::move(build).Close());
  return closed;
}

}  // namespace build
}  // namespace detail
POLYMETER_END_NAMESPACE
