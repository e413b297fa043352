#include "integrations/cli/commands.h"

namespace polymeter::cli {
namespace {

constexpr OptionRow kPushTimeout = {"--push-timeout", "TIME",
                                    "How long the metrics may take at the end, 5s unless given"};
constexpr OptionRow kQuiet = {"--quiet", "", "Prints no summary"};

constexpr OptionRow kBuildOptions[] = {
    {"--folder", "DIR", "Where .ninja_log lies; else it is taken from the command (-C, --build)"},
    {"--report", "FILE", "Writes the build as JSON"},
    {"--trace", "FILE", "Writes the build in Chrome's trace format (ui.perfetto.dev)"},
    {"--baseline", "FILE", "Compares with the report of an earlier build"},
    {"--fail-on", "LIMIT",
     "With --baseline: a regression beyond it ends with --regression-code, as in 'wall>10%'", true},
    {"--regression-code", "CODE", "The exit code for a regression, 3 unless given"},
    {"--proc-stats", "FILE", "Reads clang's -fproc-stat-report from there"},
    {"--log", "FILE", "Reads an old .ninja_log instead of running a program"},
    kPushTimeout,
    kQuiet,
};
constexpr OptionRow kLspOptions[] = {
    {"--server", "NAME", "The label `server`; else it is taken from the program's name"},
    {"--method", "NAME", "A method of the server's own that may be a label", true},
    kPushTimeout,
};
constexpr OptionRow kDocgenOptions[] = {
    {"--doxyfile", "FILE", "Where the output is described; else it is taken from the command"},
    {"--max-warnings", "COUNT",
     "More different warnings than that end with exit code 4 where the program ended with 0"},
    kPushTimeout,
    kQuiet,
};
constexpr OptionRow kExecOptions[] = {
    {"--summary", "", "Prints a summary though the metrics go to a backend"},
    kPushTimeout,
    kQuiet,
};
constexpr OptionRow kConfigOptions[] = {
    {"--selected", "", "Only what counts with the backends that METRICS_BACKEND selects"},
};

constexpr std::string_view kWrapper =
    "The program's exit code and signal, its standard streams and its terminal stay its own. The\n"
    "metrics go where METRICS_BACKEND says (`polymeter config`), as any service's; whatever goes "
    "wrong\nwith them changes nothing for the program.";

constexpr CommandRow kCommands[] = {
    {"build", "Runs a build and tells where its time went", kWrapper, kBuildOptions,
     Takes::kOptionalProgram, "", false,
     "polymeter build -- ninja -C build\n"
     "polymeter build --report build.json --trace build.trace.json -- cmake --build build\n"
     "polymeter build --baseline main.json --fail-on 'wall>10%' -- ninja\n"
     "polymeter build --log build/.ninja_log\n"
     "METRICS_BACKEND=otlp polymeter build -- make -j8"},
    {"lsp", "Stands between an editor and its language server", kWrapper, kLspOptions,
     Takes::kProgram, "", false,
     "METRICS_BACKEND=prometheus METRICS_PROMETHEUS_PORT=0 polymeter lsp -- clangd\n"
     "METRICS_BACKEND=otlp polymeter lsp --server mine -- ./my-server --stdio"},
    {"docgen", "Runs a documentation generator and counts its warnings and pages", kWrapper,
     kDocgenOptions, Takes::kProgram, "", false,
     "polymeter docgen -- doxygen Doxyfile\n"
     "polymeter docgen --max-warnings 20 -- doxygen -d time Doxyfile"},
    {"exec", "Runs any program and measures it with everything that it starts", kWrapper,
     kExecOptions, Takes::kProgram, "", false,
     "polymeter exec -- ./nightly-import\n"
     "METRICS_BACKEND=otlp polymeter exec -- make test"},
    {"step",
     "Runs one step of a build (a compiler launcher, for make)",
     "As CMAKE_CXX_COMPILER_LAUNCHER=\"polymeter;step;--\": within `polymeter build` each step "
     "that is\n"
     "run so is part of the report. Elsewhere it becomes the program at once.",
     {},
     Takes::kProgram,
     "",
     false,
     "cmake -B build -DCMAKE_CXX_COMPILER_LAUNCHER=\"polymeter;step;--\"\n"
     "polymeter build -- make -C build"},
    {"config", "Prints the effective configuration and where it comes from",
     "Every option of every backend with its value and the variable that it is from (or "
     "`default`);\n"
     "secrets are ***. Ends with 1 when something is wrong.",
     kConfigOptions, Takes::kNothing, "", false,
     "polymeter config\n"
     "METRICS_BACKEND=otlp polymeter config --selected"},
    {"completion",
     "Prints the completion script of a shell",
     "",
     {},
     Takes::kWord,
     "bash,zsh,fish",
     false,
     "polymeter completion bash >/etc/bash_completion.d/polymeter\n"
     "polymeter completion zsh >/usr/local/share/zsh/site-functions/_polymeter\n"
     "polymeter completion fish >~/.config/fish/completions/polymeter.fish"},
    {"help",
     "Explains a command",
     "",
     {},
     Takes::kWord,
     "build,lsp,docgen,exec,step,config,completion,help",
     true,
     ""},
};

}  // namespace

std::span<const CommandRow> Commands() { return kCommands; }

}  // namespace polymeter::cli
