// Content negotiation, with what real scrapers send.
#include "exporters/prometheus/negotiation.h"

#include <gtest/gtest.h>

#include <string>

namespace polymeter {
namespace {

using detail::NameEscaping;

constexpr auto kText004 = ExpositionFormat::kText004;
constexpr auto kOm = ExpositionFormat::kOpenMetrics100;
constexpr auto kProto = ExpositionFormat::kProtobuf;

constexpr auto kUnderscores = NameEscaping::kUnderscores;
constexpr auto kUtf8 = NameEscaping::kAllowUtf8;

#define POLYMETER_PROTOBUF \
  "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"

ExpositionFormat FormatFor(std::string_view accept) { return NegotiateFormat(accept).format; }

TEST(NegotiateFormat, GivesRealClientsWhatTheyPrefer) {
  struct Row {
    const char* client;
    const char* accept;
    ExpositionFormat format;
    NameEscaping escaping;
    bool asked;
  };
  const Row rows[] = {
      {"Prometheus 2.42",
       "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;"
       "q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
       kOm, kUnderscores, false},
      {"Prometheus 2.42 with native histograms",
       POLYMETER_PROTOBUF
       ",application/openmetrics-text;version=1.0.0;q=0.8,"
       "application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
       kProto, kUnderscores, false},
      {"Prometheus 3.5",
       "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
       "application/openmetrics-text;version=0.0.1;q=0.5,"
       "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,"
       "*/*;q=0.2",
       kOm, kUtf8, true},
      {"Prometheus 3.5 with native histograms",
       POLYMETER_PROTOBUF
       ";q=0.6,application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
       "application/openmetrics-text;version=0.0.1;q=0.4,"
       "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,"
       "*/*;q=0.1",
       kProto, kUtf8, true},
      {"Prometheus 3.5 with legacy names and native histograms",
       POLYMETER_PROTOBUF
       ";q=0.6,application/openmetrics-text;version=1.0.0;escaping=underscores;q=0.5,"
       "application/openmetrics-text;version=0.0.1;q=0.4,"
       "text/plain;version=1.0.0;escaping=underscores;q=0.3,text/plain;version=0.0.4;q=0.2,"
       "*/*;q=0.1",
       kProto, kUnderscores, true},
      {"Prometheus 3.5 that scrapes protobuf alone", POLYMETER_PROTOBUF ";q=0.6,*/*;q=0.5", kProto,
       kUnderscores, false},
      {"Prometheus 3.5 that scrapes text 1.0.0 alone",
       "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.6,*/*;q=0.5", kText004, kUtf8, true},
      {"prom2json",
       POLYMETER_PROTOBUF ";q=0.7,text/plain;version=1.0.0;q=0.2,"
                          "text/plain;version=0.0.4;q=0.1",
       kProto, kUnderscores, false},
      {"a browser", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", kText004,
       kUnderscores, false},
      {"curl", "*/*", kText004, kUnderscores, false},
      {"none", "", kText004, kUnderscores, false},
  };
  for (const Row& row : rows) {
    const Negotiated got = NegotiateFormat(row.accept);
    EXPECT_EQ(got.format, row.format) << row.client;
    EXPECT_EQ(got.escaping, row.escaping) << row.client;
    EXPECT_EQ(got.escaping_asked, row.asked) << row.client;
  }
}

TEST(NegotiateFormat, ObeysQValues) {
  EXPECT_EQ(FormatFor("application/openmetrics-text;version=1.0.0;q=0.2,text/plain;q=0.3"),
            kText004);
  EXPECT_EQ(FormatFor("text/plain;q=0.2, application/openmetrics-text; version=1.0.0; q=0.3"), kOm);
  EXPECT_EQ(FormatFor("application/openmetrics-text;version=1.0.0;q=0"), kText004);
  EXPECT_EQ(FormatFor("Application/OpenMetrics-Text; Version=\"1.0.0\""), kOm);
  EXPECT_EQ(FormatFor(POLYMETER_PROTOBUF ";q=0.1,text/plain;q=0.2"), kText004);
  EXPECT_EQ(FormatFor(POLYMETER_PROTOBUF ";q=0"), kText004);
}

TEST(NegotiateFormat, WantsTheVersionByName) {
  EXPECT_EQ(FormatFor("application/openmetrics-text"), kText004);
  EXPECT_EQ(FormatFor("application/openmetrics-text;version=0.0.1"), kText004);
  EXPECT_EQ(FormatFor("application/openmetrics-text;version=2.0.0,text/plain"), kText004);
}

TEST(NegotiateFormat, WantsTheKindOfProtobufByName) {
  EXPECT_EQ(FormatFor("Application/VND.Google.Protobuf; Encoding=\"delimited\"; "
                      "PROTO=io.prometheus.client.MetricFamily"),
            kProto);
  for (const char* const other :
       {"application/vnd.google.protobuf", "application/x-protobuf", "application/*",
        "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily",
        "application/vnd.google.protobuf;encoding=delimited",
        "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=text",
        "application/vnd.google.protobuf;proto=io.prometheus.client.Metric;encoding=delimited"}) {
    EXPECT_EQ(FormatFor(other), kText004) << other;
  }
}

TEST(NegotiateFormat, TakesTheEscapingOfTheElementThatItChose) {
  const auto escaping = [](std::string_view accept) {
    const Negotiated got = NegotiateFormat(accept);
    return got.escaping_asked ? std::string(ToString(got.escaping)) : "none";
  };
  EXPECT_EQ(escaping("text/plain;escaping=dots"), "dots");
  EXPECT_EQ(escaping("text/plain;escaping=\"values\""), "values");
  EXPECT_EQ(escaping("text/plain;escaping=underscores"), "underscores");
  EXPECT_EQ(escaping("text/plain;escaping=everything"), "none");
  EXPECT_EQ(escaping("text/plain,text/plain;escaping=dots;q=0.5"), "none");
  EXPECT_EQ(escaping("text/plain;escaping=dots;q=0.5,"
                     "application/openmetrics-text;version=1.0.0;escaping=values;q=0.6"),
            "values");
  // Protobuf takes that of the others, of the best that has one.
  EXPECT_EQ(escaping(POLYMETER_PROTOBUF ";escaping=dots,text/plain;escaping=values;q=0.5"), "dots");
  EXPECT_EQ(escaping(POLYMETER_PROTOBUF ",text/plain;escaping=values;q=0.4,"
                                        "application/openmetrics-text;escaping=dots;q=0.5"),
            "dots");
  EXPECT_EQ(escaping(POLYMETER_PROTOBUF ",text/plain;escaping=values;q=0"), "none");
}

TEST(NegotiateFormat, ServesOneFormatWhereThatIsSaid) {
  const char* const accept =
      POLYMETER_PROTOBUF ",application/openmetrics-text;version=1.0.0;escaping=values;q=0.5";
  EXPECT_EQ(NegotiateFormat(accept, kOm).format, kOm);
  EXPECT_EQ(NegotiateFormat(accept, kOm).escaping, NameEscaping::kValues);
  EXPECT_EQ(NegotiateFormat(accept, kText004).format, kText004);
  EXPECT_FALSE(NegotiateFormat(accept, kText004).escaping_asked);
  EXPECT_EQ(NegotiateFormat("", kProto).format, kProto);
  EXPECT_EQ(NegotiateFormat(accept, std::nullopt, /*protobuf=*/false).format, kOm);
}

TEST(NegotiateFormat, PassesOverNonsense) {
  for (const char* const nonsense :
       {",,,", ";q=1", "q=1", "application/openmetrics-text;version=1.0.0;q=2",
        "application/openmetrics-text;version=1.0.0;q=nan", "\"", "a/b;c=\"\\", "=;=;=,"}) {
    EXPECT_EQ(FormatFor(nonsense), kText004) << nonsense;
  }
  EXPECT_EQ(FormatFor("x/y;z=\"a,b\",application/openmetrics-text;version=1.0.0"), kOm);
}

TEST(AcceptsGzip, ObeysNamesWildcardsAndQValues) {
  for (const char* const yes : {"gzip", "GZIP", "deflate, gzip;q=0.5", "*", "br;q=1, *;q=0.1",
                                "x-gzip", "gzip, x-gzip;q=0"}) {
    EXPECT_TRUE(AcceptsGzip(yes)) << yes;
  }
  for (const char* const no : {"", "identity", "gzip;q=0", "gzip;q=0.0, *", "gzip;q=0, x-gzip",
                               "*;q=0", "br", "gzipped", "gzip;q=x"}) {
    EXPECT_FALSE(AcceptsGzip(no)) << no;
  }
}

#undef POLYMETER_PROTOBUF

}  // namespace
}  // namespace polymeter
