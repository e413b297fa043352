// PqConnection against a real PostgreSQL: our counts are those of pg_stat_statements and of the
// server's log.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <polymeter/client_libpq.h>

#include <map>
#include <memory>
#include <optional>
#include <sstream>
#include <string>

#include "integrations/client/server_for_test.h"
#include "integrations/client/values_for_test.h"

namespace polymeter {
namespace {

using client_test::Counts;
using client_test::CountsOf;
using ::testing::HasSubstr;

constexpr char kOperations[] = "db_client_operation_duration_seconds";

struct ClearResult {
  void operator()(PGresult* result) const { PQclear(result); }
};
struct Finish {
  void operator()(PGconn* connection) const { PQfinish(connection); }
};
using Result = std::unique_ptr<PGresult, ClearResult>;
using Connection = std::unique_ptr<PGconn, Finish>;

TEST(PqErrorKind, IsTheClassOfTheState) {
  EXPECT_EQ(PqErrorKind("23505"), "constraint");
  EXPECT_EQ(PqErrorKind("57014"), "cancelled");
  EXPECT_EQ(PqErrorKind("57P01"), "operator_intervention");
  EXPECT_EQ(PqErrorKind("P0001"), "raised");
  EXPECT_EQ(PqErrorKind("ZZ999"), "other");
  EXPECT_EQ(PqErrorKind(""), "other");
}

// A cluster of its own for each test.
class RealPostgres : public ::testing::Test {
 protected:
  void Start() {
    using server_test::FindProgram;
    const std::string data = folder_.path() + "/data";
    server_test::Process initdb({FindProgram("initdb"), "-D", data, "-U", "test", "-A", "trust",
                                 "--no-locale", "-E", "UTF8", "--no-sync"},
                                Log());
    ASSERT_EQ(initdb.Wait(), 0) << server_test::ReadWhole(Log());
    server_.emplace(server_test::Command{FindProgram("postgres"), "-D", data, "-k", folder_.path(),
                                         "-c", "listen_addresses=", "-c",
                                         "shared_preload_libraries=pg_stat_statements", "-c",
                                         "log_line_prefix=sqlstate=%e ", "-c", "fsync=off", "-c",
                                         "lc_messages=C", "-c", "shared_buffers=16MB"},
                    Log());
    ASSERT_TRUE(server_test::Eventually([&] {
      witness_ = Connect();
      return PQstatus(witness_.get()) == CONNECTION_OK;
    })) << server_test::ReadWhole(Log());
    Ask("CREATE EXTENSION pg_stat_statements");
    Ask("SELECT pg_stat_statements_reset()");
    pg_ = Connect();
    connection_.emplace(db_, pg_.get());
  }
  void TearDown() override {
    connection_.reset();
    pg_.reset();
    witness_.reset();
    if (server_) server_->Stop(SIGQUIT);
  }

  std::string Log() const { return folder_.path() + "/log"; }
  Connection Connect() const {
    return Connection(PQconnectdb(("host=" + folder_.path() +
                                   " user=test dbname=postgres connect_timeout=60 "
                                   "application_name=test")
                                      .c_str()));
  }
  // Past the adapter.
  Result Ask(const char* statement) {
    Result result(PQexec(witness_.get(), statement));
    EXPECT_THAT(PQresultStatus(result.get()), ::testing::AnyOf(PGRES_TUPLES_OK, PGRES_COMMAND_OK))
        << PQresultErrorMessage(result.get());
    return result;
  }

  ExecStatusType Exec(const std::string& statement) {
    return PQresultStatus(Result(connection_->Exec(statement.c_str())).get());
  }

  // Calls by keyword, found by the server's own regular expressions; a statement that begins with
  // WITH is told by the keyword after its last parenthesis.
  std::map<std::string, std::uint64_t> CallsOfServer() {
    const Result rows =
        Ask("SELECT upper(CASE WHEN word ~* '^with$' THEN (regexp_match(query, "
            "'\\)\\s*(\\w+)[^()]*$'))[1]"
            " ELSE word END), sum(calls) FROM (SELECT calls, query, (regexp_match(query, "
            "'^(?:\\s|\\(|--[^\\n]*\\n|/\\*.*?\\*/)*(\\w+)'))[1] AS word FROM pg_stat_statements "
            "WHERE query !~ 'pg_stat_statements') AS words GROUP BY 1");
    std::map<std::string, std::uint64_t> calls;
    for (int i = 0; i < PQntuples(rows.get()); ++i) {
      calls[PQgetvalue(rows.get(), i, 0)] = std::stoull(PQgetvalue(rows.get(), i, 1));
    }
    return calls;
  }

