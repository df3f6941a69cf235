#!/usr/bin/env bash
# byok-online.exe under Wine: tests of the packages that differ on Windows, a
# ceremony with it on the connected side, and what two runs at once, a run that is
# killed, and names and folders that Windows refuses leave behind.
#
# usage: scripts/windows/test.sh       GO and BUILD_TAGS as in the Makefile
set -euo pipefail
cd "$(dirname "$0")/../.."

go=${GO:-go}
tags=${BUILD_TAGS:?run "make test-windows"}
# shellcheck source=scripts/windows/wine.sh
. scripts/windows/wine.sh
scripts/windows/overlay.sh "$work" >"$work/overlay.json"
windows() { GOOS=windows GOARCH=amd64 CGO_ENABLED=0 "$@"; }
windows "$go" build -trimpath -tags "$tags" -o "$work/byok-online.exe" ./cmd/byok-online
windows "$go" build -trimpath -tags "$tags,wine" -o "$work/asks.exe" ./internal/windowstest/asks
windows "$go" test -c -tags "$tags" -o "$work/supervised.exe" ./internal/supervisor
"$go" build -trimpath -tags "$tags" -o "$work/bin/" ./cmd/byok-offline ./cmd/byok-online

# Tests that have a form of their own for Windows, and those that need none.
under_wine() {
	windows "$go" test -tags "$tags" -overlay "$work/overlay.json" \
		-exec /usr/lib/wine/wine64 -count=1 "$@"
}
under_wine ./internal/access ./internal/confine ./internal/printable ./internal/secret ./internal/supervisor
under_wine -run 'Names|Waits|InUse|NoFolder|HardLink|Locked|Private|Concurrent|Interrupted|TestSetDiscarded' ./internal/durable
under_wine -run 'Usual|Expanded' ./internal/command

BYOK_BIN=$work/bin DEMO_KEEP=1 DEMO_NAME=$work/ceremony \
	scripts/connected.sh /usr/lib/wine/wine64 "$work/byok-online.exe"
BYOK_WINDOWS=$work "$go" test -tags "$tags,wine" -count=1 -v ./internal/windowstest
