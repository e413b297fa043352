// The least of an HTTP client: one request on a new connection to 127.0.0.1.
#pragma once

#include <string>
#include <vector>

namespace surface {

struct Answer {
  int status = 0;  // 0: no answer
  std::string headers;
  std::string body;

  // The value of a header, "-" without one.
  std::string Header(const std::string& name) const;
};

Answer Request(int port, const std::string& method, const std::string& path,
               const std::vector<std::string>& headers = {});

// "Basic ..." of a user and a password.
std::string BasicAuth(const std::string& user, const std::string& password);

// The page as a fact: families by name, the series of each in one order, because nobody promises
// one. Of exposer_* the help is left out, and the values, which depend on the page's bytes and on
// the time, except for the number of scrapes.
std::string Canonical(const std::string& page);
// The samples alone, without the Exposer's own families.
std::string Samples(const std::string& page);

}  // namespace surface
