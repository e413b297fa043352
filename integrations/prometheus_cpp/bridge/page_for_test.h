// Reads pages back, for the bridge's tests: a strict parser of text 0.0.4 that shares nothing with
// the encoders, promtool as a second judge, and an HTTP GET over a bare socket.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "polymeter/scrape.h"

namespace bridge_test {

using Labels = std::map<std::string, std::string>;
using Samples = std::map<std::pair<std::string, Labels>, double>;

struct Page {
  Samples samples;
  std::map<std::string, std::string> types;
  std::map<std::string, std::string> help;

  bool Has(const std::string& name, const Labels& labels = {}) const {
    return samples.count({name, labels}) != 0;
  }
  // Throws std::out_of_range, which fails the test, when there is no such sample.
  double Value(const std::string& name, const Labels& labels = {}) const {
    return samples.at({name, labels});
  }
};

// Throws std::runtime_error with the line where the format is broken, and at a duplicate sample.
class PageParser {
 public:
  static Page Parse(std::string_view text) {
    if (!text.empty() && text.back() != '\n') throw std::runtime_error("no line feed at the end");
    PageParser parser;
    while (!text.empty()) {
      const std::size_t end = text.find('\n');
      parser.line_ = parser.rest_ = text.substr(0, end);
      text.remove_prefix(end + 1);
      if (!parser.rest_.empty()) parser.Line();
    }
    return std::move(parser.page_);
  }

 private:
  [[noreturn]] void Fail(const std::string& why) const {
    throw std::runtime_error(why + " in line: " + std::string(line_));
  }
  bool Take(std::string_view text) {
    if (rest_.substr(0, text.size()) != text) return false;
    rest_.remove_prefix(text.size());
    return true;
  }
  void Line() {
    if (Take("# HELP ")) {
      const std::string name = Name(true);
      if (!Take(" ")) Fail("no space after the name");
      if (!page_.help.emplace(name, Unescape(rest_, false)).second) Fail("second HELP");
    } else if (Take("# TYPE ")) {
      const std::string name = Name(true);
      if (!Take(" ")) Fail("no space after the name");
      static const std::set<std::string_view> kTypes = {"counter", "gauge", "histogram", "summary",
                                                        "untyped"};
      if (kTypes.count(rest_) == 0) Fail("unknown type");
      if (!page_.types.emplace(name, rest_).second) Fail("second TYPE");
      if (with_samples_.count(name) != 0) Fail("TYPE after a sample");
    } else if (rest_.front() != '#') {
      Sample();
    }
  }
  void Sample() {
    const std::string name = Name(true);
    Labels labels;
    if (Take("{")) {
      while (!Take("}")) {
        const std::string label = Name(false);
        if (!Take("=\"")) Fail("no =\" after a label name");
        std::size_t end = 0;
        while (end < rest_.size() && rest_[end] != '"') end += rest_[end] == '\\' ? 2 : 1;
        if (end >= rest_.size()) Fail("label value without end");
        if (!labels.emplace(label, Unescape(rest_.substr(0, end), true)).second) {
          Fail("label twice");
        }
        rest_.remove_prefix(end + 1);
        if (!Take(",") && rest_.substr(0, 1) != "}") Fail("no comma between labels");
      }
    }
    if (!Take(" ")) Fail("no space before the value");
    if (!page_.samples.emplace(std::pair(name, labels), Number(rest_)).second) Fail("sample twice");
    with_samples_.insert(name);
    for (const std::string_view suffix : {"_bucket", "_sum", "_count"}) {
      if (name.size() > suffix.size() && name.ends_with(suffix)) {
        with_samples_.insert(name.substr(0, name.size() - suffix.size()));
      }
    }
  }
  std::string Name(bool metric) {
    std::size_t n = 0;
    const auto good = [&](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (metric && c == ':') ||
             (n > 0 && c >= '0' && c <= '9');
    };
    while (n < rest_.size() && good(rest_[n])) ++n;
    if (n == 0) Fail("no name");
    const std::string name(rest_.substr(0, n));
    rest_.remove_prefix(n);
    return name;
  }
  std::string Unescape(std::string_view text, bool label) const {
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] != '\\') {
        result += text[i];
        continue;
      }
      const char next = ++i < text.size() ? text[i] : '\0';
      if (next == 'n') {
        result += '\n';
      } else if (next == '\\' || (label && next == '"')) {
        result += next;
      } else {
        Fail("undefined escape");
      }
    }
    return result;
  }
  double Number(std::string_view text) const {
    if (text == "+Inf") return std::numeric_limits<double>::infinity();
    if (text == "-Inf") return -std::numeric_limits<double>::infinity();
    // prometheus-cpp writes Nan.
    if (text == "NaN" || text == "Nan") return std::numeric_limits<double>::quiet_NaN();
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) Fail("bad number");
    return value;
  }

  Page page_;
  std::set<std::string> with_samples_;
  std::string_view line_;
  std::string_view rest_;
};

