// What a build's command says of the tool and the folder. Pure.
#pragma once

#include <string>
#include <vector>

namespace polymeter::cli {

struct BuildPlace {
  std::string tool = "other";  // ninja, make, cmake or other
  std::string program;         // the word of the command that names it
  std::string folder = ".";    // where it builds
  std::string file;            // ninja's -f; empty: build.ninja
  std::string config;          // cmake's --config
  std::vector<std::string> targets;
};

// Sees through launchers before the tool (env, nice, time): the first word that is a tool counts.
BuildPlace PlaceOfBuild(const std::vector<std::string>& command);

}  // namespace polymeter::cli
