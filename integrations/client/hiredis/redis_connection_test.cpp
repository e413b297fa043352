// RedisConnection against a real Redis: our counts are those of INFO commandstats.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <polymeter/client_hiredis.h>

#include <charconv>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "integrations/client/server_for_test.h"
#include "integrations/client/values_for_test.h"

namespace polymeter {
namespace {

using client_test::Counts;
using client_test::CountsOf;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Key;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

constexpr char kOperations[] = "redis_command_duration_seconds";
constexpr char kCommands[] = "redis_commands_total";
constexpr char kBlocking[] = "redis_blocking_duration_seconds";

struct Stat {
  std::uint64_t calls = 0;
  std::uint64_t rejected = 0;
  std::uint64_t failed = 0;
};

std::uint64_t NumberAfter(std::string_view line, std::string_view name) {
  std::uint64_t number = 0;
  const std::size_t at = line.find(name);
  if (at != std::string_view::npos) {
    std::from_chars(line.data() + at + name.size(), line.data() + line.size(), number);
  }
  return number;
}

// "cmdstat_config|get:calls=1,usec=5,...", subcommands summed up under CONFIG.
std::map<std::string, Stat> ParseCommandStats(std::string_view text) {
  std::map<std::string, Stat> stats;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    constexpr std::string_view kPrefix = "cmdstat_";
    if (line.substr(0, kPrefix.size()) != kPrefix) continue;
    std::string name(line.substr(kPrefix.size(), line.find_first_of("|:") - kPrefix.size()));
    for (char& c : name) c = static_cast<char>(std::toupper(c));
    Stat& stat = stats[name];
    stat.calls += NumberAfter(line, ":calls=");
    stat.rejected += NumberAfter(line, "rejected_calls=");
    stat.failed += NumberAfter(line, "failed_calls=");
  }
  return stats;
}

struct FreeReply {
  void operator()(redisReply* reply) const { freeReplyObject(reply); }
};
struct FreeContext {
  void operator()(redisContext* context) const { redisFree(context); }
};
using Reply = std::unique_ptr<redisReply, FreeReply>;
using Context = std::unique_ptr<redisContext, FreeContext>;

Reply Own(void* reply) { return Reply(static_cast<redisReply*>(reply)); }
std::string TextOf(const Reply& reply) {
  if (reply == nullptr) return "no reply";
  return reply->str == nullptr ? "" : std::string(reply->str, static_cast<std::size_t>(reply->len));
}
Reply ReadReply(RedisConnection& connection) {
  void* reply = nullptr;
  return connection.GetReply(&reply) == REDIS_OK ? Own(reply) : nullptr;
}

TEST(RedisWords, ReadsWhatHiredisFormats) {
  detail::RedisWords words("*3\r\n$3\r\nset\r\n$1\r\na\r\n$4\r\n\r\n*1\r\n");
  EXPECT_EQ(words.Next(), "set");
  EXPECT_EQ(words.Next(), "a");
  EXPECT_EQ(words.Next(), "\r\n*1");
  EXPECT_EQ(words.Next(), "");
  EXPECT_EQ(detail::RedisWords("").Next(), "");
  EXPECT_EQ(detail::RedisWords("*1\r\n$99\r\nshort").Next(), "");
  EXPECT_EQ(detail::RedisWords("*1\r\n$99999999999999999999999\r\nshort").Next(), "");
  EXPECT_EQ(detail::RedisWords("nonsense").Next(), "");
}

TEST(RedisKind, KnowsWhatBlocks) {
  const auto kind = [](const char* command) {
    char* formatted = nullptr;
    const int length = redisFormatCommand(&formatted, command);
    detail::RedisWords words(std::string_view(formatted, static_cast<std::size_t>(length)));
    const std::string_view verb = words.Next();
    const detail::RedisKind result = detail::RedisKindOf(verb, words);
    redisFreeCommand(formatted);
    return result;
  };
  EXPECT_EQ(kind("GET block"), detail::RedisKind::kWork);
  EXPECT_EQ(kind("blpop a 1"), detail::RedisKind::kBlocking);
  EXPECT_EQ(kind("XREAD COUNT 1 STREAMS block 0"), detail::RedisKind::kWork);
  EXPECT_EQ(kind("XREAD COUNT 1 block 0 STREAMS s $"), detail::RedisKind::kBlocking);
  EXPECT_EQ(kind("xreadgroup GROUP g c BLOCK 0 STREAMS s >"), detail::RedisKind::kBlocking);
  EXPECT_EQ(kind("Multi"), detail::RedisKind::kMulti);
  EXPECT_EQ(kind("psubscribe a*"), detail::RedisKind::kListening);
}

TEST(CommandStats, OfACaptureAreRead) {
  const auto stats = ParseCommandStats(server_test::ReadWhole(
      POLYMETER_SOURCE_DIR "/integrations/client/testdata/info_commandstats.txt"));
  ASSERT_THAT(stats, UnorderedElementsAre(Key("GET"), Key("SET"), Key("LPUSH"), Key("BRPOP")));
  EXPECT_EQ(stats.at("LPUSH").calls, 4u);
  EXPECT_EQ(stats.at("LPUSH").failed, 1u);
}

// A server of its own for each test.
class RealRedis : public ::testing::Test {
 protected:
  void Start() {
    server_.emplace(server_test::Command{server_test::FindProgram("redis-server"), "--port", "0",
                                         "--unixsocket", folder_.path() + "/socket", "--dir",
                                         folder_.path(), "--save", "", "--appendonly", "no"},
                    folder_.path() + "/log");
    ASSERT_TRUE(server_test::Eventually([&] {
      witness_ = Connect();
      return witness_->err == 0 && TextOf(Own(redisCommand(witness_.get(), "PING"))) == "PONG";
    })) << server_test::ReadWhole(folder_.path() + "/log");
    ASSERT_EQ(TextOf(Own(redisCommand(witness_.get(), "CONFIG RESETSTAT"))), "OK");
    context_ = Connect();
    ASSERT_EQ(context_->err, 0) << context_->errstr;
    connection_.emplace(redis_, context_.get());
  }
  void TearDown() override { connection_.reset(); }

