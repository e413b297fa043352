// The server over TLS against real sockets: whom it lets in, what it cuts off, and that its plain
// half behind is of no use to anybody else.
#include <dirent.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "exporters/common/transport/certificates_for_test.h"
#include "exporters/common/transport/http_server.h"
#include "exporters/common/transport/tls_client_for_test.h"
#include "exporters/common/transport/tls_context.h"
#include "sdk/testing/sanitizer.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::PortOf;
using testing::RawAnswer;
using testing::RawClient;
using testing::TlsClient;
using testing::TlsClientOptions;
using testing::TlsGet;
using TlsTestClock = std::chrono::steady_clock;

constexpr std::string_view kRequest = "GET /known HTTP/1.1\r\nHost: x\r\n\r\n";

void EchoToTls(const HttpRequest& request, HttpResponse& response) {
  std::string body(request.method);
  body.append(" [").append(request.path).append("] ").append(request.Header("x-test"));
  for (const auto& [name, value] : request.headers) {
    if (name.find("Hop") != std::string_view::npos) body.append(" LEAKED ").append(value);
  }
  response.Answer(request.path == "/known" ? 200 : 404, body);
}

void WriteMuchToTls(const HttpRequest& request, HttpResponse& response) {
  if (request.path == "/known") return EchoToTls(request, response);
  const std::string piece(10'000, 'm');
  for (int i = 0; i < 4'000; ++i) {
    if (!response.Write(piece)) return;
  }
}

class TlsServerTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new testing::TestFolder;
    const testing::Certificates make(*folder_);
    make.Authority("good");
    make.Authority("bad");
    make.Signed("server", "good");
    make.Signed("next", "good");
    make.Signed("client", "good");
    make.Signed("stranger", "bad");
    make.Signed("expired", "good", -1);
  }
  static void TearDownTestSuite() {
    delete folder_;
    folder_ = nullptr;
  }
  static std::string Pem(const std::string& name) { return folder_->File(name + ".pem"); }
  static std::string Key(const std::string& name) { return folder_->File(name + ".key"); }
  static HttpServerOptions Tls() {
    HttpServerOptions options;
    options.tls.emplace();
    options.tls->certificate_file = Pem("server");
    options.tls->key_file = Key("server");
    return options;
  }
  static TlsClientOptions Trusting() {
    TlsClientOptions client;
    client.ca_file = Pem("good");
    return client;
  }

  std::uint16_t Serve(HttpHandler handler, const HttpServerOptions& options = Tls()) {
    server_ = MakeHttpServer(options);
    const HttpStartResult result = server_->Start(std::move(handler));
    EXPECT_EQ(result.outcome, HttpStart::kStarted) << result.message;
    return PortOf(server_->endpoint());
  }
  // The reason for which such a server never starts.
  static std::string Impossible(const TlsServerOptions& tls) {
    HttpServerOptions options;
    options.tls = tls;
    const auto server = MakeHttpServer(options);
    const HttpStartResult result = server->Start(EchoToTls);
    EXPECT_EQ(result.outcome, HttpStart::kImpossible);
    EXPECT_EQ(server->endpoint(), "");
    EXPECT_EQ(CheckTls(tls).message(), result.message);
    return result.message;
  }

  inline static testing::TestFolder* folder_ = nullptr;
  std::unique_ptr<HttpServer> server_;
};

// --- answering ----------------------------------------------------------------------------------

TEST_F(TlsServerTest, AnswersOverTls12And13AndSpeaksHttp11) {
  const std::uint16_t port = Serve(EchoToTls);
  EXPECT_EQ(server_->endpoint(), "127.0.0.1:" + std::to_string(port));
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    TlsClientOptions options = Trusting();
    options.min_version = options.max_version = version;
    TlsClient client(port, options);
    ASSERT_TRUE(client.Handshake());
    EXPECT_EQ(client.Version(), version == TLS1_2_VERSION ? "TLSv1.2" : "TLSv1.3");
    EXPECT_EQ(client.Alpn(), "http/1.1");
    client.Send("GET /known HTTP/1.1\r\nHost: x\r\nX-Test: yes\r\n\r\n");
    const RawAnswer answer = testing::ParseAnswer(client.ReadAll());
    EXPECT_EQ(answer.status, 200);
    EXPECT_TRUE(answer.complete);
    EXPECT_EQ(answer.body, "GET [/known] yes");
    EXPECT_TRUE(client.ended_well());
  }
  TlsClientOptions without_alpn = Trusting();
  without_alpn.alpn.clear();
  EXPECT_EQ(TlsGet(port, "/known", without_alpn).status, 200);
  EXPECT_EQ(TlsGet(port, "/unknown", Trusting()).status, 404);
}

