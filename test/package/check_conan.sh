#!/usr/bin/env bash
# `conan create` without any remote, the dependencies being Debian's: static, shared, and without
# the bridge but with the tools. Usage: check_conan.sh CONAN SCRATCH_DIR
set -euo pipefail

conan=$1
export CONAN_HOME=$2/conan-home
here=$(cd "$(dirname "$0")" && pwd)
source=$(cd "$here/../.." && pwd)

# What two of the builds have in common is compiled once, whatever folder Conan builds in.
if command -v ccache >/dev/null; then
  export CMAKE_CXX_COMPILER_LAUNCHER=ccache CCACHE_BASEDIR=$CONAN_HOME
fi

mkdir -p "$CONAN_HOME"
"$conan" profile detect --exist-ok >/dev/null

# The test package is built in a copy, because Conan writes into its folder.
rm -rf "$2/recipe"
mkdir -p "$2/recipe"
for part in conanfile.py CMakeLists.txt LICENSE cmake sdk exporters integrations; do
  cp -R "$source/$part" "$2/recipe/"
done
mkdir -p "$2/recipe/test"
cp -R "$source/test/package" "$2/recipe/test/"

# Conan's own settings reach the build: the static one is compiled file by file, the others in few
# pieces, none with optimisation: test/bench measures what the code does.
flags="'CMAKE_CXX_FLAGS_RELEASE':'-O0','CMAKE_CXX_FLAGS_DEBUG':'-O0'"
plain="-c tools.cmake.cmaketoolchain:extra_variables={$flags}"
unity="-c tools.cmake.cmaketoolchain:extra_variables={'CMAKE_UNITY_BUILD':'ON',$flags}"
for options in "$plain" "-o &:shared=True -s build_type=Debug $unity" "-o &:with_prometheus_cpp=False -o &:with_tools=True $unity"; do
  echo "== conan create ${options:-(static)}"
  # shellcheck disable=SC2086  # several words
  "$conan" create "$2/recipe" -pr:a "$here/conan/debian12.profile" --no-remote $options
done
