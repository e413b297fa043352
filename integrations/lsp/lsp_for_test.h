// Recorded sessions, and what they ought to count: read once more, with another parser and without
// any state, from the whole list of messages.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "integrations/lsp/lsp_vocabulary.h"
#include "polymeter/lsp.h"

namespace lsp_test {

using polymeter::LspDirection;

inline constexpr LspDirection kClient = LspDirection::kClientToServer;
inline constexpr LspDirection kServer = LspDirection::kServerToClient;

// Time zero of every test.
inline polymeter::LspTime At(double seconds) {
  return polymeter::LspTime(std::chrono::nanoseconds(1'000'000'000'000) +
                            std::chrono::nanoseconds(std::llround(seconds * 1e9)));
}

struct Frame {
  double time = 0;
  LspDirection direction = LspDirection::kClientToServer;
  std::string bytes;  // with its header

  std::string Body() const {
    const std::size_t crlf = bytes.find("\r\n\r\n");
    const std::size_t lf = bytes.find("\n\n");
    if (crlf != std::string::npos && crlf < lf) return bytes.substr(crlf + 4);
    return lf == std::string::npos ? std::string() : bytes.substr(lf + 2);
  }
};

inline std::string Framed(const std::string& body) {
  return "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

inline std::string ReadAll(const std::string& name) {
  std::ifstream in(POLYMETER_SOURCE_DIR "/integrations/lsp/testdata/" + name, std::ios::binary);
  EXPECT_TRUE(in) << name;
  return std::string(std::istreambuf_iterator<char>(in), {});
}

struct Capture {
  std::vector<Frame> frames;
  std::string exit_code;  // "0", "-9", "timeout->1"
};

// clangd14_<name>.jsonl. Its long frames are cut short, but it has their lengths: of `main` the
// bytes come from the .raw files.
inline Capture Load(const std::string& name) {
  Capture capture;
  std::string raw[2];
  if (name == "main") {
    raw[0] = ReadAll("clangd14_main.c2s.raw");
    raw[1] = ReadAll("clangd14_main.s2c.raw");
  }
  std::size_t at[2] = {};
  std::istringstream lines(ReadAll("clangd14_" + name + ".jsonl"));
  for (std::string line; std::getline(lines, line);) {
    const nlohmann::json entry = nlohmann::json::parse(line);
    if (entry.contains("exit_code")) {
      const auto& code = entry["exit_code"];
      capture.exit_code = code.is_string() ? code.get<std::string>() : code.dump();
      continue;
    }
    Frame frame;
    frame.time = entry["t_s"];
    const std::size_t direction = entry["dir"] == "s2c";
    frame.direction = static_cast<LspDirection>(direction);
    frame.bytes = entry["frame"];
    const std::size_t size = entry["bytes"];
    if (!raw[direction].empty()) {
      frame.bytes = raw[direction].substr(at[direction], size);
      at[direction] += size;
    }
    EXPECT_EQ(frame.bytes.size(), size) << line;
    capture.frames.push_back(std::move(frame));
  }
  for (std::size_t i = 0; i < 2; ++i) EXPECT_EQ(at[i], raw[i].size());
  return capture;
}

// name{label=value,...} -> value; of a histogram name_count and name_sum. Without zeros.
using Page = std::map<std::string, double>;
using Labels = std::map<std::string, std::string>;

inline std::string Key(const std::string& name, const Labels& labels = {}) {
  std::string key = name + "{";
  for (const auto& [label, value] : labels) key += label + "=" + value + ",";
  return key + "}";
}

inline Page PageOf(const polymeter::Snapshot& snapshot) {
  Page page;
  const auto add = [&](const auto& family, const auto& point, const char* suffix, double value) {
    EXPECT_FALSE(std::isnan(value)) << family.name;
    EXPECT_GE(value, 0) << family.name;
    if (value == 0) return;
    Labels labels;
    polymeter::VisitLabels(family, point.series, [&](std::string_view name, std::string_view text) {
      labels.emplace(name, text);
    });
    page[Key(std::string(family.name) + suffix, labels)] = value;
  };
  for (const auto& family : snapshot.families()) {
    if (family.name.substr(0, 4) != "lsp_") continue;
    if (const auto* c = std::get_if<std::vector<polymeter::CounterPoint>>(&family.points)) {
      for (const auto& point : *c) add(family, point, "", point.value());
    } else if (const auto* g = std::get_if<std::vector<polymeter::GaugePoint>>(&family.points)) {
      for (const auto& point : *g) add(family, point, "", point.value);
    } else if (const auto* h =
                   std::get_if<std::vector<polymeter::HistogramPoint>>(&family.points)) {
      for (const auto& point : *h) {
        add(family, point, "_count", static_cast<double>(point.count));
        add(family, point, "_sum", point.sum);
      }
    }
  }
  return page;
}

inline void ExpectSame(const Page& wanted, const Page& got, const std::string& where) {
  for (const auto& [key, value] : wanted) {
    if (std::abs(value) < 1e-12) continue;
    const auto found = got.find(key);
    if (found == got.end()) {
      ADD_FAILURE() << where << ": no " << key << ", wanted " << value;
    } else {
      EXPECT_NEAR(found->second, value, 1e-6 + std::abs(value) * 1e-9) << where << ": " << key;
    }
  }
  for (const auto& [key, value] : got) {
    EXPECT_TRUE(wanted.count(key) != 0) << where << ": unwanted " << key << " " << value;
  }
}

// What these frames ought to count for the server "clangd", frame errors aside. With `end`, the
// session ended that way after them; without, it goes on at the time `now`.
class Expectation {
 public:
  Expectation(const std::vector<Frame>& frames, std::optional<std::string> end, double now = 0)
      : end_(std::move(end)), now_(now) {
    for (const Frame& frame : frames) {
      const std::string body = frame.Body();
      if (body.empty()) continue;
      Entry entry{frame.time, frame.direction, nlohmann::json::parse(body, nullptr, false), {}};
      const std::string way(LabelValue(frame.direction));
      Observe("lsp_message_bytes", {{"direction", way}}, static_cast<double>(body.size()));
      if (entry.json.is_discarded()) {
        ++page_[Key("lsp_proxy_frame_errors_total", {{"kind", "malformed_json"}})];
      } else if (entry.json.is_array()) {
        ++page_[Key("lsp_proxy_frame_errors_total", {{"kind", "batch"}})];
      } else if (!Has(entry, "method") && !Has(entry, "id")) {
        ++page_[Key("lsp_proxy_frame_errors_total", {{"kind", "invalid_message"}})];
      } else {
        entries_.push_back(std::move(entry));
      }
    }
    MatchReplies();
    CountRequests();
    CountNotifications();
    CountCancellations();
    CountDocuments();
  }

  const Page& page() const { return page_; }

 private:
  struct Entry {
    double time;
    LspDirection direction;
    nlohmann::json json;
    std::optional<std::size_t> partner;  // of a request its reply, and the other way round
  };

  static bool Has(const Entry& entry, const char* key) {
    return entry.json.is_object() && entry.json.contains(key);
  }
  static bool IsRequest(const Entry& e) { return Has(e, "method") && Has(e, "id"); }
  static bool IsReply(const Entry& e) { return !Has(e, "method") && Has(e, "id"); }
  static bool IsNotification(const Entry& e, const char* method) {
    return Has(e, "method") && !Has(e, "id") && e.json["method"] == method;
  }
  static bool SameId(const nlohmann::json& a, const nlohmann::json& b) {
    return a.is_string() == b.is_string() && a == b;
  }
  void Observe(const std::string& name, const Labels& labels, double value) {
    ++page_[Key(name + "_count", labels)];
    page_[Key(name + "_sum", labels)] += value;
  }
  std::string MethodOf(const Entry& entry) {
    const std::string method = entry.json["method"];
    if (methods_.Find(method) != 0) return method;
    return "other";
  }

  void MatchReplies() {
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      if (!IsReply(entries_[i])) continue;
      for (std::size_t k = 0; k < i; ++k) {
        Entry& request = entries_[k];
        if (!IsRequest(request) || request.partner || request.direction == entries_[i].direction ||
            !SameId(request.json["id"], entries_[i].json["id"])) {
          continue;
        }
        request.partner = i;
        entries_[i].partner = k;
        break;
      }
      if (!entries_[i].partner) ++page_[Key("lsp_untracked_total", {{"kind", "reply"}})];
    }
  }

  std::string OutcomeOf(const Entry& request) const {
    if (!request.partner) return "unanswered";
    const nlohmann::json& reply = entries_[*request.partner].json;
    if (!reply.contains("error")) return "ok";
    const int code = reply["error"].value("code", 0);
    if (code == -32800 || code == -32802) return "cancelled";
    return code == -32801 ? "content_modified" : "error";
  }

  void CountRequests() {
    std::string client = "unknown";
    double oldest = now_;
    for (const Entry& entry : entries_) {
      if (!IsRequest(entry)) continue;
      const bool by_client = entry.direction == LspDirection::kClientToServer;
      const std::string method = MethodOf(entry);
      if (method == "other") ++page_[Key("lsp_labels_folded_total", {{"label", "method"}})];
      if (method == "initialize" && by_client) {
        const auto name = nlohmann::json::json_pointer("/params/clientInfo/name");
        client = polymeter::detail::ClientLabel(
            entry.json.contains(name) ? entry.json[name].get<std::string>() : std::string());
        if (client == "other") ++page_[Key("lsp_labels_folded_total", {{"label", "client"}})];
      }
      Labels labels{{"server", "clangd"},
                    {"method", method},
                    {"direction", std::string(LabelValue(entry.direction))}};
      const std::string outcome = OutcomeOf(entry);
      if (entry.partner) {
        const double time = entries_[*entry.partner].time - entry.time;
        Observe("lsp_request_duration_seconds", labels, time);
        if (method == "initialize" && by_client && outcome == "ok") {
          Observe("lsp_initialize_duration_seconds", {{"server", "clangd"}}, time);
        }
      } else if (!end_) {
        if (!by_client) continue;
        ++page_[Key("lsp_requests_in_flight", {{"server", "clangd"}})];
        oldest = std::min(oldest, entry.time);
        continue;
      }
      labels["outcome"] = outcome;
      ++page_[Key("lsp_requests_total", labels)];
    }
    if (end_) {
      ++page_[Key("lsp_sessions_total",
                  {{"server", "clangd"}, {"client", client}, {"end", *end_}})];
    } else {
      page_[Key("lsp_oldest_request_age_seconds", {{"server", "clangd"}})] = now_ - oldest;
    }
  }

  void CountNotifications() {
    for (const Entry& entry : entries_) {
      if (!Has(entry, "method") || Has(entry, "id")) continue;
      const std::string method = MethodOf(entry);
      if (method == "other") ++page_[Key("lsp_labels_folded_total", {{"label", "method"}})];
      ++page_[Key("lsp_notifications_total",
                  {{"method", method}, {"direction", std::string(LabelValue(entry.direction))}})];
    }
  }

  void CountCancellations() {
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      if (!IsNotification(entries_[i], "$/cancelRequest")) continue;
      const nlohmann::json& id = entries_[i].json["params"]["id"];
      const Entry* pending = nullptr;
      bool answered = false;
      for (std::size_t k = 0; k < i; ++k) {
        const Entry& request = entries_[k];
        if (!IsRequest(request) || request.direction != entries_[i].direction ||
            !SameId(request.json["id"], id)) {
          continue;
        }
        if (request.partner && *request.partner < i) {
          answered = true;
        } else {
          pending = &request;
        }
      }
      std::string effect = answered ? "too_late" : "unknown_id";
      if (pending != nullptr) {
        if (!pending->partner && !end_) continue;  // not known yet
        const std::string outcome = OutcomeOf(*pending);
        effect = outcome == "unanswered"                 ? "unanswered"
                 : outcome == "ok" || outcome == "error" ? "too_late"
                                                         : "honoured";
      }
      ++page_[Key("lsp_cancellations_total", {{"effect", effect}})];
    }
  }

