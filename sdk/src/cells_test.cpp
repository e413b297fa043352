// Cells that are retired and used anew.
#include "sdk/src/cells.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>

namespace polymeter {
namespace {

TEST(CellStore, ForgetsNoLateIncrementWhenACellIsUsedAnew) {
  detail::CellStore store;
  const detail::CellAddress first = store.NewCounter();
  store.Retire(MetricType::kCounter, first);
  detail::CounterAdd(first, std::uint64_t{3});
  EXPECT_EQ(store.RetiredIncrements(), 3);
  detail::CellAddress cell = detail::kNoopCell;
  for (std::size_t i = 0; i < (std::size_t{2} << 20) && cell != first; ++i) {
    if (cell != detail::kNoopCell) store.Retire(MetricType::kCounter, cell);
    cell = store.NewCounter();
  }
  ASSERT_EQ(cell, first);
  EXPECT_EQ(store.RetiredIncrements(), 3);
}

}  // namespace
}  // namespace polymeter
