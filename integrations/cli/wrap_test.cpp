// The wrapping commands around real programs: codes, signals, streams, orphans.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <termios.h>

#include <fstream>
#include <sstream>

#include "integrations/cli/program_for_test.h"
#include "sdk/testing/sanitizer.h"

namespace polymeter::cli {
namespace {

using testing::Cli;
using ::testing::ContainsRegex;
using testing::Ended;
using testing::Folder;
using ::testing::HasSubstr;
using testing::Lives;
using ::testing::Not;
using testing::Program;
using testing::RunCli;

using testing::kChild;

std::vector<pid_t> Pids(const std::string& line) {
  std::istringstream words(line);
  std::vector<pid_t> pids;
  for (pid_t pid = 0; words >> pid;) pids.push_back(pid);
  return pids;
}

pid_t ParentOf(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind("PPid:", 0) == 0) return std::atoi(line.c_str() + 5);
  }
  return -1;
}

TEST(Exec, EndsWithTheProgramsCode) {
  for (const int code : {0, 1, 7, 125, 255}) {
    const Ended ended = RunCli({"exec", "--quiet", "--", kChild, "exit", std::to_string(code)});
    EXPECT_EQ(ended.code, code);
    EXPECT_EQ(ended.output, "");
    EXPECT_EQ(ended.errors, "");
  }
}

TEST(Exec, DiesByTheProgramsSignal) {
  std::vector<int> signals{SIGTERM, SIGKILL, SIGINT, SIGABRT, SIGUSR1, SIGPIPE};
  if (!polymeter::testing::kSanitized) signals.push_back(SIGSEGV);  // a sanitizer catches it
  for (const int signal : signals) {
    const Ended ended = RunCli({"exec", "--quiet", "--", kChild, "raise", std::to_string(signal)});
    EXPECT_EQ(ended.signal, signal);
  }
}

TEST(Exec, EndsAsAShellDoesWhereThereIsNoSuchProgram) {
  const Ended missing = RunCli({"exec", "--", "/no/such/program"});
  EXPECT_EQ(missing.code, 127);
  EXPECT_THAT(missing.errors, HasSubstr("/no/such/program cannot be run: No such file"));
  EXPECT_EQ(RunCli({"exec", "--", "/dev/null"}).code, 126);
  EXPECT_EQ(RunCli({"exec", "--nonsense", "--", kChild}).code, 125);
}

TEST(Exec, PassesStreamsThroughUntouched) {
  Program program(Cli({"exec", "--quiet", "--", kChild, "echo", "3"}));
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  program.Write(all);
  program.CloseInput();
  const Ended ended = program.Wait();
  EXPECT_EQ(ended.output, all);
  EXPECT_EQ(ended.errors, "");
  EXPECT_EQ(ended.code, 3);
}

TEST(Exec, PassesSignalsOn) {
  Program program(Cli({"exec", "--quiet", "--", kChild, "signals"}));
  EXPECT_EQ(program.ReadLine(), "ready");
  std::string expected = "ready\n";
  for (const int signal : {SIGUSR1, SIGHUP, SIGINT, SIGUSR2, SIGTERM}) {
    program.Signal(signal);
    expected += "got " + std::to_string(signal) + "\n";
    EXPECT_EQ(program.ReadOutput(expected.size()), expected);
  }
  EXPECT_EQ(program.Wait().code, 7);
}

TEST(Exec, LeavesAnIgnoredSignalIgnored) {
  Program program({"sh", "-c", "trap '' HUP; exec \"$@\"", "sh", POLYMETER_CLI, "exec", "--quiet",
                   "--", "sh", "-c", "kill -HUP $$; echo lives"});
  program.CloseInput();
  const Ended ended = program.Wait();
  EXPECT_EQ(ended.output, "lives\n");
  EXPECT_EQ(ended.code, 0);
}

TEST(Exec, LeavesNoOrphanWhenItIsKilled) {
  Program program(Cli({"exec", "--quiet", "--", kChild, "tree"}));
  const auto pids = Pids(program.ReadLine());
  ASSERT_EQ(pids.size(), 3u);
  program.Signal(SIGKILL);
  EXPECT_EQ(program.Wait().signal, SIGKILL);
  for (const pid_t pid : pids) EXPECT_FALSE(Lives(pid)) << pid;
}

