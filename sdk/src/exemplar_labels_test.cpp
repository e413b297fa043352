// Which labels of an exemplar are kept, and in which form.
#include "sdk/src/exemplar_labels.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "polymeter/snapshot.h"
#include "sdk/src/text.h"

namespace polymeter {
namespace {

using ::testing::ElementsAre;

struct Packed {
  std::size_t left_out = 0;
  std::vector<std::string> texts;  // name=value
};

Packed PackedOf(const std::vector<Label>& labels,
                std::size_t code_points = detail::kMostExemplarCodePoints) {
  detail::PackedLabels packed;
  Packed result;
  detail::LabelPacker packer(code_points, packed);
  for (const Label& label : labels) packer.Add(label.name, label.value);
  result.left_out = packer.left_out();
  std::size_t bytes = 0;
  packed.ForEach([&](std::string_view name, std::string_view value) {
    result.texts.push_back(std::string(name) + "=" + std::string(value));
    bytes += name.size() + value.size();
  });
  EXPECT_EQ(packed.bytes, bytes);
  return result;
}

std::string Repeated(std::string_view piece, int times) {
  std::string text;
  for (int i = 0; i < times; ++i) text += piece;
  return text;
}

TEST(ExemplarLabels, AreKeptInTheirOrder) {
  const Packed packed = PackedOf({{"job_id", "7"}, {"empty", ""}, {"text", "a\"b\\c\nd"}});
  EXPECT_EQ(packed.left_out, 0u);
  EXPECT_THAT(packed.texts, ElementsAre("job_id=7", "empty=", "text=a\"b\\c\nd"));
}

TEST(ExemplarLabels, MayHave128CodePointsOfAnyLength) {
  for (const std::string_view one : {"x", "\xC3\xA4", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"}) {
    const std::string fits = Repeated(one, 127);
    EXPECT_THAT(PackedOf({{"n", fits}}).texts, ElementsAre("n=" + fits)) << one;
    const std::string too_long = Repeated(one, 128);
    const Packed without = PackedOf({{"n", too_long}});
    EXPECT_EQ(without.left_out, 1u) << one;
    EXPECT_TRUE(without.texts.empty()) << one;
  }
}

TEST(ExemplarLabels, AreLeftOutFromTheEndUntilTheRestFits) {
  const std::string half = Repeated("\xF0\x9F\x98\x80", 63);
  const Packed packed = PackedOf({{"a", half}, {"b", half}, {"c", ""}, {"d", ""}});
  EXPECT_EQ(packed.left_out, 2u);  // not only c: what comes after it goes too
  EXPECT_THAT(packed.texts, ElementsAre("a=" + half, "b=" + half));
  EXPECT_EQ(PackedOf({{"abc", "d"}, {"e", "f"}}, 6).left_out, 0u);
  EXPECT_EQ(PackedOf({{"abc", "d"}, {"e", "f"}}, 5).left_out, 1u);
  EXPECT_EQ(PackedOf({{"abc", "d"}, {"e", "f"}}, 3).left_out, 2u);
}

TEST(ExemplarLabels, AreAtMostEight) {
  std::vector<std::string> names;
  for (char c = 'a'; c < 'a' + 9; ++c) names.emplace_back(1, c);
  std::vector<Label> labels;
  for (const std::string& name : names) labels.push_back({name, "1"});
  const Packed packed = PackedOf(labels);
  EXPECT_EQ(packed.left_out, 1u);
  ASSERT_EQ(packed.texts.size(), detail::kMostExemplarLabels);
  EXPECT_EQ(packed.texts.back(), "h=1");
}

TEST(ExemplarLabels, WithBadNamesAreLeftOutAlone) {
  for (const char* const name :
       {"", "1a", "a-b", "a b", "__x", "trace_id", "span_id", "le", "\xFF", "a:b"}) {
    const Packed packed = PackedOf({{"before", "1"}, {name, "2"}, {"after", "3"}});
    EXPECT_EQ(packed.left_out, 1u) << name;
    EXPECT_THAT(packed.texts, ElementsAre("before=1", "after=3")) << name;
  }
  const Packed twice = PackedOf({{"a", "1"}, {"b", "2"}, {"a", "3"}});
  EXPECT_EQ(twice.left_out, 1u);
  EXPECT_THAT(twice.texts, ElementsAre("a=1", "b=2"));
}

TEST(ExemplarLabels, AreRepairedWhereTheyAreNotUtf8) {
  EXPECT_THAT(PackedOf({{"a", "x\xFF\xC3z"}}).texts, ElementsAre("a=x\xEF\xBF\xBD\xEF\xBF\xBDz"));
  // A replaced byte is a code point like any other.
  const std::string bad(127, '\x80');
  EXPECT_THAT(PackedOf({{"a", bad}}).texts, ElementsAre("a=" + detail::ToUtf8(bad)));
  EXPECT_EQ(PackedOf({{"a", bad + "\x80"}}).left_out, 1u);
}

}  // namespace
}  // namespace polymeter
