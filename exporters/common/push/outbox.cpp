#include "exporters/common/push/outbox.h"

#include <algorithm>

POLYMETER_BEGIN_NAMESPACE
namespace detail {

using Outcome = SendResult::Outcome;

void Outbox::Drop(const std::string& reason, std::uint64_t points) {
  if (points != 0) dropped_[reason.empty() ? "rejected" : reason] += points;
}

void Outbox::CountLost(const std::string& reason, std::uint64_t points) {
  offered_ += points;
  Drop(reason, points);
}

void Outbox::Add(Batch batch) {
  for (const auto& [reason, points] : batch.uncarried()) CountLost(reason, points);
  if (!most_bytes_) {
    superseded_ += pending_;
    pending_ = 0;
    waiting_.clear();
  }
  KeepWithinBound();  // without the new one, which has not been tried yet
  const std::uint64_t points = batch.points();
  if (!batch.messages().empty()) waiting_.push_back(std::move(batch));
  offered_ += points;
  pending_ += points;
}

void Outbox::KeepWithinBound() {
  if (!most_bytes_) return;
  std::size_t bytes = 0;
  for (const Batch& batch : waiting_) bytes += batch.bytes();
  while (bytes > *most_bytes_) {
    Batch& oldest = waiting_.front();
    std::size_t messages = 0;
    std::uint64_t points = 0;
    for (const Batch::Message& message : oldest.messages()) {
      if (bytes <= *most_bytes_) break;
      bytes -= message.bytes.size();
      points += message.points;
      ++messages;
    }
    Drop("queue_full", points);
    pending_ -= points;
    oldest.EraseFirst(messages);
    if (oldest.messages().empty()) waiting_.pop_front();
  }
}

Batch Outbox::TakeFirst() {
  Batch batch = std::move(waiting_.front());
  waiting_.pop_front();
  return batch;
}

SendResult Outbox::Settle(Batch batch, std::vector<SendResult> results, SendResult end) {
  SendResult told;
  const auto tell = [&told](SendResult result) {
    // The first, but that a loss is more than a doubt about what was sent.
    const bool more = told.message.empty() || told.outcome == Outcome::kSent;
    if (!result.message.empty() && more) told = std::move(result);
  };
  if (end.outcome == Outcome::kRetry) {  // as if nothing of it had been sent
    waiting_.push_front(std::move(batch));
    KeepWithinBound();
    for (SendResult& result : results) {
      if (result.outcome == Outcome::kRetry) return result;
    }
    return end;
  }
  std::size_t done = 0;
  for (SendResult& result : results) {
    const std::uint64_t points = batch.messages()[done].points;
    if (result.outcome == Outcome::kRetry) break;
    ++done;
    pending_ -= points;
    if (result.outcome == Outcome::kRejected) {
      Drop(result.reason, points);
    } else if (end.outcome == Outcome::kRejected) {
      Drop(end.reason, points);
    } else {
      const std::uint64_t refused = std::min(result.rejected_points, points);
      Drop(result.reason.empty() ? "partial_success" : result.reason, refused);
      (result.outcome == Outcome::kSent ? sent_ : accepted_) += points - refused;
    }
    tell(std::move(result));
  }
  tell(std::move(end));
  if (done < batch.messages().size()) {
    SendResult retry = done < results.size() ? std::move(results[done]) : SendResult::Retry({});
    batch.EraseFirst(done);
    waiting_.push_front(std::move(batch));
    KeepWithinBound();
    return retry;
  }
  return told;
}

void Outbox::DropAll(const std::string& reason) {
  Drop(reason, pending_);
  pending_ = 0;
  waiting_.clear();
}

std::uint64_t Outbox::dropped(const std::string& reason) const {
  const auto found = dropped_.find(reason);
  return found == dropped_.end() ? 0 : found->second;
}

std::uint64_t Outbox::dropped() const {
  std::uint64_t all = 0;
  for (const auto& [reason, points] : dropped_) all += points;
  return all;
}

void Outbox::FillReport(BackendReport& report) const {
  report.offered = offered_;
  report.accepted = accepted_;
  report.sent = sent_;
  report.superseded = superseded_;
  report.pending = pending_;
  for (const auto& [reason, points] : dropped_) report.dropped.emplace_back(reason, points);
}

}  // namespace detail
POLYMETER_END_NAMESPACE
