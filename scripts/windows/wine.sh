#!/usr/bin/env bash
# A folder for a test under Wine, which is gone with the script, and a Wine prefix in
# it that programs run in. Sourced by test.sh and test-offline.sh.
#
# Sets work to the folder, and exports WINEPREFIX, WINEDEBUG and TMPDIR: Wine leaves a
# folder of its own among the temporary ones.
set -euo pipefail

work=$(mktemp -d "${TMPDIR:-/tmp}/byok-windows.XXXXXX")
# shellcheck disable=SC2329 # called by the trap
finish() {
	/usr/lib/wine/wineserver64 --kill 2>/dev/null || true
	rm -rf "$work"
}
trap finish EXIT
export WINEPREFIX=$work/prefix WINEDEBUG=-all TMPDIR=$work/tmp
mkdir "$TMPDIR"
scripts/windows/prefix.sh "$WINEPREFIX"

# Wine's services start with the first program, keep its standard output and error
# open, and end with the last program. Whoever reads a program's output through a pipe
# would wait for them for ever, so the first program writes nowhere; it stays until
# this shell closes the pipe that it reads.
coproc { exec /usr/lib/wine/wine64 cmd >/dev/null 2>&1; }
/usr/lib/wine/wine64 cmd /c exit </dev/null >/dev/null 2>&1
