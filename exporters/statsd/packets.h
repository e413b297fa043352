// Lines into packets: as many as fit, none split.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "polymeter/encoder.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

class Packets {
 public:
  Packets(MessageSink& sink, std::size_t most) : sink_(sink), most_(most) { packet_.reserve(most); }

  // Lines that must arrive together, without the last line's end. False: they fit into no packet.
  bool Add(std::string_view lines) {
    if (lines.size() > most_) return false;
    if (lines.size() > room()) Send();
    if (!packet_.empty()) packet_ += '\n';
    packet_ += lines;
    return true;
  }
  // A point whose lines, if it has any, have all been added: it goes with the last of them.
  void AddPoint() noexcept { ++points_; }
  // What fits into the packet that is being filled, and into an empty one.
  std::size_t room() const noexcept {
    if (packet_.empty()) return most_;
    return packet_.size() < most_ ? most_ - packet_.size() - 1 : 0;
  }
  std::size_t most() const noexcept { return most_; }

  // Sends what is left. Gives the points for which there was no packet, because none of them had a
  // line.
  std::size_t Finish() {
    if (!packet_.empty()) Send();
    return points_;
  }
  // False once the sink has refused bytes.
  bool ok() const noexcept { return ok_; }

 private:
  void Send() {
    ok_ = ok_ && sink_.Append(packet_) && sink_.EndMessage(points_);
    packet_.clear();
    points_ = 0;
  }

  MessageSink& sink_;
  const std::size_t most_;
  std::string packet_;
  std::size_t points_ = 0;
  bool ok_ = true;
};

}  // namespace detail
POLYMETER_END_NAMESPACE
