#include <gtest/gtest.h>

#include <string>

#include "polymeter/client.h"

namespace polymeter {
namespace {

TEST(SqlOperation, IsTheFirstKeyword) {
  EXPECT_EQ(SqlOperation("SELECT 1"), "SELECT");
  EXPECT_EQ(SqlOperation(" \t\r\n select*from t"), "select");
  EXPECT_EQ(SqlOperation("begin;"), "begin");
  EXPECT_EQ(SqlOperation("COMMIT"), "COMMIT");
  EXPECT_EQ(SqlOperation(";;SELECT"), "SELECT");
  EXPECT_EQ(SqlOperation("(SELECT 1) UNION (SELECT 2)"), "SELECT");
  EXPECT_EQ(SqlOperation("((((VALUES (1)))))"), "VALUES");
}

TEST(SqlOperation, IsFoundBehindComments) {
  EXPECT_EQ(SqlOperation("-- why\nUPDATE t SET a = 1"), "UPDATE");
  EXPECT_EQ(SqlOperation("/* a /* nested */ comment */DELETE FROM t"), "DELETE");
  EXPECT_EQ(SqlOperation("/**/ ( -- x\n SELECT 1)"), "SELECT");
}

TEST(SqlOperation, IsNothingWhereThereIsNone) {
  for (const char* const text :
       {"", "  ", ";", "-- only", "/* open", "/* open /* deep */", "((", "1", "$1", "'SELECT'",
        "\"SELECT", "\xff\xfe", ")", "$$", "$a$ x"}) {
    EXPECT_EQ(SqlOperation(text), "") << text;
  }
}

TEST(SqlOperation, OfWithIsTheMainStatements) {
  EXPECT_EQ(SqlOperation("WITH a AS (SELECT 1) INSERT INTO t SELECT * FROM a"), "INSERT");
  EXPECT_EQ(SqlOperation("with a(x,y) as materialized (select ')', $q$ ) $q$, \")\" /* ) */), "
                         "b as not materialized (delete from t returning *) update t set x = 1"),
            "update");
  EXPECT_EQ(SqlOperation("WITH update AS (SELECT 1), delete (insert) AS (SELECT 2) SELECT 3"),
            "SELECT");
  EXPECT_EQ(SqlOperation("WITH RECURSIVE r AS (SELECT 1) SEARCH DEPTH FIRST BY a, b SET c "
                         "SELECT * FROM r"),
            "WITH");  // the comma hides where the query ended
  EXPECT_EQ(SqlOperation("WITH r AS (SELECT 1) CYCLE a SET b USING c MERGE INTO t"), "MERGE");
  EXPECT_EQ(SqlOperation("WITH a AS (SELECT j #> '{b}' FROM t) (SELECT 1)"), "SELECT");
}

TEST(SqlOperation, OfWithIsWithWhereItIsNotFound) {
  EXPECT_EQ(SqlOperation("WITH"), "WITH");
  EXPECT_EQ(SqlOperation("with a as (select 1"), "with");
  EXPECT_EQ(SqlOperation("WITH a AS (SELECT '" + std::string(20'000, 'x') + "') DELETE FROM t"),
            "WITH");
  EXPECT_EQ(SqlOperation("WITH a AS (SELECT 1) ()"), "WITH");
}

}  // namespace
}  // namespace polymeter