TEST_F(TlsServerTest, RefusesOldVersionsOtherProtocolsAndOldCiphers) {
  const std::uint16_t port = Serve(EchoToTls);
  TlsClientOptions old = Trusting();
  old.min_version = TLS1_VERSION;
  old.max_version = TLS1_1_VERSION;
  EXPECT_FALSE(TlsClient(port, old).Handshake());
  TlsClientOptions only_http2 = Trusting();
  only_http2.alpn = "\x02h2";
  EXPECT_FALSE(TlsClient(port, only_http2).Handshake());

  HttpServerOptions strict = Tls();
  strict.tls->min_version = TlsVersion::kTls13;
  const std::uint16_t strict_port = Serve(EchoToTls, strict);
  TlsClientOptions tls12 = Trusting();
  tls12.max_version = TLS1_2_VERSION;
  EXPECT_FALSE(TlsClient(strict_port, tls12).Handshake());
  EXPECT_EQ(TlsGet(strict_port, "/known", Trusting()).status, 200);

  HttpServerOptions chosen = Tls();
  chosen.tls->max_version = TlsVersion::kTls12;
  chosen.tls->cipher_suites = {"TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"};
  chosen.tls->curves = {"P-384"};
  TlsClient client(Serve(EchoToTls, chosen), Trusting());
  ASSERT_TRUE(client.Handshake());
  EXPECT_EQ(client.Version(), "TLSv1.2");
  EXPECT_EQ(client.Cipher(), "ECDHE-ECDSA-CHACHA20-POLY1305");
}

TEST_F(TlsServerTest, SendsLongBodiesWhole) {
  std::string body;
  for (int i = 0; i < 1'000'000; ++i) body += std::to_string(i) + '\n';
  const std::uint16_t port = Serve([&](const HttpRequest&, HttpResponse& response) {
    for (std::size_t at = 0; at < body.size(); at += 1000) {
      if (!response.Write(std::string_view(body).substr(at, 1000))) return;
    }
  });
  const RawAnswer answer = TlsGet(port, "/", Trusting());
  EXPECT_TRUE(answer.complete);
  EXPECT_TRUE(answer.body == body);
}

TEST_F(TlsServerTest, TakesARequestInPiecesAndAfterEmptyLines) {
  const std::uint16_t port = Serve(EchoToTls);
  TlsClient client(port, Trusting());
  ASSERT_TRUE(client.Handshake());
  for (const char c : std::string("\r\n") + std::string(kRequest)) {
    ASSERT_TRUE(client.Send(std::string(1, c)));
  }
  EXPECT_EQ(testing::ParseAnswer(client.ReadAll()).status, 200);
}

TEST_F(TlsServerTest, AnswersAClientThatHasEndedItsSide) {
  const std::uint16_t port = Serve(EchoToTls);
  for (const bool with_notice : {true, false}) {
    TlsClient client(port, Trusting());
    ASSERT_TRUE(client.Handshake());
    client.Send(kRequest);
    with_notice ? client.EndSending() : client.EndSocket();
    const RawAnswer answer = testing::ParseAnswer(client.ReadAll());
    EXPECT_EQ(answer.status, 200) << with_notice;
    EXPECT_TRUE(answer.complete);
  }
}

