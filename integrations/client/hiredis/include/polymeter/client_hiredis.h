// Redis through hiredis, measured: a connection whose calls take the place of hiredis' own. C++17.
//
//   polymeter::ClientMetrics redis(metrics, polymeter::ClientOptions().System("redis"));
//   polymeter::RedisConnection connection(redis, context);             // context: redisContext*
//   void* reply = connection.Command("SET %s %b", key, data, size);    // was redisCommand(context,
//
// Header-only; links polymeter::client_hiredis, the application links hiredis (0.14 or later).
//
// What one operation is:
// - a command: its verb, observed with the time in hiredis until its reply;
// - a pipeline (what Append put together before the first GetReply): `PIPELINE`, one operation,
//   until its last reply was read, with the time in hiredis (not the application's between them);
// - a transaction: `MULTI`, from MULTI to the reply of EXEC or DISCARD, likewise;
// - a command that waits (BLPOP and its like, XREAD with BLOCK, WAIT): in the family of blocking
//   commands, `timeout` when nothing came. Within MULTI they do not wait and are like others.
// Beside that each command is counted by verb and outcome (db_client_commands_total), so that the
// sums equal `calls` plus `rejected_calls` of INFO commandstats for what this program sent, and
// those other than `ok` equal `failed_calls` plus `rejected_calls`. (Commands that a script calls
// count in Redis only; a subcommand counts for its command, CONFIG GET as CONFIG; commands that a
// transaction never ran are counted here neither; unknown ones are `other` here and nothing there.)
//
// Outcomes: `ok`, the first word of an error reply (WRONGTYPE), `conflict` when WATCH prevented a
// transaction, `timeout`, `connection` and `protocol` for hiredis' errors. An operation of many
// commands has the outcome of the first that is not `ok`.
//
// After SUBSCRIBE and MONITOR a connection only listens: messages are no operations, and commands
// are counted without a duration until the last UNSUBSCRIBE. Expects hiredis' own reply objects and
// RESP2. For redisAsyncContext use ClientMetrics::Begin and move the guard into the callback's
// data.
#pragma once

#include <hiredis/hiredis.h>

#include <cerrno>
#include <chrono>
#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "polymeter/client.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// The words of a command as hiredis formats it: "*2\r\n$3\r\nGET\r\n$1\r\na\r\n".
class RedisWords {
 public:
  explicit RedisWords(std::string_view command) noexcept : rest_(command) { Number('*'); }

  // Empty at the end (and for an empty word).
  std::string_view Next() noexcept {
    const std::size_t length = Number('$');
    if (length == 0 || length > rest_.size()) return {};
    const std::string_view word = rest_.substr(0, length);
    rest_.remove_prefix(rest_.size() - length < 2 ? rest_.size() : length + 2);
    return word;
  }

 private:
  std::size_t Number(char type) noexcept {
    std::size_t number = 0;
    if (rest_.empty() || rest_.front() != type) return 0;
    std::size_t at = 1;
    for (; at < rest_.size() && rest_[at] >= '0' && rest_[at] <= '9' && at < 18; ++at) {
      number = number * 10 + static_cast<std::size_t>(rest_[at] - '0');
    }
    rest_.remove_prefix(rest_.size() - at < 2 ? rest_.size() : at + 2);
    return number;
  }

  std::string_view rest_;
};

// `upper` is in capitals.
inline bool IsRedisWord(std::string_view word, std::string_view upper) noexcept {
  if (word.size() != upper.size()) return false;
  for (std::size_t i = 0; i < word.size(); ++i) {
    const char c = word[i];
    if ((c >= 'a' && c <= 'z' ? static_cast<char>(c - 0x20) : c) != upper[i]) return false;
  }
  return true;
}

enum class RedisKind : std::uint8_t { kWork, kBlocking, kListening, kMulti, kExec, kDiscard };

