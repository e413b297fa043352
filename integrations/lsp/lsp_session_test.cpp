// The state machine step by step: what one message after another makes of a session.
#include "integrations/lsp/lsp_session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <cstdio>
#include <string>
#include <vector>

#include "integrations/lsp/lsp_for_test.h"

namespace polymeter {
namespace detail {
namespace {

using lsp_test::At;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

using lsp_test::kClient;
using lsp_test::kServer;

// Writes down what it is told, as words.
class Notebook final : public LspObserver {
 public:
  explicit Notebook(const LspMethods& methods) : methods_(methods) {}

  void OnRequestEnd(const LspRequestEnd& end) override {
    std::string line = methods_[end.method] + " " + std::string(LabelValue(end.outcome));
    if (end.direction == kServer) line = "server's " + line;
    if (end.time) line += " " + Text(end.time->count());
    if (end.cpu_seconds) {
      line += (end.alone ? " exclusive " : " shared ") + Text(*end.cpu_seconds);
    }
    lines.push_back(line);
  }
  void OnNotification(LspDirection, LspMethods::Id method) override {
    if (verbose) lines.push_back("notified " + methods_[method]);
  }
  void OnCancellations(LspCancelEffect effect, std::uint64_t count) override {
    lines.push_back("cancel " + std::string(LabelValue(effect)) + " " + std::to_string(count));
  }
  void OnInitialized(std::chrono::duration<double> time) override {
    lines.push_back("initialized " + Text(time.count()));
  }
  void OnChange(LspSync sync) override {
    lines.push_back("change " + std::string(LabelValue(sync)));
  }
  void OnEditCovered(std::chrono::duration<double> time) override {
    lines.push_back("covered " + Text(time.count()));
  }
  void OnSessionEnd(std::string_view client, LspEnd end) override {
    lines.push_back("end " + std::string(client) + " " + std::string(LabelValue(end)));
  }
  void OnBadMessage(BadMessage kind) override {
    lines.push_back("bad " + std::string(LabelValue(kind)));
  }
  void OnUntracked(Untracked what) override {
    lines.push_back("untracked " + std::string(LabelValue(what)));
  }
  void OnFolded(std::string_view label) override {
    lines.push_back("folded " + std::string(label));
  }

  std::vector<std::string> lines;
  bool verbose = false;

 private:
  static std::string Text(double value) {
    char text[32];
    std::snprintf(text, sizeof(text), "%g", value);
    return text;
  }
  const LspMethods& methods_;
};

class LspSessions : public ::testing::Test {
 protected:
  // What is new since the last call.
  std::vector<std::string> Said() { return std::exchange(notebook_.lines, {}); }

  void Send(LspDirection direction, const std::string& body, double time = 0) {
    session_.OnMessage(direction, parser_.Parse({body, {}, body.size()}), At(time));
  }
  void Ask(const std::string& id, const std::string& method = "textDocument/hover", double t = 0) {
    Send(kClient, R"({"id":)" + id + R"(,"method":")" + method + "\"}", t);
  }
  void Answer(const std::string& id, double time = 0) {
    Send(kServer, R"({"id":)" + id + R"(,"result":null})", time);
  }
  void Fail(const std::string& id, int code) {
    Send(kServer, R"({"id":)" + id + R"(,"error":{"code":)" + std::to_string(code) + "}}");
  }
  void Cancel(const std::string& id) {
    Send(kClient, R"({"method":"$/cancelRequest","params":{"id":)" + id + "}}");
  }
  void Open(const std::string& uri, int version, double time) {
    Send(kClient, Document("didOpen", uri, version), time);
  }
  void Change(const std::string& uri, int version, double time) {
    Send(kClient, Document("didChange", uri, version), time);
  }
  void Close(const std::string& uri) { Send(kClient, Document("didClose", uri, 0)); }
  void Diagnose(const std::string& uri, const std::string& version, double time,
                const std::string& diagnostics = "") {
    Send(kServer,
         R"({"method":"textDocument/publishDiagnostics","params":{"uri":")" + uri +
             R"(","diagnostics":[)" + diagnostics + "]" +
             (version.empty() ? "" : ",\"version\":" + version) + "}}",
         time);
  }
  static std::string Document(const std::string& what, const std::string& uri, int version) {
    return R"({"method":"textDocument/)" + what + R"(","params":{"textDocument":{"uri":")" + uri +
           R"(","version":)" + std::to_string(version) + "}}}";
  }

  const LspMethods methods_;
  Notebook notebook_{methods_};
  LspMessageParser parser_;
  std::optional<double> cpu_;
  LspSessionMachine session_{notebook_, methods_, {4, 3}, [this] { return cpu_; }};
};

