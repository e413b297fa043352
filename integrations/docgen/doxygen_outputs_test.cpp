#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "integrations/docgen/docgen_for_test.h"
#include "integrations/docgen/documented.h"
#include "integrations/docgen/doxyfile.h"
#include "polymeter/docgen.h"

namespace polymeter {
namespace {

namespace fs = std::filesystem;

using testing::Capture;

const detail::DoxygenOutputs::Format& Of(const detail::DoxygenOutputs& outputs,
                                         DocgenFormat format) {
  return outputs.formats[static_cast<std::size_t>(format)];
}

TEST(Doxyfile, SaysWhereTheOutputIs) {
  const auto outputs = detail::ParseDoxyfile(Capture("Doxyfile.in"));
  EXPECT_EQ(outputs.folder, "out");
  EXPECT_EQ(outputs.log_file, "warn.log");
  EXPECT_TRUE(Of(outputs, DocgenFormat::kHtml).on);
  EXPECT_EQ(Of(outputs, DocgenFormat::kHtml).folder, "html");
  EXPECT_TRUE(Of(outputs, DocgenFormat::kXml).on);
  EXPECT_FALSE(Of(outputs, DocgenFormat::kLatex).on);
  EXPECT_FALSE(Of(outputs, DocgenFormat::kMan).on);
}

TEST(Doxyfile, KnowsCommentsQuotesContinuationsVariablesAndIncludes) {
  const auto outputs = detail::ParseDoxyfile(
      "# OUTPUT_DIRECTORY = no\n"
      "OUTPUT_DIRECTORY = \"a # b\" # comment\n"
      "@INCLUDE = more.cfg\n"
      "HTML_OUTPUT \\\n  = $(NAME)-html\n"
      "WARN_LOGFILE =\n"
      "INPUT = a.h \\\n  b.h\n"
      "nonsense\n= x\n",
      [](std::string_view name) -> std::optional<std::string> {
        if (name == "NAME") return "own";
        return std::nullopt;
      },
      [](std::string_view path) -> std::optional<std::string> {
        if (path == "more.cfg") return "GENERATE_LATEX = NO\nGENERATE_RTF=YES\n";
        return std::nullopt;
      });
  EXPECT_EQ(outputs.folder, "a # b");
  EXPECT_EQ(Of(outputs, DocgenFormat::kHtml).folder, "own-html");
  EXPECT_FALSE(Of(outputs, DocgenFormat::kLatex).on);
  EXPECT_TRUE(Of(outputs, DocgenFormat::kRtf).on);
  EXPECT_EQ(outputs.log_file, "");
}

TEST(Doxyfile, KnowsAllWordsForYes) {
  for (const char* const word : {"YES", "yes", "True", "1", "ALL"}) {
    const auto outputs = detail::ParseDoxyfile("GENERATE_XML = " + std::string(word));
    EXPECT_TRUE(Of(outputs, DocgenFormat::kXml).on) << word;
  }
  for (const char* const word : {"NO", "false", "0", ""}) {
    const auto outputs = detail::ParseDoxyfile("GENERATE_HTML = " + std::string(word));
    EXPECT_FALSE(Of(outputs, DocgenFormat::kHtml).on) << word;
  }
}

TEST(Doxyfile, SeeksIncludesInTheirPathFirst) {
  std::string tried;
  const auto include = [&](std::string_view path) -> std::optional<std::string> {
    tried += std::string(path) + " ";
    if (path == "b/x.cfg") return "HTML_OUTPUT = right\n";
    return std::nullopt;
  };
  const auto outputs = detail::ParseDoxyfile(
      "@INCLUDE_PATH = a b\n@INCLUDE = x.cfg\n@INCLUDE = y.cfg\n@INCLUDE = /z.cfg\n", {}, include);
  EXPECT_EQ(tried, "a/x.cfg b/x.cfg a/y.cfg b/y.cfg y.cfg /z.cfg ");
  EXPECT_EQ(Of(outputs, DocgenFormat::kHtml).folder, "right");
}

TEST(Doxyfile, EndsAnIncludeOfItself) {
  int reads = 0;
  detail::ParseDoxyfile("@INCLUDE = a\n@INCLUDE = a\n", {}, [&](std::string_view) {
    ++reads;
    return std::optional<std::string>("@INCLUDE = a\n@INCLUDE = a\n");
  });
  EXPECT_EQ(reads, 100);
}

TEST(DocumentedCount, CountsMembersAndCompoundsOfTheCapture) {
  detail::DocumentedCount count;
  count.Add(Capture("classFoo.xml"));  // Foo and m, but not n
  EXPECT_EQ(count.documented(), 2u);
  EXPECT_EQ(count.all(), 3u);
  count.Add(Capture("a_8h.xml"));  // add, but not undocumented; a file is no compound of these
  EXPECT_EQ(count.documented(), 3u);
  EXPECT_EQ(count.all(), 5u);
  EXPECT_EQ(count.ratio(), 0.6);
}

TEST(DocumentedCount, CountsAMemberOnce) {
  detail::DocumentedCount count;
  count.Add(Capture("classFoo.xml"));
  count.Add(Capture("classFoo.xml"));
  EXPECT_EQ(count.all(), 3u);
}

TEST(DocumentedCount, TakesNoDescriptionOfAPartForThatOfTheWhole) {
  detail::DocumentedCount count;
  count.Add(
      R"(<memberdef kind="enum" id="e"><enumvalue id="v"><detaileddescription>
<para>one </para></detaileddescription></enumvalue><briefdescription>
</briefdescription></memberdef>
<memberdef kind="function" id="f"><param><briefdescription><para>the x </para>
</briefdescription></param><briefdescription>
</briefdescription></memberdef>)");
  EXPECT_EQ(count.documented(), 0u);
  EXPECT_EQ(count.all(), 2u);
}

TEST(DocumentedCount, ReadsTagsWithoutAnEndInBoundedTime) {
  std::string xml;
  while (xml.size() < 4 << 20) xml += "<memberdef ";
  detail::DocumentedCount count;
  count.Add(xml);
  EXPECT_EQ(count.all(), 0u);
}

TEST(DocumentedCount, SaysNothingOfNothing) {
  detail::DocumentedCount count;
  count.Add("");
  count.Add("<memberdef id=\"x\"");
  count.Add("<briefdescription>text</briefdescription>");
  EXPECT_EQ(count.ratio(), std::nullopt);
}

class DoxygenOutputsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "polymeter_docgen_XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { fs::remove_all(folder_); }