TEST(Exec, LeavesNoOrphanWhenTheProgramIsKilled) {
  Program program(Cli({"exec", "--quiet", "--", kChild, "tree"}));
  const auto pids = Pids(program.ReadLine());
  ASSERT_EQ(pids.size(), 3u);
  kill(pids[0], SIGKILL);
  EXPECT_EQ(program.Wait().signal, SIGKILL);
  for (const pid_t pid : pids) EXPECT_FALSE(Lives(pid)) << pid;
}

TEST(Exec, LeavesNoOrphanWhenTheGuardIsKilled) {
  Program program(Cli({"exec", "--quiet", "--", kChild, "tree"}));
  const auto pids = Pids(program.ReadLine());
  ASSERT_EQ(pids.size(), 3u);
  const pid_t guard = ParentOf(pids[0]);
  ASSERT_NE(guard, program.pid());
  ASSERT_EQ(ParentOf(guard), program.pid());
  kill(guard, SIGKILL);
  EXPECT_EQ(program.Wait().signal, SIGKILL);
  for (const pid_t pid : pids) EXPECT_FALSE(Lives(pid)) << pid;
}

TEST(Exec, LeavesNoOrphanWhenItsGroupIsKilled) {
  Program program(Cli({"exec", "--quiet", "--", kChild, "tree"}));
  const auto pids = Pids(program.ReadLine());
  ASSERT_EQ(pids.size(), 3u);
  kill(-program.pid(), SIGKILL);
  EXPECT_EQ(program.Wait().signal, SIGKILL);
  for (const pid_t pid : pids) EXPECT_FALSE(Lives(pid)) << pid;
}

// A terminal that goes away (a window, a container) tells the leader of its session alone.
TEST(Exec, TellsTheProgramThatTheTerminalIsGone) {
  POLYMETER_NEEDS("script");
  const Folder folder;
  Program program({"script", "-qec",
                   "exec '" POLYMETER_CLI "' exec --quiet -- '" + kChild + "' sleep >'" +
                       (folder / "pid") + "'",
                   "/dev/null"});
  pid_t pid = 0;
  for (int i = 0; i < 6000 && pid == 0; ++i) {
    usleep(10000);
    std::ifstream(folder / "pid") >> pid;
  }
  ASSERT_GT(pid, 0);
  program.Signal(SIGKILL);
  EXPECT_FALSE(Lives(pid));
}

TEST(Exec, LeavesAServerThatTheProgramLeftBehind) {
  Program program(Cli({"exec", "--quiet", "--", kChild, "leave"}));
  program.CloseInput();
  const Ended ended = program.Wait();
  EXPECT_EQ(ended.code, 0);
  const auto pids = Pids(ended.output);
  ASSERT_EQ(pids.size(), 1u);
  EXPECT_EQ(kill(pids[0], 0), 0);
  kill(pids[0], SIGKILL);
}

TEST(Exec, MeasuresTheProgramAndItsChildren) {
  const Ended ended = RunCli({"exec", "--", kChild, "work"}, {{"METRICS_BACKEND", "console"}});
  EXPECT_EQ(ended.code, 0);
  EXPECT_EQ(ended.output, "");  // the console's page is not the program's
  EXPECT_THAT(ended.errors, HasSubstr("exec_runs_total{result=\"ok\"} 1"));
  EXPECT_THAT(ended.errors, HasSubstr("exec_duration_seconds_count 1"));
  EXPECT_THAT(ended.errors, ContainsRegex("exec_peak_rss_bytes [1-9]"));
  EXPECT_THAT(ended.errors,
              ContainsRegex("process_context_switches_total\\{type=\"voluntary\"\\} [0-9]"));
  const std::size_t at = ended.errors.find("\nprocess_cpu_seconds_total ");
  ASSERT_NE(at, std::string::npos) << ended.errors;
  // Three loops of 50 million steps, which nobody samples: only those who wait for them know.
  EXPECT_GT(std::atof(ended.errors.c_str() + at + 27), 0.02);
}

