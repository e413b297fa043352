#include "test/dropin/surface/http.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <strings.h>
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <sstream>

namespace surface {

std::string Answer::Header(const std::string& name) const {
  std::istringstream lines(headers);
  for (std::string line; std::getline(lines, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    const std::size_t colon = line.find(": ");
    if (colon == name.size() && strncasecmp(line.c_str(), name.c_str(), colon) == 0) {
      return line.substr(colon + 2);
    }
  }
  return "-";
}

Answer Request(int port, const std::string& method, const std::string& path,
               const std::vector<std::string>& headers) {
  Answer answer;
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  timeval patience{};
  patience.tv_sec = 20;
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  std::string text;
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) {
    std::string request = method + " " + path + " HTTP/1.1\r\nHost: localhost\r\n";
    for (const std::string& header : headers) request += header + "\r\n";
    request += "Connection: close\r\n\r\n";
    if (send(fd, request.data(), request.size(), MSG_NOSIGNAL) ==
        static_cast<ssize_t>(request.size())) {
      char buffer[4096];
      for (ssize_t got; (got = recv(fd, buffer, sizeof(buffer), 0)) > 0;) {
        text.append(buffer, static_cast<std::size_t>(got));
      }
    }
  }
  close(fd);
  const std::size_t end = text.find("\r\n\r\n");
  if (end == std::string::npos || text.size() < 12) return answer;
  answer.status = std::atoi(text.c_str() + 9);
  answer.headers = text.substr(0, end + 2);
  answer.body = text.substr(end + 4);
  if (answer.Header("Transfer-Encoding") == "chunked") {
    std::string whole;
    for (std::size_t at = 0; at < answer.body.size();) {
      const std::size_t size = std::strtoul(answer.body.c_str() + at, nullptr, 16);
      const std::size_t begin = answer.body.find("\r\n", at);
      if (size == 0 || begin == std::string::npos) break;
      whole += answer.body.substr(begin + 2, size);
      at = begin + 2 + size + 2;
    }
    answer.body = whole;
  }
  return answer;
}

std::string BasicAuth(const std::string& user, const std::string& password) {
  static const char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const std::string text = user + ":" + password;
  std::string encoded;
  for (std::size_t i = 0; i < text.size(); i += 3) {
    unsigned long bits = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      bits = bits << 8 | (i + j < text.size() ? static_cast<unsigned char>(text[i + j]) : 0u);
    }
    for (std::size_t j = 0; j < 4; ++j) {
      encoded += i + j <= text.size() ? kDigits[bits >> (18 - 6 * j) & 63] : '=';
    }
  }
  return "Authorization: Basic " + encoded;
}

std::string Canonical(const std::string& page) {
  std::map<std::string, std::vector<std::string>> families;
  std::string family;
  std::istringstream lines(page);
  for (std::string line; std::getline(lines, line);) {
    if (line.compare(0, 7, "# HELP ") == 0 || line.compare(0, 7, "# TYPE ") == 0) {
      family = line.substr(7, line.find(' ', 7) - 7);
      if (line.compare(0, 15, "# HELP exposer_") == 0) line.resize(7 + family.size());
    } else if (line.compare(0, 8, "exposer_") == 0 &&
               line.compare(0, 21, "exposer_scrapes_total") != 0) {
      line = line.substr(0, line.rfind(' '));
    }
    families[family].push_back(line);
  }
  std::string text;
  for (auto& entry : families) {
    const auto samples = std::find_if(entry.second.begin(), entry.second.end(),
                                      [](const std::string& line) { return line[0] != '#'; });
    std::sort(samples, entry.second.end());
    for (const std::string& line : entry.second) text += line + "\n";
  }
  return text;
}

std::string Samples(const std::string& page) {
  std::vector<std::string> samples;
  std::istringstream lines(page);
  for (std::string line; std::getline(lines, line);) {
    if (line[0] != '#' && line.compare(0, 8, "exposer_") != 0) samples.push_back(line);
  }
  std::sort(samples.begin(), samples.end());
  std::string text;
  for (const std::string& sample : samples) text += sample + "\n";
  return text;
}

}  // namespace surface
