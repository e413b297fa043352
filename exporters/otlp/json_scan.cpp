#include "exporters/otlp/json_scan.h"

#include <cstdint>

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr int kMostDepth = 32;

void AppendUtf8(std::string& out, std::uint32_t point) {
  const auto byte = [&out](std::uint32_t bits) { out += static_cast<char>(bits); };
  if (point < 0x80) {
    byte(point);
  } else if (point < 0x800) {
    byte(0xC0 | point >> 6);
    byte(0x80 | (point & 0x3F));
  } else if (point < 0x10000) {
    byte(0xE0 | point >> 12);
    byte(0x80 | (point >> 6 & 0x3F));
    byte(0x80 | (point & 0x3F));
  } else {
    byte(0xF0 | point >> 18);
    byte(0x80 | (point >> 12 & 0x3F));
    byte(0x80 | (point >> 6 & 0x3F));
    byte(0x80 | (point & 0x3F));
  }
}

class Scanner {
 public:
  Scanner(std::string_view json, const JsonVisitor& visit) : rest_(json), visit_(visit) {}

  bool Run() {
    if (!Value(0)) return false;
    SkipBlanks();
    return rest_.empty();
  }

 private:
  void SkipBlanks() {
    while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\t' ||
                              rest_.front() == '\n' || rest_.front() == '\r')) {
      rest_.remove_prefix(1);
    }
  }
  bool Take(char c) {
    SkipBlanks();
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }

  bool Value(int depth) {
    if (depth > kMostDepth) return false;
    if (Take('{')) return Object(depth);
    if (Take('[')) return List(depth);
    if (Take('"')) {
      std::string text;
      if (!String(text)) return false;
      visit_(path_, text);
      return true;
    }
    return Literal();
  }

  bool Object(int depth) {
    if (Take('}')) return true;
    do {
      std::string key;
      if (!Take('"') || !String(key) || !Take(':')) return false;
      const std::size_t parent = path_.size();
      if (parent != 0) path_ += '.';
      path_ += key;
      if (!Value(depth + 1)) return false;
      path_.resize(parent);
    } while (Take(','));
    return Take('}');
  }

  bool List(int depth) {
    if (Take(']')) return true;
    do {
      if (!Value(depth + 1)) return false;
    } while (Take(','));
    return Take(']');
  }

  // A number, true, false or null: what may stand in one, not whether it is right.
  bool Literal() {
    std::size_t size = 0;
    while (size < rest_.size()) {
      const char c = rest_[size];
      const bool part = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '+' || c == '-' ||
                        c == '.' || c == 'E';
      if (!part) break;
      ++size;
    }
    if (size == 0) return false;
    const std::string_view literal = rest_.substr(0, size);
    if (literal != "null") visit_(path_, literal);
    rest_.remove_prefix(size);
    return true;
  }

  // After the opening quote.
  bool String(std::string& out) {
    for (;;) {
      if (rest_.empty()) return false;
      const char c = rest_.front();
      rest_.remove_prefix(1);
      if (c == '"') return true;
      if (static_cast<unsigned char>(c) < 0x20) return false;
      if (c != '\\') {
        out += c;
      } else if (!Escape(out)) {
        return false;
      }
    }
  }

  bool Escape(std::string& out) {
    if (rest_.empty()) return false;
    const char c = rest_.front();
    rest_.remove_prefix(1);
    switch (c) {
      case 'b':
        out += '\b';
        return true;
      case 'f':
        out += '\f';
        return true;
      case 'n':
        out += '\n';
        return true;
      case 'r':
        out += '\r';
        return true;
      case 't':
        out += '\t';
        return true;
      case '"':
      case '\\':
      case '/':
        out += c;
        return true;
      case 'u':
        return UnicodeEscape(out);
      default:
        return false;
    }
  }

  bool UnicodeEscape(std::string& out) {
    std::uint32_t point = 0;
    if (!FourDigits(point)) return false;
    if (point >= 0xD800 && point < 0xDC00 && rest_.starts_with("\\u")) {
      const std::string_view before = rest_;
      rest_.remove_prefix(2);
      std::uint32_t low = 0;
      if (!FourDigits(low)) return false;
      if (low >= 0xDC00 && low < 0xE000) {
        point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00);
      } else {
        rest_ = before;
      }
    }
    AppendUtf8(out, point >= 0xD800 && point < 0xE000 ? 0xFFFD : point);
    return true;
  }

  bool FourDigits(std::uint32_t& out) {
    if (rest_.size() < 4) return false;
    for (int i = 0; i < 4; ++i) {
      const char c = rest_[static_cast<std::size_t>(i)];
      const int digit = c >= '0' && c <= '9'   ? c - '0'
                        : c >= 'a' && c <= 'f' ? c - 'a' + 10
                        : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                               : -1;
      if (digit < 0) return false;
      out = out << 4 | static_cast<std::uint32_t>(digit);
    }
    rest_.remove_prefix(4);
    return true;
  }

  std::string_view rest_;
  const JsonVisitor& visit_;
  std::string path_;
};

}  // namespace

bool ScanJson(std::string_view json, const JsonVisitor& visit) {
  return Scanner(json, visit).Run();
}

}  // namespace detail
POLYMETER_END_NAMESPACE