TEST(Exec, PushesWhatWasMeasuredWhenTheProgramIsKilled) {
  Program program(Cli({"exec", "--", kChild, "sleep"}), {{"METRICS_BACKEND", "console"}});
  const auto pids = Pids(program.ReadLine());
  ASSERT_EQ(pids.size(), 1u);
  kill(pids[0], SIGKILL);
  const Ended ended = program.Wait();
  EXPECT_EQ(ended.signal, SIGKILL);
  EXPECT_THAT(ended.errors, HasSubstr("exec_runs_total{result=\"signal\"} 1"));
}

TEST(Exec, MeasuresTheProgramWithoutTheTimeThatWhatItLeftTookToEnd) {
  const auto begin = std::chrono::steady_clock::now();
  Program program(Cli({"exec", "--", kChild, "tree"}), {{"METRICS_BACKEND", "console"}});
  const auto pids = Pids(program.ReadLine());
  ASSERT_EQ(pids.size(), 3u);
  kill(pids[0], SIGKILL);
  const Ended ended = program.Wait();
  const std::chrono::duration<double> all = std::chrono::steady_clock::now() - begin;
  const std::string_view name = "\nexec_duration_seconds_sum ";
  const std::size_t at = ended.errors.find(name);
  ASSERT_NE(at, std::string::npos) << ended.errors;
  // One that does not obey had two seconds.
  EXPECT_LE(std::atof(ended.errors.c_str() + at + name.size()), all.count() - 2);
}

TEST(Exec, PushesWhatWasMeasuredWhenItIsAskedToEnd) {
  Program program(Cli({"exec", "--", kChild, "sleep"}), {{"METRICS_BACKEND", "console"}});
  program.ReadLine();
  program.Signal(SIGTERM);
  const Ended ended = program.Wait();
  EXPECT_EQ(ended.signal, SIGTERM);
  EXPECT_THAT(ended.errors, HasSubstr("exec_runs_total{result=\"signal\"} 1"));
}

TEST(Exec, LetsNoMetricsChangeTheEnd) {
  // Nobody listens there; and a configuration that is wrong altogether.
  const Ended deaf =
      RunCli({"exec", "--push-timeout=300ms", "--", kChild, "exit", "5"},
             {{"METRICS_BACKEND", "otlp"}, {"OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9"}});
  EXPECT_EQ(deaf.code, 5);
  const Ended strict = RunCli({"exec", "--", kChild, "exit", "0"},
                              {{"METRICS_BACKEND", "nonsense"}, {"METRICS_STRICT", "true"}});
  EXPECT_EQ(strict.code, 0);
  EXPECT_THAT(strict.errors, HasSubstr("nonsense"));
}

TEST(Exec, SaysHowItEndedWhereNoBackendDoes) {
  const Ended ended = RunCli({"exec", "--", kChild, "exit", "4"});
  EXPECT_EQ(ended.code, 4);
  EXPECT_THAT(ended.errors, ContainsRegex("^polymeter: ended with 4 after .*, CPU .*, peak RSS"));
  EXPECT_EQ(RunCli({"exec", "--", kChild, "exit", "4"},
                   {{"METRICS_BACKEND", "prometheus"}, {"METRICS_PROMETHEUS_PORT", "0"}})
                .errors,
            "");
}

TEST(Docgen, KeepsStreamsApartAndTheirBytes) {
  const Ended ended = RunCli({"docgen", "--quiet", "--", kChild, "streams"});
  EXPECT_EQ(ended.output, "out\nout again\n");
  EXPECT_EQ(ended.errors, "err\n");
  EXPECT_EQ(ended.code, 0);
}

TEST(Docgen, KeepsTheOrderOfStreamsThatAreOne) {
  Program program({"sh", "-c", "exec \"$@\" 2>&1", "sh", POLYMETER_CLI, "docgen", "--quiet", "--",
                   kChild, "streams"});
  program.CloseInput();
  EXPECT_EQ(program.Wait().output, "out\nerr\nout again\n");
}

