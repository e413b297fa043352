#include "polymeter/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "integrations/client/client_families.h"
#include "integrations/client/name_table.h"
#include "integrations/client/values_for_test.h"
#include "integrations/client/vocabulary.h"
#include "integrations/common/fork_for_test.h"
#include "sdk/testing/log_capture.h"

namespace polymeter {
namespace {

using client_test::CountsOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using testing::FindFamily;
using testing::FindPoint;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::StartsWith;
using testing::ValueOf;

constexpr char kDuration[] = "db_client_operation_duration_seconds";

class Client : public ::testing::Test {
 protected:
  std::map<std::string, std::uint64_t> Outcomes(const std::string& operation,
                                                const char* family = kDuration) {
    return CountsOf(metrics_.TakeSnapshot(), family)[operation].by_outcome;
  }
  std::optional<double> Connections(std::string_view pool, std::string_view state) {
    return ValueOf(metrics_.TakeSnapshot(), "db_client_connections",
                   {{"pool", pool}, {"state", state}});
  }

  testing::LogCapture log_;
  Metrics metrics_{Options().Consumer().Log(log_.callback())};
  ClientMetrics db_{metrics_, ClientOptions().System("postgresql")};
};

TEST_F(Client, AnOperationIsObservedOnceWithItsOutcome) {
  {
    ClientOperation operation = db_.Begin("select");
    operation.Ok();
    operation.Error("data");  // too late
  }
  db_.Begin("SELECT").Error("constraint");
  db_.Begin("SELECT").Error();
  const ClientVerb verb = db_.Verb("SELECT");
  db_.Begin(verb).End(db_.Outcome("timeout"));
  db_.Observe(verb, {}, std::chrono::milliseconds(20));
  EXPECT_THAT(Outcomes("SELECT"), ElementsAre(Pair("constraint", 1), Pair("error", 1),
                                              Pair("ok", 2), Pair("timeout", 1)));
  EXPECT_THAT(log_.messages(), IsEmpty());
}

TEST_F(Client, ItsDurationIsInSeconds) {
  db_.Observe(db_.Verb("INSERT"), {}, std::chrono::milliseconds(20));
  const Snapshot snapshot = metrics_.TakeSnapshot();
  const auto* point = FindPoint<HistogramPoint>(
      snapshot, kDuration, {{"system", "postgresql"}, {"operation", "INSERT"}, {"outcome", "ok"}});
  ASSERT_NE(point, nullptr);
  EXPECT_DOUBLE_EQ(point->sum, 0.02);
  EXPECT_EQ(std::vector<double>(point->bounds, point->bounds + point->bound_count),
            (std::vector<double>{0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10}));
  EXPECT_EQ(point->buckets[3], 1u);
}

TEST_F(Client, WithoutAnOutcomeItWasAbandonedOrAnExceptionCame) {
  { const ClientOperation operation = db_.Begin("SELECT"); }
  try {
    const ClientOperation operation = db_.Begin("SELECT");
    throw std::runtime_error("gone");
  } catch (const std::runtime_error&) {
  }
  // A guard whose whole life lies within unwinding knows nothing of that exception.
  struct Cleanup {
    const ClientMetrics& db;
    ~Cleanup() { const ClientOperation operation = db.Begin("ROLLBACK"); }
  };
  try {
    const Cleanup cleanup{db_};
    throw std::runtime_error("gone");
  } catch (const std::runtime_error&) {
  }
  db_.Begin("SELECT").Discard();
  EXPECT_THAT(Outcomes("SELECT"), ElementsAre(Pair("abandoned", 1), Pair("exception", 1)));
  EXPECT_THAT(Outcomes("ROLLBACK"), ElementsAre(Pair("abandoned", 1)));
}

TEST_F(Client, MovesToAnotherThread) {
  ClientOperation operation = db_.Begin("SELECT");
  std::thread([moved = std::move(operation)]() mutable { moved.Ok(); }).join();
  EXPECT_FALSE(operation);
  EXPECT_THAT(Outcomes("SELECT"), ElementsAre(Pair("ok", 1)));
}

TEST_F(Client, WhatIsOnNoListIsOtherAndCounted) {
  db_.Begin("SELECT name FROM people").Ok();
  db_.Begin("").Ok();
  db_.Begin(std::string(100'000, 's')).Error("row 7 of people is bad");
  EXPECT_THAT(Outcomes("other"), ElementsAre(Pair("ok", 2), Pair("other", 1)));
  const Snapshot snapshot = metrics_.TakeSnapshot();
  EXPECT_EQ(ValueOf(snapshot, "db_client_folded_total",
                    {{"system", "postgresql"}, {"label", "operation"}}),
            3);
  EXPECT_EQ(
      ValueOf(snapshot, "db_client_folded_total", {{"system", "postgresql"}, {"label", "outcome"}}),
      1);
}

TEST_F(Client, AnApplicationAddsItsOwnNames) {
  const ClientMetrics graph(
      metrics_, ClientOptions().System("graph").Operations({"Match", ""}).Errors({"no_path"}));
  graph.Begin("MATCH").Ok();
  graph.Begin("SELECT").Error("NO_PATH");
  auto counts = CountsOf(metrics_.TakeSnapshot(), kDuration);
  EXPECT_EQ(counts["Match"].by_outcome["ok"], 1u);
  EXPECT_EQ(counts["other"].by_outcome["no_path"], 1u);
}

TEST_F(Client, VerbsOfAnotherSystemDoNoHarm) {
  const ClientMetrics redis(metrics_, ClientOptions().System("redis"));
  const ClientMetrics none(metrics_, ClientOptions().System("none"));
  none.Observe(redis.Verb("ZUNIONSTORE"), redis.Outcome("conflict"), std::chrono::seconds(1));
  EXPECT_THAT(Outcomes("other"), ElementsAre(Pair("other", 1)));
}

TEST_F(Client, BlockingOperationsAreNoWork) {
  const ClientMetrics redis(metrics_, ClientOptions().System("redis"));
  redis.BeginBlocking("BLPOP").Error("timeout");
  EXPECT_THAT(Outcomes("BLPOP"), IsEmpty());
  EXPECT_THAT(Outcomes("BLPOP", "db_client_blocking_duration_seconds"),
              ElementsAre(Pair("timeout", 1)));
}

TEST_F(Client, SystemsShareTheFamilies) {
  const ClientMetrics redis(metrics_, ClientOptions().System("redis"));
  redis.Begin("GET").Ok();
  db_.Begin("SELECT").Ok();
  const ClientPool main = db_.Pool("main");
  const ClientPool cache = redis.Pool("cache");
  main.Opened(2);
  cache.Opened(3);
  EXPECT_EQ(Connections("main", "idle"), 2);
  EXPECT_EQ(Connections("cache", "idle"), 3);
  EXPECT_EQ(FindFamily(metrics_.TakeSnapshot(), kDuration)->otel_name,
            "db.client.operation.duration");
  EXPECT_THAT(log_.messages(), IsEmpty());
}

// --- names ---------------------------------------------------------------------------------------

TEST(ClientNames, EachSetHasItsFamilies) {
  const auto names = [](ClientNames set) {
    Metrics metrics{Options().Consumer()};
    const ClientMetrics client(metrics, ClientOptions().System("redis").Names(set));
    const ClientVerb verb = client.Verb("GET");
    ClientOperation operation = client.Begin(verb);
    operation.Rows(1);
    operation.Ok();
    client.BeginBlocking(verb).Ok();
    client.CountCommand(verb, {});
    client.ObserveBatch(verb, 2);
    client.Verb("none");
    const ClientPool pool = client.Pool("main");
    ClientLease lease = pool.Acquire();
    lease.Acquired();
    pool.Acquire().TimedOut();
    const ClientPool bad = client.Pool("bad", []() -> ClientPoolSize { throw 1; });
    std::set<std::string> found;
    (void)metrics.TakeSnapshot();
    const Snapshot snapshot = metrics.TakeSnapshot();
    for (const FamilyView& family : snapshot.families()) {
      const bool any =
          std::visit([](const auto& points) { return !points.empty(); }, family.points);
      if (any && family.name.substr(0, 10) != "polymeter_") found.emplace(family.name);
    }
    return found;
  };
  const auto expected = [](const detail::FamilyRow* rows, std::size_t count) {
    std::set<std::string> found;
    for (std::size_t i = 0; i < count; ++i) found.emplace(rows[i].name);
    return found;
  };
  EXPECT_EQ(names(ClientNames::kOpenTelemetry),
            expected(detail::kClientFamilies, detail::kClientRoles));
  EXPECT_EQ(names(ClientNames::kRedis),
            expected(detail::kClientRedisFamilies, detail::kClientRoles));
  EXPECT_EQ(names(ClientNames::kDatabase),
            expected(detail::kClientDatabaseFamilies, detail::kClientSqlRoles));
  EXPECT_THAT(names(ClientNames::kDatabase), Contains("database_query_duration_seconds"));
  EXPECT_THAT(names(ClientNames::kRedis), Contains("redis_commands_total"));
}

TEST(ClientNames, RowsOfOneRoleAgree) {
  for (std::size_t i = 0; i < detail::kClientRoles; ++i) {
    const detail::FamilyRow& row = detail::kClientFamilies[i];
    EXPECT_THAT(std::string(row.name), StartsWith("db_client_"));
    const auto same = [&](const detail::FamilyRow& other) {
      EXPECT_EQ(other.type, row.type) << other.name;
      EXPECT_EQ(other.labels, row.labels) << other.name;
      EXPECT_EQ(other.otel_name, row.otel_name) << other.name;
    };
    same(detail::kClientRedisFamilies[i]);
    if (i < detail::kClientSqlRoles) same(detail::kClientDatabaseFamilies[i]);
  }
}

TEST(NameTable, FindsEachNameInAnyCase) {
  for (const std::string_view system : {"postgresql", "redis", "memcached"}) {
    const auto names = detail::KnownOperations(system);
    const detail::NameTable table(names, 10'000);
    ASSERT_GT(names.size(), 20u);
    EXPECT_EQ(table.size(), names.size());  // none is there twice
    for (std::size_t i = 0; i < names.size(); ++i) {
      std::string other_case(names[i]);
      for (char& c : other_case) {
        c = static_cast<char>(std::islower(c) ? std::toupper(c) : std::tolower(c));
      }
      EXPECT_EQ(table.Find(other_case), i) << names[i];
      EXPECT_EQ(table.Find(other_case + "!"), detail::NameTable::kNone);
    }
  }
}

TEST(NameTable, KeepsAsManyAsItMay) {
  const detail::NameTable table({"a", "A", "", "b", "c"}, 2);
  EXPECT_EQ(table.size(), 2u);
  EXPECT_EQ(table.Find("B"), 1u);
  EXPECT_EQ(table.Find("c"), detail::NameTable::kNone);
  EXPECT_EQ(table.Find(""), detail::NameTable::kNone);
  // Letters only: '@' and '`' differ in the same bit.
  EXPECT_EQ(detail::NameTable({"@"}, 1).Find("`"), detail::NameTable::kNone);
}

TEST(Vocabulary, BeginsWithTheKnownOutcomes) {
  for (const std::string_view system : {"postgresql", "redis", "what"}) {
    const auto outcomes = detail::KnownOutcomes(system);
    EXPECT_EQ(outcomes[0], "ok");
    EXPECT_EQ(outcomes[1], "other");
    EXPECT_EQ(outcomes[2], "error");
    EXPECT_EQ(outcomes[3], "exception");
    EXPECT_EQ(outcomes[4], "abandoned");
  }
}

// --- pools ---------------------------------------------------------------------------------------

TEST_F(Client, LeasesCountTheConnections) {
  const ClientPool pool = db_.Pool("main");
  EXPECT_EQ(Connections("main", "idle"), 0);
  EXPECT_EQ(Connections("main", "used"), 0);
  {
    ClientLease one = pool.Acquire();
    EXPECT_EQ(Connections("main", "used"), 0);  // waits
    one.Acquired();
    one.Acquired();  // once is enough
    ClientLease two = pool.Acquire();
    two.Acquired();
    const ClientLease moved = std::move(two);
    EXPECT_EQ(Connections("main", "used"), 2);
    EXPECT_EQ(Connections("main", "idle"), 0);
  }
  EXPECT_EQ(Connections("main", "used"), 0);
  EXPECT_EQ(Connections("main", "idle"), 2);  // both came back
  {
    ClientLease again = db_.Pool("main").Acquire();
    again.Acquired();
    EXPECT_EQ(Connections("main", "idle"), 1);
    again.Closed();
  }
  EXPECT_EQ(Connections("main", "used"), 0);
  EXPECT_EQ(Connections("main", "idle"), 1);
  pool.Acquire().TimedOut();
  { const ClientLease given_up = pool.Acquire(); }
  pool.Closed(5);
  EXPECT_EQ(Connections("main", "idle"), 0);  // never negative
  const Snapshot snapshot = metrics_.TakeSnapshot();
  EXPECT_EQ(ValueOf(snapshot, "db_client_connection_timeouts_total", {{"pool", "main"}}), 1);
  const auto* wait =
      FindPoint<HistogramPoint>(snapshot, "db_client_connection_wait_seconds", {{"pool", "main"}});
  ASSERT_NE(wait, nullptr);
  EXPECT_EQ(wait->count, 3u);
  EXPECT_TRUE(FindFamily(snapshot, "db_client_connections")->additive);
}

TEST_F(Client, APoolCanBeAsked) {
  bool fails = false;
  const ClientPool asked = db_.Pool("asked", [&] {
    if (fails) throw std::runtime_error("no");
    return ClientPoolSize{-3, 4};
  });
  const ClientPool other = db_.Pool("counted");
  EXPECT_EQ(Connections("asked", "idle"), 0);
  EXPECT_EQ(Connections("asked", "used"), 4);
  fails = true;
  EXPECT_EQ(Connections("asked", "used"), std::nullopt);
  EXPECT_EQ(Connections("counted", "used"), 0);
  EXPECT_GE(*ValueOf(metrics_.TakeSnapshot(), "db_client_pool_failures_total", {{"pool", "asked"}}),
            2);
}

TEST_F(Client, PoolsBeyondTheLimitShareOne) {
  for (int i = 0; i < 70; ++i) db_.Pool("pool" + std::to_string(i)).Opened();
  EXPECT_EQ(Connections("pool63", "idle"), 1);
  EXPECT_EQ(Connections("pool64", "idle"), std::nullopt);
  EXPECT_EQ(Connections("other", "idle"), 6);
  EXPECT_EQ(ValueOf(metrics_.TakeSnapshot(), "db_client_folded_total",
                    {{"system", "postgresql"}, {"label", "pool"}}),
            6);
}

TEST_F(Client, PoolsStartFromZeroInAForkedChild) {
  const ClientPool pool = db_.Pool("main");
  pool.Opened(3);
  std::optional<ClientLease> lease(pool.Acquire());
  lease->Acquired();
  ClientLease waiting = pool.Acquire();
  const bool passed = testing::PassesInAForkedChild([&] {
    EXPECT_EQ(Connections("main", "idle"), 0);
    EXPECT_EQ(Connections("main", "used"), 0);
    ClientLease own = pool.Acquire();
    own.Acquired();
    lease.reset();  // the parent's connection
    waiting.Acquired();
    EXPECT_EQ(Connections("main", "idle"), 0);
    EXPECT_EQ(Connections("main", "used"), 1);
    const Snapshot snapshot = metrics_.TakeSnapshot();
    const auto* const wait = FindPoint<HistogramPoint>(
        snapshot, "db_client_connection_wait_seconds", {{"pool", "main"}});
    ASSERT_NE(wait, nullptr);
    EXPECT_EQ(wait->count, 1u);
  });
  EXPECT_TRUE(passed);
  EXPECT_EQ(Connections("main", "idle"), 2);
  EXPECT_EQ(Connections("main", "used"), 1);
}

TEST_F(Client, AnOperationThatRunsDuringAForkIsTheParents) {
  ClientOperation ended = db_.Begin("SELECT");
  std::optional<ClientOperation> abandoned(db_.Begin("SELECT"));
  const auto seen = [&](const char* outcome) {
    const Snapshot snapshot = metrics_.TakeSnapshot();
    const auto* const duration = FindPoint<HistogramPoint>(
        snapshot, "db_client_operation_duration_seconds",
        {{"system", "postgresql"}, {"operation", "SELECT"}, {"outcome", outcome}});
    return duration == nullptr ? 0 : duration->count;
  };
  EXPECT_TRUE(testing::PassesInAForkedChild([&] {
    ended.Rows(3);
    ended.Ok();
    abandoned.reset();
    EXPECT_EQ(seen("ok"), 0u);
    EXPECT_EQ(seen("abandoned"), 0u);
    db_.Begin("SELECT").Ok();
    EXPECT_EQ(seen("ok"), 1u);
  }));
  ended.Ok();
  abandoned.reset();
  EXPECT_EQ(seen("ok"), 1u);
  EXPECT_EQ(seen("abandoned"), 1u);
}

TEST(ClientPool, MayBeAskedForByTheLog) {
  const ClientMetrics* db = nullptr;
  std::string said;
  const Metrics metrics(Options().Consumer().SeriesLimit(1).Log([&](LogLevel, auto message) {
    said += message;
    if (db != nullptr) std::exchange(db, nullptr)->Pool("log").Opened();
  }));
  const ClientMetrics client(metrics);
  db = &client;
  client.Pool("one").Opened();
  client.Pool("two").Opened();
  EXPECT_THAT(said, ::testing::HasSubstr("reached the limit"));
  EXPECT_EQ(ValueOf(metrics.TakeSnapshot(), "db_client_connections",
                    {{"pool", "log"}, {"state", "idle"}}),
            1);
}

TEST(ClientPool, OutlivesItsAdapter) {
  Metrics metrics{Options().Consumer()};
  auto db = std::make_unique<ClientMetrics>(metrics);
  const ClientPool pool = db->Pool("main");
  ClientLease lease = pool.Acquire();
  lease.Acquired();
  db.reset();
  pool.Opened();
  EXPECT_EQ(FindFamily(metrics.TakeSnapshot(), "db_client_connections"), nullptr);
}

TEST(ClientPool, IsNeverNegativeAmongManyThreads) {
  Metrics metrics{Options().Consumer()};
  const ClientMetrics db(metrics, ClientOptions().System("mysql"));
  const ClientPool pool = db.Pool("main");
  constexpr int kThreads = 4;
  constexpr int kTurns = 2000;
  std::atomic<int> running{kThreads};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kTurns; ++i) {
        ClientLease lease = pool.Acquire();
        lease.Acquired();
        db.Begin(i % 2 == 0 ? "SELECT" : "UPDATE").Ok();
        if (i % 7 == t) lease.Closed();
        if (i % 11 == t) pool.Closed();
      }
      --running;
    });
  }
  const auto values = [&](std::string_view state) {
    return ValueOf(metrics.TakeSnapshot(), "db_client_connections",
                   {{"pool", "main"}, {"state", state}});
  };
  while (running > 0) {
    const double used = values("used").value_or(-1);
    EXPECT_GE(used, 0);
    EXPECT_LE(used, kThreads);
    EXPECT_GE(values("idle").value_or(-1), 0);
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(values("used"), 0);
  EXPECT_LE(values("idle").value_or(-1), kThreads);
  EXPECT_EQ(CountsOf(metrics.TakeSnapshot(), kDuration)["SELECT"].all,
            static_cast<std::uint64_t>(kThreads) * kTurns / 2);
}

// --- nothing recorded ----------------------------------------------------------------------------

TEST(ClientMetrics, DoesNothingWhenNothingIsRecorded) {
  const Metrics off{Options()};
  const ClientMetrics db(off, ClientOptions().System("postgresql"));
  EXPECT_FALSE(db.recording());
  ClientOperation operation = db.Begin("SELECT");
  EXPECT_FALSE(operation);
  operation.Rows(1);
  operation.Ok();
  db.Begin("SELECT").Error("x");
  db.Observe(db.Verb("SELECT"), db.Outcome("x"), std::chrono::seconds(1));
  db.ObserveBlocking({}, {}, std::chrono::seconds(1));
  db.CountCommand({}, {});
  db.ObserveBatch({}, 1);
  const ClientPool pool = db.Pool("main", [] { return ClientPoolSize{}; });
  EXPECT_FALSE(pool);
  ClientLease lease = pool.Acquire();
  lease.Acquired();
  lease.Closed();
  pool.Opened();
  pool.Closed();
  const ClientMetrics none;
  EXPECT_FALSE(none.recording());
}

}  // namespace
}  // namespace polymeter