  server_test::Folder folder_;
  std::optional<server_test::Process> server_;
  Metrics metrics_{Options().Consumer()};
  ClientMetrics db_{metrics_, ClientOptions().System("postgresql")};
  Connection witness_;
  Connection pg_;
  std::optional<PqConnection> connection_;
};

#define START_POSTGRES()    \
  SKIP_WITHOUT("postgres"); \
  SKIP_WITHOUT("initdb");   \
  ASSERT_NO_FATAL_FAILURE(Start())

TEST_F(RealPostgres, CountsWhatPgStatStatementsCounts) {
  START_POSTGRES();
  PqConnection& c = *connection_;
  ASSERT_EQ(Exec("CREATE TABLE t (id int PRIMARY KEY, name text)"), PGRES_COMMAND_OK);
  const char* const insert = "insert into t values ($1, $2)";
  ASSERT_EQ(PQresultStatus(Result(c.Prepare("insert", insert, 2, nullptr)).get()),
            PGRES_COMMAND_OK);
  for (int i = 0; i < 60; ++i) {
    const std::string id = std::to_string(i);
    const char* const values[] = {id.c_str(), "name"};
    ASSERT_EQ(
        PQresultStatus(Result(c.ExecPrepared("insert", 2, values, nullptr, nullptr, 0)).get()),
        PGRES_COMMAND_OK);
    ASSERT_EQ(PQresultStatus(Result(c.ExecParams("/* a /* nested */ comment */ SELECT name FROM t "
                                                 "WHERE id = $1",
                                                 1, nullptr, values, nullptr, nullptr, 0))
                                 .get()),
              PGRES_TUPLES_OK);
    if (i % 3 == 0) {
      ASSERT_EQ(Exec("BEGIN"), PGRES_COMMAND_OK);
      ASSERT_EQ(Exec("-- more\n  Update t SET name = 'select' WHERE id = " + id), PGRES_COMMAND_OK);
      ASSERT_EQ(Exec(i % 2 == 0 ? "COMMIT" : "rollback"), PGRES_COMMAND_OK);
    }
    if (i % 4 == 0) {
      ASSERT_EQ(Exec("((SELECT 1) UNION (SELECT 2))"), PGRES_TUPLES_OK);
    }
    if (i % 5 == 0) {
      ASSERT_EQ(Exec("WITH update AS (SELECT 1 AS n) DELETE FROM t WHERE id > 1000"),
                PGRES_COMMAND_OK);
      ASSERT_EQ(Exec("WITH RECURSIVE r (n) AS (SELECT 1 UNION SELECT n + 1 FROM r WHERE n < 3) "
                     "SELECT n FROM r"),
                PGRES_TUPLES_OK);
    }
    if (i % 6 == 0) {
      ASSERT_EQ(Exec("VALUES (1), (2)"), PGRES_TUPLES_OK);
    }
    // Errors of four classes.
    if (i % 10 == 0) {
      ASSERT_EQ(Exec("INSERT INTO t VALUES (0, 'twice')"), PGRES_FATAL_ERROR);
      ASSERT_EQ(Exec("SELECT 1 / 0"), PGRES_FATAL_ERROR);
      ASSERT_EQ(Exec("SELEKT 1"), PGRES_FATAL_ERROR);
      ASSERT_EQ(Exec("DO $$ BEGIN RAISE 'no'; END $$"), PGRES_FATAL_ERROR);
    }
  }
  ASSERT_EQ(Exec("SET statement_timeout = '20ms'"), PGRES_COMMAND_OK);
  ASSERT_EQ(Exec("SELECT pg_sleep(30)"), PGRES_FATAL_ERROR);

  const Snapshot snapshot = metrics_.TakeSnapshot();
  auto ours = CountsOf(snapshot, kOperations);
  auto calls = CallsOfServer();
  // Preparing runs nothing. What failed is not in the view.
  EXPECT_EQ(ours["PREPARE"].all, 1u);
  ours.erase("PREPARE");
  std::map<std::string, std::uint64_t> successes;
  for (auto& [operation, counts] : ours) {
    if (counts.by_outcome["ok"] != 0) successes[operation] = counts.by_outcome["ok"];
  }
  EXPECT_EQ(successes, calls);
  EXPECT_EQ(calls["INSERT"], 60u);
  EXPECT_EQ(calls["DELETE"], 12u);

  // Failures: by the SQLSTATE in the server's log.
  std::map<std::string, std::uint64_t> logged;
  std::istringstream log(server_test::ReadWhole(Log()));
  for (std::string line; std::getline(log, line);) {
    if (line.find("ERROR: ") == std::string::npos) continue;
    const std::string state = line.substr(line.find("sqlstate=") + 9, 5);
    ++logged[state];
  }
  EXPECT_EQ(logged["23505"], ours["INSERT"].by_outcome["constraint"]);
  EXPECT_EQ(logged["22012"], ours["SELECT"].by_outcome["data"]);
  EXPECT_EQ(logged["42601"], ours["other"].by_outcome["syntax_or_access"]);
  EXPECT_EQ(logged["P0001"], ours["DO"].by_outcome["raised"]);
  EXPECT_EQ(logged["57014"], ours["SELECT"].by_outcome["cancelled"]);
  std::uint64_t failures = 0;
  for (const auto& [operation, counts] : ours) failures += counts.errors();
  EXPECT_EQ(failures, 6u * 4 + 1);

  const auto* rows =
      testing::FindPoint<HistogramPoint>(snapshot, "db_client_response_returned_rows",
                                         {{"system", "postgresql"}, {"operation", "VALUES"}});
  ASSERT_NE(rows, nullptr);
  EXPECT_EQ(rows->count, 10u);
  EXPECT_EQ(rows->sum, 20);
}

TEST_F(RealPostgres, AsynchronousQueriesEndTheirGuard) {
  START_POSTGRES();
  for (const char* const query : {"SELECT generate_series(1, 7)", "SELECT 1 / 0"}) {
    ClientOperation operation = db_.Begin(SqlOperation(query));
    ASSERT_EQ(PQsendQuery(pg_.get(), query), 1);
    while (const Result result{PQgetResult(pg_.get())}) {
      PqEnd(operation, pg_.get(), result.get());
    }
  }
  auto ours = CountsOf(metrics_.TakeSnapshot(), kOperations);
  EXPECT_EQ(ours["SELECT"].by_outcome["ok"], 1u);
  EXPECT_EQ(ours["SELECT"].by_outcome["data"], 1u);
  EXPECT_EQ(ours["SELECT"].all, 2u);
}

TEST_F(RealPostgres, ALostConnectionIsAnError) {
  START_POSTGRES();
  Ask(("SELECT pg_terminate_backend(" + std::to_string(PQbackendPID(pg_.get())) + ", 60000)")
          .c_str());
  EXPECT_EQ(Exec("SELECT 1"), PGRES_FATAL_ERROR);
  EXPECT_EQ(Exec("SELECT 1"), PGRES_FATAL_ERROR);  // and it stays so
  auto ours = CountsOf(metrics_.TakeSnapshot(), kOperations);
  EXPECT_EQ(ours["SELECT"].all, 2u);
  // The first may still have read the server's 57P01 before the end of the connection.
  EXPECT_EQ(
      ours["SELECT"].by_outcome["connection"] + ours["SELECT"].by_outcome["operator_intervention"],
      2u);
  EXPECT_GE(ours["SELECT"].by_outcome["connection"], 1u);
}

TEST_F(RealPostgres, PreparedElsewhereIsExecute) {
  START_POSTGRES();
  ASSERT_EQ(Exec("PREPARE one AS SELECT 1"), PGRES_COMMAND_OK);
  ASSERT_EQ(PQresultStatus(
                Result(connection_->ExecPrepared("one", 0, nullptr, nullptr, nullptr, 0)).get()),
            PGRES_TUPLES_OK);
  EXPECT_EQ(CountsOf(metrics_.TakeSnapshot(), kOperations)["EXECUTE"].all, 1u);
  EXPECT_EQ(PQresultStatus(Result(connection_->Exec(nullptr)).get()), PGRES_FATAL_ERROR);
}

TEST_F(RealPostgres, WithoutRecordingCallsGoThrough) {
  START_POSTGRES();
  const ClientMetrics off{Metrics()};
  PqConnection c(off, pg_.get());
  EXPECT_EQ(PQresultStatus(Result(c.Exec("SELECT 1")).get()), PGRES_TUPLES_OK);
  EXPECT_EQ(PQresultStatus(Result(c.Prepare("p", "SELECT 2", 0, nullptr)).get()), PGRES_COMMAND_OK);
  EXPECT_EQ(PQresultStatus(Result(c.ExecPrepared("p", 0, nullptr, nullptr, nullptr, 0)).get()),
            PGRES_TUPLES_OK);
}

}  // namespace
}  // namespace polymeter