inline RedisKind RedisKindOf(std::string_view verb, RedisWords rest) noexcept {
  constexpr struct {
    std::string_view verb;
    RedisKind kind;
  } kKinds[] = {
      {"MULTI", RedisKind::kMulti},          {"EXEC", RedisKind::kExec},
      {"DISCARD", RedisKind::kDiscard},      {"RESET", RedisKind::kDiscard},
      {"BLPOP", RedisKind::kBlocking},       {"BRPOP", RedisKind::kBlocking},
      {"BRPOPLPUSH", RedisKind::kBlocking},  {"BLMOVE", RedisKind::kBlocking},
      {"BLMPOP", RedisKind::kBlocking},      {"BZPOPMIN", RedisKind::kBlocking},
      {"BZPOPMAX", RedisKind::kBlocking},    {"BZMPOP", RedisKind::kBlocking},
      {"WAIT", RedisKind::kBlocking},        {"WAITAOF", RedisKind::kBlocking},
      {"SUBSCRIBE", RedisKind::kListening},  {"PSUBSCRIBE", RedisKind::kListening},
      {"SSUBSCRIBE", RedisKind::kListening}, {"MONITOR", RedisKind::kListening},
  };
  for (const auto& known : kKinds) {
    if (IsRedisWord(verb, known.verb)) return known.kind;
  }
  if (IsRedisWord(verb, "XREAD") || IsRedisWord(verb, "XREADGROUP")) {
    for (std::string_view word = rest.Next(); !word.empty() && !IsRedisWord(word, "STREAMS");
         word = rest.Next()) {
      if (IsRedisWord(word, "BLOCK")) return RedisKind::kBlocking;
    }
  }
  return RedisKind::kWork;
}

}  // namespace detail

// The calls of one redisContext, which it does not own; like it, for one thread at a time. Must not
// outlive the ClientMetrics. Remembers the verbs of replies that are still to come (two bytes
// each, memory that is used again). When nothing is recorded each call is hiredis' own.
class RedisConnection {
 public:
  RedisConnection(const ClientMetrics& metrics, redisContext* context) noexcept
      : metrics_(metrics), context_(context) {}
  RedisConnection(const RedisConnection&) = delete;
  RedisConnection& operator=(const RedisConnection&) = delete;
  // Replies that were not read: their operation is `abandoned`.
  ~RedisConnection() { Forget("abandoned"); }

  // The context that it was given.
  redisContext* context() const noexcept { return context_; }
  // After redisReconnect, or with another context: what was not answered ends as `connection`.
  void Reset(redisContext* context) noexcept {
    Forget("connection");
    context_ = context;
  }

  // As redisCommand, redisvCommand and redisCommandArgv.
  void* Command(const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    void* const reply = CommandV(format, arguments);
    va_end(arguments);
    return reply;
  }
  // See Command.
  void* CommandV(const char* format, va_list arguments) {
    return AppendV(format, arguments) == REDIS_OK ? BlockForReply() : nullptr;
  }
  // See Command.
  void* CommandArgv(int count, const char** words, const std::size_t* lengths) {
    return AppendArgv(count, words, lengths) == REDIS_OK ? BlockForReply() : nullptr;
  }

  // As redisAppendCommand, redisvAppendCommand and redisAppendCommandArgv.
  int Append(const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    const int result = AppendV(format, arguments);
    va_end(arguments);
    return result;
  }
  // See Append.
  int AppendV(const char* format, va_list arguments) {
    if (!metrics_.recording()) return redisvAppendCommand(context_, format, arguments);
    va_list again;
    va_copy(again, arguments);
    char* command = nullptr;
    const auto length = redisvFormatCommand(&command, format, arguments);
    const int result = length < 0
                           // Fails once more, and says in the context why.
                           ? redisvAppendCommand(context_, format, again)
                           : AppendFormatted(command, static_cast<std::size_t>(length));
    va_end(again);
    return result;
  }
  // See Append.
  int AppendArgv(int count, const char** words, const std::size_t* lengths) {
    if (!metrics_.recording()) return redisAppendCommandArgv(context_, count, words, lengths);
    char* command = nullptr;
    const auto length = redisFormatCommandArgv(&command, count, words, lengths);
    return length < 0 ? redisAppendCommandArgv(context_, count, words, lengths)
                      : AppendFormatted(command, static_cast<std::size_t>(length));
  }

