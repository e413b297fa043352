// Lists a folder of /proc (fd, task) without memory from the heap.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// Calls `visit` with the name of each entry but "." and "..". False when the folder cannot be
// opened or read to its end. Costs a file descriptor meanwhile: a listing of one's own
// /proc/self/fd shows it.
bool ForEachEntry(const std::string& path, const std::function<void(std::string_view name)>& visit);

}  // namespace detail
POLYMETER_END_NAMESPACE
