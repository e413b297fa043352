#include "integrations/cli/build_place.h"

#include <algorithm>
#include <string_view>

#include "integrations/cli/docgen_place.h"

namespace polymeter::cli {
namespace {

std::string_view ToolOf(std::string_view word) {
  const std::string_view name = ProgramName(word);
  if (name == "ninja" || name == "ninja-build" || name == "samu") return "ninja";
  if (name == "make" || name == "gmake") return "make";
  if (name == "cmake") return "cmake";
  return {};
}

// Options whose value is the next word.
bool HasValue(std::string_view tool, std::string_view option) {
  if (option.size() != 2) return option == "--file";
  return std::string_view(tool == "ninja" ? "jkldtwM" : "fIoW").find(option[1]) !=
         std::string_view::npos;
}

std::string Joined(const std::string& folder, std::string_view part) {
  if (folder == "." || part.substr(0, 1) == "/") return std::string(part);
  return folder + "/" + std::string(part);
}

using Words = std::vector<std::string>;

// cmake --build DIR --config CONFIG --target A B -j 8 -- OPTIONS
void ReadCmake(Words::const_iterator at, Words::const_iterator end, BuildPlace& place) {
  std::string_view option;  // the last one
  for (; at != end && *at != "--"; ++at) {
    std::string_view word = *at;
    if (!word.empty() && word[0] == '-') {
      const std::size_t equals = word.find('=');
      option = word.substr(0, equals);
      if (equals == std::string_view::npos) continue;
      word.remove_prefix(equals + 1);
    }
    if (word.empty()) continue;
    if (option == "--build") {
      place.folder = word;
    } else if (option == "--config") {
      place.config = word;
    } else if (option == "--target" || option == "-t") {  // takes several
      place.targets.emplace_back(word);
    }
  }
}

void ReadNinjaOrMake(Words::const_iterator at, Words::const_iterator end, BuildPlace& place) {
  const bool ninja = place.tool == "ninja";
  for (; at != end; ++at) {
    const std::string_view word = *at;
    // The value of an option of this name, here or in the next word.
    const auto value = [&](std::string_view option) -> std::string_view {
      if (word.substr(0, option.size()) != option) return {};
      if (word.size() > option.size()) return word.substr(option.size());
      return end - at > 1 ? std::string_view(*++at) : std::string_view();
    };
    if (word.substr(0, 2) == "-C" || word == "--directory") {
      const std::string_view folder = value(word.substr(0, 2) == "-C" ? "-C" : word);
      if (!folder.empty()) place.folder = Joined(place.folder, folder);  // several add up
    } else if (word.substr(0, 12) == "--directory=") {
      place.folder = Joined(place.folder, word.substr(12));
    } else if (ninja && word.substr(0, 2) == "-f") {
      place.file = value("-f");
    } else if (word.size() > 1 && word[0] == '-') {
      if (HasValue(place.tool, word) && end - at > 1) ++at;
    } else if (word.find('=') == std::string_view::npos) {
      place.targets.emplace_back(word);
    }
  }
}

}  // namespace

BuildPlace PlaceOfBuild(const std::vector<std::string>& command) {
  BuildPlace place;
  const auto tool = std::find_if(command.begin(), command.end(),
                                 [](const std::string& word) { return !ToolOf(word).empty(); });
  if (tool == command.end()) return place;
  place.tool = ToolOf(*tool);
  place.program = *tool;
  if (place.tool == "cmake") {
    ReadCmake(tool + 1, command.end(), place);
  } else {
    ReadNinjaOrMake(tool + 1, command.end(), place);
  }
  return place;
}

}  // namespace polymeter::cli