  // As redisGetReply.
  int GetReply(void** reply) {
    if (!metrics_.recording()) return redisGetReply(context_, reply);
    void* got = nullptr;
    const auto start = std::chrono::steady_clock::now();
    const int result = redisGetReply(context_, &got);
    const int error = errno;
    const auto duration = std::chrono::steady_clock::now() - start;
    if (result != REDIS_OK) {
      busy_ += duration;
      Forget(ContextError(error));
    } else if (got != nullptr) {
      Received(*static_cast<const redisReply*>(got), duration);
    }
    if (reply != nullptr) {
      *reply = got;
    } else if (got != nullptr) {
      freeReplyObject(got);
    }
    errno = error;
    return result;
  }

 private:
  using Duration = std::chrono::nanoseconds;
  struct Pending {
    ClientVerb verb;
    detail::RedisKind kind;
  };

  void* BlockForReply() {
    void* reply = nullptr;
    if ((context_->flags & REDIS_BLOCK) == 0) return nullptr;
    return GetReply(&reply) == REDIS_OK ? reply : nullptr;
  }

  int AppendFormatted(char* command, std::size_t length) {
    const int result = redisAppendFormattedCommand(context_, command, length);
    if (result == REDIS_OK) Sent(std::string_view(command, length));
    redisFreeCommand(command);
    return result;
  }

  void Sent(std::string_view command) {
    detail::RedisWords words(command);
    const std::string_view name = words.Next();
    const ClientVerb verb = metrics_.Verb(name);
    const detail::RedisKind kind = detail::RedisKindOf(name, words);
    listening_ = listening_ || kind == detail::RedisKind::kListening;
    if (listening_) {  // what comes from now on has no order that could be told
      metrics_.CountCommand(verb, {});
    } else {
      pending_.push_back({verb, kind});
    }
  }

  void Received(const redisReply& reply, Duration duration) {
    if (answered_ == pending_.size()) {
      Heard(reply);
      return;
    }
    const Pending command = pending_[answered_++];
    const ClientOutcome outcome = OutcomeOf(reply);
    ++commands_;
    if (!in_transaction_ && command.kind == detail::RedisKind::kBlocking) {
      metrics_.ObserveBlocking(
          command.verb, reply.type == REDIS_REPLY_NIL ? metrics_.Outcome("timeout") : outcome,
          duration);
      metrics_.CountCommand(command.verb, outcome);
    } else {
      ++work_;
      busy_ += duration;
      last_ = command.verb;
      Note(outcome);
      Account(command, outcome, reply);
    }
    if (answered_ == pending_.size()) {
      pending_.clear();
      answered_ = 0;
      if (!in_transaction_) EndOperation();
    }
  }

  // Counts the command, or puts it off until EXEC tells how it ended.
  void Account(const Pending& command, ClientOutcome outcome, const redisReply& reply) {
    using detail::RedisKind;
    if (command.kind == RedisKind::kMulti && outcome.ok()) {
      in_transaction_ = transaction_seen_ = true;
    } else if (in_transaction_ && command.kind == RedisKind::kExec) {
      EndTransaction(reply);
    } else if (in_transaction_ && command.kind == RedisKind::kDiscard && outcome.ok()) {
      in_transaction_ = false;
      queued_.clear();
    } else if (in_transaction_ && reply.type == REDIS_REPLY_STATUS && TextOf(reply) == "QUEUED") {
      queued_.push_back(command.verb);
      return;
    }
    metrics_.CountCommand(command.verb, outcome);
  }

  void EndTransaction(const redisReply& reply) noexcept {
    in_transaction_ = false;
    if (reply.type == REDIS_REPLY_ARRAY) {
      for (std::size_t i = 0; i < reply.elements && i < queued_.size(); ++i) {
        const ClientOutcome outcome = OutcomeOf(*reply.element[i]);
        Note(outcome);
        metrics_.CountCommand(queued_[i], outcome);
      }
    } else if (reply.type == REDIS_REPLY_NIL) {
      Note(metrics_.Outcome("conflict"));
    }
    queued_.clear();
  }

