// The adapters' tables of families as Markdown, one block a table, as they stand in docs/adapters.
#include <cstdio>
#include <iterator>
#include <string>
#include <string_view>

#include "integrations/build/build_families.h"
#include "integrations/cli/exec_families.h"
#include "integrations/client/client_families.h"
#include "integrations/docgen/docgen_families.h"
#include "integrations/host/host_families.h"
#include "integrations/http/http_families.h"
#include "integrations/job_queue/job_queue_families.h"
#include "integrations/lsp/lsp_families.h"
#include "integrations/runtime/runtime_families.h"
#include "integrations/tracing/tracing_families.h"

namespace polymeter::detail {
namespace {

std::string_view TypeOf(const FamilyRow& row) {
  if (row.additive) return "gauge, additive";
  return ToString(row.type);
}

// `text` with a backslash before each character that a table or HTML would take for its own.
std::string Escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|' || c == '<' || c == '*') out += '\\';
    out += c;
  }
  return out;
}

std::string Code(std::string_view text) {
  return text.empty() ? std::string() : "`" + std::string(text) + "`";
}

// "method,path" -> "`method`, `path`"
std::string CodeList(std::string_view texts) {
  std::string out;
  while (!texts.empty()) {
    const std::string_view one = texts.substr(0, texts.find(','));
    texts.remove_prefix(one.size() + (one.size() < texts.size() ? 1 : 0));
    out += (out.empty() ? "" : ", ") + Code(one);
  }
  return out;
}

template <std::size_t N>
void Print(const char* name, const FamilyRow (&rows)[N]) {
  std::printf("<!-- families: %s -->\n", name);
  std::printf("| family | type | labels | what it is | OpenTelemetry |\n|---|---|---|---|---|\n");
  for (const FamilyRow& row : rows) {
    std::printf("| %s | %s | %s | %s | %s |\n", Code(row.name).c_str(),
                std::string(TypeOf(row)).c_str(), CodeList(row.labels).c_str(),
                Escaped(row.help).c_str(), Code(row.otel_name).c_str());
  }
  std::printf("<!-- end -->\n");
}

}  // namespace
}  // namespace polymeter::detail

int main() {
  using namespace polymeter::detail;
  Print("runtime", kRuntimeFamilies);
  Print("host", kHostFamilies);
  Print("job_queue", kJobQueueFamilies);
  Print("http", kHttpFamilies);
  Print("tracing", kTracingFamilies);
  Print("exec", kExecFamilies);
  Print("build", kBuildFamilies);
  Print("lsp", kLspFamilies);
  Print("docgen", kDocgenFamilies);
  Print("client", kClientFamilies);
  Print("client database", kClientDatabaseFamilies);
  Print("client redis", kClientRedisFamilies);
}