  void Write(const fs::path& path, const std::string& text) {
    fs::create_directories((folder_ / path).parent_path());
    std::ofstream(folder_ / path) << text;
  }
  DocgenRun Read(std::chrono::system_clock::time_point since = {}) {
    DoxygenFiles files;
    files.folder = folder_.string();
    files.since = since;
    DocgenRun run;
    ReadDoxygenOutputs(files, run);
    return run;
  }
  static std::optional<std::uint64_t> Pages(const DocgenRun& run, DocgenFormat format) {
    return run.pages[static_cast<std::size_t>(format)];
  }

  fs::path folder_;
};

TEST_F(DoxygenOutputsTest, CountsPagesByFormatAndDocumentedOnesInTheXml) {
  Write("Doxyfile", Capture("Doxyfile.in"));
  Write("out/html/index.html", "x");
  Write("out/html/d0/d01/a.html", "x");
  Write("out/html/search/all_0.html", "x");
  Write("out/html/doxygen.css", "x");
  Write("out/xml/index.xml", "x");
  Write("out/xml/classFoo.xml", Capture("classFoo.xml"));
  Write("out/xml/a_8h.xml", Capture("a_8h.xml"));
  const DocgenRun run = Read();
  EXPECT_EQ(Pages(run, DocgenFormat::kHtml), 2u);
  EXPECT_EQ(Pages(run, DocgenFormat::kXml), 2u);
  EXPECT_EQ(Pages(run, DocgenFormat::kLatex), std::nullopt);
  EXPECT_EQ(run.documented_ratio, 0.6);
}

TEST_F(DoxygenOutputsTest, LeavesOutPagesOfAnEarlierRun) {
  Write("Doxyfile", "GENERATE_LATEX=NO\n");
  Write("html/old.html", "x");
  Write("html/new.html", "x");
  fs::last_write_time(folder_ / "html/old.html",
                      fs::file_time_type::clock::now() - std::chrono::hours(1));
  EXPECT_EQ(Pages(Read(std::chrono::system_clock::now()), DocgenFormat::kHtml), 1u);
}

TEST_F(DoxygenOutputsTest, FindsTheLogOfThisRunOnly) {
  Write("Doxyfile", Capture("Doxyfile.in"));
  DoxygenFiles files;
  files.folder = folder_.string();
  files.since = std::chrono::system_clock::now();
  EXPECT_EQ(DoxygenLogFile(files), "");
  Write("warn.log", "x");
  EXPECT_EQ(DoxygenLogFile(files), (folder_ / "warn.log").string());
  fs::last_write_time(folder_ / "warn.log",
                      fs::file_time_type::clock::now() - std::chrono::hours(1));
  EXPECT_EQ(DoxygenLogFile(files), "");
}

TEST_F(DoxygenOutputsTest, AddsNothingWithoutADoxyfile) {
  const DocgenRun run = Read();
  for (const auto& pages : run.pages) EXPECT_EQ(pages, std::nullopt);
  EXPECT_EQ(run.documented_ratio, std::nullopt);
}

}  // namespace
}  // namespace polymeter
