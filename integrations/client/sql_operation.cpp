// Finds what an SQL statement does, without a grammar of SQL.
#include <cstddef>

#include "polymeter/client.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr std::size_t kSearched = std::size_t{16} << 10;

bool IsSpace(char c) noexcept { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool IsLetter(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsWord(char c) noexcept {
  return IsLetter(c) || (c >= '0' && c <= '9') || c == '_' || c == '$' ||
         static_cast<unsigned char>(c) >= 0x80;
}

// `upper` is in capitals.
bool Is(std::string_view word, std::string_view upper) noexcept {
  if (word.size() != upper.size()) return false;
  for (std::size_t i = 0; i < word.size(); ++i) {
    if ((IsLetter(word[i]) ? word[i] & ~0x20 : word[i]) != upper[i]) return false;
  }
  return true;
}

bool IsStatement(std::string_view word) noexcept {
  for (const std::string_view one :
       {"SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "VALUES", "TABLE"}) {
    if (Is(word, one)) return true;
  }
  return false;
}

// Words, parentheses and commas, one after the other; comments and quoted text are skipped.
class Scanner {
 public:
  explicit Scanner(std::string_view text) noexcept : rest_(text.substr(0, kSearched)) {}

  // Empty at the end.
  std::string_view Next() noexcept {
    while (!rest_.empty()) {
      const char c = rest_.front();
      if (IsSpace(c) || c == ';') {
        Drop(1);
      } else if (rest_.substr(0, 2) == "--") {
        Drop(rest_.find('\n'));
      } else if (rest_.substr(0, 2) == "/*") {
        SkipComment();
      } else if (c == '\'' || c == '"' || c == '`') {
        SkipQuoted(c);
      } else if (c == '$' && SkipDollarQuoted()) {
      } else if (IsWord(c)) {
        std::size_t length = 1;
        while (length < rest_.size() && IsWord(rest_[length])) ++length;
        return Take(length);
      } else {
        return Take(1);
      }
    }
    return {};
  }

 private:
  void Drop(std::size_t n) noexcept { rest_.remove_prefix(n < rest_.size() ? n : rest_.size()); }
  std::string_view Take(std::size_t n) noexcept {
    const std::string_view taken = rest_.substr(0, n);
    Drop(n);
    return taken;
  }
  // PostgreSQL's comments nest.
  void SkipComment() noexcept {
    Drop(2);
    for (int depth = 1; depth > 0 && !rest_.empty();) {
      if (rest_.substr(0, 2) == "/*") {
        ++depth;
        Drop(2);
      } else if (rest_.substr(0, 2) == "*/") {
        --depth;
        Drop(2);
      } else {
        Drop(1);
      }
    }
  }
  // A quote that is doubled is skipped as two quoted texts.
  void SkipQuoted(char quote) noexcept {
    Drop(1);
    const std::size_t end = rest_.find(quote);
    Drop(end == std::string_view::npos ? end : end + 1);
  }
  // $tag$ ... $tag$; false when it is a parameter ($1).
  bool SkipDollarQuoted() noexcept {
    std::size_t end = 1;
    while (end < rest_.size() && rest_[end] != '$' && IsWord(rest_[end])) ++end;
    if (end >= rest_.size() || rest_[end] != '$') return false;
    const std::string_view tag = rest_.substr(0, end + 1);
    Drop(tag.size());
    const std::size_t close = rest_.find(tag);
    Drop(close == std::string_view::npos ? close : close + tag.size());
    return true;
  }

  std::string_view rest_;
};

// After WITH: name [(columns)] AS [[NOT] MATERIALIZED] (query) [SEARCH or CYCLE ...] [, ...], then
// the statement. A table may be named `update`, so that a word counts only where a query has ended.
std::string_view MainStatement(Scanner scanner) noexcept {
  int depth = 0;
  bool in_query = false;   // the parenthesis that is open follows AS
  bool may_begin = false;  // a query has ended
  bool after_as = false;
  for (std::string_view token; !(token = scanner.Next()).empty();) {
    if (token == "(") {
      if (depth++ == 0) {
        if (may_begin && !after_as) {  // WITH x AS (...) (SELECT ...)
          while (token == "(") token = scanner.Next();
          return IsStatement(token) ? token : std::string_view();
        }
        in_query = after_as;
      }
    } else if (token == ")") {
      if (depth > 0 && --depth == 0) {
        may_begin = in_query;
        after_as = false;
      }
    } else if (depth > 0) {
    } else if (token == ",") {
      // Within SEARCH ... BY a, b no statement begins either, until the next query has ended.
      may_begin = false;
    } else if (Is(token, "AS")) {
      after_as = true;
    } else if (may_begin && IsStatement(token)) {
      return token;
    }
  }
  return {};
}

}  // namespace
}  // namespace detail

std::string_view SqlOperation(std::string_view statement) noexcept {
  detail::Scanner scanner(statement);
  std::string_view word = scanner.Next();
  while (word == "(") word = scanner.Next();
  if (word.empty() || !detail::IsLetter(word.front())) return {};
  if (!detail::Is(word, "WITH")) return word;
  const std::string_view main = detail::MainStatement(scanner);
  return main.empty() ? word : main;
}

POLYMETER_END_NAMESPACE