TEST_F(TlsServerTest, ReadsNoBodyAndRefusesAHeadThatIsTooLong) {
  const std::uint16_t port = Serve(EchoToTls);
  TlsClient with_body(port, Trusting());
  ASSERT_TRUE(with_body.Handshake());
  with_body.Send("POST /known HTTP/1.1\r\nHost: x\r\nContent-Length: 999999\r\n\r\nbegin");
  EXPECT_EQ(testing::ParseAnswer(with_body.ReadAll()).status, 200);
  TlsClient with_lines(port, Trusting());
  ASSERT_TRUE(with_lines.Handshake());
  with_lines.Send("GET /known HTTP/1.1\r\nX-Long: " + std::string(100'000, 'x') + "\r\n\r\n");
  EXPECT_NE(testing::ParseAnswer(with_lines.ReadAll()).status, 200);
  EXPECT_EQ(TlsGet(port, "/known", Trusting()).status, 200);
}

TEST_F(TlsServerTest, TellsAPlainClientThatItSpeaksHttpsOnly) {
  const std::uint16_t port = Serve(EchoToTls);
  const RawAnswer answer = testing::Get(port, "/known");
  EXPECT_EQ(answer.status, 400);
  EXPECT_TRUE(answer.complete);
  EXPECT_EQ(answer.body, "this port speaks https:// only");
  RawClient noise(port);
  noise.Send(std::string("\x16\x03\x01\xff\xff") + std::string(3000, '\xff'));
  noise.ReadAll(seconds(5));
  EXPECT_TRUE(noise.closed());
}

// The descriptors that the process may have while it lives.
class DescriptorLimit {
 public:
  explicit DescriptorLimit(rlim_t most) {
    EXPECT_EQ(getrlimit(RLIMIT_NOFILE, &before_), 0);
    const rlimit limit{most, before_.rlim_max};
    EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
  }
  ~DescriptorLimit() { EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &before_), 0); }
  DescriptorLimit(const DescriptorLimit&) = delete;
  DescriptorLimit& operator=(const DescriptorLimit&) = delete;

 private:
  rlimit before_{};
};

std::set<int> OpenDescriptors() {
  std::set<int> all;
  DIR* const directory = opendir("/proc/self/fd");
  while (const dirent* const entry = readdir(directory)) {
    if (entry->d_name[0] == '.') continue;
    const int descriptor = std::atoi(entry->d_name);
    if (descriptor != dirfd(directory)) all.insert(descriptor);
  }
  closedir(directory);
  return all;
}

// Within ten seconds.
bool WaitForDescriptors(std::size_t count) {
  const auto until = TlsTestClock::now() + seconds(10);
  while (OpenDescriptors().size() != count) {
    if (TlsTestClock::now() > until) return false;
    std::this_thread::sleep_for(milliseconds(1));
  }
  return true;
}

// --- client certificates ------------------------------------------------------------------------

TEST_F(TlsServerTest, LetsInOnlyClientsWithACertificateOfTheAuthority) {
  HttpServerOptions options = Tls();
  options.tls->client_ca_file = Pem("good");
  options.tls->client_certificates = ClientCertificates::kRequired;
  const std::uint16_t port = Serve(EchoToTls, options);
  const auto status_of = [&](const std::string& name) {
    TlsClientOptions client = Trusting();
    if (!name.empty()) {
      client.certificate_file = Pem(name);
      client.key_file = Key(name);
    }
    return TlsGet(port, "/known", client).status;
  };
  EXPECT_EQ(status_of("client"), 200);
  EXPECT_EQ(status_of(""), 0);
  EXPECT_EQ(status_of("stranger"), 0);
  EXPECT_EQ(status_of("expired"), 0);
  EXPECT_EQ(status_of("client"), 200);

  options.tls->client_certificates = ClientCertificates::kIfGiven;
  const std::uint16_t lenient = Serve(EchoToTls, options);
  EXPECT_EQ(TlsGet(lenient, "/known", Trusting()).status, 200);
  TlsClientOptions stranger = Trusting();
  stranger.certificate_file = Pem("stranger");
  stranger.key_file = Key("stranger");
  EXPECT_EQ(TlsGet(lenient, "/known", stranger).status, 0);
}

// The TCP ports of loopback at which this process listens.
std::set<std::uint16_t> ListeningPorts() {
  std::set<std::uint16_t> ports;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    const int descriptor = std::stoi(entry.path().filename().string());
    sockaddr_in local{};
    socklen_t size = sizeof(local);
    int listens = 0;
    socklen_t int_size = sizeof(listens);
    if (getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &listens, &int_size) == 0 &&
        listens != 0 && getsockname(descriptor, reinterpret_cast<sockaddr*>(&local), &size) == 0) {
      ports.insert(ntohs(local.sin_port));
    }
  }
  return ports;
}

