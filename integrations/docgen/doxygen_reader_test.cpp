#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "integrations/docgen/docgen_for_test.h"
#include "integrations/docgen/doxygen_lines.h"
#include "polymeter/docgen.h"

namespace polymeter {
namespace {

using testing::Capture;

std::uint64_t Of(const DocgenRun& run, DocgenWarning kind) {
  return run.warnings[static_cast<std::size_t>(kind)];
}

DocgenRun Read(DoxygenStream stream, std::string_view text, std::size_t piece = 1 << 20) {
  DoxygenReader reader;
  for (; !text.empty(); text.remove_prefix(std::min(piece, text.size()))) {
    reader.Feed(stream, text.substr(0, piece));
  }
  return reader.Finish();
}

void ExpectTheSevenWarnings(const DocgenRun& run) {
  EXPECT_EQ(run.unique_warnings(), 7u);
  EXPECT_EQ(run.repeated_warnings, 4u);
  EXPECT_EQ(Of(run, DocgenWarning::kUndocumented), 2u);
  EXPECT_EQ(Of(run, DocgenWarning::kUnknownParam), 1u);
  EXPECT_EQ(Of(run, DocgenWarning::kUnresolvedReference), 1u);
  EXPECT_EQ(Of(run, DocgenWarning::kUndocumentedParam), 2u);
  EXPECT_EQ(Of(run, DocgenWarning::kUnknownCommand), 1u);
}

TEST(DoxygenReader, CountsAWarningOnceThoughEachOutputSaysIt) {
  ExpectTheSevenWarnings(Read(DoxygenStream::kLog, Capture("doxygen_1.9.4_warn.log")));
}

TEST(DoxygenReader, ReadsTheSameInPiecesOfAnySize) {
  const std::string text = Capture("doxygen_1.9.4_warn.log");
  for (const std::size_t piece : {1u, 2u, 3u, 7u, 64u, 1000u}) {
    SCOPED_TRACE(piece);
    ExpectTheSevenWarnings(Read(DoxygenStream::kErrors, text, piece));
  }
}

TEST(DoxygenReader, TakesAWarningThatBecameAnErrorForTheSameKind) {
  ExpectTheSevenWarnings(Read(DoxygenStream::kErrors, Capture("doxygen_1.9.4_warn_as_error.log")));
}

TEST(DoxygenReader, CountsAWarningOnceThoughTheLogRepeatsStandardError) {
  DoxygenReader reader;
  reader.Feed(DoxygenStream::kErrors, Capture("doxygen_1.9.4_warn_as_error.log"));
  reader.Feed(DoxygenStream::kLog, Capture("doxygen_1.9.4_warn.log"));
  const DocgenRun run = reader.Finish();
  EXPECT_EQ(run.unique_warnings(), 7u);
  EXPECT_EQ(run.repeated_warnings, 15u);
}

TEST(DoxygenReader, TellsWarningsApartByTheLinesThatGoOnWithThem) {
  const std::string head =
      "a.h:3: warning: The following parameter of f(int x, int y) is not documented:\n";
  const DocgenRun run =
      Read(DoxygenStream::kErrors,
           head + "  parameter 'x'\n" + head + "  parameter 'y'\n" + head + "  parameter 'x'");
  EXPECT_EQ(run.unique_warnings(), 2u);
  EXPECT_EQ(run.repeated_warnings, 1u);
}

TEST(DoxygenReader, DoesNotTakeProgressForAPartOfAWarning) {
  const std::string warning =
      "a.h:3: warning: Member f() (function) of file a.h is not documented.\n";
  const DocgenRun run =
      Read(DoxygenStream::kErrors, warning + "Generating docs for compound Foo...\n" + warning +
                                       "Generating XML output...\n");
  EXPECT_EQ(run.unique_warnings(), 1u);
  EXPECT_EQ(run.repeated_warnings, 1u);
}

TEST(DoxygenReader, FindsNoWarningInWhatDoxygenSaysOfItsProgress) {
  const DocgenRun run = Read(DoxygenStream::kOutput, Capture("doxygen_1.9.4_stdout.log"));
  EXPECT_EQ(run.unique_warnings(), 0u);
  EXPECT_FALSE(run.phase_seconds);
}

TEST(DoxygenReader, AddsUpTheTimesOfPhases) {
  const DocgenRun run = Read(DoxygenStream::kOutput, Capture("doxygen_1.9.4_time.log"));
  ASSERT_TRUE(run.phase_seconds);
  const auto seconds = [&run](DocgenPhase phase) {
    return (*run.phase_seconds)[static_cast<std::size_t>(phase)];
  };
  EXPECT_NEAR(seconds(DocgenPhase::kSearching), 0.000133, 1e-9);
  EXPECT_NEAR(seconds(DocgenPhase::kParsing), 0.069568, 1e-9);
  EXPECT_NEAR(seconds(DocgenPhase::kXml), 0.001905, 1e-9);
  EXPECT_NEAR(seconds(DocgenPhase::kTools), 0.000008, 1e-9);
  EXPECT_GT(seconds(DocgenPhase::kGenerating), 0);
  EXPECT_GT(seconds(DocgenPhase::kResolving), 0);
  EXPECT_EQ(seconds(DocgenPhase::kOther), 0);
  EXPECT_EQ(run.unknown_phases, 0u);
}

TEST(DoxygenReader, FoldsAPhaseThatItDoesNotKnow) {
  const DocgenRun run = Read(DoxygenStream::kOutput,
                             "Spent 1.5 seconds in Dreaming of sheep...\nSpent x seconds in y\n");
  ASSERT_TRUE(run.phase_seconds);
  EXPECT_EQ((*run.phase_seconds)[static_cast<std::size_t>(DocgenPhase::kOther)], 1.5);
  EXPECT_EQ(run.unknown_phases, 1u);
}

TEST(DoxygenLines, KnowThePhasesAfterThePages) {
  const auto phase = [](const std::string& name) {
    const auto line = detail::ParsePhaseLine("Spent 0.5 seconds in " + name);
    return line ? line->phase : std::nullopt;
  };
  EXPECT_EQ(phase("Combining using relations..."), DocgenPhase::kResolving);
  EXPECT_EQ(phase("Combining RTF output..."), DocgenPhase::kOtherOutput);
  EXPECT_EQ(phase("Generating Perl module output..."), DocgenPhase::kOtherOutput);
  EXPECT_EQ(phase("Generating images for formulas in HTML..."), DocgenPhase::kTools);
  EXPECT_EQ(phase("Running html help compiler..."), DocgenPhase::kTools);
}

// Words of doxygen 1.9.4.
TEST(DoxygenLines, DoNotTakeANameForTheSubject) {
  const struct {
    DocgenWarning kind;
    const char* text;
  } rows[] = {
      {DocgenWarning::kMissingFile,
       "image file a_graph.png is not found in IMAGE_PATH: assuming external image."},
      {DocgenWarning::kMissingFile,
       "included file configuration.cpp is not found. Check your EXAMPLE_PATH"},
      {DocgenWarning::kMissingFile,
       R"(the name 'stage.h' supplied as the argument of the \class, \struct, \union, or \include )"
       "command is not an input file"},
      {DocgenWarning::kUnresolvedReference, "@copybrief or @copydoc target 'a_tag' not found"},
      {DocgenWarning::kUnresolvedReference,
       R"(block marked with [tag] for \snippet should appear twice in file configuration.cpp, )"
       "found it 0 times"},
      {DocgenWarning::kNoMatch, "documented symbol 'void already()' was not declared or defined."},
      {DocgenWarning::kDuplicate,
       R"(found more than one \mainpage comment block! (first occurrence: <index>, line 40), )"
       "Skipping current block!"},
      {DocgenWarning::kSyntax,
       "unexpected end of comment block while parsing the argument of command @param"},
      {DocgenWarning::kGraph,
       "Included by graph for 'a.h' not generated, too many nodes (80), threshold is 50. Consider "
       "increasing DOT_GRAPH_MAX_NODES."},
      {DocgenWarning::kOther, "Invoking stages in paragraph 3"},
      {DocgenWarning::kConfiguration,
       "argument 'on' for option GENERATE_LATEX is not a valid boolean value"},
  };
  for (const auto& row : rows) EXPECT_EQ(detail::KindOfWarning(row.text), row.kind) << row.text;
}

TEST(DoxygenReader, TakesAnErrorOfItsOwnForOne) {
  const DocgenRun run =
      Read(DoxygenStream::kErrors, "error: configuration file Doxyfile not found!\n");
  EXPECT_EQ(Of(run, DocgenWarning::kError), 1u);
  EXPECT_EQ(run.unique_warnings(), 1u);
}

TEST(DoxygenReader, SurvivesALineWithoutAnEnd) {
  DoxygenReader reader;
  const std::string piece(100000, 'x');
  for (int i = 0; i < 100; ++i) reader.Feed(DoxygenStream::kErrors, piece);
  reader.Feed(DoxygenStream::kErrors, "\na.h:1: warning: Found unknown command '\\x'\n");
  EXPECT_EQ(reader.Finish().unique_warnings(), 1u);
}

TEST(DoxygenLines, KnowAWarningUnderTheUsersOwnFormat) {
  const auto own = detail::ParseWarningLine("[a.h, line 7] warning: Found unknown command '\\x'");
  ASSERT_TRUE(own);
  EXPECT_EQ(own->place, "[a.h, line 7]");
  EXPECT_EQ(own->kind, DocgenWarning::kUnknownCommand);
  const auto close = detail::ParseWarningLine("a.h:7:warning: Found unknown command '\\x'");
  ASSERT_TRUE(close);
  EXPECT_EQ(close->place, "a.h:7");
  const auto bare =
      detail::ParseWarningLine("warning: Tag 'TCL_SUBST' at line 265 has become obsolete.");
  ASSERT_TRUE(bare);
  EXPECT_EQ(bare->place, "");
  EXPECT_EQ(bare->kind, DocgenWarning::kConfiguration);
  EXPECT_FALSE(detail::ParseWarningLine("  the text says warning: in the middle"));
  EXPECT_FALSE(detail::ParseWarningLine("terror: no"));
  EXPECT_FALSE(detail::ParseWarningLine(""));
}

}  // namespace
}  // namespace polymeter
