// An application's own push backend: an encoder and a transport; interval, retry, the last flush
// and the accounting are PushBackend's. It writes "name value" lines to a file descriptor.
#include <poll.h>
#include <polymeter/polymeter.h>
#include <polymeter/push_backend.h>
#include <unistd.h>

#include <memory>
#include <string>

// The format. Pure: from a snapshot to messages, saying what it cannot carry.
struct LinesEncoder : polymeter::Encoder {
  polymeter::EncodeReport Encode(const polymeter::Snapshot& snapshot, polymeter::EncoderCache*,
                                 polymeter::MessageSink& sink) const override {
    polymeter::EncodeReport report;
    for (const polymeter::FamilyView& family : snapshot.families()) {
      const auto* counters = std::get_if<polymeter::CounterPoints>(&family.points);
      if (counters == nullptr) {
        report.LeaveOut("no_counter", family.size());
        continue;
      }
      for (const polymeter::CounterPoint& point : *counters) {
        std::string line(family.name);
        polymeter::VisitLabels(family, point.series, [&](auto name, auto value) {
          line.append(" ").append(name).append("=").append(value);
        });
        sink.Append(line + " " + std::to_string(point.value()) + "\n");
        ++report.points;
      }
    }
    if (report.points != 0) sink.EndMessage(report.points);
    return report;
  }
  std::string_view content_type() const override { return "text/plain"; }
};

// The way out, in parts that a ready pipe takes without waiting. What is half out never goes again.
struct DescriptorTransport : polymeter::PushTransport {
  polymeter::SendResult Send(std::string_view message, polymeter::Deadline deadline) override {
    std::string_view left = message;
    while (!left.empty() && std::chrono::steady_clock::now() < deadline) {
      if (pollfd out{STDOUT_FILENO, POLLOUT, 0}; poll(&out, 1, 100) <= 0) continue;
      const ssize_t written = write(STDOUT_FILENO, left.data(), left.substr(0, 4096).size());
      if (written <= 0) break;
      left.remove_prefix(static_cast<std::size_t>(written));
    }
    if (left.empty()) return polymeter::SendResult::Accepted();
    if (left == message) return polymeter::SendResult::Retry("standard output takes nothing");
    return polymeter::SendResult::Rejected("torn", "standard output took a part");
  }
};

int main() {
  auto lines = std::make_shared<polymeter::PushBackend>(
      polymeter::PushOptions("lines").Interval(std::chrono::seconds(10)),
      std::make_shared<LinesEncoder>(), [] { return std::make_unique<DescriptorTransport>(); });
  const auto metrics = polymeter::FromEnvironment(polymeter::Options().AddBackend(lines));
  metrics.Counter("jobs_total", "Jobs run.", {"kind"}).With("small").Increment(3);
  return metrics.Shutdown() ? 0 : 1;  // a last flush, and whether it arrived
}
