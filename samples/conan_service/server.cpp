#include "server.h"

#include <optional>
#include <string_view>

namespace {

constexpr std::string_view kPrefix = "/links/";

int Answer(mg_connection* connection, int status, const std::string& body,
           const std::string& header = {}) {
  const std::string head =
      "HTTP/1.1 " + std::to_string(status) + " " + mg_get_response_code_text(connection, status) +
      "\r\nContent-Type: text/plain\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
      header + "Connection: close\r\n\r\n";
  mg_write(connection, head.data(), head.size());
  polymeter::CivetwebWrite(connection, body.data(), body.size());
  return status;
}

std::string_view Method(mg_connection* connection) {
  return mg_get_request_info(connection)->request_method;
}

int OnLinks(mg_connection* connection, void* data) {
  if (Method(connection) != "POST") return Answer(connection, 405, "POST an address\n");
  char body[2049];
  std::size_t size = 0;
  for (int n = 0;
       size < sizeof(body) && (n = mg_read(connection, body + size, sizeof(body) - size)) > 0;) {
    size += static_cast<std::size_t>(n);
  }
  const Links::Added added = static_cast<Links*>(data)->Add(std::string_view(body, size));
  if (added.refusal == Links::Refusal::kFull) return Answer(connection, 507, "no more links\n");
  if (added.refusal == Links::Refusal::kNotAnAddress) {
    return Answer(connection, 400, "the body must be an http or https address\n");
  }
  return Answer(connection, 200, added.code + "\n");
}

int OnLink(mg_connection* connection, void* data) {
  if (Method(connection) != "GET") return Answer(connection, 405, "GET a link\n");
  std::string_view path = mg_get_request_info(connection)->local_uri;
  const std::optional<std::string> address =
      static_cast<Links*>(data)->Find(path.substr(kPrefix.size()));
  if (!address) return Answer(connection, 404, "no such link\n");
  return Answer(connection, 302, "", "Location: " + *address + "\r\n");
}

// Every other path: civetweb's own handling of files must see none (CVE-2025-55763).
int OnAnythingElse(mg_connection* connection, void*) {
  return Answer(connection, 404, "no such page\n");
}

}  // namespace

std::unique_ptr<Server> Server::Start(const std::string& listen, Links& links,
                                      polymeter::HttpServerMetrics& http) {
  mg_init_library(0);
  std::unique_ptr<Server> server(new Server(http));
  mg_callbacks callbacks{};
  server->middleware_.Install(callbacks);
  const char* options[] = {"listening_ports",    listen.c_str(), "num_threads", "8",
                           "request_timeout_ms", "5000",         nullptr};
  server->context_ = mg_start(&callbacks, &server->middleware_, options);
  if (server->context_ == nullptr) return nullptr;
  server->middleware_.Handle(server->context_, "/links$", "/links", &OnLinks, &links);
  server->middleware_.Handle(server->context_, "/links/*$", "/links/{code}", &OnLink, &links);
  server->middleware_.Handle(server->context_, "/", "", &OnAnythingElse);
  return server;
}

Server::~Server() {
  if (context_ != nullptr) mg_stop(context_);
  mg_exit_library();
}

int Server::port() const {
  mg_server_port port{};
  return mg_get_server_ports(context_, 1, &port) > 0 ? port.port : 0;
}
