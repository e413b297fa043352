#include "integrations/build/compdb.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "integrations/build/build_for_test.h"

namespace polymeter::detail::build {
namespace {

using ::polymeter::testing::ReadBuildTestdata;
using ::testing::SizeIs;

TEST(CompileDatabase, OfNinjaHasEachOutputOnce) {
  const CompileDatabase database = ParseCompileDatabase(ReadBuildTestdata("ninja_t_compdb.json"));
  EXPECT_TRUE(database.complete());
  EXPECT_EQ(database.bad_entries(), 0u);
  EXPECT_THAT(database.commands(), SizeIs(8));

  const CompileCommand* const object = database.Find("CMakeFiles/core.dir/a.cpp.o");
  ASSERT_NE(object, nullptr);
  EXPECT_EQ(object->source, "/home/demo/proj/a.cpp");
  EXPECT_EQ(object->kind, StepKind::kCompile);
  EXPECT_EQ(database.Find("/home/demo/proj/b7/CMakeFiles/core.dir/a.cpp.o"), object);

  ASSERT_NE(database.Find("libcore.a"), nullptr);
  EXPECT_EQ(database.Find("libcore.a")->kind, StepKind::kArchive);
  ASSERT_NE(database.Find("app"), nullptr);
  EXPECT_EQ(database.Find("app")->kind, StepKind::kLink);
  EXPECT_EQ(database.Find("cmake_object_order_depends_target_app")->kind, std::nullopt);
  EXPECT_EQ(database.Find("a.cpp.o"), nullptr);
}

TEST(CompileDatabase, OfCMakeHasItsOutputsInTheCommands) {
  const CompileDatabase database = ParseCompileDatabase(ReadBuildTestdata("compile_commands.json"));
  EXPECT_TRUE(database.complete());
  EXPECT_THAT(database.commands(), SizeIs(5));
  const CompileCommand* const main = database.Find("CMakeFiles/app.dir/main.cpp.o");
  ASSERT_NE(main, nullptr);
  EXPECT_EQ(main->source, "/home/demo/proj/main.cpp");
  EXPECT_EQ(main->kind, StepKind::kCompile);
}

TEST(CompileDatabase, ReadsArgumentsAndPrefersASource) {
  const CompileDatabase database = ParseCompileDatabase(R"([
    {"directory": "/d", "file": "order", "output": "a.o", "command": "cc -c a.c -o a.o"},
    {"file": "a.c", "directory": "/d", "output": "a.o", "x": {"file": "no"}, "y": [["no"]]},
    {"directory": "/d", "file": "b.c",
     "arguments": ["ccache", "cc", "-c", "b \"1\".c", "-o", "b c.o"]},
    {"directory": "/d", "file": "c.c", "command": "cc -c 'c.c' -o 'c d'\\ e.o"}])");
  EXPECT_TRUE(database.complete());
  EXPECT_THAT(database.commands(), SizeIs(3));
  EXPECT_EQ(database.Find("a.o")->source, "a.c");
  ASSERT_NE(database.Find("b c.o"), nullptr);
  EXPECT_EQ(database.Find("b c.o")->kind, StepKind::kCompile);
  EXPECT_NE(database.Find("/d/c d e.o"), nullptr);
}

TEST(CompileDatabase, KeepsFoldersApart) {
  const CompileDatabase database = ParseCompileDatabase(R"([
    {"directory": "/d/one", "file": "one.c", "output": "a.o"},
    {"directory": "/d/two", "file": "two.c", "output": "a.o"}])");
  EXPECT_THAT(database.commands(), SizeIs(2));
  EXPECT_EQ(database.Find("/d/two/a.o")->source, "two.c");
  EXPECT_EQ(database.Find("a.o")->source, "one.c");
}

TEST(CompileDatabase, CountsEntriesThatSayTooLittle) {
  const CompileDatabase database = ParseCompileDatabase(
      R"([{}, {"file": "a.c"}, {"output": "a.o"}, {"file": "a.c", "command": "cc a.c -o"}, 1, "x",
          null, [{"file": "a.c", "output": "b.o"}], {"file": 1, "output": ["a.o"]}])");
  EXPECT_TRUE(database.complete());
  EXPECT_EQ(database.bad_entries(), 5u);
  EXPECT_THAT(database.commands(), SizeIs(0));
}

TEST(CompileDatabase, OfACutOffTextHasWhatStandsBefore) {
  const std::string text = ReadBuildTestdata("ninja_t_compdb.json");
  std::size_t before = 0;
  for (std::size_t size = 0; size < text.size(); size += 11) {
    const CompileDatabase database = ParseCompileDatabase(text.substr(0, size));
    EXPECT_FALSE(database.complete()) << size;
    EXPECT_GE(database.commands().size(), before);
    before = database.commands().size();
  }
  EXPECT_EQ(before, 8u);
}

TEST(CompileDatabase, SurvivesWhatIsNoDatabase) {
  for (const std::string& text :
       {std::string(), std::string("{}"), std::string("[1e999]"), std::string("\xff\xfe"),
        std::string(1 << 20, '['), std::string(1 << 20, '{'), std::string(100, '\0')}) {
    EXPECT_THAT(ParseCompileDatabase(text).commands(), SizeIs(0));
  }
}

}  // namespace
}  // namespace polymeter::detail::build
