#!/usr/bin/env bash
# Builds byok-offline for each platform, as a release does, and has check-offline
# judge it; then byok-online, and programs made to deceive, which must not pass.
# "make check-offline" calls it. Reports go to bin/check-offline/.
#
# usage: scripts/check-offline.sh [FILE…]    these files alone, such as a release's
#
# from the Makefile BUILD and LDFLAGS, the options of go build, and TAGS.
set -euo pipefail
cd "$(dirname "$0")/.."
go=${GO:-go}
build=()
eval "build=(${BUILD:?run make check-offline})" # it has quotes
out=bin/check-offline
mkdir -p "$out"

# compile FILE PROGRAM SYSTEM ARCHITECTURE [COMPILER]
compile() {
	local flags=${LDFLAGS:-}
	case $3 in linux) flags=${flags/-extldflags=-Wl,/-extldflags=-Wl,-z,separate-code,} ;; esac # as in release.sh
	CGO_ENABLED=$([ $# -lt 5 ] && echo 0 || echo 1) CC=${5:-} GOOS=$3 GOARCH=$4 \
		"$go" build "${build[@]}" -ldflags "$flags" -o "$out/$1" "./cmd/$2"
	[ $# -lt 5 ] || scripts/symbols.sh "$out/$1" "${5%gcc}"
}

failures=0
# judge STATUS FILE: check-offline has to end with this status.
judge() {
	local status=0 report
	report=$out/$(basename "$2").txt
	"$out/check-offline" "$2" >"$report" 2>"$out/said" || status=$?
	printf '%s: %s\n' "$2" "$(sed -n 's/^Conclusion: *//p' "$report")"
	[ "$status" = "$1" ] || {
		failures=$((failures + 1))
		cat "$report" "$out/said" >&2
		echo "check-offline: $2: status $status, not $1" >&2
	}
}

GOOS='' GOARCH='' CGO_ENABLED=0 "$go" build "${build[@]}" -ldflags "${LDFLAGS:-}" -o "$out/check-offline" ./cmd/check-offline
if [ $# -gt 0 ]; then
	for file in "$@"; do judge 0 "$file"; done
else
	compile byok-offline-linux-amd64 byok-offline linux amd64 x86_64-linux-gnu-gcc
	compile byok-offline-linux-arm64 byok-offline linux arm64 aarch64-linux-gnu-gcc
	compile byok-offline-windows-amd64.exe byok-offline windows amd64 x86_64-w64-mingw32-gcc
	for file in "$out"/byok-offline-{linux-amd64,linux-arm64,windows-amd64.exe}; do judge 0 "$file"; done
	compile byok-online-linux-amd64 byok-online linux amd64
	compile byok-online-windows-amd64.exe byok-online windows amd64
	for file in "$out"/byok-online-{linux-amd64,windows-amd64.exe}; do judge 3 "$file"; done
	"$go" test -tags "${TAGS:?}",platforms -count=1 ./internal/linkage -run 'TestCheats'
fi
[ "$failures" -eq 0 ]
