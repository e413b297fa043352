// An encoder's cache works on what a view stage gives as it does on what a registry gives.
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "exporters/common/exposition/text_encoder.h"
#include "polymeter/metrics.h"
#include "sdk/src/view_stage.h"

namespace polymeter {
namespace {

class ViewPage final : public MessageSink {
 public:
  bool Append(std::string_view bytes) override {
    text.append(bytes);
    return true;
  }
  bool EndMessage(std::size_t) override { return true; }
  std::string text;
};

std::string ViewedPageOf(const Encoder& encoder, const Snapshot& snapshot, EncoderCache* cache) {
  ViewPage page;
  EXPECT_TRUE(encoder.Encode(snapshot, cache, page).complete);
  return page.text;
}

TEST(ViewCache, WarmAndColdGiveTheSamePageWhileSeriesComeAndGo) {
  const Metrics metrics(Options().Consumer());
  const auto counter = metrics.Counter("c_total", "C.", {"job", "path"});
  const auto histogram =
      metrics.Histogram("h", "H.", {"job", "path"}, FamilyOptions().Buckets({1, 2}));
  detail::ViewStage stage(
      std::make_shared<const detail::ViewRules>(
          std::vector<View>{View("*").Backend("b").DropLabels({"path"}).RenameLabel("job", "task")},
          ""),
      "b", /*registered=*/true,
      [](std::string_view, std::string_view message, std::uint64_t) { ADD_FAILURE() << message; });
  const auto encoder = MakeTextEncoder();
  const auto cache = encoder->MakeCache();
  for (std::uint64_t i = 1; i < 400; ++i) {
    const std::string job = std::to_string(i % 7);
    const std::string path = std::to_string(i % 11);
    counter.With(job, path).Increment(i);
    histogram.With(job, path).Observe(static_cast<double>(i % 3));
    if (i % 3 == 0) {
      counter.Remove(std::to_string((i + 1) % 7), std::to_string((i + 2) % 11));
      histogram.Remove(job, path);
    }
    const Snapshot shown = stage.Apply(metrics.TakeSnapshot(), i);
    const std::string warm = ViewedPageOf(*encoder, shown, cache.get());
    ASSERT_EQ(warm, ViewedPageOf(*encoder, shown, nullptr)) << i;
    ASSERT_EQ(warm.find("path="), std::string::npos);
    ASSERT_NE(warm.find("c_total{task=\"" + job + "\"}"), std::string::npos) << warm;
    if (i % 50 == 0) counter.RemoveAll();
  }
}

}  // namespace
}  // namespace polymeter
