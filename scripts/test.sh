#!/usr/bin/env bash
# Runs "go test -v" with the arguments given and prints what a person wants of
# it: a line a package, every count ("1186 of 1186 caught"), and all that a
# failed test said. The whole output is in bin/test.log.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
mkdir -p bin

"${GO:-go}" test -v "$@" 2>&1 | tee bin/test.log |
	grep --line-buffered -E '^(ok|FAIL|panic)|^ *--- FAIL|[0-9]+ of [0-9]+\b.*(caught|survived|told|log|matrix)|: [0-9]+ of [0-9]+$'
status=${PIPESTATUS[0]}
if [ "$status" -ne 0 ]; then
	echo "What the failed tests said (all of it is in bin/test.log):"
	grep -vE '^(=== |--- PASS|ok|\?)|^ +--- PASS' bin/test.log | tail -n 400
fi
exit "$status"
