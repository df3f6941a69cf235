#!/usr/bin/env bash
# Makes the image a second time, in another folder, zone and language and with
# another umask, and compares it with the one that is there.
#
# usage: scripts/image/reproduce.sh OUT      OUT: folder of the first
set -euo pipefail
cd "$(dirname "$0")/../.."
first=$(realpath "${1:?usage: scripts/image/reproduce.sh OUT}")
second=$(mktemp -d)
trap 'rm -rf "$second"' EXIT
umask 077
export BYOK_IMAGE=${BYOK_IMAGE:-${XDG_CACHE_HOME:-$HOME/.cache}/byok-image}
TZ=Pacific/Apia LC_ALL=C.UTF-8 LANGUAGE=fr HOME=$second/home scripts/image.sh "$second/out" >/dev/null
if cmp -s "$first/byok-offline.iso" "$second/out/byok-offline.iso"; then
	echo "image: the same twice: $(cat "$first/byok-offline.iso.sha256")"
	exit
fi
diff "$first/files.txt" "$second/out/files.txt" | sed -n 's|^[<>] [0-9a-f]*  \./|image: the first file that differs: /|p' | head -n 1 | grep . ||
	echo "image: no file of the root differs: the kernel, what starts it, or the medium does"
exit 1
