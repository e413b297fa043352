#include "exporters/common/transport/tls_connection.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <utility>

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kTlsRecord = 16 * 1024;  // the longest (RFC 8446, 5.1)
constexpr std::size_t kSlowRecord = 4 * 1024;
constexpr milliseconds kLinger(2000);

// The end of the head, or npos. Looks only at what came last.
std::size_t HeadEnd(std::string_view head, std::size_t from) {
  for (std::size_t at = head.find('\n', from); at != std::string_view::npos;
       at = head.find('\n', at + 1)) {
    const std::string_view next = head.substr(at + 1);
    if (next.starts_with("\n")) return at + 2;
    if (next.starts_with("\r\n")) return at + 3;
  }
  return std::string_view::npos;
}

}  // namespace

TlsConnection::TlsConnection(int client, std::shared_ptr<ssl_ctx_st> context,
                             const TlsRelayOptions& options, Time now)
    : options_(options),
      context_(std::move(context)),
      client_(client),
      ssl_(SSL_new(context_.get())),
      state_deadline_(now + options.request_timeout) {
  if (ssl_ == nullptr || SSL_set_fd(ssl_, client_) != 1) {
    Over();
  } else {
    SSL_set_accept_state(ssl_);
  }
}

TlsConnection::~TlsConnection() {
  SSL_free(ssl_);
  close(client_);
  if (hop_ >= 0) close(hop_);
}

// --- what it waits for --------------------------------------------------------------------------

pollfd TlsConnection::ClientPoll() const {
  pollfd wait{-1, 0, 0};
  const bool takes_request =
      state_ == State::kRelay && to_hop_.empty() && !hop_write_shut_ && !hop_ended_;
  if (state_ == State::kHandshake || state_ == State::kHead || takes_request) {
    if (!client_ended_) wait.events = tls_wants_write_ ? POLLOUT : POLLIN;
  }
  if (state_ == State::kRelay && (!to_client_.empty() || notice_waits_)) wait.events |= POLLOUT;
  if (state_ == State::kEnd) wait.events = POLLIN;
  // Errors are told without being asked for, and would be told without end.
  if (wait.events != 0) wait.fd = client_;
  return wait;
}

pollfd TlsConnection::HopPoll() const {
  pollfd wait{-1, 0, 0};
  if (state_ != State::kRelay || hop_ < 0) return wait;
  if (hop_connecting_ || !to_hop_.empty()) wait.events |= POLLOUT;
  if (!hop_connecting_ && !hop_ended_ && to_client_.empty()) wait.events |= POLLIN;
  if (wait.events != 0) wait.fd = hop_;
  return wait;
}

TlsConnection::Time TlsConnection::Deadline() const {
  if (state_ != State::kRelay) return state_deadline_;
  return std::min(progress_deadline_, answer_deadline_);
}

bool TlsConnection::HasMore() const {
  const pollfd wait = ClientPoll();
  return wait.fd >= 0 && (wait.events & POLLIN) != 0 && state_ != State::kEnd &&
         SSL_pending(ssl_) > 0;
}

// --- one turn -----------------------------------------------------------------------------------

bool TlsConnection::Turn(short client_events, short hop_events, Time now) {
  ERR_clear_error();
  if (now >= Deadline()) {
    // Else the kernel would go on delivering what it holds.
    const linger none{1, 0};
    if (state_ == State::kRelay) setsockopt(client_, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
    Over();
  }
  const bool client_ready = client_events != 0 || HasMore();
  switch (state_) {
    case State::kHandshake:
      if (client_ready) Shake(now);
      break;
    case State::kHead:
      if (client_ready) ReadHead(now);
      break;
    case State::kRelay:
      Relay(client_events, hop_events, now);
      break;
    case State::kEnd:
      if (client_ready) Drain();
      break;
    case State::kOver:
      break;
  }
  return state_ != State::kOver;
}

void TlsConnection::Shake(Time now) {
  const int result = SSL_do_handshake(ssl_);
  tls_wants_write_ = false;
  if (result == 1) {
    state_ = State::kHead;
    state_deadline_ = now + options_.request_timeout;
    ReadHead(now);
    return;
  }
  switch (SSL_get_error(ssl_, result)) {
    case SSL_ERROR_WANT_READ:
      return;
    case SSL_ERROR_WANT_WRITE:
      tls_wants_write_ = true;
      return;
    default:
      if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_HTTP_REQUEST) return AnswerPlainHttp(now);
      // The alert that says why has been sent; the client must be able to read it.
      BeginEnd(now);
  }
}

