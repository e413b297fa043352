#include "integrations/cli/printing.h"

#include <cstring>

#include "integrations/build/printed.h"

namespace polymeter::cli {

std::string EndInWords(const Outcome& outcome) {
  if (const int signal = outcome.signal(); signal != 0) {
    const char* const name = strsignal(signal);
    return "was ended by signal " + std::to_string(signal) +
           (name == nullptr ? "" : " (" + std::string(name) + ")");
  }
  return "ended with " + std::to_string(outcome.code());
}

std::string SecondsInWords(double seconds) { return detail::build::PrintedSeconds(seconds); }

std::string BytesInWords(std::uint64_t bytes) {
  return detail::build::PrintedBytes(static_cast<double>(bytes));
}

}  // namespace polymeter::cli
