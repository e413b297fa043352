#include "integrations/lsp/lsp_vocabulary.h"

#include <algorithm>
#include <iterator>

#include "integrations/lsp/ascii.h"
#include "polymeter/lsp.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr std::string_view kMethods[] = {
    // LSP 3.17, requests
    "callHierarchy/incomingCalls",
    "callHierarchy/outgoingCalls",
    "client/registerCapability",
    "client/unregisterCapability",
    "codeAction/resolve",
    "codeLens/resolve",
    "completionItem/resolve",
    "documentLink/resolve",
    "initialize",
    "inlayHint/resolve",
    "shutdown",
    "textDocument/codeAction",
    "textDocument/codeLens",
    "textDocument/colorPresentation",
    "textDocument/completion",
    "textDocument/declaration",
    "textDocument/definition",
    "textDocument/diagnostic",
    "textDocument/documentColor",
    "textDocument/documentHighlight",
    "textDocument/documentLink",
    "textDocument/documentSymbol",
    "textDocument/foldingRange",
    "textDocument/formatting",
    "textDocument/hover",
    "textDocument/implementation",
    "textDocument/inlayHint",
    "textDocument/inlineValue",
    "textDocument/linkedEditingRange",
    "textDocument/moniker",
    "textDocument/onTypeFormatting",
    "textDocument/prepareCallHierarchy",
    "textDocument/prepareRename",
    "textDocument/prepareTypeHierarchy",
    "textDocument/rangeFormatting",
    "textDocument/references",
    "textDocument/rename",
    "textDocument/selectionRange",
    "textDocument/semanticTokens/full",
    "textDocument/semanticTokens/full/delta",
    "textDocument/semanticTokens/range",
    "textDocument/signatureHelp",
    "textDocument/typeDefinition",
    "textDocument/willSaveWaitUntil",
    "typeHierarchy/subtypes",
    "typeHierarchy/supertypes",
    "window/showDocument",
    "window/showMessageRequest",
    "window/workDoneProgress/create",
    "workspace/applyEdit",
    "workspace/codeLens/refresh",
    "workspace/configuration",
    "workspace/diagnostic",
    "workspace/diagnostic/refresh",
    "workspace/executeCommand",
    "workspace/inlayHint/refresh",
    "workspace/inlineValue/refresh",
    "workspace/semanticTokens/refresh",
    "workspace/symbol",
    "workspace/willCreateFiles",
    "workspace/willDeleteFiles",
    "workspace/willRenameFiles",
    "workspace/workspaceFolders",
    "workspaceSymbol/resolve",
    // LSP 3.17, notifications
    "$/cancelRequest",
    "$/logTrace",
    "$/progress",
    "$/setTrace",
    "exit",
    "initialized",
    "notebookDocument/didChange",
    "notebookDocument/didClose",
    "notebookDocument/didOpen",
    "notebookDocument/didSave",
    "telemetry/event",
    "textDocument/didChange",
    "textDocument/didClose",
    "textDocument/didOpen",
    "textDocument/didSave",
    "textDocument/publishDiagnostics",
    "textDocument/willSave",
    "window/logMessage",
    "window/showMessage",
    "window/workDoneProgress/cancel",
    "workspace/didChangeConfiguration",
    "workspace/didChangeWatchedFiles",
    "workspace/didChangeWorkspaceFolders",
    "workspace/didCreateFiles",
    "workspace/didDeleteFiles",
    "workspace/didRenameFiles",
    // clangd
    "$/memoryUsage",
    "clangd/inlayHints",
    "sync",
    "textDocument/ast",
    "textDocument/clangd.fileStatus",
    "textDocument/inactiveRegions",
    "textDocument/switchSourceHeader",
    "textDocument/symbolInfo",
    "textDocument/typeHierarchy",
    "typeHierarchy/resolve",
    // rust-analyzer
    "experimental/externalDocs",
    "experimental/joinLines",
    "experimental/matchingBrace",
    "experimental/moveItem",
    "experimental/onEnter",
    "experimental/openCargoToml",
    "experimental/parentModule",
    "experimental/runnables",
    "experimental/serverStatus",
    "experimental/ssr",
    "rust-analyzer/analyzerStatus",
    "rust-analyzer/cancelFlycheck",
    "rust-analyzer/clearFlycheck",
    "rust-analyzer/expandMacro",
    "rust-analyzer/memoryUsage",
    "rust-analyzer/rebuildProcMacros",
    "rust-analyzer/relatedTests",
    "rust-analyzer/reloadWorkspace",
    "rust-analyzer/runFlycheck",
};

