// PostgreSQL through libpq, measured: a connection whose calls take the place of libpq's own.
// C++17.
//
//   polymeter::ClientMetrics db(metrics, polymeter::ClientOptions().System("postgresql"));
//   polymeter::PqConnection connection(db, conn);                  // conn: PGconn*
//   PGresult* result = connection.Exec("SELECT 1");                // was PQexec(conn,
//
// Header-only; links polymeter::client_libpq, the application links libpq.
//
// One call is one operation, named by the statement's first keyword (SqlOperation); a string of
// several statements by the first one's. Preparing is PREPARE, executing has the prepared
// statement's keyword, or EXECUTE when it was not prepared through the same PqConnection. Outcomes:
// `ok`, or the class of the SQLSTATE in words (PqErrorKind); rows that came back are observed on
// success. COPY ends with the call that begins it: its data are not in the duration.
//
// Asynchronous use and pipeline mode: begin a guard where the query is sent, end it with its
// result:
//
//   auto operation = db.Begin(polymeter::SqlOperation(query));
//   PQsendQuery(conn, query);  ...  PGresult* result = PQgetResult(conn);
//   polymeter::PqEnd(operation, conn, result);
#pragma once

#include <libpq-fe.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "polymeter/client.h"

POLYMETER_BEGIN_NAMESPACE

// The class of an SQLSTATE, its first two characters, in words; PostgreSQL 15, appendix A.
// `cancelled` is 57014: by the user or a statement's time-out.
inline std::string_view PqErrorKind(std::string_view sqlstate) noexcept {
  constexpr struct {
    std::string_view prefix;
    std::string_view kind;
  } kKinds[] = {
      {"57014", "cancelled"},
      {"08", "connection"},
      {"22", "data"},
      {"23", "constraint"},
      {"25", "transaction_state"},
      {"28", "authorization"},
      {"40", "rollback"},
      {"42", "syntax_or_access"},
      {"53", "resources"},
      {"54", "program_limit"},
      {"55", "object_state"},
      {"57", "operator_intervention"},
      {"58", "system"},
      {"P0", "raised"},
      {"XX", "internal"},
  };
  for (const auto& known : kKinds) {
    if (sqlstate.substr(0, known.prefix.size()) == known.prefix) return known.kind;
  }
  return "other";
}

// Ends the operation as the result says; a null result is `connection` or `error`.
inline void PqEnd(ClientOperation& operation, const PGconn* connection,
                  const PGresult* result) noexcept {
  if (!operation) return;
  const bool lost = connection == nullptr || PQstatus(connection) != CONNECTION_OK;
  if (result == nullptr) {
    operation.Error(lost ? "connection" : "error");
    return;
  }
  switch (PQresultStatus(result)) {
    case PGRES_TUPLES_OK:
    case PGRES_SINGLE_TUPLE:
      operation.Rows(static_cast<std::uint64_t>(PQntuples(result)));
      operation.Ok();
      return;
    case PGRES_FATAL_ERROR: {
      const char* const sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
      if (sqlstate != nullptr) {
        operation.Error(PqErrorKind(sqlstate));
      } else {  // libpq's own
        operation.Error(lost ? "connection" : "error");
      }
      return;
    }
    case PGRES_BAD_RESPONSE:
      operation.Error("protocol");
      return;
#ifdef LIBPQ_HAS_PIPELINING
    case PGRES_PIPELINE_ABORTED:
      operation.Error("cancelled");
      return;
#endif
    default:
      operation.Ok();
  }
}

// The calls of one PGconn, which it does not own; like it, for one thread at a time. Must not
// outlive the ClientMetrics. Remembers the keywords of up to 1,000 prepared statements by name.
// When nothing is recorded each call is libpq's own.
class PqConnection {
 public:
  PqConnection(const ClientMetrics& metrics, PGconn* connection) noexcept
      : metrics_(metrics), connection_(connection) {}
  PqConnection(const PqConnection&) = delete;
  PqConnection& operator=(const PqConnection&) = delete;

  // The connection that it was given.
  PGconn* connection() const noexcept { return connection_; }
  // Another connection, which knows none of the prepared statements.
  void Reset(PGconn* connection) {
    prepared_.clear();
    connection_ = connection;
  }

  // As PQexec.
  PGresult* Exec(const char* statement) {
    ClientOperation operation = Begin(statement);
    return End(operation, PQexec(connection_, statement));
  }
  // As PQexecParams.
  PGresult* ExecParams(const char* statement, int count, const Oid* types,
                       const char* const* values, const int* lengths, const int* formats,
                       int result_format) {
    ClientOperation operation = Begin(statement);
    return End(operation, PQexecParams(connection_, statement, count, types, values, lengths,
                                       formats, result_format));
  }
  // As PQprepare.
  PGresult* Prepare(const char* name, const char* statement, int count, const Oid* types) {
    if (!metrics_.recording()) return PQprepare(connection_, name, statement, count, types);
    ClientOperation operation = metrics_.Begin("PREPARE");
    PGresult* const result = PQprepare(connection_, name, statement, count, types);
    if (PQresultStatus(result) == PGRES_COMMAND_OK) Remember(name, statement);
    return End(operation, result);
  }
  // As PQexecPrepared.
  PGresult* ExecPrepared(const char* name, int count, const char* const* values, const int* lengths,
                         const int* formats, int result_format) {
    ClientOperation operation =
        metrics_.recording() ? metrics_.Begin(PreparedVerb(name)) : ClientOperation();
    return End(operation,
               PQexecPrepared(connection_, name, count, values, lengths, formats, result_format));
  }

 private:
  static constexpr std::size_t kPrepared = 1000;

  ClientOperation Begin(const char* statement) const noexcept {
    return metrics_.recording() && statement != nullptr ? metrics_.Begin(SqlOperation(statement))
                                                        : ClientOperation();
  }
  PGresult* End(ClientOperation& operation, PGresult* result) const noexcept {
    PqEnd(operation, connection_, result);
    return result;
  }

  void Remember(const char* name, const char* statement) {
    if (prepared_.size() < kPrepared || prepared_.count(std::string_view(name)) != 0) {
      prepared_[name] = metrics_.Verb(SqlOperation(statement));
    }
  }
  ClientVerb PreparedVerb(const char* name) const {
    const auto found = prepared_.find(std::string_view(name != nullptr ? name : ""));
    return found == prepared_.end() ? metrics_.Verb("EXECUTE") : found->second;
  }

  const ClientMetrics& metrics_;
  PGconn* connection_;
  std::map<std::string, ClientVerb, std::less<>> prepared_;
};

POLYMETER_END_NAMESPACE
