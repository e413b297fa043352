#include "integrations/lsp/lsp_documents.h"

#include <algorithm>

POLYMETER_BEGIN_NAMESPACE
namespace detail {

LspDocuments::Document* LspDocuments::Find(Uri uri) {
  const auto found = documents_.find(uri);
  if (found != documents_.end()) return &found->second;
  if (documents_.size() >= limit_) return nullptr;
  return &documents_[uri];
}

void LspDocuments::ForgetIfDone(Documents::iterator document) {
  if (document->second.open || document->second.counts != Counts{}) return;
  documents_.erase(document);
}

bool LspDocuments::Open(Uri uri, std::optional<std::int64_t> version, LspTime now) {
  Document* const document = Find(uri);
  if (document == nullptr) return false;
  if (!document->open) ++open_;
  document->open = true;
  document->edits.clear();
  if (version) document->edits.push_back({*version, now});
  return true;
}

bool LspDocuments::Change(Uri uri, std::optional<std::int64_t> version, LspTime now) {
  const auto found = documents_.find(uri);
  if (found == documents_.end() || !found->second.open || !version) return true;
  std::vector<Edit>& edits = found->second.edits;
  const bool full = edits.size() == kMostEdits;
  if (full) edits.erase(edits.begin());
  edits.push_back({*version, now});
  return !full;
}

void LspDocuments::Close(Uri uri) {
  const auto found = documents_.find(uri);
  if (found == documents_.end() || !found->second.open) return;
  --open_;
  found->second.open = false;
  found->second.edits = {};
  ForgetIfDone(found);
}

bool LspDocuments::Diagnose(Uri uri, std::optional<std::int64_t> version,
                            const std::optional<Counts>& counts,
                            const std::function<void(LspTime)>& covered) {
  const auto known = documents_.find(uri);
  if (known == documents_.end() && (!counts || *counts == Counts{})) return true;
  Document* const document = Find(uri);
  if (document == nullptr) return false;
  std::vector<Edit>& edits = document->edits;
  const auto waits = std::stable_partition(
      edits.begin(), edits.end(), [&](const Edit& e) { return version && e.version > *version; });
  std::for_each(waits, edits.end(), [&](const Edit& edit) { covered(edit.time); });
  edits.erase(waits, edits.end());
  if (counts) SetCounts(*document, *counts);
  ForgetIfDone(documents_.find(uri));
  return true;
}

void LspDocuments::SetCounts(Document& document, const Counts& counts) {
  for (std::size_t i = 0; i < kLspSeverities; ++i) {
    diagnostics_[i] += std::int64_t{counts[i]} - std::int64_t{document.counts[i]};
  }
  document.counts = counts;
}

}  // namespace detail
POLYMETER_END_NAMESPACE
