// One client of a server over TLS: handshake, the head of its request, then bytes to and fro
// between it and the plain server behind.
#pragma once

#include <poll.h>
#include <sys/socket.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include "polymeter/export.h"

struct ssl_ctx_st;  // OpenSSL's SSL_CTX and SSL
struct ssl_st;

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// What all connections of a front share.
struct TlsRelayOptions {
  sockaddr_storage hop{};  // where the plain server listens
  socklen_t hop_size = 0;
  std::string hop_header;  // a line with its CRLF, put behind each request line
  std::size_t max_header_bytes = 16 * 1024;
  // For the handshake, for the head, and for each time that a client takes nothing of the answer.
  std::chrono::milliseconds request_timeout{5000};
  std::chrono::milliseconds response_timeout{60000};  // for the whole answer
};

// Never blocks. Used by one thread, which blocks SIGPIPE.
class TlsConnection {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // Takes the socket, which does not block.
  TlsConnection(int client, std::shared_ptr<ssl_ctx_st> context, const TlsRelayOptions& options,
                Time now);
  ~TlsConnection();
  TlsConnection(const TlsConnection&) = delete;
  TlsConnection& operator=(const TlsConnection&) = delete;

  // What it waits for; a descriptor of -1 is none.
  pollfd ClientPoll() const;
  pollfd HopPoll() const;
  // Cut off when it is over; Time::max() where only the peers' doing counts.
  Time Deadline() const;
  // Bytes lie in OpenSSL, where poll does not see them.
  bool HasMore() const;

  // Moves at most one TLS record each way, so that one busy client does not starve the others.
  // False: it is over.
  bool Turn(short client_events, short hop_events, Time now);
  // Whether the plain server has the request, so that an answer may come.
  bool relaying() const { return state_ == State::kRelay || state_ == State::kEnd; }

 private:
  enum class State {
    kHandshake,
    kHead,
    kRelay,
    kEnd,  // the answer is out: until the client has closed, too
    kOver,
  };
  enum class Read { kBytes, kLater, kEnd, kBroken };

  void Shake(Time now);
  void AnswerPlainHttp(Time now);
  void ReadHead(Time now);
  void OpenHop(Time now);
  void Relay(short client_events, short hop_events, Time now);
  void ReadRequest();
  void SendRequest();
  void ReadAnswer(Time now);
  void SendAnswer(Time now);
  void SendNotice(Time now);
  void BeginEnd(Time now);
  void Drain();
  Read ReadClient(std::string& bytes);
  void Over() { state_ = State::kOver; }

  const TlsRelayOptions& options_;
  const std::shared_ptr<ssl_ctx_st> context_;
  const int client_;
  int hop_ = -1;
  ssl_st* ssl_ = nullptr;
  State state_ = State::kHandshake;
  bool tls_wants_write_ = false;  // to go on with the handshake or with reading
  bool client_ended_ = false;     // it sends no more
  bool hop_ended_ = false;
  bool hop_connecting_ = false;
  bool hop_write_shut_ = false;
  std::string to_hop_;  // the request's head at first
  std::size_t to_hop_sent_ = 0;
  std::string to_client_;
  std::size_t to_client_sent_ = 0;
  std::size_t record_ = 0;  // that waits to be sent
  bool slow_ = false;
  bool notice_waits_ = false;             // TLS's own end
  Time state_deadline_;                   // of handshake, head and end
  Time progress_deadline_ = Time::max();  // of the client's taking something
  Time answer_deadline_ = Time::max();
};

}  // namespace detail
POLYMETER_END_NAMESPACE