TEST_F(LspSessions, AnswerRequestsOutOfOrder) {
  Ask("1", "textDocument/hover", 1);
  Ask("2", "textDocument/completion", 2);
  EXPECT_EQ(session_.in_flight(), 2u);
  EXPECT_EQ(session_.oldest(), At(1));
  Answer("2", 2.5);
  Answer("1", 4);
  EXPECT_THAT(Said(), ElementsAre("textDocument/completion ok 0.5", "textDocument/hover ok 3"));
  EXPECT_EQ(session_.in_flight(), 0u);
  EXPECT_EQ(session_.oldest(), std::nullopt);
}

TEST_F(LspSessions, TellIdsApartByTypeAndDirection) {
  Ask("1", "textDocument/hover");
  Ask("\"1\"", "textDocument/completion");
  Send(kServer, R"({"id":1,"method":"workspace/configuration"})");
  EXPECT_EQ(session_.in_flight(), 2u);
  Answer("\"1\"", 1);
  Send(kClient, R"({"id":1,"result":[]})", 2);
  Answer("1", 3);
  EXPECT_THAT(Said(),
              ElementsAre("textDocument/completion ok 1", "server's workspace/configuration ok 2",
                          "textDocument/hover ok 3"));
}

TEST_F(LspSessions, AnswerARepeatedIdInTheOrderOfTheRequests) {
  Ask("7", "textDocument/hover", 1);
  Ask("7", "textDocument/rename", 2);
  Answer("7", 11);
  Answer("7", 22);
  Answer("7", 33);
  EXPECT_THAT(Said(), ElementsAre("textDocument/hover ok 10", "textDocument/rename ok 20",
                                  "untracked reply"));
}

TEST_F(LspSessions, TellErrorsApart) {
  for (const char* id : {"1", "2", "3", "4"}) Ask(id);
  Fail("1", -32601);
  Fail("2", -32800);
  Fail("3", -32801);
  Fail("4", -32802);
  EXPECT_THAT(Said(), ElementsAre("textDocument/hover error 0", "textDocument/hover cancelled 0",
                                  "textDocument/hover content_modified 0",
                                  "textDocument/hover cancelled 0"));
}

TEST_F(LspSessions, KnowWhatBecameOfACancellation) {
  Ask("1");
  Cancel("1");
  EXPECT_THAT(Said(), IsEmpty());
  Fail("1", -32800);
  EXPECT_THAT(Said(), ElementsAre("textDocument/hover cancelled 0", "cancel honoured 1"));
  Ask("2");
  Cancel("2");
  Cancel("2");
  Fail("2", -32801);
  EXPECT_THAT(Said(), ElementsAre("textDocument/hover content_modified 0", "cancel honoured 2"));
  Ask("3");
  Cancel("3");
  Answer("3");
  EXPECT_THAT(Said(), ElementsAre("textDocument/hover ok 0", "cancel too_late 1"));
  Cancel("3");
  EXPECT_THAT(Said(), ElementsAre("cancel too_late 1"));
  Cancel("\"3\"");
  Cancel("99");
  Send(kClient, R"({"method":"$/cancelRequest"})");
  EXPECT_THAT(Said(),
              ElementsAre("cancel unknown_id 1", "cancel unknown_id 1", "cancel unknown_id 1"));
  // The server's cancellation is one of its own requests.
  Ask("5");
  Send(kServer, R"({"method":"$/cancelRequest","params":{"id":5}})");
  EXPECT_THAT(Said(), ElementsAre("cancel unknown_id 1"));
  Cancel("5");
  session_.End(LspExit::Code(1));
  EXPECT_THAT(Said(), ElementsAre("textDocument/hover unanswered", "cancel unanswered 1",
                                  "end unknown crash"));
}

TEST_F(LspSessions, ForgetAnsweredIdsAfterAWhile) {
  for (int i = 0; i < 600; ++i) {
    Ask(std::to_string(i));
    Answer(std::to_string(i));
  }
  Said();
  Cancel("0");
  Cancel("599");
  EXPECT_THAT(Said(), ElementsAre("cancel unknown_id 1", "cancel too_late 1"));
}