// Somebody wrote http:// for https://. This text is what tells them; it holds nothing of ours.
void TlsConnection::AnswerPlainHttp(Time now) {
  static constexpr std::string_view kAnswer =
      "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n"
      "Content-Length: 30\r\nConnection: close\r\n\r\nthis port speaks https:// only";
  // All of it fits into a new socket's buffer.
  static_cast<void>(send(client_, kAnswer.data(), kAnswer.size(), MSG_NOSIGNAL));
  BeginEnd(now);
}

TlsConnection::Read TlsConnection::ReadClient(std::string& bytes) {
  char buffer[kTlsRecord];
  const int n = SSL_read(ssl_, buffer, sizeof(buffer));
  tls_wants_write_ = false;
  if (n > 0) {
    bytes.append(buffer, static_cast<std::size_t>(n));
    return Read::kBytes;
  }
  switch (SSL_get_error(ssl_, n)) {
    case SSL_ERROR_WANT_READ:
      return Read::kLater;
    case SSL_ERROR_WANT_WRITE:
      tls_wants_write_ = true;
      return Read::kLater;
    case SSL_ERROR_ZERO_RETURN:
      client_ended_ = true;
      return Read::kEnd;
    case SSL_ERROR_SYSCALL:  // OpenSSL 1.1.1: the connection ended without a notice
      client_ended_ = n == 0;
      return client_ended_ ? Read::kEnd : Read::kBroken;
    default:
      return Read::kBroken;
  }
}

// The whole head is here before the plain server hears of it: a slow client holds none of its
// workers.
void TlsConnection::ReadHead(Time now) {
  const std::size_t before = to_hop_.size();
  switch (ReadClient(to_hop_)) {
    case Read::kLater:
      return;
    case Read::kBroken:
      return Over();
    case Read::kEnd:
      // What there is may still be a whole request to the server.
      return to_hop_.empty() ? BeginEnd(now) : OpenHop(now);
    case Read::kBytes:
      break;
  }
  // Empty lines before a request are ignored (RFC 9112, 2.2).
  to_hop_.erase(0, std::min(to_hop_.size(), to_hop_.find_first_not_of("\r\n")));
  if (HeadEnd(to_hop_, before < 3 ? 0 : before - 3) != std::string::npos ||
      to_hop_.size() > options_.max_header_bytes) {
    OpenHop(now);
  }
}

