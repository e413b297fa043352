#!/usr/bin/env bash
# Installs the statsd (github.com/statsd/statsd) that the judges send to:
#
#   install_statsd.sh TOOLS        makes TOOLS/statsd; TOOLS is build/tools of this tree
#
# Does nothing when the right version is there. Needs node and npm in PATH (Debian: nodejs, npm).
set -euo pipefail

[[ $# -eq 1 ]] || {
  echo "usage: $0 TOOLS" >&2
  exit 64
}
version=0.9.0

mkdir -p "$1"
tools=$(cd "$1" && pwd)

installed() {
  [[ -f $1/node_modules/statsd/stats.js ]] &&
    grep -q "\"version\": \"$version\"" "$1/node_modules/statsd/package.json"
}

installed "$tools/statsd" && exit 0
for tool in node npm; do
  command -v "$tool" >/dev/null || {
    echo "install_statsd: no $tool in PATH (Debian: apt-get install nodejs npm)" >&2
    exit 1
  }
done

# Renamed when it is whole: an interrupted installation leaves nothing.
work=$tools/statsd.new
rm -rf "$work"
mkdir "$work"
cd "$work"
echo '{"private": true}' >package.json
nice npm install --silent --no-audit --no-fund --no-update-notifier --omit=optional \
  --ignore-scripts --cache "$tools/npm" "statsd@$version" >/dev/null
installed "$work"
rm -rf "$tools/statsd"
mv "$work" "$tools/statsd"