TEST_F(LspSessions, NeverHoldMoreRequestsThanAllowed) {
  for (int i = 0; i < 4; ++i) Ask(std::to_string(i));
  Send(kServer, R"({"id":1,"method":"workspace/configuration"})");
  Ask("5");
  EXPECT_THAT(Said(), ElementsAre("untracked request", "untracked request"));
  Answer("5");
  EXPECT_THAT(Said(), ElementsAre("untracked reply"));
  Answer("0");
  Ask("6");
  EXPECT_THAT(Said(), ElementsAre("textDocument/hover ok 0"));
  EXPECT_EQ(session_.in_flight(), 4u);
  Send(kClient, R"({"id":true,"method":"textDocument/hover"})");
  EXPECT_THAT(Said(), ElementsAre("untracked request"));
}

TEST_F(LspSessions, FoldMethodsThatNobodyKnows) {
  Ask("1", "textDocument/doesNotExist");
  Answer("1");
  EXPECT_THAT(Said(), ElementsAre("folded method", "other ok 0"));
  notebook_.verbose = true;
  Send(kClient, R"({"method":"$/whatever"})");
  Send(kServer, R"({"method":"$/progress"})");
  EXPECT_THAT(Said(), ElementsAre("folded method", "notified other", "notified $/progress"));
}

TEST_F(LspSessions, CountWhatIsNoMessage) {
  Send(kClient, "{\"a\":1,");
  Send(kClient, "[]");
  Send(kServer, "{}");
  Send(kServer, R"({"id":null,"error":{"code":-32700}})");
  EXPECT_THAT(Said(), ElementsAre("bad malformed_json", "bad batch", "bad invalid_message",
                                  "untracked reply"));
}

TEST_F(LspSessions, MeasureInitialize) {
  Send(kClient, R"({"id":0,"method":"initialize","params":{"clientInfo":{"name":"Neovim"}}})", 1);
  Answer("0", 3.5);
  EXPECT_THAT(Said(), ElementsAre("initialize ok 2.5", "initialized 2.5"));
  session_.OnEof(kClient);
  session_.End(LspExit::Code(1));
  EXPECT_THAT(Said(), ElementsAre("end neovim eof"));
}

TEST_F(LspSessions, DoNotMeasureAnInitializeThatFailed) {
  Send(kClient, R"({"id":0,"method":"initialize","params":{"clientInfo":{"name":"my ed"}}})");
  Fail("0", -32603);
  session_.End(LspExit::Signal(SIGKILL));
  EXPECT_THAT(Said(), ElementsAre("folded client", "initialize error 0", "end other signal"));
}

TEST_F(LspSessions, TakeATimeThatStepsBackAsNone) {
  Ask("1", "textDocument/hover", 5);
  Answer("1", 4);
  EXPECT_THAT(Said(), ElementsAre("textDocument/hover ok 0"));
}

// --- the end -------------------------------------------------------------------------------------

TEST(LspEnds, AreToldApart) {
  const LspExit zero = LspExit::Code(0);
  const LspExit one = LspExit::Code(1);
  // shutdown seen, exit seen, the client's end closed
  EXPECT_EQ(EndOf(zero, true, true, false), LspEnd::kClean);
  EXPECT_EQ(EndOf(zero, true, true, true), LspEnd::kClean);
  EXPECT_EQ(EndOf(one, true, true, false), LspEnd::kCrash);
  EXPECT_EQ(EndOf(one, false, true, true), LspEnd::kNoShutdown);
  EXPECT_EQ(EndOf(zero, false, true, false), LspEnd::kNoShutdown);
  EXPECT_EQ(EndOf(one, false, false, true), LspEnd::kEof);
  EXPECT_EQ(EndOf(zero, true, false, true), LspEnd::kEof);
  EXPECT_EQ(EndOf(one, false, false, false), LspEnd::kCrash);
  EXPECT_EQ(EndOf(zero, true, false, false), LspEnd::kCrash);
  for (const int fault : {SIGSEGV, SIGABRT, SIGBUS, SIGILL, SIGFPE}) {
    EXPECT_EQ(EndOf(LspExit::Signal(fault), true, true, true), LspEnd::kCrash);
  }
  for (const int signal : {SIGKILL, SIGTERM, SIGINT, SIGHUP, SIGPIPE}) {
    EXPECT_EQ(EndOf(LspExit::Signal(signal), true, true, true), LspEnd::kSignal);
  }
}

TEST_F(LspSessions, CountNothingAfterTheirEnd) {
  Ask("1");
  session_.End(LspExit::Code(0));
  Said();
  Ask("2");
  Answer("1");
  session_.End(LspExit::Code(0));
  session_.Abandon();
  EXPECT_THAT(Said(), IsEmpty());
  EXPECT_EQ(session_.in_flight(), 0u);
}

