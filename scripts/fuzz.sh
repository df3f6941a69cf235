#!/usr/bin/env bash
# Runs every fuzz target there is, one after the other. A failing input is kept
# in the package's testdata/fuzz, where the next "go test" tries it again.
#
# usage: scripts/fuzz.sh [TARGET]...
#
#   FUZZTIME=20s       how long each target runs
#   FUZZMINIMIZE=5s    how long a failing input is made smaller; without a
#                      bound, Go spends a minute on each interesting input
set -euo pipefail
cd "$(dirname "$0")/.."

go=${GO:-go}
tags=${BUILD_TAGS:-netgo,osusergo,urfave_cli_no_docs}
time=${FUZZTIME:-20s}
minimize=${FUZZMINIMIZE:-5s}

# Each target as "DIR NAME".
mapfile -t targets < <(grep -rHoE --include='*_test.go' '^func Fuzz[A-Za-z0-9_]+' internal cmd docs |
	sed -E 's|^(.*)/[^/]+:func (.*)$|\1 \2|' | sort)
[ ${#targets[@]} -gt 0 ] || {
	echo "fuzz: no targets" >&2
	exit 1
}

said=$(mktemp)
trap 'rm -f "$said"' EXIT

# only_late: a busy machine's workers may be late when the time is over, which
# Go calls a failure (golang.org/issue/56238). No input failed then.
only_late() { grep -q '^ *context deadline exceeded$' "$said" && ! grep -q 'Failing input written' "$said"; }

ran=0 failed=()
for target in "${targets[@]}"; do
	dir=${target% *} name=${target#* }
	if [ $# -gt 0 ] && [[ " $* " != *" $name "* ]]; then
		continue
	fi
	ran=$((ran + 1))
	echo "== $dir $name"
	"$go" test -tags "$tags" -run '^$' -fuzz "^$name\$" -fuzztime "$time" -fuzzminimizetime "$minimize" "./$dir" 2>&1 |
		tee "$said" || only_late || failed+=("$target")
done
echo "fuzz: $((ran - ${#failed[@]})) of $ran targets passed, of ${#targets[@]} there are"
printf 'fuzz: failed: %s\n' "${failed[@]}" | grep -v ': $' || true
[ ${#failed[@]} -eq 0 ] && [ "$ran" -gt 0 ]
