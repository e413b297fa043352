// `polymeter lsp` between two ends that are both looked at.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <thread>

#include "integrations/cli/program_for_test.h"
#include "sdk/testing/sanitizer.h"

namespace polymeter::cli {
namespace {

using testing::Cli;
using ::testing::ContainsRegex;
using testing::Ended;
using testing::Folder;
using ::testing::HasSubstr;
using testing::Program;
using testing::RunCli;

using testing::kChild;

std::string Message(const std::string& body) {
  return "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

// Peak of the memory in RAM, in KiB.
long PeakOf(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind("VmHWM:", 0) == 0) return std::atol(line.c_str() + 6);
  }
  return -1;
}

TEST(Relay, PassesBytesThatAreNoProtocol) {
  Program program(Cli({"lsp", "--", kChild, "echo", "3"}));
  std::string all = "content-length: 3\n\njunk\r\n\r\n";
  for (int i = 0; i < 1000; ++i) all += static_cast<char>(i * 7);
  program.Write(all);
  EXPECT_EQ(program.ReadOutput(all.size()), all);
  program.CloseInput();
  const Ended ended = program.Wait();
  EXPECT_EQ(ended.output, all);
  EXPECT_EQ(ended.code, 3);
}

TEST(Relay, CountsWhatPasses) {
  Program program(Cli({"lsp", "--server", "echo", "--", kChild, "echo"}),
                  {{"METRICS_BACKEND", "console"}});
  const std::string open = Message(R"({"jsonrpc":"2.0","method":"initialized","params":{}})");
  program.Write(open);
  EXPECT_EQ(program.ReadOutput(open.size()), open);
  program.CloseInput();
  const Ended ended = program.Wait();
  EXPECT_EQ(ended.code, 0);
  EXPECT_EQ(ended.output, open);
  EXPECT_THAT(ended.errors, ContainsRegex("lsp_notifications_total\\{[^}]*initialized[^}]*\\} 1"));
  EXPECT_THAT(ended.errors, ContainsRegex("lsp_sessions_total\\{[^}]*\\} 1"));
}

TEST(Relay, StreamsALargeMessageInBoundedMemory) {
  Program program(Cli({"lsp", "--", kChild, "echo"}), {{"METRICS_BACKEND", "console"}});
  constexpr std::size_t kSize = std::size_t{100} << 20;
  const std::string head = "Content-Length: " + std::to_string(kSize) + "\r\n\r\n";
  std::thread writer([&] {
    program.Write(head);
    std::string block(1 << 20, ' ');
    block.replace(0, 40, R"({"jsonrpc":"2.0","method":"x","p":"      )", 40);
    for (std::size_t i = 0; i < kSize; i += block.size()) program.Write(block);
  });
  // Not kept here either.
  std::size_t got = 0;
  std::vector<char> buffer(1 << 20);
  while (got < head.size() + kSize) {
    const ssize_t n = read(program.output(), buffer.data(), buffer.size());
    if (n <= 0) break;
    got += static_cast<std::size_t>(n);
  }
  writer.join();
  EXPECT_EQ(got, head.size() + kSize);
  EXPECT_LT(PeakOf(program.pid()), (polymeter::testing::kSanitized ? 500 : 32) * 1024);
  program.CloseInput();
  EXPECT_EQ(program.Wait().code, 0);
}

TEST(Relay, NeverLetsOneDirectionStopTheOther) {
  // The child reads all that comes and answers nothing but its flood, which nobody reads yet.
  Program program(
      Cli({"lsp", "--", "sh", "-c", "\"$0\" flood 100 & cat >/dev/null; wait; exit 6", kChild}));
  const std::string block(1 << 20, 'y');
  for (int i = 0; i < 20; ++i) program.Write(block);
  program.CloseInput();
  const Ended ended = program.Wait();
  EXPECT_EQ(ended.code, 6);
  EXPECT_EQ(ended.output.size(), 100u * 65536);
}

TEST(Relay, PassesEndsOnInBothDirections) {
  Program program(Cli({"lsp", "--", kChild, "close", "5"}));
  // The server has closed its output, and this end sees it while the server still reads.
  char byte = 0;
  EXPECT_EQ(read(program.output(), &byte, 1), 0);
  program.Write("more");
  program.CloseInput();
  EXPECT_EQ(program.Wait().code, 5);
}

TEST(Relay, PassesOnThatTheClientIsGone) {
  Program program(Cli({"lsp", "--", kChild, "flood", "100000"}));
  program.ReadOutput(1000);
  program.CloseOutput();
  EXPECT_EQ(program.Wait().signal, SIGPIPE);
}

TEST(Relay, KeepsStandardError) {
  const Ended ended = RunCli({"lsp", "--", kChild, "streams"});
  EXPECT_EQ(ended.output, "out\nout again\n");
  EXPECT_EQ(ended.errors, "err\n");
}

TEST(Relay, EndsAsTheServerDoes) {
  EXPECT_EQ(RunCli({"lsp", "--", kChild, "raise", "9"}).signal, SIGKILL);
  EXPECT_EQ(RunCli({"lsp", "--", "/no/such/server"}).code, 127);
}

TEST(Relay, StandsBeforeTheRealClangd) {
  const std::string clangd =
      testing::Have("clangd-14") ? "clangd-14" : "clangd";  // as Debian names it
  POLYMETER_NEEDS(clangd);
  const Folder folder;
  const std::string heard = folder / "heard";
  const std::string said = folder / "said";
  const std::string transcript =
      Message(
          R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":{"processId":null,"rootUri":null,"capabilities":{}}})") +
      Message(R"({"jsonrpc":"2.0","method":"initialized","params":{}})") +
      Message(R"({"jsonrpc":"2.0","id":"1","method":"unknown/method","params":{}})") +
      Message(R"({"jsonrpc":"2.0","id":2,"method":"shutdown"})") +
      Message(R"({"jsonrpc":"2.0","method":"exit"})");
  // Both ends are recorded: here, and beside the server.
  Program program(
      Cli({"lsp", "--server", "clangd", "--", "sh", "-c",
           "tee '" + heard + "' | " + clangd + " --log=error | tee '" + said + "'; exit 0"}),
      {{"METRICS_BACKEND", "console"}});
  program.Write(transcript);
  EXPECT_TRUE(program.ReadUntil("\"id\":2"));
  program.CloseInput();
  const Ended ended = program.Wait();
  EXPECT_EQ(ended.code, 0) << ended.errors;
  const auto content = [](const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  EXPECT_EQ(content(heard), transcript);
  EXPECT_EQ(content(said), ended.output);
  EXPECT_THAT(ended.output, HasSubstr("\"id\":2"));
  EXPECT_THAT(
      ended.errors,
      ContainsRegex("lsp_requests_total\\{[^}]*method=\"shutdown\"[^}]*outcome=\"ok\"[^}]*\\} 1"));
  EXPECT_THAT(ended.errors, ContainsRegex("lsp_sessions_total\\{[^}]*end=\"clean\"[^}]*\\} 1"));
}

}  // namespace
}  // namespace polymeter::cli
