// What a ClientMetrics holds: its families, the series that are used often, its pools.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "integrations/client/client_families.h"
#include "integrations/client/name_table.h"
#include "integrations/common/forks.h"
#include "polymeter/client.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// One series for each verb, looked up when it is first used.
template <class Handle>
class VerbCells {
 public:
  explicit VerbCells(std::size_t verbs) : cells_(verbs) {}

  template <class Make>
  Handle Get(std::size_t verb, Make&& make) const noexcept {
    std::atomic<CellAddress>& cell = cells_[verb];
    CellAddress address = cell.load(std::memory_order_acquire);
    if (address == 0) {  // no cell has this address; two threads find the same one
      address = HandleAccess::Cell(make());
      cell.store(address, std::memory_order_release);
    }
    return HandleAccess::Make<Handle>(address);
  }

 private:
  mutable std::vector<std::atomic<CellAddress>> cells_;
};

// How many connections there are, never less than none. In a forked child it starts from zero, as
// the connections are the parent's.
class ConnectionCount {
 public:
  void Add(std::uint32_t connections) noexcept;
  void Take(std::uint32_t connections) noexcept;  // as many of them as there are
  std::uint32_t Get() const noexcept { return In(word_.load(std::memory_order_relaxed)); }

 private:
  template <class Change>
  void Set(Change change) noexcept;
  static std::uint32_t In(std::uint64_t word) noexcept;

  // Below the number, the ForkCount() under which it was written: another one makes it zero.
  std::atomic<std::uint64_t> word_{0};
};

// Numbers of one pool. Leases and the adapter share it, so that it lives as long as either.
struct ClientPoolCounts {
  std::string name;
  std::function<ClientPoolSize()> read;  // set before it is shared, or empty
  Histogram wait;
  Counter timeouts;
  Counter failures;
  ConnectionCount idle;
  ConnectionCount used;
};

class ClientState final : public Producer {
 public:
  ClientState(const Metrics& metrics, const ClientOptions& options);

  // vocabulary.cpp keeps this order.
  enum Known : std::uint16_t { kOk, kOther, kError, kException, kAbandoned };

  ClientVerb Verb(std::string_view operation) const noexcept;
  ClientOutcome Outcome(std::string_view kind) const noexcept;
  static ClientOutcome OutcomeOf(Known known) noexcept { return ClientOutcome(known); }

  void Observe(ClientVerb verb, ClientOutcome outcome,
               std::chrono::nanoseconds duration) const noexcept;
  void ObserveBlocking(ClientVerb verb, ClientOutcome outcome,
                       std::chrono::nanoseconds duration) const noexcept;
  void ObserveRows(ClientVerb verb, std::uint64_t rows) const noexcept;
  void CountCommand(ClientVerb verb, ClientOutcome outcome) const noexcept;
  void ObserveBatch(ClientVerb verb, std::uint64_t commands) const noexcept;

  std::shared_ptr<ClientPoolCounts> Pool(std::string_view name,
                                         std::function<ClientPoolSize()> read);

  void Collect(FamilySink& sink) override;

 private:
  template <class Handle>
  using AnyFamily = Family<Handle, kDynamic>;

  const FamilyRow* Row(ClientRole role) const noexcept;
  AnyFamily<Histogram> MakeHistogram(const Metrics& metrics, ClientRole role,
                                     const std::vector<double>& bounds) const;
  AnyFamily<Counter> MakeCounter(const Metrics& metrics, ClientRole role) const;
  void CountFolded(std::string_view label) const noexcept;
  // The pool with this name; null when there is none. Under AddingMutex().
  std::shared_ptr<ClientPoolCounts> KnownPool(std::string_view name) const noexcept;
  // Of another ClientMetrics they may be too large: then `other`.
  std::size_t Index(ClientVerb verb) const noexcept {
    return verb.index_ < verbs_.size() ? verb.index_ : 0;
  }
  const std::string& Label(ClientOutcome outcome) const noexcept {
    return outcomes_[outcome.index_ < outcomes_.size() ? outcome.index_ : std::size_t{kOther}];
  }

  const std::string system_;
  const ClientNames names_;
  const NameTable verbs_;
  const NameTable outcomes_;

  AnyFamily<Histogram> duration_;
  AnyFamily<Histogram> blocking_;
  AnyFamily<Histogram> rows_;
  AnyFamily<Histogram> batch_;
  AnyFamily<Histogram> wait_;
  AnyFamily<Counter> commands_;
  AnyFamily<Counter> timeouts_;
  AnyFamily<Counter> pool_failures_;
  AnyFamily<Counter> folded_;

  // Of successes; errors are looked up each time.
  VerbCells<Histogram> ok_duration_;
  VerbCells<Counter> ok_commands_;
  VerbCells<Histogram> verb_rows_;

  std::vector<std::shared_ptr<ClientPoolCounts>> pools_;  // under AddingMutex()

  Attachment attachment_;  // last: no Collect runs while the rest is destroyed
};

}  // namespace detail
POLYMETER_END_NAMESPACE
