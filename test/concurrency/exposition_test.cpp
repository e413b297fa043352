// A reader that writes pages while threads count: every page is whole, and no number on it falls.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <charconv>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "polymeter/polymeter.h"
#include "test/concurrency/crowd.h"

namespace {

using polymeter::Metrics;
using polymeter::Options;
using ::testing::IsEmpty;

class Page : public polymeter::ScrapeSink {
 public:
  void Begin(std::string_view, std::string_view) override {}
  bool Write(std::string_view bytes) override {
    text.append(bytes);
    return true;
  }
  std::string text;
};

// Line by line, without labels that hold spaces: name{labels} value.
class PageWatcher {
 public:
  void Look(std::string_view page) {
    std::map<std::string, double> now;
    while (!page.empty()) {
      const std::size_t end = page.find('\n');
      if (end == std::string_view::npos) return Fault("no final line feed");
      const std::string_view line = page.substr(0, end);
      page.remove_prefix(end + 1);
      if (line.empty() || line[0] == '#') continue;
      const std::size_t space = line.find(' ');
      double value = 0;
      const std::string_view digits = line.substr(space + 1);
      const auto [rest, error] =
          std::from_chars(digits.data(), digits.data() + digits.size(), value);
      if (error != std::errc() || rest != digits.data() + digits.size()) {
        return Fault("cannot read " + std::string(line));
      }
      now.emplace(line.substr(0, space), value);
    }
    if (now.empty()) return Fault("an empty page");
    for (const auto& [series, value] : now) {
      const auto before = seen_.find(series);
      if (before != seen_.end() && value < before->second) Fault(series + " fell");
      rises += before != seen_.end() && value > before->second;
    }
    if (now["ones_seconds_bucket{le=\"+Inf\"}"] != now["ones_seconds_count"]) {
      Fault("_count is not the +Inf bucket");
    }
    seen_ = std::move(now);
  }
  void Fault(const std::string& what) {
    if (faults.size() < 20) faults.push_back(what);
  }
  std::vector<std::string> faults;
  std::uint64_t rises = 0;

 private:
  std::map<std::string, double> seen_;
};

TEST(Exposition, OfBothFormatsStaysWholeWhile64ThreadsComeAndGo) {
  const Metrics metrics{Options().Consumer()};
  const auto counter = metrics.Counter("ones_total", "Ones.");
  const auto histogram = metrics.Histogram("ones_seconds", "Ones.");
  const auto family = metrics.Counter("made_total", "Made.", {"n"});
  PageWatcher text;
  PageWatcher open_metrics;
  const auto look = [&](std::string_view accept, PageWatcher& watcher) {
    Page page;
    const auto status = polymeter::Scrape(metrics, {accept, "", std::chrono::seconds(60)}, page);
    if (!status.ok()) watcher.Fault(status.message());
    watcher.Look(page.text);
  };
  {
    const crowd::Loop reader([&] { look("text/plain;version=0.0.4", text); });
    const crowd::Loop other(
        [&] { look("application/openmetrics-text;version=1.0.0", open_metrics); });
    ASSERT_TRUE(crowd::WaitUntil([&] { return reader.steps() > 1 && other.steps() > 1; }));
    crowd::ComeAndGo(64, 2000, [&](int i) {
      for (int turn = 0; turn < 50; ++turn) {
        counter.Increment();
        histogram.Observe(1);
        family.With(i % 300).Increment();
      }
    });
  }
  EXPECT_THAT(text.faults, IsEmpty());
  EXPECT_THAT(open_metrics.faults, IsEmpty());
  EXPECT_GT(text.rises, 0u);
  EXPECT_GT(open_metrics.rises, 0u);
  EXPECT_EQ(counter.Value(), 100000);
  EXPECT_EQ(histogram.Count(), 100000u);
  EXPECT_EQ(histogram.Sum(), 100000);
}

}  // namespace
