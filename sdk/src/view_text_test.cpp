// METRICS_VIEWS: what is accepted, and what is said of the rest.
#include "sdk/src/view_text.h"

#include <gmock/gmock.h>

#include <limits>
#include <string>
#include <vector>

namespace polymeter {
namespace {

using detail::BadView;
using detail::CheckView;
using detail::ParseViews;
using detail::ToText;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> Texts(std::string_view text) {
  std::vector<BadView> bad;
  std::vector<std::string> texts;
  for (const View& view : ParseViews(text, bad)) texts.push_back(ToText(view));
  EXPECT_THAT(bad, IsEmpty()) << bad[0].why;
  return texts;
}

std::string WhyNot(std::string_view rule) {
  std::vector<BadView> bad;
  EXPECT_THAT(ParseViews(rule, bad), IsEmpty()) << rule;
  if (bad.size() != 1) return "not one problem";
  return bad[0].why;
}

TEST(ViewText, HasRulesOfABackendAFamilyATypeAndActions) {
  EXPECT_THAT(Texts("debug_*=drop; http_*=drop_labels(path,user),rename_label(code:status);"
                    "statsd/job_*=keep; *_seconds[histogram]=buckets(0.1,0.5,1); *=keep_labels(a);"
                    "otlp/*=buckets(native); f=buckets(native:-2)"),
              ElementsAre("debug_*=drop", "http_*=drop_labels(path,user),rename_label(code:status)",
                          "statsd/job_*=keep", "*_seconds[histogram]=buckets(0.1,0.5,1)",
                          "*=keep_labels(a)", "otlp/*=buckets(native:3)", "f=buckets(native:-2)"));
}

TEST(ViewText, MayHaveSpacesLineEndsAndEmptyRules) {
  EXPECT_THAT(Texts(" ; StatsD / a_* [ counter ] = drop_labels( x , y ) , keep ;\n b = drop;; "),
              ElementsAre("statsd/a_*[counter]=keep,drop_labels(x,y)", "b=drop"));
  EXPECT_THAT(Texts(""), IsEmpty());
  EXPECT_THAT(Texts("a=keep_labels()"), ElementsAre("a=keep_labels()"));
}

TEST(ViewText, SaysWhatIsWrongAndWhatIsAccepted) {
  EXPECT_THAT(WhyNot("debug"), HasSubstr("has no '='"));
  EXPECT_THAT(WhyNot("=drop"), HasSubstr("* is every family"));
  EXPECT_THAT(WhyNot("/a=drop"), HasSubstr("names no backend"));
  EXPECT_THAT(WhyNot("a b=drop"), HasSubstr("without spaces"));
  EXPECT_THAT(WhyNot("a/b/c=drop"), HasSubstr("without spaces"));
  EXPECT_THAT(WhyNot("a[timer]=drop"), HasSubstr("[counter], [gauge]"));
  EXPECT_THAT(WhyNot("a[counter=drop"), HasSubstr("[counter], [gauge]"));
  EXPECT_THAT(WhyNot("a=dorp"), HasSubstr("accepted are keep, drop, drop_labels(a,b)"));
  EXPECT_THAT(WhyNot("a="), HasSubstr("accepted are"));
  EXPECT_THAT(WhyNot("a=drop()"), HasSubstr("accepted are"));
  EXPECT_THAT(WhyNot("a=drop,"), HasSubstr("accepted are"));
  EXPECT_THAT(WhyNot("a=drop,keep"), HasSubstr("twice"));
  EXPECT_THAT(WhyNot("a=drop_labels"), HasSubstr("accepted are"));
  EXPECT_THAT(WhyNot("a=drop_labels()"), HasSubstr("accepted are"));
  EXPECT_THAT(WhyNot("a=drop_labels(x"), HasSubstr("has no ')'"));
  EXPECT_THAT(WhyNot("a=drop_labels(x)y"), HasSubstr("where a ','"));
  EXPECT_THAT(WhyNot("a=keep_labels(x),keep_labels(y)"), HasSubstr("keep_labels twice"));
  EXPECT_THAT(WhyNot("a=rename_label(x)"), HasSubstr("accepted are"));
  EXPECT_THAT(WhyNot("a=rename_label(x:)"), HasSubstr("[a-zA-Z_]"));
  EXPECT_THAT(WhyNot("a=rename_label(x:le)"), HasSubstr("reserved"));
  EXPECT_THAT(WhyNot("a=rename_label(x:1)"), HasSubstr("[a-zA-Z_]"));
  EXPECT_THAT(WhyNot("a=rename_label(:x)"), HasSubstr("empty"));
  EXPECT_THAT(WhyNot("a=rename_label(x:y),rename_label(z:y)"), HasSubstr("to one name"));
  EXPECT_THAT(WhyNot("a=buckets()"), HasSubstr("ascending"));
  EXPECT_THAT(WhyNot("a=buckets(2,1)"), HasSubstr("ascending"));
  EXPECT_THAT(WhyNot("a=buckets(1,x)"), HasSubstr("accepted are"));
  EXPECT_THAT(WhyNot("a=buckets(1),buckets(2)"), HasSubstr("buckets twice"));
  EXPECT_THAT(WhyNot("a=buckets(native:9)"), HasSubstr("-4 to 8"));
  EXPECT_THAT(WhyNot("a=buckets(natives)"), HasSubstr("-4 to 8"));
}

TEST(ViewText, KeepsTheRulesBesideAWrongOne) {
  std::vector<BadView> bad;
  const std::vector<View> views = ParseViews("a=drop; b=dorp; c=keep", bad);
  ASSERT_EQ(views.size(), 2u);
  EXPECT_EQ(views[1].families(), "c");
  ASSERT_EQ(bad.size(), 1u);
  EXPECT_EQ(bad[0].rule, "b=dorp");
}

TEST(ViewText, ChecksWhatCodeSays) {
  EXPECT_EQ(CheckView(View("a").Drop()), "");
  EXPECT_EQ(CheckView(View("a").KeepLabels({})), "");
  EXPECT_THAT(CheckView(View("a")), HasSubstr("does nothing"));
  EXPECT_THAT(CheckView(View("").Drop()), HasSubstr("no family"));
  EXPECT_THAT(CheckView(View("a\xFF").Drop()), HasSubstr("no family"));
  EXPECT_THAT(CheckView(View("a").DropLabels({""})), HasSubstr("is empty"));
  EXPECT_THAT(CheckView(View("a").RenameLabel("b", "__c")), HasSubstr("reserved"));
  EXPECT_THAT(CheckView(View("a").Buckets({})), HasSubstr("ascending"));
  EXPECT_THAT(CheckView(View("a").Buckets({1, std::numeric_limits<double>::infinity()})),
              HasSubstr("finite"));
  EXPECT_THAT(CheckView(View("a").Native(9)), HasSubstr("-4 to 8"));
}

}  // namespace
}  // namespace polymeter