// Text 0.0.4, as our own server would send it.
inline std::string PageText(const polymeter::Metrics& metrics) {
  struct Sink final : polymeter::ScrapeSink {
    void Begin(std::string_view type, std::string_view) override { content_type = type; }
    bool Write(std::string_view bytes) override {
      body += bytes;
      return true;
    }
    std::string content_type;
    std::string body;
  } sink;
  const polymeter::Status status = polymeter::Scrape(metrics, polymeter::ScrapeRequest(), sink);
  EXPECT_TRUE(status.ok()) << status.message();
  EXPECT_NE(sink.content_type.find("version=0.0.4"), std::string::npos) << sink.content_type;
  return sink.body;
}

inline Page PageOf(const polymeter::Metrics& metrics) {
  return PageParser::Parse(PageText(metrics));
}

// Exit code 1 means that promtool could not read the page; 3 is lint, an opinion on names.
inline void ExpectPromtoolReads(const std::string& page) {
  std::string path = ::testing::TempDir() + "polymeter-page-XXXXXX";
  const int file = mkstemp(path.data());
  ASSERT_GE(file, 0);
  const ssize_t written = write(file, page.data(), page.size());
  close(file);
  std::string said;
  int status = -1;
  const std::string command = "promtool check metrics < " + path + " 2>&1";
  if (FILE* const pipe = popen(command.c_str(), "r")) {
    char buffer[4096];
    while (const std::size_t n = fread(buffer, 1, sizeof(buffer), pipe)) said.append(buffer, n);
    status = pclose(pipe);
  }
  unlink(path.c_str());
  ASSERT_EQ(static_cast<std::size_t>(written), page.size());
  ASSERT_TRUE(WIFEXITED(status));
  const int code = WEXITSTATUS(status);
  EXPECT_TRUE(code == 0 || code == 3) << "promtool ended with " << code << ": " << said << page;
}

// The body of a 200 from 127.0.0.1; throws otherwise.
inline std::string HttpGet(int port, const std::string& path) {
  const int connection = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(connection, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    close(connection);
    throw std::runtime_error("no connection");
  }
  const std::string request =
      "GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
  std::string response;
  if (send(connection, request.data(), request.size(), MSG_NOSIGNAL) ==
      static_cast<ssize_t>(request.size())) {
    char buffer[4096];
    ssize_t n = 0;
    while ((n = recv(connection, buffer, sizeof(buffer), 0)) > 0) {
      response.append(buffer, static_cast<std::size_t>(n));
    }
  }
  close(connection);
  const std::size_t body = response.find("\r\n\r\n");
  if (response.rfind("HTTP/1.1 200", 0) != 0 || body == std::string::npos) {
    throw std::runtime_error("no 200: " + response);
  }
  if (response.find("chunked") < body) throw std::runtime_error("chunked: " + response);
  return response.substr(body + 4);
}

}  // namespace bridge_test
