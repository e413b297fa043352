// Runs a program for its output: `ninja -t graph`.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace polymeter::cli {

// What it wrote to standard output; nothing when it could not be run, failed, wrote more than
// `most` bytes or took longer than `timeout`, after which it is killed. Its other streams are
// /dev/null.
std::optional<std::string> OutputOf(const std::vector<std::string>& command,
                                    std::chrono::milliseconds timeout, std::size_t most);

}  // namespace polymeter::cli
