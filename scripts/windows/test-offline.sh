#!/usr/bin/env bash
# A whole rehearsal with byok-offline.exe under Wine and SoftHSM as a DLL; uploaded
# to a rehearsal vault on Linux, and proved. Minutes: see softhsm.sh.
#
# usage: scripts/windows/test-offline.sh       GO and BUILD_TAGS as in the Makefile
set -euo pipefail
cd "$(dirname "$0")/../.."

go=${GO:-go}
tags=${BUILD_TAGS:?run "make test-windows-ceremony"}
# shellcheck source=scripts/windows/wine.sh
. scripts/windows/wine.sh
scripts/windows/softhsm.sh "$work/softhsm2.dll"
GOOS=windows GOARCH=amd64 CGO_ENABLED=1 CC=x86_64-w64-mingw32-gcc "$go" build -trimpath -tags "$tags" \
	-o "$work/byok-offline.exe" ./cmd/byok-offline
"$go" build -trimpath -tags "$tags" -o "$work/bin/" ./cmd/byok-online
BYOK_BIN=$work/bin scripts/windows/offline-ceremony.sh "$work"