void TlsConnection::OpenHop(Time now) {
  // Behind the first line. Without one the server has nothing to answer but an error.
  const std::size_t line = to_hop_.find('\n');
  if (line != std::string::npos) to_hop_.insert(line + 1, options_.hop_header);
  hop_ = socket(options_.hop.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (hop_ < 0) return Over();
  // What lies in between is not felt by the server's own limits of time, so it is little.
  const int room = 64 * 1024;
  setsockopt(hop_, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
  if (connect(hop_, reinterpret_cast<const sockaddr*>(&options_.hop), options_.hop_size) != 0) {
    if (errno != EINPROGRESS) return Over();
    hop_connecting_ = true;
  }
  state_ = State::kRelay;
  if (!hop_connecting_) Relay(0, 0, now);
}

void TlsConnection::Relay(short client_events, short hop_events, Time now) {
  if (hop_connecting_) {
    if (hop_events == 0) return;
    int error = 0;
    socklen_t size = sizeof(error);
    if (getsockopt(hop_, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0) return Over();
    hop_connecting_ = false;
  }
  if ((client_events & (POLLERR | POLLNVAL)) != 0) return Over();
  if (!to_hop_.empty()) SendRequest();
  if (!hop_ended_ && to_client_.empty() && hop_events != 0) ReadAnswer(now);
  if (state_ == State::kRelay && !to_client_.empty()) SendAnswer(now);
  if (state_ == State::kRelay && to_hop_.empty() && !client_ended_ && !hop_ended_ &&
      (client_events != 0 || HasMore())) {
    ReadRequest();
  }
  if (state_ != State::kRelay) return;
  if (client_ended_ && to_hop_.empty() && !hop_write_shut_) {
    shutdown(hop_, SHUT_WR);
    hop_write_shut_ = true;
  }
  if (hop_ended_ && to_client_.empty()) SendNotice(now);
}

void TlsConnection::ReadRequest() {
  switch (ReadClient(to_hop_)) {
    case Read::kBytes:
      return SendRequest();
    case Read::kBroken:
      return Over();
    case Read::kLater:
    case Read::kEnd:
      return;
  }
}

void TlsConnection::SendRequest() {
  const ssize_t n = send(hop_, to_hop_.data() + to_hop_sent_, to_hop_.size() - to_hop_sent_,
                         MSG_NOSIGNAL | MSG_DONTWAIT);
  if (n < 0) {
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) return;
    // The server takes no more of it, but may have answered.
    to_hop_.clear();
    to_hop_sent_ = 0;
    client_ended_ = true;
    hop_write_shut_ = true;
    return;
  }
  to_hop_sent_ += static_cast<std::size_t>(n);
  if (to_hop_sent_ < to_hop_.size()) return;
  to_hop_.clear();
  to_hop_sent_ = 0;
}

void TlsConnection::ReadAnswer(Time now) {
  to_client_.resize(kTlsRecord);
  to_client_sent_ = 0;
  const ssize_t n = recv(hop_, to_client_.data(), to_client_.size(), MSG_DONTWAIT);
  to_client_.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  if (n > 0) {
    progress_deadline_ = now + options_.request_timeout;
    if (answer_deadline_ == Time::max()) answer_deadline_ = now + options_.response_timeout;
  } else if (n == 0) {
    hop_ended_ = true;
  } else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
    Over();  // broken off: no regular end for the client either
  }
}

void TlsConnection::SendAnswer(Time now) {
  // A record is taken as a whole, so a slow client gets small ones: its progress is seen. One that
  // waits to be sent keeps its size.
  if (record_ == 0) {
    record_ = std::min(to_client_.size() - to_client_sent_, slow_ ? kSlowRecord : kTlsRecord);
  }
  const int n = SSL_write(ssl_, to_client_.data() + to_client_sent_, static_cast<int>(record_));
  if (n <= 0) {
    const int error = SSL_get_error(ssl_, n);
    if (error != SSL_ERROR_WANT_WRITE && error != SSL_ERROR_WANT_READ) Over();
    slow_ = true;
    return;
  }
  record_ = 0;
  progress_deadline_ = now + options_.request_timeout;
  to_client_sent_ += static_cast<std::size_t>(n);
  if (to_client_sent_ < to_client_.size()) return;
  to_client_.clear();
  to_client_sent_ = 0;
  progress_deadline_ = Time::max();
}

void TlsConnection::SendNotice(Time now) {
  const int result = SSL_shutdown(ssl_);
  if (result < 0 && SSL_get_error(ssl_, result) == SSL_ERROR_WANT_WRITE) {
    if (!notice_waits_) progress_deadline_ = now + options_.request_timeout;
    notice_waits_ = true;
    return;
  }
  BeginEnd(now);
}

// Closing at once would take the last bytes away from a client that is still sending.
void TlsConnection::BeginEnd(Time now) {
  shutdown(client_, SHUT_WR);
  if (hop_ >= 0) close(std::exchange(hop_, -1));
  state_ = State::kEnd;
  state_deadline_ = now + kLinger;
}

void TlsConnection::Drain() {
  char buffer[kTlsRecord];
  const ssize_t n = recv(client_, buffer, sizeof(buffer), MSG_DONTWAIT);
  if (n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)) Over();
}

}  // namespace detail
POLYMETER_END_NAMESPACE
