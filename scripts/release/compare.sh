#!/usr/bin/env bash
# Compares two releases, file by file, and names the first that differs.
#
# usage: scripts/release/compare.sh FOLDER FOLDER
set -euo pipefail

# A signature is no part of what is built.
list() { (cd "$1" && find . -type f ! -name '*.sig' -printf '%P\n' | sort); }

if ! missing=$(diff <(list "$1") <(list "$2")); then
	echo "compare: the two releases hold different files:" >&2
	grep '^[<>]' <<<"$missing" | head -n 5 >&2
	exit 1
fi
while read -r name; do
	[ "$name" != SHA256SUMS ] || continue # it differs where another file does
	if ! cmp -s "$1/$name" "$2/$name"; then
		echo "compare: $name differs" >&2
		exit 1
	fi
done < <(list "$1")
cmp -s "$1/SHA256SUMS" "$2/SHA256SUMS" || {
	echo "compare: SHA256SUMS differs" >&2
	exit 1
}
echo "$(list "$1" | wc -l) files are the same, byte for byte"