// Else whoever can run a program on the machine would not need a certificate.
TEST_F(TlsServerTest, RefusesWhoeverComesToItsPlainHalfDirectly) {
  std::atomic<int> calls{0};
  const std::uint16_t port = Serve([&](const HttpRequest& request, HttpResponse& response) {
    ++calls;
    EchoToTls(request, response);
  });
  std::set<std::uint16_t> ports = ListeningPorts();
  ports.erase(port);
  ASSERT_EQ(ports.size(), 1u);
  const std::uint16_t hop = *ports.begin();
  const std::string guess(64, '0');
  for (const std::string& header : std::vector<std::string>{"", "X-Polymeter-Hop: \r\n",
                                                            "X-Polymeter-Hop: " + guess + "\r\n"}) {
    const RawAnswer answer = testing::Get(hop, "/known", header);
    EXPECT_EQ(answer.status, 403);
    EXPECT_EQ(answer.body, "forbidden\n");
  }
  EXPECT_EQ(calls, 0);
  const RawAnswer answer = TlsGet(port, "/known", Trusting(), "X-Polymeter-Hop: " + guess + "\r\n");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "GET [/known]  LEAKED " + guess);  // what the client sent, and no more
  EXPECT_EQ(calls, 1);
}

// --- starting -----------------------------------------------------------------------------------

TEST_F(TlsServerTest, NeverStartsWithoutWhatItWasToldToUse) {
  const TlsServerOptions right = *Tls().tls;
  TlsServerOptions tls = right;
  tls.certificate_file = folder_->File("none.pem");
  EXPECT_NE(Impossible(tls).find("none.pem' cannot be used: No such file"), std::string::npos)
      << Impossible(tls);
  tls = right;
  tls.certificate_file = folder_->Write("noise.pem", "no certificate");
  EXPECT_NE(Impossible(tls).find("noise.pem' cannot be used: no start line"), std::string::npos)
      << Impossible(tls);
  tls = right;
  tls.key_file = Key("next");
  EXPECT_NE(Impossible(tls).find("server.pem': key values mismatch"), std::string::npos)
      << Impossible(tls);
  tls = right;
  testing::Certificates(*folder_).OpenSsl("ec -aes256 -passout pass:secret -in " + Key("server") +
                                          " -out " + folder_->File("locked.key"));
  tls.key_file = folder_->File("locked.key");
  EXPECT_NE(Impossible(tls).find("it is encrypted"), std::string::npos) << Impossible(tls);
  tls = right;
  tls.client_ca_file = folder_->Write("empty.pem", "");
  tls.client_certificates = ClientCertificates::kRequired;
  EXPECT_NE(Impossible(tls).find("empty.pem' cannot be used"), std::string::npos);
  tls.client_ca_file.clear();
  EXPECT_NE(Impossible(tls).find("no TLS client CA file"), std::string::npos);
  tls = right;
  tls.client_ca_file = Pem("good");
  EXPECT_NE(Impossible(tls).find("not asked for"), std::string::npos);
  tls = right;
  tls.cipher_suites = {"TLS_NO_SUCH_WITH_THING"};
  EXPECT_NE(Impossible(tls).find("TLS_NO_SUCH_WITH_THING"), std::string::npos);
  tls.cipher_suites = {"TLS_AES_128_GCM_SHA256"};
  EXPECT_NE(Impossible(tls).find("TLS 1.3 alone"), std::string::npos);
  tls = right;
  tls.curves = {"P-1"};
  EXPECT_NE(Impossible(tls).find("P-1"), std::string::npos);
  tls = right;
  tls.min_version = TlsVersion::kTls13;
  tls.max_version = TlsVersion::kTls12;
  EXPECT_NE(Impossible(tls).find("above the highest"), std::string::npos);
}

TEST_F(TlsServerTest, SaysThatAPortIsBusyAndTakesItOnceItIsFree) {
  HttpServerOptions options = Tls();
  options.port = Serve(EchoToTls);
  const auto other = MakeHttpServer(options);
  const HttpStartResult busy = other->Start(EchoToTls);
  EXPECT_EQ(busy.outcome, HttpStart::kBusy);
  EXPECT_EQ(busy.message, server_->endpoint() + " is in use");
  ASSERT_TRUE(server_->Stop(TlsTestClock::now() + seconds(5)).ok());
  EXPECT_EQ(other->Start(EchoToTls).outcome, HttpStart::kStarted);
  EXPECT_EQ(TlsGet(options.port, "/known", Trusting()).status, 200);
  options = Tls();
  options.host = "203.0.113.1";  // of no machine
  EXPECT_EQ(MakeHttpServer(options)->Start(EchoToTls).outcome, HttpStart::kFailed);
}

// --- new certificates ---------------------------------------------------------------------------