  void EndOperation() noexcept {
    if (work_ > 0) {
      const ClientVerb verb = transaction_seen_ ? metrics_.Verb("MULTI")
                              : commands_ > 1   ? metrics_.Verb("PIPELINE")
                                                : last_;
      metrics_.Observe(verb, outcome_, busy_);
      if (transaction_seen_ || commands_ > 1) metrics_.ObserveBatch(verb, commands_);
    }
    commands_ = work_ = 0;
    busy_ = Duration::zero();
    outcome_ = {};
    transaction_seen_ = false;
  }

  // No reply will come to what is pending.
  void Forget(std::string_view why) noexcept {
    const std::size_t open = pending_.size() - answered_;
    if (open > 0 || in_transaction_) {
      const ClientOutcome outcome = metrics_.Outcome(why);
      for (const ClientVerb verb : queued_) metrics_.CountCommand(verb, outcome);
      for (; answered_ < pending_.size(); ++answered_) {
        const Pending& command = pending_[answered_];
        metrics_.CountCommand(command.verb, outcome);
        ++commands_;
        if (command.kind == detail::RedisKind::kBlocking && !in_transaction_) {
          if (commands_ == 1) metrics_.ObserveBlocking(command.verb, outcome, busy_);
          continue;
        }
        ++work_;
        last_ = command.verb;
      }
      Note(outcome);
      EndOperation();
    }
    pending_.clear();
    queued_.clear();
    answered_ = 0;
    busy_ = Duration::zero();
    in_transaction_ = listening_ = confirmed_ = false;
  }

  // A message while listening: only the beginning and end of that state are of interest.
  void Heard(const redisReply& reply) noexcept {
    if (!listening_) return;
    if (reply.type == REDIS_REPLY_ERROR) {
      listening_ = confirmed_;  // SUBSCRIBE was refused
    } else if (reply.elements == 3 && reply.element[0]->type == REDIS_REPLY_STRING &&
               reply.element[2]->type == REDIS_REPLY_INTEGER) {
      confirmed_ = listening_ = reply.element[2]->integer != 0;  // subscriptions that are left
    }
  }

  void Note(ClientOutcome outcome) noexcept {
    if (outcome_.ok()) outcome_ = outcome;
  }

  static std::string_view TextOf(const redisReply& reply) noexcept {
    return reply.str == nullptr ? std::string_view()
                                : std::string_view(reply.str, static_cast<std::size_t>(reply.len));
  }
  ClientOutcome OutcomeOf(const redisReply& reply) const noexcept {
    if (reply.type != REDIS_REPLY_ERROR) return {};
    const std::string_view text = TextOf(reply);
    return metrics_.Outcome(text.substr(0, text.find(' ')));
  }
  const char* ContextError(int error) const noexcept {
    switch (context_->err) {
      case REDIS_ERR_IO:
        return error == EAGAIN || error == ETIMEDOUT ? "timeout" : "connection";
      case REDIS_ERR_EOF:
        return "connection";
#ifdef REDIS_ERR_TIMEOUT  // hiredis 1.0
      case REDIS_ERR_TIMEOUT:
        return "timeout";
#endif
      case REDIS_ERR_PROTOCOL:
        return "protocol";
      default:
        return "error";
    }
  }

  const ClientMetrics& metrics_;
  redisContext* context_;

  std::vector<Pending> pending_;  // sent; from answered_ on without a reply
  std::size_t answered_ = 0;
  std::vector<ClientVerb> queued_;  // of the transaction that is open
  bool in_transaction_ = false;
  bool listening_ = false;
  bool confirmed_ = false;  // a subscription was

  // The operation that runs.
  std::uint64_t commands_ = 0;
  std::uint64_t work_ = 0;  // those that do not block
  Duration busy_{};
  ClientVerb last_;
  ClientOutcome outcome_;
  bool transaction_seen_ = false;
};

POLYMETER_END_NAMESPACE
