#include "integrations/client/vocabulary.h"

#include <algorithm>
#include <cstddef>
#include <iterator>

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr std::string_view kSqlSystems[] = {
    "postgresql", "mysql", "mariadb", "sqlite", "microsoft.sql_server", "oracle.db", "other_sql"};

// The first keywords of statements in PostgreSQL, MySQL, SQLite and others.
constexpr std::string_view kSqlOperations =
    "SELECT INSERT UPDATE DELETE MERGE REPLACE VALUES TABLE WITH COPY BEGIN START COMMIT END "
    "ROLLBACK ABORT SAVEPOINT RELEASE SET RESET SHOW USE CREATE ALTER DROP TRUNCATE RENAME "
    "GRANT REVOKE REASSIGN COMMENT SECURITY PREPARE EXECUTE DEALLOCATE DECLARE OPEN FETCH "
    "MOVE CLOSE EXPLAIN DESCRIBE ANALYZE VACUUM OPTIMIZE REINDEX CLUSTER REFRESH CHECKPOINT "
    "CALL EXEC DO LOCK UNLOCK LISTEN NOTIFY UNLISTEN DISCARD LOAD IMPORT PRAGMA ATTACH DETACH "
    "KILL HANDLER BACKUP RESTORE";

// What COMMAND LIST of Redis 7.0 says, the commands that 7.2 to 8.0 added, and the name of a
// pipeline, as OpenTelemetry has it.
constexpr std::string_view kRedisOperations =
    "ACL APPEND ASKING AUTH BGREWRITEAOF BGSAVE BITCOUNT BITFIELD BITFIELD_RO BITOP BITPOS "
    "BLMOVE BLMPOP BLPOP BRPOP BRPOPLPUSH BZMPOP BZPOPMAX BZPOPMIN CLIENT CLUSTER COMMAND "
    "CONFIG COPY DBSIZE DEBUG DECR DECRBY DEL DISCARD DUMP ECHO EVAL EVALSHA EVALSHA_RO "
    "EVAL_RO EXEC EXISTS EXPIRE EXPIREAT EXPIRETIME FAILOVER FCALL FCALL_RO FLUSHALL FLUSHDB "
    "FUNCTION GEOADD GEODIST GEOHASH GEOPOS GEORADIUS GEORADIUSBYMEMBER GEORADIUSBYMEMBER_RO "
    "GEORADIUS_RO GEOSEARCH GEOSEARCHSTORE GET GETBIT GETDEL GETEX GETRANGE GETSET HDEL HELLO "
    "HEXISTS HEXPIRE HEXPIREAT HEXPIRETIME HGET HGETALL HGETDEL HGETEX HINCRBY HINCRBYFLOAT "
    "HKEYS HLEN HMGET HMSET HPERSIST HPEXPIRE HPEXPIREAT HPEXPIRETIME HPTTL HRANDFIELD HSCAN "
    "HSET HSETEX HSETNX HSTRLEN HTTL HVALS INCR INCRBY INCRBYFLOAT INFO KEYS LASTSAVE LATENCY "
    "LCS LINDEX LINSERT LLEN LMOVE LMPOP LOLWUT LPOP LPOS LPUSH LPUSHX LRANGE LREM LSET LTRIM "
    "MEMORY MGET MIGRATE MODULE MONITOR MOVE MSET MSETNX MULTI OBJECT PERSIST PEXPIRE "
    "PEXPIREAT PEXPIRETIME PFADD PFCOUNT PFDEBUG PFMERGE PFSELFTEST PING PSETEX PSUBSCRIBE "
    "PSYNC PTTL PUBLISH PUBSUB PUNSUBSCRIBE QUIT RANDOMKEY READONLY READWRITE RENAME RENAMENX "
    "REPLCONF REPLICAOF RESET RESTORE RESTORE-ASKING ROLE RPOP RPOPLPUSH RPUSH RPUSHX SADD "
    "SAVE SCAN SCARD SCRIPT SDIFF SDIFFSTORE SELECT SET SETBIT SETEX SETNX SETRANGE SHUTDOWN "
    "SINTER SINTERCARD SINTERSTORE SISMEMBER SLAVEOF SLOWLOG SMEMBERS SMISMEMBER SMOVE SORT "
    "SORT_RO SPOP SPUBLISH SRANDMEMBER SREM SSCAN SSUBSCRIBE STRLEN SUBSCRIBE SUBSTR SUNION "
    "SUNIONSTORE SUNSUBSCRIBE SWAPDB SYNC TIME TOUCH TTL TYPE UNLINK UNSUBSCRIBE UNWATCH WAIT "
    "WAITAOF WATCH XACK XADD XAUTOCLAIM XCLAIM XDEL XGROUP XINFO XLEN XPENDING XRANGE XREAD "
    "XREADGROUP XREVRANGE XSETID XTRIM ZADD ZCARD ZCOUNT ZDIFF ZDIFFSTORE ZINCRBY ZINTER "
    "ZINTERCARD ZINTERSTORE ZLEXCOUNT ZMPOP ZMSCORE ZPOPMAX ZPOPMIN ZRANDMEMBER ZRANGE "
    "ZRANGEBYLEX ZRANGEBYSCORE ZRANGESTORE ZRANK ZREM ZREMRANGEBYLEX ZREMRANGEBYRANK "
    "ZREMRANGEBYSCORE ZREVRANGE ZREVRANGEBYLEX ZREVRANGEBYSCORE ZREVRANK ZSCAN ZSCORE ZUNION "
    "ZUNIONSTORE PIPELINE";

