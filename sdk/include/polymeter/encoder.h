// Encoder: from a Snapshot to the messages of one format. C++17.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "polymeter/snapshot.h"

POLYMETER_BEGIN_NAMESPACE

// Where an encoder's bytes go.
class MessageSink {
 public:
  virtual ~MessageSink() = default;
  // Part of the current message. False: the receiver is gone, stop encoding.
  virtual bool Append(std::string_view bytes) = 0;
  // The message (a page, a datagram, a request) is complete and carries so many points.
  virtual bool EndMessage(std::size_t points) = 0;
};

// Constant bytes (line heads, attribute encodings) that an encoder keeps from one snapshot to
// the next, keyed by FamilyView::id, SeriesView::index and generation. Owned by the backend, used
// by one encoder and one thread at a time. Warm and cold give the same bytes.
class EncoderCache {
 public:
  virtual ~EncoderCache() = default;
};

// What became of a snapshot's points.
struct EncodeReport {
  // Points that were left out for one reason.
  struct Drop {
    std::string_view reason;  // static text, such as "no_summary"
    std::uint64_t points;     // how many
  };
  std::uint64_t points = 0;   // written
  std::vector<Drop> dropped;  // what the format cannot carry
  bool complete = true;       // false: the sink refused bytes

  // Adds `n` points that are left out for `reason`, which is static text.
  void LeaveOut(std::string_view reason, std::uint64_t n = 1) {
    if (n == 0) return;
    for (Drop& drop : dropped) {
      if (drop.reason == reason) {
        drop.points += n;
        return;
      }
    }
    dropped.push_back({reason, n});
  }
};

// Pure: no clock, no environment, no I/O. const and thread-safe; the cache is not.
class Encoder {
 public:
  virtual ~Encoder() = default;
  // A fresh cache for this encoder; null where it needs none.
  virtual std::unique_ptr<EncoderCache> MakeCache() const { return nullptr; }
  // `cache`: from this encoder's MakeCache, or null to encode without one.
  virtual EncodeReport Encode(const Snapshot& snapshot, EncoderCache* cache,
                              MessageSink& sink) const = 0;
  // The HTTP media type of a message; empty where there is none.
  virtual std::string_view content_type() const = 0;
};

POLYMETER_END_NAMESPACE
