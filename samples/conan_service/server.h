// The service's HTTP side, on civetweb:
//   POST /links        body: an address; 200 and its code
//   GET  /links/CODE   302 to the address
#pragma once

#include <polymeter/http.h>
#include <polymeter/http_civetweb.h>

#include <memory>
#include <string>

#include "links.h"

class Server {
 public:
  // Null where nothing can listen there. `links` and `http` must outlive it.
  static std::unique_ptr<Server> Start(const std::string& listen, Links& links,
                                       polymeter::HttpServerMetrics& http);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  int port() const;

 private:
  explicit Server(polymeter::HttpServerMetrics& http) : middleware_(http) {}

  polymeter::CivetwebMiddleware middleware_;
  mg_context* context_ = nullptr;
};
