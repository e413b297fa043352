// An application's own push backend: an encoder and a transport; interval, retry, the last flush
// and the accounting are PushBackend's. It writes "name value" lines to a file descriptor.
#include <polymeter/polymeter.h>
#include <polymeter/push_backend.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <string>

// The format. Pure: from a snapshot to messages, saying what it cannot carry.
class LinesEncoder : public polymeter::Encoder {
 public:
  polymeter::EncodeReport Encode(const polymeter::Snapshot& snapshot, polymeter::EncoderCache*,
                                 polymeter::MessageSink& sink) const override {
    polymeter::EncodeReport report;
    std::uint64_t unknown_kinds = 0;
    for (const polymeter::FamilyView& family : snapshot.families()) {
      const auto* counters = std::get_if<polymeter::CounterPoints>(&family.points);
      if (counters == nullptr) unknown_kinds += family.size();
      if (counters == nullptr) continue;
      for (const polymeter::CounterPoint& point : *counters) {
        std::string line(family.name);
        polymeter::VisitLabels(family, point.series, [&](auto name, auto value) {
          line.append(" ").append(name).append("=").append(value);
        });
        sink.Append(line + " " + std::to_string(point.value()) + "\n");
        ++report.points;
      }
    }
    if (unknown_kinds != 0) report.dropped.push_back({"no_counter", unknown_kinds});
    if (report.points != 0) sink.EndMessage(report.points);
    return report;
  }
  std::string_view content_type() const override { return "text/plain"; }
};

// The way out.
class DescriptorTransport : public polymeter::PushTransport {
 public:
  polymeter::SendResult Send(std::string_view message, polymeter::Deadline) override {
    const ssize_t written = write(STDOUT_FILENO, message.data(), message.size());
    if (written == static_cast<ssize_t>(message.size())) return polymeter::SendResult::Accepted();
    return polymeter::SendResult::Retry("standard output does not take it");
  }
};

int main() {
  auto lines = std::make_shared<polymeter::PushBackend>(
      polymeter::PushOptions("lines").Interval(std::chrono::seconds(10)),
      std::make_shared<LinesEncoder>(), [] { return std::make_unique<DescriptorTransport>(); });
  const auto metrics = polymeter::FromEnvironment(polymeter::Options().AddBackend(lines));
  metrics.Counter("jobs_total", "Jobs run.", {"kind"}).With("small").Increment(3);
  return metrics.Shutdown() ? 0 : 1;  // a last flush; its destructor would do the same
}
