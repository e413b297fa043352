#include "exporters/otlp/answer_parts.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
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

// --- dates -------------------------------------------------------------------------------------

// Takes a date apart, piece by piece.
class DateReader {
 public:
  explicit DateReader(std::string_view text) : rest_(text) {}

  bool Skip(std::string_view what) {
    if (!rest_.starts_with(what)) return false;
    rest_.remove_prefix(what.size());
    return true;
  }
  // Letters: the name of a day.
  bool SkipName() {
    std::size_t size = 0;
    while (size < rest_.size() && ((rest_[size] >= 'A' && rest_[size] <= 'Z') ||
                                   (rest_[size] >= 'a' && rest_[size] <= 'z'))) {
      ++size;
    }
    rest_.remove_prefix(size);
    return size >= 3;
  }
  bool Number(std::size_t digits, int& out) {
    if (rest_.size() < digits) return false;
    const char* const begin = rest_.data();
    const auto [end, error] = std::from_chars(begin, begin + digits, out);
    if (error != std::errc() || end != begin + digits || *begin == '-') return false;
    rest_.remove_prefix(digits);
    return true;
  }
  // 1 to 12.
  bool Month(int& out) {
    static constexpr std::string_view kNames = "JanFebMarAprMayJunJulAugSepOctNovDec";
    if (rest_.size() < 3) return false;
    const auto found = kNames.find(rest_.substr(0, 3));
    if (found == std::string_view::npos || found % 3 != 0) return false;
    out = static_cast<int>(found / 3) + 1;
    rest_.remove_prefix(3);
    return true;
  }
  bool Time(int& hour, int& minute, int& second) {
    return Number(2, hour) && Skip(":") && Number(2, minute) && Skip(":") && Number(2, second);
  }
  bool at_end() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

struct Date {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
};

// Sun, 06 Nov 1994 08:49:37 GMT
bool ReadFixDate(DateReader in, Date& out) {
  return in.SkipName() && in.Skip(", ") && in.Number(2, out.day) && in.Skip(" ") &&
         in.Month(out.month) && in.Skip(" ") && in.Number(4, out.year) && in.Skip(" ") &&
         in.Time(out.hour, out.minute, out.second) && in.Skip(" GMT") && in.at_end();
}
// Sunday, 06-Nov-94 08:49:37 GMT
bool ReadRfc850(DateReader in, Date& out) {
  const bool ok = in.SkipName() && in.Skip(", ") && in.Number(2, out.day) && in.Skip("-") &&
                  in.Month(out.month) && in.Skip("-") && in.Number(2, out.year) && in.Skip(" ") &&
                  in.Time(out.hour, out.minute, out.second) && in.Skip(" GMT") && in.at_end();
  out.year += out.year < 70 ? 2000 : 1900;
  return ok;
}
// Sun Nov  6 08:49:37 1994
bool ReadAsctime(DateReader in, Date& out) {
  if (!in.SkipName() || !in.Skip(" ") || !in.Month(out.month) || !in.Skip(" ")) return false;
  if (!(in.Skip(" ") ? in.Number(1, out.day) : in.Number(2, out.day))) return false;
  return in.Skip(" ") && in.Time(out.hour, out.minute, out.second) && in.Skip(" ") &&
         in.Number(4, out.year) && in.at_end();
}

// In seconds, because a SystemTime counts nanoseconds and so ends in the year 2262.
std::optional<std::chrono::sys_seconds> ParseDate(std::string_view text) {
  using namespace std::chrono;
  Date date;
  const DateReader in(text);
  if (!ReadFixDate(in, date) && !ReadRfc850(in, date) && !ReadAsctime(in, date)) {
    return std::nullopt;
  }
  const year_month_day day(year(date.year), month(static_cast<unsigned>(date.month)),
                           std::chrono::day(static_cast<unsigned>(date.day)));
  if (!day.ok() || date.hour > 23 || date.minute > 59 || date.second > 60) return std::nullopt;
  return sys_days(day) + hours(date.hour) + minutes(date.minute) + seconds(date.second);
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
  const bool ok = ScanJson(json, [&out](std::string_view path, std::string_view value) {
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
  const bool ok = ScanJson(json, [&out](std::string_view path, std::string_view value) {
    if (path == "message") out.message = value;
    if (path == "details.retryDelay") out.retry_delay = DurationOf(value);
  });
  if (!ok) return std::nullopt;
  return out;
}

std::optional<milliseconds> ParseRetryAfter(std::string_view value, SystemTime now) {
  if (value.empty()) return std::nullopt;
  const bool digits =
      std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (digits) {
    std::int64_t seconds = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), seconds);
    return error == std::errc() ? DelayOf(seconds, 0) : kMostDelay;
  }
  const auto date = ParseDate(value);
  if (!date) return std::nullopt;
  const auto seconds = *date - std::chrono::floor<std::chrono::seconds>(now);
  if (seconds > kMostDelay) return kMostDelay;
  if (seconds.count() < 0) return milliseconds(0);
  return std::max(milliseconds(0), std::chrono::ceil<milliseconds>(SystemTime(*date) - now));
}

std::optional<std::string> DecodeBase64(std::string_view text) {
  while (text.ends_with('=')) text.remove_suffix(1);
  std::string out;
  out.reserve(text.size() * 3 / 4);
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const int value = c >= 'A' && c <= 'Z'   ? c - 'A'
                      : c >= 'a' && c <= 'z' ? c - 'a' + 26
                      : c >= '0' && c <= '9' ? c - '0' + 52
                      : c == '+'             ? 62
                      : c == '/'             ? 63
                                             : -1;
    if (value < 0) return std::nullopt;
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    count += 6;
    if (count >= 8) {
      count -= 8;
      out += static_cast<char>(bits >> count & 0xFF);
    }
  }
  if (text.size() % 4 == 1) return std::nullopt;
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