TEST_F(LspSessions, AreNotCountedWhenTheirEndIsNotKnown) {
  Ask("1");
  session_.Abandon();
  EXPECT_THAT(Said(), ElementsAre("textDocument/hover unanswered"));
}

// --- documents -----------------------------------------------------------------------------------

TEST_F(LspSessions, CoverEditsByTheFirstDiagnosticsOfTheirVersionOrALaterOne) {
  Open("u", 1, 0);
  Diagnose("u", "1", 1);
  EXPECT_THAT(Said(), ElementsAre("covered 1"));
  Change("u", 2, 10);
  Change("u", 3, 11);
  Change("u", 4, 12);
  Diagnose("u", "1", 12.5);
  EXPECT_THAT(Said(), IsEmpty());
  Diagnose("u", "3", 13);
  EXPECT_THAT(Said(), ElementsAre("covered 3", "covered 2"));
  Diagnose("u", "9", 14);
  Diagnose("u", "9", 15);
  EXPECT_THAT(Said(), ElementsAre("covered 2"));
}

TEST_F(LspSessions, CoverEveryEditByDiagnosticsWithoutAVersion) {
  Open("u", 1, 0);
  Change("u", 2, 1);
  Diagnose("u", "", 3);
  EXPECT_THAT(Said(), ElementsAre("covered 3", "covered 2"));
  Change("u", 3, 4);
  Close("u");
  Diagnose("u", "", 5);
  EXPECT_THAT(Said(), IsEmpty());
}

TEST_F(LspSessions, KeepTheDiagnosticsOfEachDocument) {
  const auto counts = [&] { return session_.documents().diagnostics(); };
  Open("u", 1, 0);
  Diagnose("u", "1", 0, R"({"severity":1},{"severity":2})");
  Diagnose("not-open", "", 0, R"({"severity":1})");
  EXPECT_THAT(counts(), ElementsAre(2, 1, 0, 0, 0));
  Diagnose("u", "2", 0, R"({"severity":4},{})");
  EXPECT_THAT(counts(), ElementsAre(1, 0, 0, 1, 1));
  Close("u");
  EXPECT_THAT(counts(), ElementsAre(1, 0, 0, 1, 1));
  Diagnose("u", "", 0);
  Diagnose("not-open", "", 0);
  EXPECT_THAT(counts(), ElementsAre(0, 0, 0, 0, 0));
}

TEST_F(LspSessions, FollowOpenDocuments) {
  Open("a", 1, 0);
  Open("a", 1, 0);
  Open("b", 1, 0);
  EXPECT_EQ(session_.documents().open(), 2u);
  Close("a");
  Close("a");
  Close("c");
  EXPECT_EQ(session_.documents().open(), 1u);
  // The server opens nothing.
  Send(kServer, Document("didOpen", "x", 1));
  EXPECT_EQ(session_.documents().open(), 1u);
}

TEST_F(LspSessions, FollowNoMoreDocumentsThanAllowed) {
  for (const char* uri : {"a", "b", "c", "d"}) Open(uri, 1, 0);
  EXPECT_THAT(Said(), ElementsAre("untracked document"));
  EXPECT_EQ(session_.documents().open(), 3u);
  Diagnose("e", "", 0, "{}");
  EXPECT_THAT(Said(), ElementsAre("untracked document"));
  Diagnose("e", "", 0);
  Close("a");
  Diagnose("e", "", 0, "{}");
  EXPECT_THAT(Said(), IsEmpty());
}

TEST_F(LspSessions, GiveUpTheOldestEditWhenTooManyWait) {
  Open("u", 0, 0);
  for (int i = 1; i < static_cast<int>(LspDocuments::kMostEdits); ++i) Change("u", i, i);
  EXPECT_THAT(Said(), IsEmpty());
  Change("u", 500, 500);
  EXPECT_THAT(Said(), ElementsAre("untracked edit"));
  Diagnose("u", "1", 500);
  EXPECT_THAT(Said(), ElementsAre("covered 499"));
}

TEST_F(LspSessions, SayWhenDiagnosticsAreTooLongToCount) {
  const std::string body =
      R"({"jsonrpc":"2.0","method":"textDocument/publishDiagnostics","params":{"diagnostics":[")" +
      std::string(500, 'x') + R"("],"uri":"u","version":1}})";
  Open("u", 1, 0);
  Diagnose("u", "0", 1, "{}");
  session_.OnMessage(kServer,
                     parser_.Parse({std::string_view(body).substr(0, 200),
                                    std::string_view(body).substr(body.size() - 100), body.size()}),
                     At(2));
  EXPECT_THAT(Said(), ElementsAre("untracked diagnostics", "covered 2"));
  EXPECT_EQ(session_.documents().diagnostics().back(), 1);
}