TEST_F(TlsServerTest, TakesNewCertificatesAndKeepsTheOldOnesWhenTheyAreBad) {
  const auto install = [&](const std::string& pem, const std::string& key) {
    for (const auto& [from, to] : {std::pair(pem, "live.pem"), std::pair(key, "live.key")}) {
      std::filesystem::copy_file(from, folder_->File("live.new"),
                                 std::filesystem::copy_options::overwrite_existing);
      std::filesystem::rename(folder_->File("live.new"), folder_->File(to));
    }
    std::this_thread::sleep_for(milliseconds(1050));
  };
  install(Pem("server"), Key("server"));
  std::mutex mutex;
  std::vector<std::string> messages;
  HttpServerOptions options = Tls();
  options.tls->certificate_file = folder_->File("live.pem");
  options.tls->key_file = folder_->File("live.key");
  options.log = [&](std::string_view message) {
    const std::lock_guard lock(mutex);
    messages.emplace_back(message);
  };
  const std::uint16_t port = Serve(EchoToTls, options);
  const auto name = [&] {
    TlsClient client(port, Trusting());
    return client.Handshake() ? client.ServerName() : "none";
  };
  EXPECT_EQ(name(), "/CN=server");
  install(Pem("next"), Key("next"));
  EXPECT_EQ(name(), "/CN=next");
  EXPECT_TRUE(messages.empty());
  install(Pem("server"), Key("next"));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(name(), "/CN=next");
  std::this_thread::sleep_for(milliseconds(1050));
  EXPECT_EQ(name(), "/CN=next");
  {
    const std::lock_guard lock(mutex);
    ASSERT_EQ(messages.size(), 1u);  // once
    EXPECT_NE(messages[0].find("key values mismatch"), std::string::npos) << messages[0];
    EXPECT_NE(messages[0].find("stay in use"), std::string::npos) << messages[0];
  }
  install(Pem("server"), Key("server"));
  EXPECT_EQ(name(), "/CN=server");
}

// The files' stamps are the same at both times.
TEST_F(TlsServerTest, POLYMETER_PLAIN(ReadsCertificatesAgainWhenNoDescriptorWasFree)) {
  TlsServerOptions options;
  options.certificate_file = folder_->File("scarce.pem");
  options.key_file = folder_->File("scarce.key");
  const auto install = [&](const std::string& name) {
    const auto overwrite = std::filesystem::copy_options::overwrite_existing;
    std::filesystem::copy_file(Pem(name), options.certificate_file, overwrite);
    std::filesystem::copy_file(Key(name), options.key_file, overwrite);
  };
  install("server");
  TlsCertificates certificates(options);
  ASSERT_TRUE(certificates.Load().ok());
  std::vector<std::string> messages;
  auto now = TlsTestClock::now();
  const auto current = [&] {
    return certificates.Current(now += seconds(2),
                                [&](std::string_view message) { messages.emplace_back(message); });
  };
  const auto first = current();
  install("next");
  {
    const DescriptorLimit none(0);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(current(), first);
  }
  ASSERT_EQ(messages.size(), 1u);  // once
  EXPECT_NE(messages[0].find("Too many open files"), std::string::npos) << messages[0];
  const auto second = current();
  EXPECT_NE(second, first);
  EXPECT_EQ(current(), second);
  EXPECT_EQ(messages.size(), 1u);
}

// --- slow and many clients ----------------------------------------------------------------------

TEST_F(TlsServerTest, CutsOffClientsThatAreSlowToBegin) {
  HttpServerOptions options = Tls();
  options.threads = 1;
  options.request_timeout = milliseconds(400);
  const std::uint16_t port = Serve(EchoToTls, options);
  const auto begin = TlsTestClock::now();
  RawClient silent(port);
  RawClient half(port);
  half.Send("\x16\x03\x01");
  TlsClient shaken(port, Trusting());
  ASSERT_TRUE(shaken.Handshake());
  TlsClient began(port, Trusting());
  ASSERT_TRUE(began.Handshake());
  began.Send("GET /known HT");
  // None of them holds the only worker.
  EXPECT_EQ(TlsGet(port, "/known", Trusting()).status, 200);
  EXPECT_LT(TlsTestClock::now() - begin, milliseconds(350));
  silent.ReadAll(seconds(5));
  half.ReadAll(seconds(5));
  EXPECT_TRUE(silent.closed());
  EXPECT_TRUE(half.closed());
  EXPECT_EQ(shaken.ReadAll(), "");
  EXPECT_EQ(began.ReadAll(), "");
  EXPECT_LT(TlsTestClock::now() - begin, seconds(4));
}

