#include "integrations/prometheus_cpp/dropin/exported_set.h"

#include <algorithm>
#include <utility>

#include "integrations/prometheus_cpp/dropin/registry_contents.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

// Beyond it a program makes and destroys Registries faster than backends read.
constexpr std::size_t kMostGone = 1024;

}  // namespace

void ExportedSet::SetRead(bool read) {
  const std::lock_guard lock(mutex_);
  if (read == read_) return;
  read_ = read;
  FindGone();
  for (auto& [address, exported] : exported_) {
    const auto living = exported.collectable.lock();
    if (living == nullptr) continue;
    if (read) {
      Show(living, exported);
    } else {
      source_.Remove(exported.contents != nullptr ? exported.contents : living);
      exported.contents.reset();
    }
  }
}

// In the source.
void ExportedSet::Show(const Shared& collectable, Exported& exported) {
  exported.contents = ::prometheus::detail::ContentsOf(collectable);
  // Of an earlier use of the same Registry: it would be there twice.
  for (auto i = gone_.begin(); exported.contents != nullptr && i != gone_.end(); ++i) {
    if (!::prometheus::detail::SameContents(i->contents, exported.contents)) continue;
    source_.Remove(i->contents);
    gone_.erase(i);
    break;
  }
  source_.Add(exported.contents != nullptr ? exported.contents : collectable);
}

void ExportedSet::Add(const Shared& collectable) {
  const std::lock_guard lock(mutex_);
  if (exported_.size() >= look_at_) {
    FindGone();
    look_at_ = 2 * std::max(exported_.size(), kMostGone);
  }
  Exported& exported = exported_[collectable.get()];
  if (exported.times == 0 || exported.collectable.expired()) {
    SetAside(exported);  // the address was another one's
    exported = {collectable, 0, nullptr};
    if (read_) Show(collectable, exported);
  }
  ++exported.times;
}

void ExportedSet::Remove(const Shared& collectable) { Drop(collectable, /*at_end=*/false); }
void ExportedSet::End(const Shared& collectable) { Drop(collectable, /*at_end=*/true); }

void ExportedSet::Drop(const Shared& collectable, bool at_end) {
  const std::lock_guard lock(mutex_);
  const auto found = exported_.find(collectable.get());
  if (found == exported_.end() || found->second.collectable.expired()) return;
  if (--found->second.times > 0) return;
  const Shared& contents = found->second.contents;
  if (at_end && contents != nullptr) {
    SetAside(found->second);
  } else if (read_) {
    source_.Remove(contents != nullptr ? contents : collectable);
  }
  exported_.erase(found);
}

void ExportedSet::SetAside(Exported& exported) {
  if (exported.contents == nullptr) return;
  gone_.push_back({std::move(exported.contents)});
  if (gone_.size() <= kMostGone) return;
  source_.Remove(gone_.front().contents);
  gone_.pop_front();
}

void ExportedSet::FindGone() {
  for (auto i = exported_.begin(); i != exported_.end();) {
    if (!i->second.collectable.expired()) {
      ++i;
      continue;
    }
    SetAside(i->second);
    i = exported_.erase(i);
  }
}

std::vector<ExportedSet::Shared> ExportedSet::Gone() {
  const std::lock_guard lock(mutex_);
  FindGone();
  std::vector<Shared> gone;
  for (const Left& left : gone_) gone.push_back(left.contents);
  return gone;
}

void ExportedSet::NoteRead(const std::vector<Shared>& gone, std::size_t readers) {
  const auto self = std::this_thread::get_id();
  const std::lock_guard lock(mutex_);
  // Both are in the order in which they went, and from `gone_` only others were erased.
  auto next = gone.begin();
  for (auto i = gone_.begin(); i != gone_.end();) {
    next = std::find(next, gone.end(), i->contents);
    if (next == gone.end()) break;
    if (std::find(i->readers.begin(), i->readers.end(), self) == i->readers.end()) {
      i->readers.push_back(self);
    }
    if (i->readers.size() < readers) {
      ++i;
      continue;
    }
    source_.Remove(i->contents);
    i = gone_.erase(i);
  }
}

void ExportedSet::ForgetGone(std::size_t most) {
  const std::lock_guard lock(mutex_);
  FindGone();
  while (gone_.size() > most) {
    source_.Remove(gone_.front().contents);
    gone_.pop_front();
  }
}

}  // namespace detail
POLYMETER_END_NAMESPACE