constexpr std::size_t kMostMethods = 1000;
constexpr std::size_t kLongestMethod = 128;

// A client's name begins with one of these, in any case. The longer one comes first.
struct Client {
  std::string_view begins;
  std::string_view label;
};
constexpr Client kClients[] = {
    {"visual studio code", "vscode"},
    {"code - oss", "vscode"},
    {"vscodium", "vscodium"},
    {"cursor", "cursor"},
    {"windsurf", "windsurf"},
    {"visual studio", "visual_studio"},
    {"vscode", "vscode"},
    {"neovim", "neovim"},
    {"nvim", "neovim"},
    {"coc.nvim", "coc"},
    {"vim-lsp", "vim"},
    {"vim", "vim"},
    {"youcompleteme", "ycm"},
    {"ycmd", "ycm"},
    {"eglot", "eglot"},
    {"emacs", "emacs"},
    {"gnu emacs", "emacs"},
    {"lsp-mode", "emacs"},
    {"helix", "helix"},
    {"zed", "zed"},
    {"sublime", "sublime_text"},
    {"kate", "kate"},
    {"qt creator", "qt_creator"},
    {"qtcreator", "qt_creator"},
    {"eclipse", "eclipse"},
    {"lsp4e", "eclipse"},
    {"intellij", "jetbrains"},
    {"clion", "jetbrains"},
    {"jetbrains", "jetbrains"},
    {"kakoune", "kakoune"},
    {"kak-lsp", "kakoune"},
    {"theia", "theia"},
    {"monaco", "monaco"},
    {"lapce", "lapce"},
    {"gnome builder", "gnome_builder"},
    {"gnome-builder", "gnome_builder"},
};

constexpr std::string_view kServers[] = {
    "ada_language_server",
    "bash-language-server",
    "ccls",
    "clangd",
    "clojure-lsp",
    "cmake-language-server",
    "elixir-ls",
    "erlang_ls",
    "gopls",
    "haskell-language-server",
    "intelephense",
    "jdtls",
    "kotlin-language-server",
    "lua-language-server",
    "marksman",
    "metals",
    "neocmakelsp",
    "nil",
    "ocamllsp",
    "omnisharp",
    "phpactor",
    "pylsp",
    "pyright-langserver",
    "qmlls",
    "ruby-lsp",
    "ruff",
    "rust-analyzer",
    "solargraph",
    "sourcekit-lsp",
    "terraform-ls",
    "texlab",
    "typescript-language-server",
    "vscode-css-language-server",
    "vscode-html-language-server",
    "vscode-json-language-server",
    "yaml-language-server",
    "zls",
};

// `prefix` is in lower case.
bool BeginsWith(std::string_view text, std::string_view prefix) noexcept {
  return text.size() >= prefix.size() &&
         std::equal(prefix.begin(), prefix.end(), text.begin(),
                    [](char wanted, char c) { return wanted == Lower(c); });
}

// "-14", "-14.0.6", "" but not "-tidy"
bool IsVersion(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= '0' && c <= '9') || c == '.' || c == '-'; });
}

}  // namespace

LspMethods::LspMethods(const std::vector<std::string>& further) {
  names_.assign(std::begin(kMethods), std::end(kMethods));
  for (const std::string& name : further) {
    if (names_.size() == kMostMethods) break;
    if (!name.empty() && name.size() <= kLongestMethod) names_.push_back(name);
  }
  std::sort(names_.begin(), names_.end());
  names_.erase(std::unique(names_.begin(), names_.end()), names_.end());
  names_.insert(names_.begin(), std::string(kOtherWord));
}

LspMethods::Id LspMethods::Find(std::string_view method) const noexcept {
  const auto found = std::lower_bound(names_.begin() + 1, names_.end(), method);
  if (found == names_.end() || *found != method) return kOther;
  return static_cast<Id>(found - names_.begin());
}

std::string_view ClientLabel(std::string_view client_name) noexcept {
  if (client_name.empty()) return "unknown";
  for (const Client& client : kClients) {
    if (BeginsWith(client_name, client.begins)) return client.label;
  }
  return kOtherWord;
}

}  // namespace detail

std::string_view LspServerNameOf(std::string_view command) noexcept {
  command = command.substr(command.rfind('/') + 1);  // npos + 1 is 0
  for (const std::string_view server : detail::kServers) {
    if (detail::BeginsWith(command, server) && detail::IsVersion(command.substr(server.size()))) {
      return server;
    }
  }
  return detail::kOtherWord;
}

POLYMETER_END_NAMESPACE
