#include "exporters/common/transport/gzip_stream.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "exporters/common/transport/raw_client_for_test.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

std::string Compress(int level, const std::string& text, std::size_t write_size) {
  std::string out;
  GzipStream stream(level, [&](std::string_view piece) {
    EXPECT_FALSE(piece.empty());
    EXPECT_LE(piece.size(), 32u * 1024);
    out += piece;
    return true;
  });
  for (std::size_t at = 0; at < text.size(); at += write_size) {
    EXPECT_TRUE(stream.Write(std::string_view(text).substr(at, write_size)));
  }
  EXPECT_TRUE(stream.Finish());
  return out;
}

std::string Page(std::size_t lines) {
  std::string page;
  for (std::size_t i = 0; i < lines; ++i) {
    page += "http_requests_total{route=\"/r" + std::to_string(i) + "\"} " + std::to_string(i * i);
    page += '\n';
  }
  return page;
}

std::string Noise(std::size_t size) {
  std::mt19937 random(1);
  std::string noise(size, '\0');
  for (char& c : noise) c = static_cast<char>(random());
  return noise;
}

TEST(GzipStream, GivesBackWhatWentInAtEveryLevel) {
  const std::string page = Page(20'000);
  for (int level = 1; level <= 9; ++level) {
    const std::string packed = Compress(level, page, 64 * 1024);
    EXPECT_EQ(testing::Gunzip(packed), page) << level;
    EXPECT_LT(packed.size(), page.size() / 4) << level;
  }
}

TEST(GzipStream, DoesNotDependOnHowTheBytesComeIn) {
  const std::string page = Page(2'000);
  for (const std::size_t size : {1u, 7u, 4096u, 1u << 20}) {
    EXPECT_EQ(testing::Gunzip(Compress(1, page, size)), page) << size;
  }
}

TEST(GzipStream, CarriesWhatCannotBeCompressed) {
  const std::string noise = Noise(300'000);
  EXPECT_EQ(testing::Gunzip(Compress(1, noise, 10'000)), noise);
}

TEST(GzipStream, OfNothingIsAnEmptyMember) {
  const std::string packed = Compress(1, "", 1);
  EXPECT_EQ(packed.size(), 20u);  // header, an empty block, trailer
  EXPECT_EQ(packed.substr(0, 3), "\x1f\x8b\x08");
}

TEST(GzipStream, WithoutFinishIsSeenToBeIncomplete) {
  std::string out;
  {
    GzipStream stream(1, [&](std::string_view piece) {
      out += piece;
      return true;
    });
    EXPECT_TRUE(stream.Write(Noise(200'000)));
  }
  EXPECT_GT(out.size(), 100'000u);
  EXPECT_EQ(testing::Gunzip(out), "");
}

TEST(GzipStream, StopsWhenTheOutputRefuses) {
  int calls = 0;
  GzipStream stream(1, [&](std::string_view) { return ++calls < 2; });
  EXPECT_FALSE(stream.Write(Noise(1'000'000)));
  EXPECT_EQ(calls, 2);
  EXPECT_FALSE(stream.Write("more"));
  EXPECT_FALSE(stream.Finish());
  EXPECT_EQ(calls, 2);
}

}  // namespace
}  // namespace detail
POLYMETER_END_NAMESPACE
