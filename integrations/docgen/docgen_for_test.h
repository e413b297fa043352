// The captures that docgen's tests read.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "integrations/common/file_reader.h"

namespace polymeter::testing {

inline std::string Capture(const std::string& name) {
  std::string text;
  EXPECT_TRUE(detail::ReadFile(
      std::string(POLYMETER_SOURCE_DIR "/integrations/docgen/testdata/") + name, text))
      << name;
  return text;
}

}  // namespace polymeter::testing
