#include <gtest/gtest.h>

#include <string>

#include "polymeter/docgen.h"
#include "polymeter/polymeter.h"
#include "sdk/testing/values.h"

namespace polymeter {
namespace {

using testing::FindFamily;
using testing::FindPoint;
using testing::ValueOf;

DocgenRun ARun() {
  DocgenRun run;
  run.succeeded = true;
  run.duration = std::chrono::seconds(3);
  run.warnings[static_cast<std::size_t>(DocgenWarning::kUndocumented)] = 2;
  run.repeated_warnings = 4;
  run.pages[static_cast<std::size_t>(DocgenFormat::kHtml)] = 19;
  return run;
}

TEST(DocgenMetrics, RecordARun) {
  const Metrics metrics(Options().Consumer());
  const DocgenMetrics docgen(metrics);
  DocgenRun run = ARun();
  run.documented_ratio = 0.6;
  run.phase_seconds.emplace();
  (*run.phase_seconds)[static_cast<std::size_t>(DocgenPhase::kParsing)] = 0.07;
  docgen.Record(run);
  const Snapshot snapshot = metrics.TakeSnapshot();
  EXPECT_EQ(ValueOf(snapshot, "docgen_runs_total", {{"tool", "doxygen"}, {"result", "ok"}}), 1);
  const auto* const duration = FindPoint<HistogramPoint>(snapshot, "docgen_duration_seconds");
  ASSERT_NE(duration, nullptr);
  EXPECT_EQ(duration->sum, 3);
  EXPECT_EQ(ValueOf(snapshot, "docgen_warnings", {{"kind", "undocumented"}}), 2);
  EXPECT_EQ(ValueOf(snapshot, "docgen_warnings", {{"kind", "other"}}), 0);
  EXPECT_EQ(ValueOf(snapshot, "docgen_warnings_repeated"), 4);
  EXPECT_EQ(ValueOf(snapshot, "docgen_pages", {{"format", "html"}}), 19);
  EXPECT_EQ(ValueOf(snapshot, "docgen_pages", {{"format", "xml"}}), std::nullopt);
  EXPECT_EQ(ValueOf(snapshot, "docgen_phase_seconds", {{"phase", "parsing"}}), 0.07);
  EXPECT_EQ(ValueOf(snapshot, "docgen_documented_ratio"), 0.6);
}

TEST(DocgenMetrics, ShowNoRatioThatIsNotKnown) {
  const Metrics metrics(Options().Consumer());
  DocgenMetrics(metrics).Record(ARun());
  const Snapshot snapshot = metrics.TakeSnapshot();
  EXPECT_EQ(ValueOf(snapshot, "docgen_documented_ratio"), std::nullopt);
  EXPECT_EQ(ValueOf(snapshot, "docgen_phase_seconds", {{"phase", "parsing"}}), std::nullopt);
}

TEST(DocgenMetrics, ForgetWhatTheLastRunDoesNotTell) {
  const Metrics metrics(Options().Consumer());
  const DocgenMetrics docgen(metrics);
  DocgenRun run = ARun();
  run.documented_ratio = 0.6;
  run.phase_seconds.emplace();
  docgen.Record(run);
  docgen.Record(DocgenRun());
  Snapshot snapshot = metrics.TakeSnapshot();
  EXPECT_EQ(ValueOf(snapshot, "docgen_documented_ratio"), std::nullopt);
  EXPECT_EQ(ValueOf(snapshot, "docgen_phase_seconds", {{"phase", "parsing"}}), std::nullopt);
  EXPECT_EQ(ValueOf(snapshot, "docgen_pages", {{"format", "html"}}), std::nullopt);
  EXPECT_EQ(ValueOf(snapshot, "docgen_warnings", {{"kind", "undocumented"}}), 0);
  docgen.Record(run);
  snapshot = metrics.TakeSnapshot();
  EXPECT_EQ(ValueOf(snapshot, "docgen_documented_ratio"), 0.6);
  EXPECT_EQ(ValueOf(snapshot, "docgen_pages", {{"format", "html"}}), 19);
}

TEST(DocgenMetrics, ClaimNoWarningsOfAGeneratorThatTheyDoNotUnderstand) {
  const Metrics metrics(Options().Consumer());
  DocgenRun run;
  run.tool = "sphinx";
  DocgenMetrics(metrics).Record(run);
  Snapshot snapshot = metrics.TakeSnapshot();
  EXPECT_EQ(ValueOf(snapshot, "docgen_runs_total", {{"tool", "sphinx"}, {"result", "failed"}}), 1);
  EXPECT_EQ(ValueOf(snapshot, "docgen_warnings", {{"kind", "other"}}), std::nullopt);
  EXPECT_EQ(ValueOf(snapshot, "docgen_warnings_repeated"), std::nullopt);

  // make runs doxygen, whose Doxyfile said where the pages are.
  run.tool = "make";
  run.pages[static_cast<std::size_t>(DocgenFormat::kHtml)] = 19;
  DocgenMetrics(metrics).Record(run);
  snapshot = metrics.TakeSnapshot();
  EXPECT_EQ(ValueOf(snapshot, "docgen_warnings", {{"kind", "other"}}), 0);
}

TEST(DocgenMetrics, FoldAToolThatTheyDoNotKnow) {
  const Metrics metrics(Options().Consumer());
  DocgenRun run = ARun();
  run.tool = "a/users/own tool";
  run.succeeded = false;
  DocgenMetrics(metrics).Record(run);
  const Snapshot snapshot = metrics.TakeSnapshot();
  EXPECT_EQ(ValueOf(snapshot, "docgen_runs_total", {{"tool", "other"}, {"result", "failed"}}), 1);
  EXPECT_EQ(ValueOf(snapshot, "docgen_labels_folded_total", {{"label", "tool"}}), 1);
}

TEST(DocgenMetrics, DoNothingWhereNothingIsRecorded) {
  const Metrics metrics;
  DocgenMetrics(metrics).Record(ARun());
  EXPECT_FALSE(metrics.recording());
}

}  // namespace
}  // namespace polymeter