TEST(Docgen, PassesMuchThroughAReaderThatIsSlow) {
  Program program(Cli({"docgen", "--quiet", "--", kChild, "flood", "100"}));
  program.CloseInput();
  usleep(100000);
  const Ended ended = program.Wait();
  EXPECT_EQ(ended.code, 0);
  EXPECT_EQ(ended.output, std::string(100 * 65536, 'x'));
}

TEST(Docgen, WaitsALittleForWhatStillWritesWhenTheProgramHasEnded) {
  EXPECT_EQ(RunCli({"docgen", "--quiet", "--", kChild, "late"}).output, "late\n");
}

TEST(Docgen, TellsTheProgramThatItsReaderIsGone) {
  Program program(Cli({"docgen", "--quiet", "--", kChild, "flood", "100000"}));
  program.CloseInput();
  program.ReadOutput(1000);
  program.CloseOutput();
  EXPECT_EQ(program.Wait().signal, SIGPIPE);
}

TEST(Docgen, GivesTheProgramATerminalWhereItHasOne) {
  POLYMETER_NEEDS("script");
  Program program({"script", "-qec",
                   std::string(POLYMETER_CLI) + " docgen --quiet -- " + kChild + " terminal",
                   "/dev/null"});
  program.CloseInput();
  EXPECT_THAT(program.Wait().output, HasSubstr("tty tty tty 1"));
}

TEST(Docgen, CountsTheWarningsOfTheRealDoxygen) {
  POLYMETER_NEEDS("doxygen");
  const Folder folder;
  const std::string captures = POLYMETER_SOURCE_DIR "/integrations/docgen/testdata";
  const std::string prepare = "mkdir '" + (folder / "src") + "' && cp " + captures + "/a.h.in '" +
                              (folder / "src/a.h") + "' && cp " + captures + "/Doxyfile.in '" +
                              (folder / "Doxyfile") + "'";
  ASSERT_EQ(std::system(prepare.c_str()), 0);
  const Ended ended = RunCli({"docgen", "--", "doxygen", "-d", "time"},
                             {{"METRICS_BACKEND", "console"}}, folder.path());
  EXPECT_EQ(ended.code, 0);
  EXPECT_THAT(ended.output, HasSubstr("Generating XML output"));
  EXPECT_THAT(ended.errors, HasSubstr("7 different warnings"));
  EXPECT_THAT(ended.errors, HasSubstr("60.0 % documented"));
  EXPECT_THAT(ended.errors, HasSubstr("docgen_warnings{kind=\"undocumented\"} 2"));
  EXPECT_THAT(ended.errors, HasSubstr("docgen_runs_total{tool=\"doxygen\",result=\"ok\"} 1"));
  EXPECT_THAT(ended.errors, ContainsRegex("docgen_phase_seconds\\{phase=\"parsing\"\\} [0-9]"));
  EXPECT_THAT(ended.errors, Not(HasSubstr("a.h\"")));
  EXPECT_EQ(RunCli({"docgen", "--max-warnings", "6", "--", "doxygen"}, {}, folder.path()).code, 4);
  EXPECT_EQ(RunCli({"docgen", "--max-warnings", "7", "--", "doxygen"}, {}, folder.path()).code, 0);
  EXPECT_EQ(RunCli({"docgen", "--max-warnings", "7", "--", "sphinx-build"}).code, 125);
  EXPECT_EQ(RunCli({"docgen", "--", "doxygen", "nowhere"}, {}, folder.path()).code, 1);
}

TEST(Command, TellsHelpAndVersion) {
  const Ended help = RunCli({"--help"});
  EXPECT_EQ(help.code, 0);
  EXPECT_THAT(help.output, HasSubstr("polymeter build -- ninja"));
  EXPECT_THAT(RunCli({"help", "lsp"}).output, HasSubstr("usage: polymeter lsp"));
  EXPECT_THAT(RunCli({"lsp", "--help"}).output, HasSubstr("usage: polymeter lsp"));
  EXPECT_THAT(RunCli({"--version"}).output, ContainsRegex("^polymeter [0-9]+\\.[0-9]+"));
  const Ended none = RunCli({});
  EXPECT_EQ(none.code, 125);
  EXPECT_EQ(none.output, "");
}

}  // namespace
}  // namespace polymeter::cli
