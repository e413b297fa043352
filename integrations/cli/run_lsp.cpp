// polymeter lsp: the relay between an editor and its language server.
#include <fcntl.h>
#include <unistd.h>

#include <string>
#include <utility>

#include "integrations/cli/commands.h"
#include "integrations/cli/copy_feed.h"
#include "integrations/cli/streams.h"
#include "integrations/cli/wrap.h"
#include "polymeter/lsp.h"

namespace polymeter::cli {
namespace {

struct Pipe {
  Fd read;
  Fd write;
};

Pipe MakePipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return {};
  return {Fd(ends[0]), Fd(ends[1])};
}

// Of our end alone: the other one is the server's.
void DoNotWait(const Fd& fd) { fcntl(fd.get(), F_SETFL, fcntl(fd.get(), F_GETFL) | O_NONBLOCK); }

LspOptions OptionsFor(const CommandLine& line, pid_t server) {
  LspOptions options;
  options.Server(line.Value("--server").value_or(std::string(LspServerNameOf(line.program[0]))));
  options.AllowMethods(line.Values("--method"));
  if (server > 0) options.Process(server);
  return options;
}

}  // namespace

int RunLsp(const CommandLine& line) {
  Wrap wrap(line);
  Fd input = CopyOf(STDIN_FILENO);
  Fd output = CopyOf(STDOUT_FILENO);
  Pipe to_server = MakePipe();
  Pipe from_server = MakePipe();
  DoNotWait(to_server.write);
  DoNotWait(from_server.read);
  ChildPlan plan;
  plan.command = line.program;
  plan.input = to_server.read.get();
  plan.output = from_server.write.get();
  wrap.Start(plan);
  to_server.read.Close();
  from_server.write.Close();

  LspSession session;
  std::optional<LspMetrics> lsp;
  Wrap::Guarded([&] {
    lsp.emplace(wrap.metrics(), OptionsFor(line, wrap.child().pid()));
    session = lsp->Begin();
  });
  std::optional<CopyFeed> feed;
  if (wrap.metrics().recording()) feed.emplace(session);
  const auto observe = [&feed](LspDirection direction) {
    return feed ? feed->ObserverOf(direction) : PumpObserver();
  };
  Pump from_client(std::move(input), Sink(std::move(to_server.write)),
                   observe(LspDirection::kClientToServer));
  Pump to_client(std::move(from_server.read), Sink(std::move(output)),
                 observe(LspDirection::kServerToClient));
  wrap.Loop({{&to_client}, {&from_client}, {}});

  if (feed) feed->Stop();
  const Outcome& outcome = wrap.outcome();
  if (outcome.started) {
    LspExit exit = LspExit::FromWaitStatus(outcome.status);
    if (outcome.usage) exit.CpuSeconds(outcome.cpu_seconds());
    session.End(exit);
  }
  return wrap.End();
}

}  // namespace polymeter::cli
