#include "exporters/otlp/answer_parts.h"

#include <algorithm>
#include <charconv>
#include <protozero/pbf_reader.hpp>

#include "exporters/otlp/json_scan.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kMostDelay = std::chrono::hours(24);

// protozero throws on bytes that are no protobuf.
template <class Message, class Read>
std::optional<Message> Readable(std::string_view bytes, Read read) {
  try {
    Message message;
    read(protozero::pbf_reader(bytes.data(), bytes.size()), message);
    return message;
  } catch (const protozero::exception&) {
    return std::nullopt;
  }
}

// Whether the field at hand is this one. A field of this number but of another type is skipped like
// one that nobody knows: protozero's getters assert the type, and an answer may hold anything.
bool IsVarint(const protozero::pbf_reader& in, protozero::pbf_tag_type tag) {
  return in.tag() == tag && in.has_wire_type(protozero::pbf_wire_type::varint);
}
bool IsBytes(const protozero::pbf_reader& in, protozero::pbf_tag_type tag) {
  return in.tag() == tag && in.has_wire_type(protozero::pbf_wire_type::length_delimited);
}

milliseconds DelayOf(std::int64_t seconds, std::int64_t nanos) {
  if (seconds < 0 || nanos < 0) return milliseconds(0);
  if (seconds >= 24 * 3600) return kMostDelay;
  return std::min(kMostDelay, milliseconds(seconds * 1000 + nanos / 1000000));
}

void ReadRetryInfo(protozero::pbf_reader info, RpcStatus& out) {
  out.retry_delay = milliseconds(0);
  while (info.next()) {
    if (!IsBytes(info, 1)) {
      info.skip();
      continue;
    }
    protozero::pbf_reader duration = info.get_message();
    std::int64_t seconds = 0;
    std::int64_t nanos = 0;
    while (duration.next()) {
      if (IsVarint(duration, 1)) {
        seconds = duration.get_int64();
      } else if (IsVarint(duration, 2)) {
        nanos = duration.get_int32();
      } else {
        duration.skip();
      }
    }
    out.retry_delay = DelayOf(seconds, nanos);
  }
}

void ReadDetail(protozero::pbf_reader any, RpcStatus& out) {
  std::string type;
  protozero::data_view value;
  while (any.next()) {
    if (IsBytes(any, 1)) {
      type = any.get_string();
    } else if (IsBytes(any, 2)) {
      value = any.get_view();
    } else {
      any.skip();
    }
  }
  if (type.ends_with("/google.rpc.RetryInfo")) ReadRetryInfo(protozero::pbf_reader(value), out);
}

// "12", as protobuf's JSON writes 64-bit integers, or 12.
std::uint64_t CountOf(std::string_view text) {
  std::int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc() || end != text.data() + text.size() || count < 0) return 0;
  return static_cast<std::uint64_t>(count);
}

// "1.5s", as protobuf's JSON writes a Duration.
std::optional<milliseconds> DurationOf(std::string_view text) {
  double seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || end + 1 != text.data() + text.size() || *end != 's') {
    return std::nullopt;
  }
  if (!(seconds > 0)) return milliseconds(0);
  return milliseconds(static_cast<std::int64_t>(std::min(seconds, 86400.0) * 1000));
}

// A path in lowerCamelCase: protobuf's JSON says that readers take its fields' own names
// (rejected_data_points), too.
std::string CamelCase(std::string_view path) {
  std::string out;
  bool upper = false;
  for (const char c : path) {
    if (c == '_') {
      upper = true;
      continue;
    }
    out += upper && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    upper = false;
  }
  return out;
}

}  // namespace

std::optional<PartialSuccess> ReadResponse(std::string_view protobuf) {
  return Readable<PartialSuccess>(protobuf, [](protozero::pbf_reader in, PartialSuccess& out) {
    while (in.next()) {
      if (!IsBytes(in, 1)) {
        in.skip();
        continue;
      }
      protozero::pbf_reader partial = in.get_message();
      while (partial.next()) {
        if (IsVarint(partial, 1)) {
          const std::int64_t rejected = partial.get_int64();
          out.rejected = rejected < 0 ? 0 : static_cast<std::uint64_t>(rejected);
        } else if (IsBytes(partial, 2)) {
          out.message = partial.get_string();
        } else {
          partial.skip();
        }
      }
    }
  });
}

std::optional<PartialSuccess> ReadJsonResponse(std::string_view json) {
  PartialSuccess out;
  const bool ok = ScanJson(json, [&out](std::string_view given, std::string_view value) {
    const std::string path = CamelCase(given);
    if (path == "partialSuccess.rejectedDataPoints") out.rejected = CountOf(value);
    if (path == "partialSuccess.errorMessage") out.message = value;
  });
  if (!ok) return std::nullopt;
  return out;
}

std::optional<RpcStatus> ReadStatus(std::string_view protobuf) {
  return Readable<RpcStatus>(protobuf, [](protozero::pbf_reader in, RpcStatus& out) {
    while (in.next()) {
      if (IsBytes(in, 2)) {
        out.message = in.get_string();
      } else if (IsBytes(in, 3)) {
        ReadDetail(in.get_message(), out);
      } else {
        in.skip();
      }
    }
  });
}

std::optional<RpcStatus> ReadJsonStatus(std::string_view json) {
  RpcStatus out;
  const bool ok = ScanJson(json, [&out](std::string_view given, std::string_view value) {
    const std::string path = CamelCase(given);
    if (path == "message") out.message = value;
    if (path == "details.retryDelay") out.retry_delay = DurationOf(value);
  });
  if (!ok) return std::nullopt;
  return out;
}

std::string DecodePercent(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned byte = 0;
    if (text[i] == '%' && text.size() - i > 2) {
      const char* const end = text.data() + i + 3;
      if (std::from_chars(text.data() + i + 1, end, byte, 16).ptr == end) {
        out += static_cast<char>(byte);
        i += 2;
        continue;
      }
    }
    out += text[i];
  }
  return out;
}

}  // namespace detail
POLYMETER_END_NAMESPACE
