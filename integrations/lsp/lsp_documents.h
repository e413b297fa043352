// Documents of a session: which are open, which edits wait for their diagnostics, how many
// diagnostics each has. Knows them by a hash of their URI.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <unordered_map>
#include <vector>

#include "polymeter/lsp.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

class LspDocuments {
 public:
  using Uri = std::uint64_t;
  using Counts = std::array<std::uint32_t, kLspSeverities>;
  // Edits of one document that wait for diagnostics.
  static constexpr std::size_t kMostEdits = 128;

  explicit LspDocuments(std::size_t limit) : limit_(limit) {}

  // False when there are as many documents as allowed.
  bool Open(Uri uri, std::optional<std::int64_t> version, LspTime now);
  // False when the document has too many edits that wait: its oldest one is then given up.
  bool Change(Uri uri, std::optional<std::int64_t> version, LspTime now);
  void Close(Uri uri);
  // Diagnostics for `version` cover every edit up to it; without a version, every edit so far.
  // Calls `covered` with the time of each. False as in Open.
  bool Diagnose(Uri uri, std::optional<std::int64_t> version, const std::optional<Counts>& counts,
                const std::function<void(LspTime edited)>& covered);

  std::size_t open() const { return open_; }
  const std::array<std::int64_t, kLspSeverities>& diagnostics() const { return diagnostics_; }

 private:
  struct Edit {
    std::int64_t version;
    LspTime time;
  };
  struct Document {
    bool open = false;
    Counts counts{};
    std::vector<Edit> edits;
  };
  using Documents = std::unordered_map<Uri, Document>;

  // Null when there are as many as allowed.
  Document* Find(Uri uri);
  // Neither open nor with diagnostics, it is forgotten.
  void ForgetIfDone(Documents::iterator document);
  void SetCounts(Document& document, const Counts& counts);

  const std::size_t limit_;
  Documents documents_;
  std::size_t open_ = 0;
  std::array<std::int64_t, kLspSeverities> diagnostics_{};
};

}  // namespace detail
POLYMETER_END_NAMESPACE