// A fault of nobody: what could tell is in the middle.
TEST_F(LspSessions, SayWhenAMessageIsTooLongToTellWhatItIs) {
  const std::string body = R"({"result":[")" + std::string(500, 'x') + R"("],"id":1,"z":[]})";
  Ask("1");
  session_.OnMessage(kServer,
                     parser_.Parse({std::string_view(body).substr(0, 200),
                                    std::string_view(body).substr(body.size() - 100), body.size()}),
                     At(2));
  EXPECT_THAT(Said(), ElementsAre("untracked message"));
}

// --- CPU time ------------------------------------------------------------------------------------

TEST_F(LspSessions, GiveARequestThatIsAloneAllThatTheServerUsed) {
  cpu_ = 10;
  Ask("1");
  cpu_ = 12;
  Answer("1");
  cpu_ = 50;  // in between: nobody's
  Ask("2");
  cpu_ = 50.5;
  Answer("2");
  EXPECT_THAT(Said(), ElementsAre("textDocument/hover ok 0 exclusive 2",
                                  "textDocument/hover ok 0 exclusive 0.5"));
}

TEST_F(LspSessions, ShareWhatTheServerUsedForSeveral) {
  cpu_ = 0;
  Ask("1");
  cpu_ = 1;
  Ask("2", "textDocument/completion");
  cpu_ = 5;
  Answer("1");
  cpu_ = 6;
  Answer("2");
  EXPECT_THAT(Said(), ElementsAre("textDocument/hover ok 0 shared 3",
                                  "textDocument/completion ok 0 shared 3"));
  // The server's own requests take no part.
  Ask("3");
  Send(kServer, R"({"id":1,"method":"workspace/configuration"})");
  cpu_ = 7;
  Answer("3");
  EXPECT_THAT(Said(), ElementsAre("textDocument/hover ok 0 exclusive 1"));
}

TEST_F(LspSessions, SayNothingOfCpuTimeThatCannotBeRead) {
  Ask("1");
  cpu_ = 5;
  Answer("1");
  Ask("2");
  cpu_ = std::nullopt;
  Answer("2");
  cpu_ = 4;  // a clock that steps back
  Ask("3");
  cpu_ = 3;
  Answer("3");
  EXPECT_THAT(Said(), ElementsAre("textDocument/hover ok 0", "textDocument/hover ok 0",
                                  "textDocument/hover ok 0 exclusive 0"));
}

// --- words ---------------------------------------------------------------------------------------

TEST(LspWords, AreThoseOfTheLists) {
  EXPECT_EQ(LspServerNameOf("/usr/bin/clangd-14"), "clangd");
  EXPECT_EQ(LspServerNameOf("clangd"), "clangd");
  EXPECT_EQ(LspServerNameOf("clangd-tidy"), "other");
  EXPECT_EQ(LspServerNameOf("/opt/bin/rust-analyzer"), "rust-analyzer");
  EXPECT_EQ(LspServerNameOf(""), "other");
  EXPECT_EQ(LspServerNameOf("/"), "other");
  EXPECT_EQ(ClientLabel(""), "unknown");
  EXPECT_EQ(ClientLabel("Visual Studio Code - Insiders"), "vscode");
  EXPECT_EQ(ClientLabel("Neovim"), "neovim");
  EXPECT_EQ(ClientLabel("GNU Emacs"), "emacs");
  EXPECT_EQ(ClientLabel("emacs"), "emacs");
  EXPECT_EQ(ClientLabel("integ-driver"), "other");
  const LspMethods methods({"mine/method", "", std::string(1000, 'x'), "exit"});
  EXPECT_EQ(methods[methods.Find("mine/method")], "mine/method");
  EXPECT_EQ(methods[methods.Find("textDocument/hover")], "textDocument/hover");
  EXPECT_EQ(methods.Find("textDocument/Hover"), LspMethods::kOther);
  EXPECT_EQ(methods.Find(""), LspMethods::kOther);
  EXPECT_EQ(methods.Find("other"), LspMethods::kOther);
  EXPECT_EQ(methods.Find(std::string(1000, 'x')), LspMethods::kOther);
  for (std::size_t i = 1; i < methods.size(); ++i) {
    const auto id = static_cast<LspMethods::Id>(i);
    EXPECT_EQ(methods.Find(methods[id]), id);
  }
}

}  // namespace
}  // namespace detail
}  // namespace polymeter