constexpr std::string_view kMemcachedOperations =
    "get gets gat gats set add replace append prepend cas delete incr decr touch stats "
    "flush_all version mg ms md ma mn me";

// In the order of ClientState's constants.
constexpr std::string_view kOutcomes =
    "ok other error exception abandoned timeout connection cancelled protocol";

// Beginnings of Redis' error replies; and a transaction that WATCH prevented.
constexpr std::string_view kRedisErrors =
    "ERR WRONGTYPE MOVED ASK NOAUTH WRONGPASS NOPERM NOSCRIPT NOPROTO BUSY BUSYKEY BUSYGROUP "
    "NOTBUSY UNKILLABLE CLUSTERDOWN CROSSSLOT TRYAGAIN EXECABORT LOADING MASTERDOWN "
    "NOMASTERLINK MISCONF NOREPLICAS NOGROUP NOSUB OOM READONLY UNBLOCKED INPROG IOERR DENIED "
    "conflict";

// Classes of SQLSTATE in words; client_libpq.h has their codes.
constexpr std::string_view kSqlErrors =
    "data constraint transaction_state authorization rollback syntax_or_access resources "
    "program_limit object_state operator_intervention system internal raised";

void AddWords(std::string_view words, std::vector<std::string_view>& to) {
  while (!words.empty()) {
    const std::size_t end = std::min(words.find(' '), words.size());
    to.push_back(words.substr(0, end));
    words.remove_prefix(std::min(end + 1, words.size()));
  }
}

bool IsSql(std::string_view system) {
  return std::find(std::begin(kSqlSystems), std::end(kSqlSystems), system) != std::end(kSqlSystems);
}

bool IsRedis(std::string_view system) { return system == "redis" || system == "valkey"; }

}  // namespace

std::vector<std::string_view> KnownOperations(std::string_view system) {
  std::vector<std::string_view> operations{"other"};
  if (IsSql(system)) AddWords(kSqlOperations, operations);
  if (IsRedis(system)) AddWords(kRedisOperations, operations);
  if (system == "memcached") AddWords(kMemcachedOperations, operations);
  return operations;
}

std::vector<std::string_view> KnownOutcomes(std::string_view system) {
  std::vector<std::string_view> outcomes;
  AddWords(kOutcomes, outcomes);
  if (IsSql(system)) AddWords(kSqlErrors, outcomes);
  if (IsRedis(system)) AddWords(kRedisErrors, outcomes);
  return outcomes;
}

}  // namespace detail
POLYMETER_END_NAMESPACE
