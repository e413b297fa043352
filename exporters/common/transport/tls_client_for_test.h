// A TLS client over OpenSSL that does exactly what a test tells it.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "exporters/common/transport/raw_client_for_test.h"

POLYMETER_BEGIN_NAMESPACE
namespace testing {

struct TlsClientOptions {
  std::string ca_file;  // of the server; empty: any server
  std::string certificate_file;
  std::string key_file;
  int min_version = TLS1_2_VERSION;
  int max_version = TLS1_3_VERSION;
  std::string alpn = "\x02h2\x08http/1.1";  // what curl and Go offer
  int receive_buffer = 0;                   // a small one makes a client that takes little
};

// One connection to 127.0.0.1. Reads wait for 20 seconds at most.
class TlsClient {
 public:
  explicit TlsClient(std::uint16_t port, const TlsClientOptions& options = {})
      : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)),
        context_(SSL_CTX_new(TLS_client_method())) {
    sigset_t pipe;  // OpenSSL writes without MSG_NOSIGNAL
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
    SSL_CTX_set_security_level(context_, 0);  // so that old versions can be tried
    SSL_CTX_set_min_proto_version(context_, options.min_version);
    SSL_CTX_set_max_proto_version(context_, options.max_version);
    if (!options.ca_file.empty()) {
      SSL_CTX_load_verify_locations(context_, options.ca_file.c_str(), nullptr);
      SSL_CTX_set_verify(context_, SSL_VERIFY_PEER, nullptr);
    }
    if (!options.certificate_file.empty()) {
      SSL_CTX_use_certificate_chain_file(context_, options.certificate_file.c_str());
      SSL_CTX_use_PrivateKey_file(context_, options.key_file.c_str(), SSL_FILETYPE_PEM);
    }
    if (options.receive_buffer != 0) {
      setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &options.receive_buffer,
                 sizeof(options.receive_buffer));
    }
    const timeval wait{20, 0};
    setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
    ssl_ = SSL_new(context_);
    if (!options.alpn.empty()) {
      SSL_set_alpn_protos(ssl_, reinterpret_cast<const unsigned char*>(options.alpn.data()),
                          static_cast<unsigned>(options.alpn.size()));
    }
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
    SSL_set_fd(ssl_, socket_);
  }
  ~TlsClient() {
    SSL_free(ssl_);
    SSL_CTX_free(context_);
    close(socket_);
  }
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;

  bool connected() const { return connected_; }
  bool Handshake() {
    ERR_clear_error();
    return connected_ && SSL_connect(ssl_) == 1;
  }
  bool Send(std::string_view bytes) {
    return SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size())) ==
           static_cast<int>(bytes.size());
  }
  // Bytes that are none of TLS.
  void SendRaw(std::string_view bytes) {
    static_cast<void>(!send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL));
  }
  void EndSending() { SSL_shutdown(ssl_); }         // TLS's own notice
  void EndSocket() { shutdown(socket_, SHUT_WR); }  // without one
  std::string ReadSome(int most) {
    ERR_clear_error();
    std::string some(static_cast<std::size_t>(most), '\0');
    const int n = SSL_read(ssl_, some.data(), most);
    some.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
    if (n <= 0) ended_well_ = SSL_get_error(ssl_, n) == SSL_ERROR_ZERO_RETURN;
    return some;
  }
  std::string ReadAll() {
    std::string all;
    for (std::string some = ReadSome(16384); !some.empty(); some = ReadSome(16384)) all += some;
    return all;
  }
  bool ended_well() const { return ended_well_; }  // the server gave notice
  std::string Version() const { return SSL_get_version(ssl_); }
  std::string Cipher() const { return SSL_get_cipher_name(ssl_); }
  std::string Alpn() const {
    const unsigned char* chosen = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl_, &chosen, &size);
    return chosen == nullptr ? "" : std::string(reinterpret_cast<const char*>(chosen), size);
  }
  std::string ServerName() const {  // "/CN=server"
    X509* const certificate = SSL_get_peer_certificate(ssl_);
    if (certificate == nullptr) return {};
    char name[200];
    X509_NAME_oneline(X509_get_subject_name(certificate), name, sizeof(name));
    X509_free(certificate);
    return name;
  }

 private:
  const int socket_;
  SSL_CTX* const context_;
  SSL* ssl_ = nullptr;
  bool connected_ = false;
  bool ended_well_ = false;
};

// One request; status 0 when the handshake failed or no answer came.
inline RawAnswer TlsGet(std::uint16_t port, std::string_view path,
                        const TlsClientOptions& options = {}, std::string_view headers = {}) {
  TlsClient client(port, options);
  if (!client.Handshake()) return {};
  client.Send("GET " + std::string(path) + " HTTP/1.1\r\nHost: localhost\r\n" +
              std::string(headers) + "\r\n");
  return ParseAnswer(client.ReadAll());
}

}  // namespace testing
POLYMETER_END_NAMESPACE
