// What waits for the receiver, and the account of what became of everything:
//   offered = accepted + sent + superseded + dropped + pending
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "polymeter/encoder.h"
#include "polymeter/push_backend.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// The messages of one snapshot.
class Batch : public MessageSink {
 public:
  struct Message {
    std::string bytes;
    std::uint64_t points = 0;
  };

  bool Append(std::string_view bytes) override {
    open_.bytes.append(bytes);
    return true;
  }
  bool EndMessage(std::size_t points) override {
    open_.points = points;
    messages_.push_back(std::exchange(open_, Message()));
    return true;
  }
  // What the format could not carry.
  void FinishEncoding(const EncodeReport& report) {
    for (const auto& [reason, points] : report.dropped) uncarried_[std::string(reason)] += points;
  }

  const std::vector<Message>& messages() const noexcept { return messages_; }
  const std::map<std::string, std::uint64_t>& uncarried() const noexcept { return uncarried_; }
  std::uint64_t points() const noexcept {
    std::uint64_t points = 0;
    for (const Message& message : messages_) points += message.points;
    return points;
  }
  std::size_t bytes() const noexcept {
    std::size_t bytes = 0;
    for (const Message& message : messages_) bytes += message.bytes.size();
    return bytes;
  }
  void EraseFirst(std::size_t count) {
    messages_.erase(messages_.begin(), messages_.begin() + static_cast<std::ptrdiff_t>(count));
  }

 private:
  Message open_;
  std::vector<Message> messages_;
  std::map<std::string, std::uint64_t> uncarried_;
};

// Guarded by its owner's mutex.
class Outbox {
 public:
  // Totals (no `most_bytes`): a new batch supersedes those that wait. Differences: all wait, within
  // so many bytes; beyond them the oldest messages are dropped ("queue_full"). A batch counts once
  // it has been tried: however long, it is sent to a receiver that takes it.
  explicit Outbox(std::optional<std::size_t> most_bytes) : most_bytes_(most_bytes) {}

  void Add(Batch batch);
  bool empty() const noexcept { return waiting_.empty(); }
  // The oldest batch, to be given back to Settle; its points are pending meanwhile.
  Batch TakeFirst();
  // Accounts for a batch that was sent as far as `results` goes; what is to be tried again waits in
  // front. `end` is what the transport said of the batch as a whole. Gives what to tell people.
  SendResult Settle(Batch batch, std::vector<SendResult> results, SendResult end);
  // Everything that waits.
  void DropAll(const std::string& reason);
  void CountLost(const std::string& reason, std::uint64_t points);

  std::uint64_t pending() const noexcept { return pending_; }
  std::uint64_t dropped(const std::string& reason) const;
  std::uint64_t dropped() const;  // for whatever reason
  void FillReport(BackendReport& report) const;

 private:
  void Drop(const std::string& reason, std::uint64_t points);
  void KeepWithinBound();

  const std::optional<std::size_t> most_bytes_;
  std::deque<Batch> waiting_;
  std::uint64_t offered_ = 0;
  std::uint64_t accepted_ = 0;
  std::uint64_t sent_ = 0;
  std::uint64_t superseded_ = 0;
  std::uint64_t pending_ = 0;
  std::map<std::string, std::uint64_t> dropped_;
};

}  // namespace detail
POLYMETER_END_NAMESPACE
