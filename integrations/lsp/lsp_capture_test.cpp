// Recorded sessions with clangd 14, hostile ones among them, through the public interface: what is
// counted equals what was counted independently (lsp_for_test.h), whatever pieces the bytes come
// in, and what was counted by hand from the recordings.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>

#include "integrations/lsp/lsp_for_test.h"
#include "polymeter/lsp.h"
#include "sdk/testing/values.h"

namespace polymeter {
namespace {

using lsp_test::At;
using lsp_test::Capture;
using lsp_test::Expectation;
using lsp_test::Frame;
using lsp_test::Key;
using lsp_test::Page;

using lsp_test::kClient;

// Which frame errors a recording has, and how it ended.
struct Recording {
  const char* name;
  const char* end;
  LspExit exit;
  bool client_closed;  // without exit
  std::map<std::string, int> errors;
  // By hand: requests and notifications seen.
  int requests;
  int notifications;
};

const std::vector<Recording>& Recordings() {
  static const std::vector<Recording> all{
      {"main", "clean", LspExit::Code(0), false, {}, 15, 23},
      {"badlen", "clean", LspExit::Code(0), false, {{"zero_length", 1}, {"bad_length", 1}}, 13, 19},
      {"batch", "crash", LspExit::Code(1), false, {}, 12, 18},
      {"dupid", "clean", LspExit::Code(0), false, {}, 15, 19},
      {"eof", "eof", LspExit::Code(1), true, {}, 12, 17},
      {"exit_noshutdown", "no_shutdown", LspExit::Code(1), false, {}, 12, 18},
      {"garbage", "clean", LspExit::Code(0), false, {{"junk_line", 1}, {"no_length", 1}}, 13, 19},
      {"kill", "signal", LspExit::Signal(9), false, {}, 13, 17},
      {"lfonly", "clean", LspExit::Code(0), false, {{"line_end", 1}}, 14, 18},
      // The server never read on: shutdown and exit came, but it ended by the end of its input.
      {"lowercase", "crash", LspExit::Code(1), true, {{"header_form", 1}}, 14, 19},
  };
  return all;
}

struct Watched {
  Metrics metrics{Options().Consumer().Log([](LogLevel, std::string_view) {})};
  double now = 0;
  LspMetrics lsp{metrics, LspOptions().Server(LspServerNameOf("/usr/bin/clangd-14")).Clock([this] {
                   return At(now);
                 })};
  LspSession session = lsp.Begin();

