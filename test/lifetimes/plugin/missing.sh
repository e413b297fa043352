#!/bin/sh
# Stands for tests whose tool is not there: a failure in CI, elsewhere a skip that is said.
echo "$1 is not installed: $2" >&2
[ "${CI:-}" = true ] && exit 1
exit 77
