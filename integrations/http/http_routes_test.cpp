#include "integrations/http/http_routes.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <thread>

#include "integrations/http/http_methods.h"

namespace polymeter::detail {
namespace {

TEST(HttpRoutes, GiveTheSameEntryForTheSameText) {
  HttpRoutes routes(10, 2);
  const HttpRouteEntry* const jobs = routes.Find("/jobs/{id}");
  ASSERT_NE(jobs, nullptr);
  EXPECT_EQ(jobs->name(), "/jobs/{id}");
  EXPECT_EQ(routes.Find(std::string("/jobs/") + "{id}"), jobs);
  EXPECT_NE(routes.Find("/jobs"), jobs);
}

TEST(HttpRoutes, TakeTheEmptyTextForUnmatched) {
  HttpRoutes routes(1, 2);
  EXPECT_EQ(routes.Find(""), &routes.unmatched());
  EXPECT_EQ(routes.Find({}), &routes.unmatched());
}

TEST(HttpRoutes, RefuseNewTextsPastTheLimitAndKeepTheOldOnes) {
  HttpRoutes routes(100, 2);
  for (int i = 0; i < 100; ++i) ASSERT_NE(routes.Find("/" + std::to_string(i)), nullptr) << i;
  for (int i = 100; i < 10'000; ++i) ASSERT_EQ(routes.Find("/" + std::to_string(i)), nullptr) << i;
  for (int i = 0; i < 100; ++i) EXPECT_NE(routes.Find("/" + std::to_string(i)), nullptr) << i;
}

TEST(HttpRoutes, MayBeNone) {
  HttpRoutes routes(0, 2);
  EXPECT_EQ(routes.Find("/jobs"), nullptr);
  EXPECT_EQ(routes.Find(""), &routes.unmatched());
}

TEST(HttpRoutes, KeepTheLimitWithManyThreadsAndGiveAllTheSameEntries) {
  constexpr std::size_t kThreads = 4;
  const auto status_of = [](std::size_t i) { return 200 + static_cast<int>(i % 5); };
  HttpRoutes routes(64, 3);
  std::vector<std::vector<const HttpRouteEntry*>> found(kThreads);
  std::vector<std::vector<const HttpSeries*>> series(kThreads);
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (std::size_t i = 0; i < 200; ++i) {
        const HttpRouteEntry* const entry = routes.Find("/" + std::to_string(i % 100));
        found[t].push_back(entry);
        series[t].push_back(entry == nullptr ? nullptr : entry->Find(i % 3, status_of(i)));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::set<const HttpRouteEntry*> entries;
  for (const auto& each : found) entries.insert(each.begin(), each.end());
  entries.erase(nullptr);
  EXPECT_LE(entries.size(), 64u);
  EXPECT_GE(entries.size(), 60u);
  for (std::size_t i = 0; i < 200; ++i) {
    for (std::size_t t = 0; t < kThreads; ++t) {
      const HttpRouteEntry* const entry = routes.Find("/" + std::to_string(i % 100));
      if (found[t][i] == nullptr) continue;  // the limit may be passed for a moment
      EXPECT_EQ(found[t][i], entry);
      EXPECT_EQ(series[t][i], entry->Find(i % 3, status_of(i)));
    }
  }
}

TEST(HttpRouteEntry, TellsMethodsAndStatusesApart) {
  HttpRouteEntry route("/", 2);
  const HttpSeries* const ok = route.Find(0, 200);
  EXPECT_NE(route.Find(0, 404), ok);
  EXPECT_NE(route.Find(1, 200), ok);
  for (int status = 100; status < 600; ++status) ASSERT_NE(route.Find(0, status), nullptr);
  EXPECT_EQ(route.Find(0, 200), ok);
  EXPECT_EQ(route.Find(0, 599)->status, 599);
}

TEST(HttpMethods, FoldWhatTheyDoNotKnow) {
  const HttpMethods methods({});
  EXPECT_EQ(methods.Find("GET").name, "GET");
  EXPECT_EQ(methods.Find("TRACE").name, "TRACE");
  for (const char* name : {"", "get", "GE", "GETT", "BREW", "PROPFIND", "_OTHER", "GET /"}) {
    EXPECT_EQ(methods.Find(name).name, "_OTHER") << name;
    EXPECT_EQ(methods.Find(name).index, 0u) << name;
  }
}

TEST(HttpMethods, KnowTheApplicationsOwn) {
  const HttpMethods methods({"PROPFIND", "GET", "", "PROPFIND"});
  EXPECT_EQ(methods.Find("PROPFIND").name, "PROPFIND");
  EXPECT_EQ(methods.Find("").name, "_OTHER");
  EXPECT_EQ(methods.size(), HttpMethods({}).size() + 1);
}

}  // namespace
}  // namespace polymeter::detail
