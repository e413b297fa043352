// Content negotiation, with what real scrapers send.
#include "exporters/prometheus/negotiation.h"

#include <gtest/gtest.h>

#include <string>

namespace polymeter {
namespace {

constexpr auto kText004 = ExpositionFormat::kText004;
constexpr auto kOm = ExpositionFormat::kOpenMetrics100;

TEST(NegotiateFormat, GivesRealScrapersWhatTheyPrefer) {
  // Prometheus 2.42, with and without native histograms; 3.5
  EXPECT_EQ(NegotiateFormat("application/openmetrics-text;version=1.0.0,"
                            "application/openmetrics-text;version=0.0.1;q=0.75,"
                            "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"),
            kOm);
  EXPECT_EQ(
      NegotiateFormat("application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;"
                      "encoding=delimited,application/openmetrics-text;version=1.0.0;q=0.8,"
                      "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"),
      kOm);
  EXPECT_EQ(NegotiateFormat("application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
                            "application/openmetrics-text;version=0.0.1;q=0.5,"
                            "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
                            "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"),
            kOm);
  EXPECT_EQ(NegotiateFormat("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
            kText004);
  EXPECT_EQ(NegotiateFormat("*/*"), kText004);
  EXPECT_EQ(NegotiateFormat(""), kText004);
}

TEST(NegotiateFormat, ObeysQValues) {
  EXPECT_EQ(NegotiateFormat("application/openmetrics-text;version=1.0.0;q=0.2,text/plain;q=0.3"),
            kText004);
  EXPECT_EQ(NegotiateFormat("text/plain;q=0.2, application/openmetrics-text; version=1.0.0; q=0.3"),
            kOm);
  EXPECT_EQ(NegotiateFormat("application/openmetrics-text;version=1.0.0;q=0"), kText004);
  EXPECT_EQ(NegotiateFormat("Application/OpenMetrics-Text; Version=\"1.0.0\""), kOm);
}

TEST(NegotiateFormat, WantsTheVersionByName) {
  EXPECT_EQ(NegotiateFormat("application/openmetrics-text"), kText004);
  EXPECT_EQ(NegotiateFormat("application/openmetrics-text;version=0.0.1"), kText004);
  EXPECT_EQ(NegotiateFormat("application/openmetrics-text;version=2.0.0,text/plain"), kText004);
}

TEST(NegotiateFormat, PassesOverNonsense) {
  for (const char* const nonsense :
       {",,,", ";q=1", "q=1", "application/openmetrics-text;version=1.0.0;q=2",
        "application/openmetrics-text;version=1.0.0;q=nan", "\"", "a/b;c=\"\\", "=;=;=,"}) {
    EXPECT_EQ(NegotiateFormat(nonsense), kText004) << nonsense;
  }
  EXPECT_EQ(NegotiateFormat("x/y;z=\"a,b\",application/openmetrics-text;version=1.0.0"), kOm);
}

TEST(AcceptsGzip, ObeysNamesWildcardsAndQValues) {
  for (const char* const yes :
       {"gzip", "GZIP", "deflate, gzip;q=0.5", "*", "br;q=1, *;q=0.1", "x-gzip"}) {
    EXPECT_TRUE(AcceptsGzip(yes)) << yes;
  }
  for (const char* const no :
       {"", "identity", "gzip;q=0", "gzip;q=0.0, *", "*;q=0", "br", "gzipped", "gzip;q=x"}) {
    EXPECT_FALSE(AcceptsGzip(no)) << no;
  }
}

}  // namespace
}  // namespace polymeter