  Page Counted() { return lsp_test::PageOf(metrics.TakeSnapshot()); }
};

Page With(Page page, const std::map<std::string, int>& errors) {
  for (const auto& [kind, count] : errors) {
    page[Key("lsp_proxy_frame_errors_total", {{"kind", kind}})] += count;
  }
  return page;
}

double Sum(const Page& page, const std::string& family) {
  double sum = 0;
  for (const auto& [key, value] : page) {
    if (key.substr(0, key.find('{')) == family) sum += value;
  }
  return sum;
}

TEST(LspCaptures, CountAsTheRecordingsSay) {
  for (const Recording& recording : Recordings()) {
    const Capture capture = lsp_test::Load(recording.name);
    Watched watched;
    for (const Frame& frame : capture.frames) {
      watched.session.Bytes(frame.direction, frame.bytes, At(frame.time));
    }
    if (recording.client_closed) watched.session.Eof(kClient);
    watched.session.End(recording.exit);
    const Page page = watched.Counted();
    const Page wanted =
        With(Expectation(capture.frames, std::string(recording.end)).page(), recording.errors);
    lsp_test::ExpectSame(wanted, page, recording.name);
    EXPECT_EQ(Sum(page, "lsp_requests_total"), recording.requests) << recording.name;
    EXPECT_EQ(Sum(page, "lsp_notifications_total"), recording.notifications) << recording.name;
    EXPECT_EQ(Sum(page, "lsp_sessions_total"), 1) << recording.name;
    EXPECT_EQ(Sum(page, "lsp_cancellations_total"), 4) << recording.name;
    EXPECT_EQ(page.count(Key("lsp_sessions_total",
                             {{"server", "clangd"}, {"client", "other"}, {"end", recording.end}})),
              1u)
        << recording.name;
  }
}

// By hand, from the main recording.
TEST(LspCaptures, CountTheMainRecordingAsItReads) {
  const Capture capture = lsp_test::Load("main");
  Watched watched;
  for (const Frame& frame : capture.frames) {
    watched.session.Bytes(frame.direction, frame.bytes, At(frame.time));
  }
  watched.session.End(LspExit::Code(0));
  const Page page = watched.Counted();
  const auto requests = [&](const char* method, const char* outcome) {
    const auto found = page.find(Key("lsp_requests_total", {{"server", "clangd"},
                                                            {"method", method},
                                                            {"direction", "client_to_server"},
                                                            {"outcome", outcome}}));
    return found == page.end() ? 0 : found->second;
  };
  EXPECT_EQ(requests("textDocument/semanticTokens/full", "cancelled"), 2);
  EXPECT_EQ(requests("textDocument/semanticTokens/full", "content_modified"), 1);
  EXPECT_EQ(requests("textDocument/semanticTokens/full", "ok"), 1);
  EXPECT_EQ(requests("textDocument/references", "cancelled"), 1);
  EXPECT_EQ(requests("textDocument/hover", "error"), 2);
  EXPECT_EQ(requests("$/memoryUsage", "ok"), 1);
  EXPECT_EQ(requests("other", "error"), 1);
  EXPECT_EQ(page.at(Key("lsp_cancellations_total", {{"effect", "honoured"}})), 4);
  EXPECT_EQ(page.at(Key("lsp_proxy_frame_errors_total", {{"kind", "malformed_json"}})), 1);
  EXPECT_EQ(page.at(Key("lsp_diagnostic_latency_seconds_count")), 5);
  EXPECT_NEAR(page.at(Key("lsp_diagnostic_latency_seconds_sum")),
              (0.407441 - 0.079514) + 4 * 0.689449 - (0.412816 + 0.413215 + 0.413244 + 0.413268),
              1e-6);
  EXPECT_NEAR(page.at(Key("lsp_initialize_duration_seconds_sum", {{"server", "clangd"}})),
              0.078023 - 0.001029, 1e-6);
  EXPECT_EQ(page.at(Key("lsp_document_changes_total", {{"sync", "full"}})), 4);
}

// After each frame: gauges, what is pending.
TEST(LspCaptures, ShowTheSessionAsItStands) {
  for (const Recording& recording : Recordings()) {
    if (!recording.errors.empty()) continue;
    const Capture capture = lsp_test::Load(recording.name);
    Watched watched;
    std::vector<Frame> so_far;
    for (const Frame& frame : capture.frames) {
      watched.session.Bytes(frame.direction, frame.bytes, At(frame.time));
      so_far.push_back(frame);
      watched.now = frame.time + 0.25;
      lsp_test::ExpectSame(Expectation(so_far, std::nullopt, watched.now).page(), watched.Counted(),
                           recording.name + std::string(" ") + std::to_string(so_far.size()));
      if (HasFailure()) return;
    }
  }
}

// Frames of one direction flow into each other, and pieces end anywhere.
TEST(LspCaptures, CountTheSameHoweverTheBytesCome) {
  std::mt19937 random(1);
  for (const Recording& recording : Recordings()) {
    const Capture capture = lsp_test::Load(recording.name);
    const Page wanted =
        With(Expectation(capture.frames, std::string(recording.end)).page(), recording.errors);
    for (const std::size_t longest : {1u, 5u, 50u, 500u, 100'000u}) {
      Watched watched;
      for (const Frame& frame : capture.frames) {
        lsp_test::InPieces(
            frame.bytes, [&] { return 1 + random() % longest; },
            [&](std::string_view piece) {
              watched.session.Bytes(frame.direction, piece, At(frame.time));
            });
      }
      if (recording.client_closed) watched.session.Eof(kClient);
      watched.session.End(recording.exit);
      lsp_test::ExpectSame(wanted, watched.Counted(),
                           recording.name + std::string(" ") + std::to_string(longest));
    }
  }
}

}  // namespace
}  // namespace polymeter
