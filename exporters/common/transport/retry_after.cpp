#include "exporters/common/transport/retry_after.h"

#include <algorithm>
#include <charconv>
#include <cstdint>

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kMostDelay = std::chrono::hours(24);

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

struct CalendarDate {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
};

// Sun, 06 Nov 1994 08:49:37 GMT
bool ReadFixDate(DateReader in, CalendarDate& out) {
  return in.SkipName() && in.Skip(", ") && in.Number(2, out.day) && in.Skip(" ") &&
         in.Month(out.month) && in.Skip(" ") && in.Number(4, out.year) && in.Skip(" ") &&
         in.Time(out.hour, out.minute, out.second) && in.Skip(" GMT") && in.at_end();
}
// Sunday, 06-Nov-94 08:49:37 GMT
bool ReadRfc850(DateReader in, CalendarDate& out) {
  const bool ok = in.SkipName() && in.Skip(", ") && in.Number(2, out.day) && in.Skip("-") &&
                  in.Month(out.month) && in.Skip("-") && in.Number(2, out.year) && in.Skip(" ") &&
                  in.Time(out.hour, out.minute, out.second) && in.Skip(" GMT") && in.at_end();
  out.year += out.year < 70 ? 2000 : 1900;
  return ok;
}
// Sun Nov  6 08:49:37 1994
bool ReadAsctime(DateReader in, CalendarDate& out) {
  if (!in.SkipName() || !in.Skip(" ") || !in.Month(out.month) || !in.Skip(" ")) return false;
  if (!(in.Skip(" ") ? in.Number(1, out.day) : in.Number(2, out.day))) return false;
  return in.Skip(" ") && in.Time(out.hour, out.minute, out.second) && in.Skip(" ") &&
         in.Number(4, out.year) && in.at_end();
}

// In seconds, because a SystemTime counts nanoseconds and so ends in the year 2262.
std::optional<std::chrono::sys_seconds> ParseDate(std::string_view text) {
  using namespace std::chrono;
  CalendarDate date;
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

std::optional<milliseconds> ParseRetryAfter(std::string_view value, SystemTime now) {
  if (value.empty()) return std::nullopt;
  const bool digits =
      std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (digits) {
    std::int64_t seconds = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), seconds);
    if (error != std::errc() || seconds >= 24 * 3600) return kMostDelay;
    return std::chrono::seconds(seconds);
  }
  const auto date = ParseDate(value);
  if (!date) return std::nullopt;
  const auto seconds = *date - std::chrono::floor<std::chrono::seconds>(now);
  if (seconds > kMostDelay) return kMostDelay;
  if (seconds.count() < 0) return milliseconds(0);
  return std::max(milliseconds(0), std::chrono::ceil<milliseconds>(SystemTime(*date) - now));
}

}  // namespace detail
POLYMETER_END_NAMESPACE
