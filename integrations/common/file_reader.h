// Reads the small files that a system shows its state in (/proc, /sys, cgroup files).
#pragma once

#include <cstddef>
#include <string>

#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// Replaces `content` by the whole file, at most `limit` bytes of it; reuses its memory, so that a
// reader that keeps the string allocates nothing the second time. False, with `content` empty, when
// the file cannot be opened or read. Opens with O_CLOEXEC and O_NONBLOCK. Throws only bad_alloc.
bool ReadFile(const std::string& path, std::string& content,
              std::size_t limit = std::size_t{1} << 20);

}  // namespace detail
POLYMETER_END_NAMESPACE
