#include "polymeter/trace_context.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>

namespace polymeter {
namespace {

TraceContext Trace(std::uint8_t first, std::uint8_t flags = TraceContext::kSampled) {
  TraceContext trace;
  trace.trace_id = {first, 0xf7, 0x65, 0x19, 0x16, 0xcd, 0x43, 0xdd,
                    0x84,  0x48, 0xeb, 0x21, 0x1c, 0x80, 0x31, 0x9c};
  trace.span_id = {0xb7, 0xad, 0x6b, 0x71, 0x69, 0x20, 0x33, 0x31};
  trace.flags = flags;
  return trace;
}

template <std::size_t N>
std::string Text(const std::array<char, N>& hex) {
  return std::string(hex.data(), hex.size());
}

TEST(TraceContext, IsValidOnlyWithBothIds) {
  EXPECT_FALSE(TraceContext().valid());
  EXPECT_TRUE(Trace(0x0a).valid());
  TraceContext no_span = Trace(0x0a);
  no_span.span_id = {};
  EXPECT_FALSE(no_span.valid());
  TraceContext no_trace = Trace(0x0a);
  no_trace.trace_id = {};
  EXPECT_FALSE(no_trace.valid());
  TraceContext one_bit;
  one_bit.trace_id[15] = 1;
  one_bit.span_id[7] = 1;
  EXPECT_TRUE(one_bit.valid());
}

TEST(TraceContext, WritesItsIdsAsLowerCaseHexWithLeadingZeros) {
  EXPECT_EQ(Text(Trace(0x0a).TraceIdHex()), "0af7651916cd43dd8448eb211c80319c");
  EXPECT_EQ(Text(Trace(0x0a).SpanIdHex()), "b7ad6b7169203331");
}

TEST(TraceContext, IsSampledByTheLowestFlagAlone) {
  EXPECT_TRUE(Trace(1, 0x01).sampled());
  EXPECT_TRUE(Trace(1, 0xff).sampled());
  EXPECT_FALSE(Trace(1, 0x02).sampled());
  EXPECT_FALSE(Trace(1, 0x00).sampled());
}

TEST(TraceScope, SetsTheThreadsTraceAndPutsTheFormerOneBack) {
  EXPECT_FALSE(CurrentTrace().valid());
  {
    const TraceScope outer(Trace(1));
    EXPECT_EQ(CurrentTrace(), Trace(1));
    {
      const TraceScope inner(Trace(2));
      EXPECT_EQ(CurrentTrace(), Trace(2));
      const TraceScope none((TraceContext()));
      EXPECT_FALSE(CurrentTrace().valid());
    }
    EXPECT_EQ(CurrentTrace(), Trace(1));
  }
  EXPECT_FALSE(CurrentTrace().valid());
}

TEST(TraceScope, IsSeenByItsOwnThreadOnly) {
  const TraceScope here(Trace(1));
  bool valid_there = true;
  TraceContext set_there;
  std::thread([&] {
    valid_there = CurrentTrace().valid();
    const TraceScope there(Trace(2));
    set_there = CurrentTrace();
  }).join();
  EXPECT_FALSE(valid_there);
  EXPECT_EQ(set_there, Trace(2));
  EXPECT_EQ(CurrentTrace(), Trace(1));
}

thread_local bool t_tracer_has_a_span = false;
TraceContext TracersSpan() noexcept { return t_tracer_has_a_span ? Trace(9) : TraceContext(); }

TEST(TraceProvider, WinsOverTheScopeWhereItHasATrace) {
  const TraceScope scope(Trace(1));
  SetTraceProvider(&TracersSpan);
  EXPECT_EQ(CurrentTrace(), Trace(1));
  t_tracer_has_a_span = true;
  EXPECT_EQ(CurrentTrace(), Trace(9));
  SetTraceProvider(nullptr);
  EXPECT_EQ(CurrentTrace(), Trace(1));
  t_tracer_has_a_span = false;
}

}  // namespace
}  // namespace polymeter