TEST_F(TlsServerTest, DropsAClientThatReadsNothingOfItsAnswer) {
  HttpServerOptions options = Tls();
  options.threads = 1;
  options.request_timeout = milliseconds(300);
  const std::uint16_t port = Serve(WriteMuchToTls, options);
  TlsClientOptions small = Trusting();
  small.receive_buffer = 2048;
  TlsClient slow(port, small);
  ASSERT_TRUE(slow.Handshake());
  slow.Send("GET /much HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_FALSE(slow.ReadSome(100).empty());
  const auto begin = TlsTestClock::now();
  EXPECT_EQ(TlsGet(port, "/known", Trusting()).status, 200);
  EXPECT_LT(TlsTestClock::now() - begin, seconds(8));
  slow.ReadAll();
  EXPECT_FALSE(slow.ended_well());
}

TEST_F(TlsServerTest, DropsAClientThatTakesALittleNowAndThen) {
  HttpServerOptions options = Tls();
  options.threads = 1;
  options.response_timeout = milliseconds(700);
  const std::uint16_t port = Serve(WriteMuchToTls, options);
  std::atomic<bool> end{false};
  std::atomic<bool> dropped{false};
  std::thread trickle([&] {
    TlsClientOptions small = Trusting();
    small.receive_buffer = 2048;
    TlsClient slow(port, small);
    if (!slow.Handshake()) return;
    slow.Send("GET /much HTTP/1.1\r\nHost: x\r\n\r\n");
    while (!end && !slow.ReadSome(3000).empty()) std::this_thread::sleep_for(milliseconds(20));
    dropped = !end;
  });
  std::this_thread::sleep_for(milliseconds(100));
  const auto begin = TlsTestClock::now();
  EXPECT_EQ(TlsGet(port, "/known", Trusting()).status, 200);
  EXPECT_LT(TlsTestClock::now() - begin, seconds(8));
  for (int i = 0; i < 500 && !dropped; ++i) std::this_thread::sleep_for(milliseconds(10));
  EXPECT_TRUE(dropped);
  end = true;
  trickle.join();
}

TEST_F(TlsServerTest, AnswersOthersWhileOneClientTakesALongAnswer) {
  const std::uint16_t port = Serve(WriteMuchToTls);
  std::atomic<bool> whole{false};
  std::thread busy([&] { whole = TlsGet(port, "/much", Trusting()).complete; });
  milliseconds worst{0};
  for (int i = 0; i < 20; ++i) {
    const auto begin = TlsTestClock::now();
    EXPECT_EQ(TlsGet(port, "/known", Trusting()).status, 200);
    worst = std::max(worst, std::chrono::duration_cast<milliseconds>(TlsTestClock::now() - begin));
  }
  busy.join();
  EXPECT_TRUE(whole);
  EXPECT_LT(worst, seconds(2));
}

TEST_F(TlsServerTest, AnswersTwoHundredConnectionsThoughFewAreTakenAtATime) {
  HttpServerOptions options = Tls();
  options.threads = 2;
  options.max_connections = 20;
  options.request_timeout = seconds(20);
  const std::uint16_t port = Serve(EchoToTls, options);
  std::atomic<int> answered{0};
  std::vector<std::thread> clients;
  for (int c = 0; c < 40; ++c) {
    clients.emplace_back([&] {
      for (int i = 0; i < 5; ++i) {
        if (TlsGet(port, "/known", Trusting()).status == 200) ++answered;
      }
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(answered, 200);
}

// poll(2) refuses more entries than the process may have descriptors, and a connection is two.
TEST_F(TlsServerTest, OutlivesMoreIdleConnectionsThanItMayPoll) {
  const DescriptorLimit limit(128);
  const std::uint16_t port = Serve(EchoToTls);
  int end[2];
  ASSERT_EQ(pipe2(end, O_CLOEXEC), 0);
  const std::size_t before = OpenDescriptors().size();
  const pid_t child = fork();
  if (child == 0) {  // so that the clients do not take this process' descriptors
    close(end[1]);
    std::vector<std::unique_ptr<RawClient>> idle;
    for (int i = 0; i < 68; ++i) {
      idle.push_back(std::make_unique<RawClient>(port));
      std::this_thread::sleep_for(milliseconds(1));  // a full backlog costs a second
    }
    char none = 0;
    const bool told = read(end[0], &none, 1) == 0;
    _exit(told && idle.back()->connected() ? 0 : 1);
  }
  EXPECT_TRUE(WaitForDescriptors(before + 63));
  std::this_thread::sleep_for(milliseconds(50));  // the others are waiting by now
  close(end[1]);
  close(end[0]);
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(TlsGet(port, "/known", Trusting()).status, 200);
}

TEST_F(TlsServerTest, DropsTheLatestConnectionsWhenTheLimitOfDescriptorsIsLowered) {
  const std::uint16_t port = Serve(EchoToTls);
  const std::size_t before = OpenDescriptors().size();
  std::vector<std::unique_ptr<RawClient>> idle;
  for (int i = 0; i < 40; ++i) idle.push_back(std::make_unique<RawClient>(port));
  ASSERT_TRUE(WaitForDescriptors(before + 80));
  {
    const DescriptorLimit limit(64);
    idle[20].reset();  // the server looks at its connections anew
    idle.back()->ReadAll(seconds(5));
    EXPECT_TRUE(idle.back()->closed());
  }
  idle.front()->Send(kRequest);
  EXPECT_EQ(testing::ParseAnswer(idle.front()->ReadAll()).status, 400);  // it is no TLS
  EXPECT_EQ(TlsGet(port, "/known", Trusting()).status, 200);
}

// --- stopping -----------------------------------------------------------------------------------

TEST_F(TlsServerTest, StopsWithinItsDeadlineWhateverTheClientsDo) {
  const std::uint16_t port = Serve(WriteMuchToTls);
  RawClient silent(port);
  TlsClient shaken(port, Trusting());
  ASSERT_TRUE(shaken.Handshake());
  TlsClientOptions small = Trusting();
  small.receive_buffer = 2048;
  TlsClient slow(port, small);
  ASSERT_TRUE(slow.Handshake());
  slow.Send("GET /much HTTP/1.1\r\nHost: x\r\n\r\n");
  const std::string head = slow.ReadSome(100);
  EXPECT_FALSE(head.empty());
  const auto begin = TlsTestClock::now();
  const Status status = server_->Stop(begin + seconds(3));
  EXPECT_TRUE(status.ok()) << status.message();
  EXPECT_LT(TlsTestClock::now() - begin, seconds(3));
  EXPECT_EQ(server_->endpoint(), "");
  EXPECT_FALSE(RawClient(port).connected());
  EXPECT_FALSE(testing::ParseAnswer(head + slow.ReadAll()).complete);
  EXPECT_TRUE(server_->Stop(TlsTestClock::now() + seconds(3)).ok());
}

TEST_F(TlsServerTest, StopsAtOnceWhenIdleAndLetsARunningAnswerEnd) {
  Serve(EchoToTls);
  auto begin = TlsTestClock::now();
  EXPECT_TRUE(server_->Stop(begin + seconds(5)).ok());
  EXPECT_LT(TlsTestClock::now() - begin, milliseconds(500));
  std::atomic<bool> inside{false};
  const std::uint16_t port = Serve([&](const HttpRequest&, HttpResponse& response) {
    inside = true;
    std::this_thread::sleep_for(milliseconds(200));
    response.Answer(200, "in time");
  });
  RawAnswer answer;
  std::thread client([&] { answer = TlsGet(port, "/", Trusting()); });
  while (!inside) std::this_thread::sleep_for(milliseconds(1));
  EXPECT_TRUE(server_->Stop(TlsTestClock::now() + seconds(5)).ok());
  client.join();
  EXPECT_TRUE(answer.complete);
  EXPECT_EQ(answer.body, "in time");
}

TEST_F(TlsServerTest, StopsUnderLoadWithoutHalfAnswers) {
  const std::uint16_t port = Serve(EchoToTls);
  std::atomic<bool> end{false};
  std::atomic<int> answered{0};
  std::vector<std::thread> clients;
  for (int i = 0; i < 4; ++i) {
    clients.emplace_back([&] {
      while (!end) {
        TlsClient client(port, Trusting());
        if (!client.Handshake() || !client.Send(kRequest)) continue;
        const std::string bytes = client.ReadAll();
        if (bytes.empty()) continue;  // refused or cut off before an answer
        EXPECT_TRUE(testing::ParseAnswer(bytes).complete) << bytes;
        ++answered;
      }
    });
  }
  while (answered < 50) std::this_thread::sleep_for(milliseconds(1));
  EXPECT_TRUE(server_->Stop(TlsTestClock::now() + seconds(5)).ok());
  end = true;
  for (std::thread& client : clients) client.join();
}

TEST_F(TlsServerTest, MayBeStoppedByWhatItLogs) {
  std::filesystem::copy_file(Pem("server"), folder_->File("stop.pem"));
  HttpServerOptions options = Tls();
  options.tls->certificate_file = folder_->File("stop.pem");
  std::atomic<bool> stopped{false};
  options.log = [&](std::string_view) {
    stopped = server_->Stop(TlsTestClock::now() + seconds(5)).ok();
  };
  const std::uint16_t port = Serve(EchoToTls, options);
  folder_->Write("stop.pem", "no certificate");
  for (int i = 0; i < 300 && !stopped; ++i) {
    TlsGet(port, "/known", Trusting());
    std::this_thread::sleep_for(milliseconds(10));
  }
  EXPECT_TRUE(stopped);
}

// --- a guest in the process ---------------------------------------------------------------------

TEST_F(TlsServerTest, NamesItsThreadAndBlocksEverySignalInIt) {
  Serve(EchoToTls);
  int found = 0;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream file(task.path() / "status");
    std::string name;
    unsigned long long blocked = 0;
    for (std::string line; std::getline(file, line);) {
      if (line.starts_with("Name:\t")) name = line.substr(6);
      if (line.starts_with("SigBlk:\t")) blocked = std::stoull(line.substr(8), nullptr, 16);
    }
    if (name != "pm-tls") continue;
    ++found;
    for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGPIPE, SIGPROF, SIGCHLD}) {
      EXPECT_TRUE((blocked >> (signal - 1)) & 1) << signal;
    }
  }
  EXPECT_EQ(found, 1);
}

TEST_F(TlsServerTest, LeavesNoDescriptorBehindAndNoneToAProgramThatIsExecuted) {
  Serve(EchoToTls);
  server_.reset();
  const std::set<int> before = OpenDescriptors();
  for (int i = 0; i < 3; ++i) {
    const std::uint16_t port = Serve(WriteMuchToTls);
    TlsClientOptions small = Trusting();
    small.receive_buffer = 2048;
    TlsClient slow(port, small);
    ASSERT_TRUE(slow.Handshake());
    slow.Send("GET /much HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_FALSE(slow.ReadSome(100).empty());
    for (const int descriptor : OpenDescriptors()) {
      if (before.count(descriptor) == 0) {
        EXPECT_TRUE(fcntl(descriptor, F_GETFD) & FD_CLOEXEC);
      }
    }
    EXPECT_TRUE(server_->Stop(TlsTestClock::now() + seconds(5)).ok());
  }
  EXPECT_EQ(OpenDescriptors(), before);
}

TEST_F(TlsServerTest, SurvivesClientsThatLeaveWithSigpipeAtItsDefault) {
  signal(SIGPIPE, SIG_DFL);
  const std::uint16_t port = Serve(WriteMuchToTls);
  for (int i = 0; i < 10; ++i) {
    TlsClient client(port, Trusting());
    ASSERT_TRUE(client.Handshake());
    client.Send("GET /much HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_FALSE(client.ReadSome(100).empty());
  }
  EXPECT_EQ(TlsGet(port, "/known", Trusting()).status, 200);
}

TEST_F(TlsServerTest, IsForgottenInAForkedChildWhichKeepsNoSocketOfIt) {
  const std::set<int> before = OpenDescriptors();
  const std::uint16_t port = Serve(WriteMuchToTls);
  TlsClientOptions small = Trusting();
  small.receive_buffer = 2048;
  TlsClient slow(port, small);
  ASSERT_TRUE(slow.Handshake());
  slow.Send("GET /much HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_FALSE(slow.ReadSome(100).empty());
  const pid_t child = fork();
  if (child == 0) {
    const auto begin = TlsTestClock::now();
    bool ok = server_->Stop(begin + seconds(5)).ok() && server_->endpoint().empty();
    server_.reset();
    ok = ok && TlsTestClock::now() - begin < seconds(1);
    std::set<int> left = OpenDescriptors();
    for (const int descriptor : before) left.erase(descriptor);
    _exit(!ok ? 100 : static_cast<int>(left.size()));
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 1);  // the client of this test
  EXPECT_FALSE(slow.ReadSome(100).empty());
  EXPECT_EQ(TlsGet(port, "/known", Trusting()).status, 200);  // the parent's goes on
}

}  // namespace
}  // namespace detail
POLYMETER_END_NAMESPACE
