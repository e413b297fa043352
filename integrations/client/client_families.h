// The families of database and cache clients, a table for each set of names.
#pragma once

#include <cstddef>
#include <cstdint>

#include "integrations/common/family_row.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// What a row is for; a table's rows stand in this order, and SQL's has only the first kSqlRoles.
enum class ClientRole : std::uint8_t {
  kDuration,
  kConnections,
  kWait,
  kTimeouts,
  kPoolFailures,
  kFolded,
  kRows,
  kBlocking,
  kCommands,
  kBatch,
};
inline constexpr std::size_t kClientRoles = 10;
inline constexpr std::size_t kClientSqlRoles = 7;

// `outcome` is not mapped to error.type: that attribute must be absent on success.
inline constexpr FamilyRow kClientFamilies[] = {
    {MetricType::kHistogram, "db_client_operation_duration_seconds",
     "Duration of operations, by system, operation and outcome.", "seconds",
     "system,operation,outcome", "db.client.operation.duration",
     "system=db.system.name,operation=db.operation.name"},
    {MetricType::kGauge, "db_client_connections", "Connections of a pool, by state (idle, used).",
     "", "pool,state", "db.client.connection.count",
     "pool=db.client.connection.pool.name,state=db.client.connection.state", true},
    {MetricType::kHistogram, "db_client_connection_wait_seconds",
     "Time until a pool gave a connection.", "seconds", "pool", "db.client.connection.wait_time",
     "pool=db.client.connection.pool.name"},
    {MetricType::kCounter, "db_client_connection_timeouts_total",
     "Waits for a connection that ended without one.", "", "pool", "db.client.connection.timeouts",
     "pool=db.client.connection.pool.name"},
    {MetricType::kCounter, "db_client_pool_failures_total",
     "Times that a pool could not be asked for its connections.", "", "pool", "",
     "pool=db.client.connection.pool.name"},
    {MetricType::kCounter, "db_client_folded_total",
     "Values that are on no list and were recorded as `other`, by label.", "", "system,label", "",
     "system=db.system.name"},
    {MetricType::kHistogram, "db_client_response_returned_rows", "Rows that operations gave back.",
     "", "system,operation", "db.client.response.returned_rows",
     "system=db.system.name,operation=db.operation.name"},
    {MetricType::kHistogram, "db_client_blocking_duration_seconds",
     "Time in commands that wait for something to happen; `timeout` says that nothing did.",
     "seconds", "system,operation,outcome", "",
     "system=db.system.name,operation=db.operation.name"},
    {MetricType::kCounter, "db_client_commands_total",
     "Commands that the server answered, those of pipelines and transactions one by one.", "",
     "system,operation,outcome", "", "system=db.system.name,operation=db.operation.name"},
    {MetricType::kHistogram, "db_client_batch_commands",
     "Commands in a pipeline or transaction, which is one operation.", "", "system,operation", "",
     "system=db.system.name,operation=db.operation.name"},
};

inline constexpr FamilyRow kClientDatabaseFamilies[] = {
    {MetricType::kHistogram, "database_query_duration_seconds",
     "Duration of queries, by system, operation and outcome.", "seconds",
     "system,operation,outcome", "db.client.operation.duration",
     "system=db.system.name,operation=db.operation.name"},
    {MetricType::kGauge, "database_connections", "Connections of a pool, by state (idle, used).",
     "", "pool,state", "db.client.connection.count",
     "pool=db.client.connection.pool.name,state=db.client.connection.state", true},
    {MetricType::kHistogram, "database_connection_wait_seconds",
     "Time until a pool gave a connection.", "seconds", "pool", "db.client.connection.wait_time",
     "pool=db.client.connection.pool.name"},
    {MetricType::kCounter, "database_connection_timeouts_total",
     "Waits for a connection that ended without one.", "", "pool", "db.client.connection.timeouts",
     "pool=db.client.connection.pool.name"},
    {MetricType::kCounter, "database_pool_failures_total",
     "Times that a pool could not be asked for its connections.", "", "pool", "",
     "pool=db.client.connection.pool.name"},
    {MetricType::kCounter, "database_folded_total",
     "Values that are on no list and were recorded as `other`, by label.", "", "system,label", "",
     "system=db.system.name"},
    {MetricType::kHistogram, "database_query_rows", "Rows that queries gave back.", "",
     "system,operation", "db.client.response.returned_rows",
     "system=db.system.name,operation=db.operation.name"},
};

inline constexpr FamilyRow kClientRedisFamilies[] = {
    {MetricType::kHistogram, "redis_command_duration_seconds",
     "Duration of commands, pipelines and transactions, by outcome.", "seconds",
     "system,operation,outcome", "db.client.operation.duration",
     "system=db.system.name,operation=db.operation.name"},
    {MetricType::kGauge, "redis_connections", "Connections of a pool, by state (idle, used).", "",
     "pool,state", "db.client.connection.count",
     "pool=db.client.connection.pool.name,state=db.client.connection.state", true},
    {MetricType::kHistogram, "redis_connection_wait_seconds",
     "Time until a pool gave a connection.", "seconds", "pool", "db.client.connection.wait_time",
     "pool=db.client.connection.pool.name"},
    {MetricType::kCounter, "redis_connection_timeouts_total",
     "Waits for a connection that ended without one.", "", "pool", "db.client.connection.timeouts",
     "pool=db.client.connection.pool.name"},
    {MetricType::kCounter, "redis_pool_failures_total",
     "Times that a pool could not be asked for its connections.", "", "pool", "",
     "pool=db.client.connection.pool.name"},
    {MetricType::kCounter, "redis_folded_total",
     "Values that are on no list and were recorded as `other`, by label.", "", "system,label", "",
     "system=db.system.name"},
    {MetricType::kHistogram, "redis_returned_rows", "Elements that commands gave back.", "",
     "system,operation", "db.client.response.returned_rows",
     "system=db.system.name,operation=db.operation.name"},
    {MetricType::kHistogram, "redis_blocking_duration_seconds",
     "Time in commands that wait for something to happen; `timeout` says that nothing did.",
     "seconds", "system,operation,outcome", "",
     "system=db.system.name,operation=db.operation.name"},
    {MetricType::kCounter, "redis_commands_total",
     "Commands that the server answered, those of pipelines and transactions one by one.", "",
     "system,operation,outcome", "", "system=db.system.name,operation=db.operation.name"},
    {MetricType::kHistogram, "redis_pipeline_commands",
     "Commands in a pipeline or transaction, which is one operation.", "", "system,operation", "",
     "system=db.system.name,operation=db.operation.name"},
};

static_assert(std::size(kClientFamilies) == kClientRoles);
static_assert(std::size(kClientRedisFamilies) == kClientRoles);
static_assert(std::size(kClientDatabaseFamilies) == kClientSqlRoles);

}  // namespace detail
POLYMETER_END_NAMESPACE