  void CountDocuments() {
    std::map<std::string, bool> open;
    std::map<std::string, std::vector<int>> diagnostics;  // severities
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      const Entry& entry = entries_[i];
      const bool by_client = entry.direction == LspDirection::kClientToServer;
      const bool opened = by_client && IsNotification(entry, "textDocument/didOpen");
      const bool changed = by_client && IsNotification(entry, "textDocument/didChange");
      if (by_client && IsNotification(entry, "textDocument/didClose")) {
        open[entry.json["params"]["textDocument"]["uri"]] = false;
      }
      if (!by_client && IsNotification(entry, "textDocument/publishDiagnostics")) {
        const nlohmann::json& params = entry.json["params"];
        std::vector<int>& severities = diagnostics[params["uri"]];
        severities.clear();
        for (const auto& one : params["diagnostics"])
          severities.push_back(one.value("severity", 0));
      }
      if (!opened && !changed) continue;
      const nlohmann::json& document = entry.json["params"]["textDocument"];
      const std::string uri = document["uri"];
      if (changed) {
        const auto& changes = entry.json["params"]["contentChanges"];
        const bool ranges = std::any_of(changes.begin(), changes.end(), [](const auto& change) {
          return change.contains("range");
        });
        if (!changes.empty()) {
          ++page_[Key("lsp_document_changes_total", {{"sync", ranges ? "incremental" : "full"}})];
        }
        if (!open[uri]) continue;
      }
      open[uri] = true;
      CountLatency(i, uri, document["version"]);
    }
    if (end_) return;
    for (const auto& [uri, is_open] : open) {
      if (is_open) ++page_[Key("lsp_open_documents")];
    }
    constexpr const char* kNames[] = {"unspecified", "error", "warning", "information", "hint"};
    for (const auto& [uri, severities] : diagnostics) {
      for (const int severity : severities) {
        ++page_[Key("lsp_diagnostics", {{"severity", kNames[severity]}})];
      }
    }
  }

  // The first diagnostics for the document after the edit, in this version or a later one, unless
  // it is closed or opened anew before.
  void CountLatency(std::size_t edit, const std::string& uri, std::int64_t version) {
    for (std::size_t i = edit + 1; i < entries_.size(); ++i) {
      const Entry& entry = entries_[i];
      if (entry.direction == LspDirection::kClientToServer) {
        if ((IsNotification(entry, "textDocument/didClose") ||
             IsNotification(entry, "textDocument/didOpen")) &&
            entry.json["params"]["textDocument"]["uri"] == uri) {
          return;
        }
        continue;
      }
      if (!IsNotification(entry, "textDocument/publishDiagnostics")) continue;
      const nlohmann::json& params = entry.json["params"];
      if (params["uri"] != uri) continue;
      if (params.contains("version") && params["version"] < version) continue;
      Observe("lsp_diagnostic_latency_seconds", {}, entry.time - entries_[edit].time);
      return;
    }
  }

  const polymeter::detail::LspMethods methods_;
  const std::optional<std::string> end_;
  const double now_;
  std::vector<Entry> entries_;
  Page page_;
};

// `text` in pieces: `sizes()` gives the size of the next one.
template <class Sizes, class Take>
void InPieces(std::string_view text, Sizes sizes, Take take) {
  while (!text.empty()) {
    const std::size_t size = std::min<std::size_t>(std::max<std::size_t>(1, sizes()), text.size());
    take(text.substr(0, size));
    text.remove_prefix(size);
  }
}

}  // namespace lsp_test
