#!/usr/bin/env bash
# Builds the Prometheus 3.5 whose OTLP endpoint the judges push to (Debian 12's has none), from its own
# sources:
#
#   build_prometheus.sh TOOLS        makes TOOLS/bin/prometheus3; TOOLS is build/tools of this tree
#
# Does nothing when the right version is there. See find_go.sh for Go. Takes about four minutes, once.
set -euo pipefail

[[ $# -eq 1 ]] || {
  echo "usage: $0 TOOLS" >&2
  exit 64
}
version=0.305.0 # 3.5.0 as a Go module

mkdir -p "$1/bin"
tools=$(cd "$1" && pwd)
exec {lock}>"$tools/prometheus3.lock"
flock "$lock" # of two that build it, the second finds it there
prometheus=$tools/bin/prometheus3
stamp=$prometheus.version # a plain build of the module does not know its version

[[ -x $prometheus && $(cat "$stamp" 2>/dev/null) == "$version" ]] && exit 0

# shellcheck source=test/receivers/find_go.sh
source "$(dirname "${BASH_SOURCE[0]}")/find_go.sh"
find_go "$tools"
work=$tools/go/prometheus
rm -rf "$work"
mkdir -p "$work"
cd "$work"
# `go install ...@version` refuses a module with replace directives; as a dependency they do not count.
go mod init receivers
go get "github.com/prometheus/prometheus/cmd/prometheus@v$version"
go build -o "$prometheus.new" github.com/prometheus/prometheus/cmd/prometheus
mv "$prometheus.new" "$prometheus"
echo "$version" >"$stamp"
