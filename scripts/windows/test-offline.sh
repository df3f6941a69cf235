#!/usr/bin/env bash
# A whole rehearsal with byok-offline.exe under Wine and SoftHSM as a DLL; uploaded
# to a rehearsal vault on Linux, and proved. Minutes: see softhsm.sh.
#
# usage: scripts/windows/test-offline.sh       GO and BUILD_TAGS as in the Makefile
set -euo pipefail
cd "$(dirname "$0")/../.."

go=${GO:-go}
tags=${BUILD_TAGS:?run "make test-windows-ceremony"}
work=$(mktemp -d "${TMPDIR:-/tmp}/byok-windows.XXXXXX")
finish() {
	WINEPREFIX=$work/prefix /usr/lib/wine/wineserver64 --kill 2>/dev/null || true
	rm -rf "$work"
}
trap finish EXIT

scripts/windows/softhsm.sh "$work/softhsm2.dll"
scripts/windows/prefix.sh "$work/prefix"
# One server for all that follows: a program that starts one waits for it.
WINEPREFIX=$work/prefix /usr/lib/wine/wineserver64 --persistent
GOOS=windows GOARCH=amd64 CGO_ENABLED=1 CC=x86_64-w64-mingw32-gcc "$go" build -trimpath -tags "$tags" \
	-o "$work/byok-offline.exe" ./cmd/byok-offline
"$go" build -trimpath -tags "$tags" -o "$work/bin/" ./cmd/byok-online
BYOK_BIN=$work/bin scripts/windows/offline-ceremony.sh "$work"
