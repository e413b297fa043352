#include "integrations/lsp/json_scan.h"

#include "integrations/lsp/ascii.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

bool EndsScalar(char c) noexcept { return IsJsonSpace(c) || c == ',' || c == '}' || c == ']'; }

std::size_t SkipSpace(std::string_view text, std::size_t at) noexcept {
  while (at < text.size() && IsJsonSpace(text[at])) ++at;
  return at;
}

// Behind the string that begins at `at`; npos when it does not end.
std::size_t EndOfString(std::string_view text, std::size_t at) noexcept {
  for (++at; at < text.size(); ++at) {
    if (text[at] == '\\') {
      ++at;
    } else if (text[at] == '"') {
      return at + 1;
    }
  }
  return std::string_view::npos;
}

std::size_t EndOfScalar(std::string_view text, std::size_t at) noexcept {
  if (text[at] == '"') return EndOfString(text, at);
  while (at < text.size() && !EndsScalar(text[at])) ++at;
  return at == text.size() ? std::string_view::npos : at;  // a number cut off is another number
}

std::string_view WithoutQuotes(std::string_view token) noexcept {
  return token.substr(1, token.size() - 2);
}

}  // namespace

void ScanJsonHead(std::string_view head,
                  const std::function<void(const JsonPath&, std::string_view)>& visit) {
  JsonPath path;
  // Whether the container at each depth is an array; deeper ones are counted only.
  std::array<bool, JsonPath::kDeepest + 1> array{};
  std::size_t depth = 0;  // of open containers

  std::size_t at = SkipSpace(head, 0);
  if (at == head.size() || head[at] != '{') return;
  depth = 1;
  ++at;
  bool key_next = true;

  while (depth > 0) {
    at = SkipSpace(head, at);
    if (at == head.size()) return;
    const char c = head[at];
    const bool followed = depth <= JsonPath::kDeepest;  // keys of this depth are kept
    if (c == '}' || c == ']') {
      --depth;
      ++at;
      key_next = false;
      continue;
    }
    if (c == ',') {
      key_next = followed && !array[depth];
      ++at;
      continue;
    }
    if (c == ':') {
      key_next = false;
      ++at;
      continue;
    }
    if (key_next) {
      const std::size_t end = c == '"' ? EndOfString(head, at) : std::string_view::npos;
      if (end == std::string_view::npos) return;
      path.keys[depth - 1] = WithoutQuotes(head.substr(at, end - at));
      at = end;
      key_next = false;
      continue;
    }
    path.depth = depth;
    if (followed && array[depth]) path.keys[depth - 1] = "[]";
    if (c == '{' || c == '[') {
      if (followed) visit(path, head.substr(at, 1));
      ++depth;
      ++at;
      if (depth <= JsonPath::kDeepest) array[depth] = c == '[';
      key_next = c == '{' && depth <= JsonPath::kDeepest;
      continue;
    }
    const std::size_t end = EndOfScalar(head, at);
    if (end == std::string_view::npos) return;
    if (end == at) return;  // no JSON
    if (followed) visit(path, head.substr(at, end - at));
    at = end;
  }
}

void ScanJsonTail(std::string_view tail,
                  const std::function<void(int, std::string_view, std::string_view)>& visit) {
  constexpr int kLevels = 3;
  const auto trim = [&tail] {
    while (!tail.empty() && IsJsonSpace(tail.back())) tail.remove_suffix(1);
  };
  // Takes the string that ends `tail` off it. Within a string a quote has a backslash before it,
  // and outside of strings there are no backslashes: the next quote without one is the beginning.
  const auto take_string = [&tail]() -> std::string_view {
    std::size_t at = tail.size() - 1;
    while (at > 0) {
      --at;
      if (tail[at] != '"') continue;
      std::size_t backslashes = 0;
      while (backslashes < at && tail[at - 1 - backslashes] == '\\') ++backslashes;
      if (backslashes == at) return {};  // its beginning may be cut off
      if (backslashes % 2 != 0) continue;
      const std::string_view token = tail.substr(at);
      tail.remove_suffix(token.size());
      return token;
    }
    return {};
  };

  trim();
  int level = 0;
  for (;;) {
    trim();
    if (tail.empty()) return;
    const char c = tail.back();
    if (c == '}') {
      if (++level > kLevels) return;
      tail.remove_suffix(1);
      continue;
    }
    if (level == 0) return;
    std::string_view token;
    if (c == '"') {
      token = take_string();
    } else {
      std::size_t begin = tail.size();
      while (begin > 0 && tail[begin - 1] != ':' && !EndsScalar(tail[begin - 1]) &&
             tail[begin - 1] != '"' && tail[begin - 1] != '{' && tail[begin - 1] != '[') {
        --begin;
      }
      token = tail.substr(begin);
      tail.remove_suffix(token.size());
    }
    if (token.empty()) return;
    trim();
    if (tail.empty() || tail.back() != ':') return;
    tail.remove_suffix(1);
    trim();
    if (tail.empty() || tail.back() != '"') return;
    const std::string_view key = take_string();
    if (key.empty()) return;
    visit(level, WithoutQuotes(key), token);
    trim();
    // Any other character ends it: at a '{' the members of this level are over.
    if (tail.empty() || tail.back() != ',') return;
    tail.remove_suffix(1);
    trim();
    // A further member that is no scalar hides what stands before it.
    if (tail.empty() || tail.back() == '}' || tail.back() == ']') return;
  }
}

}  // namespace detail
POLYMETER_END_NAMESPACE
