#!/usr/bin/env bash
# Static checks of the Go code and of the scripts. Every check runs, whatever the
# ones before it found; the last line counts the failures.
#
# usage: scripts/lint.sh [CHECK…]      default: all of them
#   BUILD_TAGS=LIST    build tags of the released programs, as in the Makefile
#
# The tools are pinned by version and by their checksums in the module
# proxy's log; shellcheck is Debian's.
set -uo pipefail # and no -e: a check that fails does not end the others
cd "$(dirname "$0")/.." || exit

staticcheck=honnef.co/go/tools/cmd/staticcheck@v0.8.2
deadcode=golang.org/x/tools/cmd/deadcode@v0.52.0
revive=github.com/mgechev/revive@v1.17.0 # 1.17.1 needs a module that the proxy lacks

go=${GO:-go}
tags=${BUILD_TAGS:?run "make lint"}

# tool MODULE@VERSION ARGUMENT…
tool() { "$go" run "$@"; }

# none HINT: reads findings, shows them with the hint, and fails if there are any.
none() {
	local found
	found=$(sed '/^$/d')
	if [ -n "$found" ]; then
		printf '%s\nhint: %s\n' "$found" "$1"
		return 1
	fi
}

check_gofmt() { gofmt -l cmd docs internal | none "gofmt -w on these files"; }

# A line has at most 120 characters; the tables of tests may have longer rows.
check_columns() {
	find cmd internal -name '*.go' ! -name '*_test.go' -print0 |
		{ LC_ALL=C.UTF-8 xargs -0 grep -nHP '^.{121}' || true; } | # grep fails where it finds nothing
		cut -c 1-100 | none "break these lines"
}

check_vet() { "$go" vet -tags "$tags" ./...; }

# What differs on Windows; the tests of the other packages need a Unix.
check_windows() {
	GOOS=windows CGO_ENABLED=0 "$go" build -tags "$tags" -o /dev/null ./cmd/byok-online &&
		GOOS=windows CGO_ENABLED=0 "$go" vet -tags "$tags" ./internal/{access,command,confine,durable,printable,secret,supervisor,term} &&
		"$go" vet -tags "$tags,wine" ./internal/windowstest/...
}

# Printed by staticcheck: FILE:LINE:COLUMN: what is wrong (CHECK).
check_staticcheck() { tool "$staticcheck" -tags "$tags" ./...; }

# What no program reaches; scripts/deadcode-allowed.txt has the exceptions.
check_deadcode() {
	# shellcheck disable=SC2016 # a Go template
	local format='{{range .Funcs}}{{println $.Path .Name}}{{end}}' found
	found=$(tool "$deadcode" -tags "$tags" -f "$format" ./cmd/...) || {
		echo "$found"
		return 1
	}
	{ grep -vxFf <(sed 's/ *#.*//; /^$/d' scripts/deadcode-allowed.txt) <<<"$found" || true; } |
		none "delete these functions or use them: no program reaches them"
}

check_revive() { tool "$revive" -config scripts/revive.toml -set_exit_status ./cmd/... ./docs/... ./internal/...; }

# What byok-offline and byok-online may link, and which package may import which.
check_layout() { "$go" test -tags "$tags" ./internal/layout; }

check_shellcheck() {
	if ! command -v shellcheck >/dev/null 2>&1; then
		echo "hint: apt-get install shellcheck"
		return 1
	fi
	shellcheck -x .ci/run scripts/*.sh scripts/{bench,hsms,image,release,windows}/*.sh
}

checks=(gofmt columns vet windows staticcheck deadcode revive layout shellcheck)
if [ $# -gt 0 ]; then
	checks=("$@")
fi
failed=()
for check in "${checks[@]}"; do
	if out=$("check_$check" 2>&1); then
		printf '%-12s ok\n' "$check"
	else
		printf '%-12s FAILED\n%s\n' "$check" "$out"
		failed+=("$check")
	fi
done
if [ ${#failed[@]} -gt 0 ]; then
	echo "lint: ${#failed[@]} of ${#checks[@]} checks failed: ${failed[*]}" >&2
	exit 1
fi
