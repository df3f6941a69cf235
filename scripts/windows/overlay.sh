#!/usr/bin/env bash
# Prints what "go test -overlay" takes for tests under Wine 8, which has no
# FileDispositionInformationEx: os.RemoveAll, by which tests clean up, does without
# it on a Windows that says so in another way. Tests alone are built with it.
#
# usage: scripts/windows/overlay.sh FOLDER >FILE
set -euo pipefail

source=$("${GO:-go}" env GOROOT)/src/internal/syscall/windows/at_windows.go
patched=${1:?usage: scripts/windows/overlay.sh FOLDER}/at_windows.go
sed 's/case STATUS_INVALID_INFO_CLASS,/case NTStatus(0xC0000002), STATUS_INVALID_INFO_CLASS,/' "$source" >"$patched"
if cmp -s "$source" "$patched"; then
	echo "overlay: $source has changed, see Deleteat there" >&2
	exit 1
fi
printf '{"Replace":{"%s":"%s"}}\n' "$source" "$patched"
