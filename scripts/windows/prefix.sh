#!/usr/bin/env bash
# Makes a Wine prefix that programs built by Go run in.
#
# usage: scripts/windows/prefix.sh FOLDER
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

export WINEPREFIX=${1:?usage: scripts/windows/prefix.sh FOLDER} WINEDEBUG=-all
[ -e "$WINEPREFIX/system.reg" ] && exit
# Neither Mono nor Gecko: the programs need none, and Wine would ask for them.
WINEDLLOVERRIDES="mscoree=;mshtml=" /usr/lib/wine/wine64 wineboot --init >/dev/null 2>&1
/usr/lib/wine/wineserver64 --wait
x86_64-w64-mingw32-gcc -shared -O2 -s -o "$WINEPREFIX/drive_c/windows/system32/bcryptprimitives.dll" \
	"$here/bcryptprimitives.c" -ladvapi32