  Context Connect() {
    const timeval limit{60, 0};
    Context context(redisConnectUnixWithTimeout((folder_.path() + "/socket").c_str(), limit));
    if (context->err == 0) redisSetTimeout(context.get(), limit);
    return context;
  }

  // Our commands against what the server says it was sent, but for the witness' own.
  void ExpectCountsOfServer() {
    const Reply info = Own(redisCommand(witness_.get(), "INFO commandstats"));
    auto stats = ParseCommandStats(TextOf(info));
    stats.erase("INFO");
    stats.erase("CONFIG");
    ASSERT_FALSE(stats.empty());
    auto ours = CountsOf(metrics_.TakeSnapshot(), kCommands);
    ours.erase("other");
    for (const auto& [verb, stat] : stats) {
      EXPECT_EQ(ours[verb].all, stat.calls + stat.rejected) << verb;
      EXPECT_EQ(ours[verb].errors(), stat.failed + stat.rejected) << verb;
    }
    EXPECT_EQ(ours.size(), stats.size());
  }

  std::uint64_t Operations(const std::string& operation, const std::string& outcome = "ok") {
    return CountsOf(metrics_.TakeSnapshot(), kOperations)[operation].by_outcome[outcome];
  }

  server_test::Folder folder_;
  std::optional<server_test::Process> server_;
  Metrics metrics_{Options().Consumer()};
  ClientMetrics redis_{metrics_, ClientOptions().System("redis").Names(ClientNames::kRedis)};
  Context witness_;
  Context context_;
  std::optional<RedisConnection> connection_;
};

#define START_REDIS()           \
  SKIP_WITHOUT("redis-server"); \
  ASSERT_NO_FATAL_FAILURE(Start())

TEST_F(RealRedis, CountsWhatCommandstatsCounts) {
  START_REDIS();
  RedisConnection& c = *connection_;
  const std::string binary("\0\r\n$3", 5);
  for (int i = 0; i < 120; ++i) {
    EXPECT_EQ(TextOf(Own(c.Command("SET key:%d %b", i, binary.data(), binary.size()))), "OK");
    EXPECT_EQ(TextOf(Own(c.Command("%s key:%d", i % 2 == 0 ? "get" : "GeT", i))), binary);
    if (i % 3 == 0) {
      const char* words[] = {"hset", "hash", "field", "value"};
      ASSERT_NE(Own(c.CommandArgv(4, words, nullptr)), nullptr);
    }
    if (i % 5 == 0) {
      EXPECT_EQ(TextOf(Own(c.Command("LPUSH hash x"))).substr(0, 9), "WRONGTYPE");
      EXPECT_EQ(TextOf(Own(c.Command("INCR key:%d", i))).substr(0, 3), "ERR");
    }
    if (i % 7 == 0) {
      EXPECT_EQ(TextOf(Own(c.Command("FROBNICATE %d", i))).substr(0, 3), "ERR");
    }
    if (i % 11 == 0) {
      EXPECT_EQ(TextOf(Own(c.Command("GET a b c"))).substr(0, 3), "ERR");
    }  // rejected
  }
  for (int size = 2; size <= 40; size += 19) {  // pipelines
    for (int i = 0; i < size; ++i) ASSERT_EQ(c.Append("RPUSH list %d", i), REDIS_OK);
    for (int i = 0; i < size; ++i) EXPECT_NE(ReadReply(c), nullptr);
  }
  ASSERT_NE(Own(c.Command("CLIENT SETNAME test")), nullptr);
  ASSERT_NE(Own(c.Command("EVAL %s 0", "return 1")), nullptr);
  // Something to pop, and nothing.
  EXPECT_EQ(Own(c.Command("BLPOP list 5"))->type, REDIS_REPLY_ARRAY);
  EXPECT_EQ(Own(c.Command("BLPOP empty 0.05"))->type, REDIS_REPLY_NIL);
  EXPECT_EQ(Own(c.Command("XREAD BLOCK 20 STREAMS nothing $"))->type, REDIS_REPLY_NIL);

  ExpectCountsOfServer();
  const Snapshot snapshot = metrics_.TakeSnapshot();
  auto operations = CountsOf(snapshot, kOperations);
  EXPECT_EQ(operations["SET"].all, 120u);
  EXPECT_EQ(operations["LPUSH"].by_outcome["WRONGTYPE"], 24u);
  EXPECT_EQ(operations["other"].by_outcome["ERR"], 18u);
  EXPECT_EQ(operations["PIPELINE"].all, 3u);
  EXPECT_EQ(operations.count("RPUSH"), 0u);  // only in pipelines
  EXPECT_EQ(operations.count("BLPOP"), 0u);  // no work
  EXPECT_EQ(operations.count("XREAD"), 0u);
  auto blocking = CountsOf(snapshot, kBlocking);
  EXPECT_THAT(blocking["BLPOP"].by_outcome, ElementsAre(Pair("ok", 1), Pair("timeout", 1)));
  EXPECT_THAT(blocking["XREAD"].by_outcome, ElementsAre(Pair("timeout", 1)));
  const auto* batch = testing::FindPoint<HistogramPoint>(
      snapshot, "redis_pipeline_commands", {{"system", "redis"}, {"operation", "PIPELINE"}});
  ASSERT_NE(batch, nullptr);
  EXPECT_EQ(batch->count, 3u);
  EXPECT_EQ(batch->sum, 2 + 21 + 40);
  EXPECT_EQ(testing::ValueOf(snapshot, "redis_folded_total",
                             {{"system", "redis"}, {"label", "operation"}}),
            18);
}

TEST_F(RealRedis, ATransactionIsOneOperation) {
  START_REDIS();
  RedisConnection& c = *connection_;
  ASSERT_NE(Own(c.Command("SET text x")), nullptr);
  // All at once; one of its commands fails when it runs.
  for (const char* const command : {"MULTI", "SET a 1", "LPUSH text 1", "INCR a", "EXEC"}) {
    ASSERT_EQ(c.Append(command), REDIS_OK);
  }
  for (int i = 0; i < 5; ++i) EXPECT_NE(ReadReply(c), nullptr);
  EXPECT_EQ(Operations("MULTI", "WRONGTYPE"), 1u);
  // One after the other.
  for (const char* const command : {"MULTI", "INCR a", "BLPOP nothing 5", "EXEC"}) {
    ASSERT_NE(Own(c.Command(command)), nullptr);
  }
  EXPECT_EQ(Operations("MULTI"), 1u);
  // Refused while it was put together, so that it does not run.
  for (const char* const command : {"MULTI", "INCR a", "GET", "EXEC"}) {
    ASSERT_NE(Own(c.Command(command)), nullptr);
  }
  EXPECT_EQ(Operations("MULTI", "ERR"), 1u);
  // Given up.
  for (const char* const command : {"MULTI", "INCR a", "DISCARD"}) {
    ASSERT_NE(Own(c.Command(command)), nullptr);
  }
  EXPECT_EQ(Operations("MULTI"), 2u);
  // Somebody else wrote what was watched.
  ASSERT_NE(Own(c.Command("WATCH a")), nullptr);
  {
    ClientMetrics same(metrics_, ClientOptions().System("redis").Names(ClientNames::kRedis));
    const Context other_context = Connect();
    RedisConnection other(same, other_context.get());
    ASSERT_NE(Own(other.Command("SET a 7")), nullptr);
  }
  for (const char* const command : {"MULTI", "INCR a", "EXEC"}) {
    ASSERT_NE(Own(c.Command(command)), nullptr);
  }
  EXPECT_EQ(Operations("MULTI", "conflict"), 1u);
  EXPECT_EQ(Operations("EXEC"), 0u);
  EXPECT_EQ(Operations("INCR"), 0u);
  ExpectCountsOfServer();
}

TEST_F(RealRedis, ListeningIsNoOperation) {
  START_REDIS();
  RedisConnection& c = *connection_;
  EXPECT_EQ(Own(c.Command("SUBSCRIBE a b"))->elements, 3u);
  EXPECT_EQ(ReadReply(c)->elements, 3u);  // b
  ASSERT_EQ(Own(redisCommand(witness_.get(), "PUBLISH a hello"))->integer, 1);
  EXPECT_STREQ(ReadReply(c)->element[2]->str, "hello");
  EXPECT_EQ(Own(c.Command("UNSUBSCRIBE"))->elements, 3u);
  EXPECT_EQ(ReadReply(c)->elements, 3u);
  EXPECT_THAT(CountsOf(metrics_.TakeSnapshot(), kOperations), IsEmpty());
  EXPECT_EQ(TextOf(Own(c.Command("PING"))), "PONG");  // works again
  EXPECT_EQ(Operations("PING"), 1u);
  EXPECT_EQ(TextOf(Own(c.Command("SUBSCRIBE"))).substr(0, 3), "ERR");  // refused
  EXPECT_EQ(TextOf(Own(c.Command("PING"))), "PONG");
  EXPECT_EQ(Operations("PING"), 2u);
  auto ours = CountsOf(metrics_.TakeSnapshot(), kCommands);
  EXPECT_EQ(ours["SUBSCRIBE"].all, 2u);
  EXPECT_EQ(ours["UNSUBSCRIBE"].all, 1u);
}

TEST_F(RealRedis, ALostConnectionIsAnError) {
  START_REDIS();
  RedisConnection& c = *connection_;
  ASSERT_NE(Own(c.Command("SET a 1")), nullptr);
  ASSERT_EQ(c.Append("INCR a"), REDIS_OK);
  ASSERT_EQ(c.Append("INCR a"), REDIS_OK);
  ASSERT_NE(ReadReply(c), nullptr);
  ASSERT_NE(ReadReply(c), nullptr);
  EXPECT_EQ(Operations("PIPELINE"), 1u);
  signal(SIGPIPE, SIG_IGN);  // hiredis writes to what is closed
  server_->Stop(SIGKILL);
  ASSERT_EQ(Own(c.Command("GET a")), nullptr);
  EXPECT_NE(context_->err, 0);
  EXPECT_EQ(Operations("GET", "connection"), 1u);
  ASSERT_EQ(c.Append("GET a"), REDIS_OK);
  ASSERT_EQ(c.Append("GET a"), REDIS_OK);
  ASSERT_EQ(ReadReply(c), nullptr);
  EXPECT_EQ(Operations("PIPELINE", "connection"), 1u);
  EXPECT_EQ(CountsOf(metrics_.TakeSnapshot(), kCommands)["GET"].by_outcome["connection"], 3u);
}

TEST_F(RealRedis, AReadThatTimesOutIsATimeout) {
  START_REDIS();
  redisSetTimeout(context_.get(), timeval{0, 50'000});
  EXPECT_EQ(Own(connection_->Command("BLPOP empty 0")), nullptr);
  EXPECT_EQ(CountsOf(metrics_.TakeSnapshot(), kBlocking)["BLPOP"].by_outcome["timeout"], 1u);
  EXPECT_THAT(CountsOf(metrics_.TakeSnapshot(), kOperations), IsEmpty());
}

TEST_F(RealRedis, WhatIsNotReadIsAbandoned) {
  START_REDIS();
  ASSERT_EQ(connection_->Append("GET a"), REDIS_OK);
  ASSERT_EQ(connection_->Append("GET b"), REDIS_OK);
  connection_.reset();
  EXPECT_EQ(Operations("PIPELINE", "abandoned"), 1u);
}

TEST_F(RealRedis, BadFormatsFailAsInHiredis) {
  START_REDIS();
  EXPECT_EQ(connection_->Append("GET %y", 1), REDIS_ERR);
  EXPECT_EQ(context_->err, REDIS_ERR_OTHER);
  EXPECT_THAT(CountsOf(metrics_.TakeSnapshot(), kCommands), IsEmpty());
}

TEST_F(RealRedis, WithoutRecordingCallsGoThrough) {
  START_REDIS();
  const ClientMetrics off{Metrics(), ClientOptions().System("redis")};
  RedisConnection c(off, context_.get());
  const char* words[] = {"GET", "a"};
  EXPECT_EQ(TextOf(Own(c.Command("SET a %d", 5))), "OK");
  EXPECT_EQ(TextOf(Own(c.CommandArgv(2, words, nullptr))), "5");
  ASSERT_EQ(c.Append("GET a"), REDIS_OK);
  EXPECT_EQ(TextOf(ReadReply(c)), "5");
}

// Every command that this server has is on the list. (Later ones may have more.)
TEST_F(RealRedis, ItsCommandsAreOnTheList) {
  START_REDIS();
  const std::string info = TextOf(Own(redisCommand(witness_.get(), "INFO server")));
  if (info.find("redis_version:7.0.") == std::string::npos) GTEST_SKIP() << "not Redis 7.0";
  const Reply commands = Own(redisCommand(witness_.get(), "COMMAND LIST"));
  ASSERT_GT(commands->elements, 200u);
  for (std::size_t i = 0; i < commands->elements; ++i) {
    const std::string_view name = commands->element[i]->str;
    if (name.find('|') == std::string_view::npos) {
      EXPECT_FALSE(redis_.Verb(name) == ClientVerb()) << name;
    }
  }
}

}  // namespace
}  // namespace polymeter
