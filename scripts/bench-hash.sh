#!/usr/bin/env bash
# Throughput of "byok-online toolset verify" beside "openssl dgst -sha256", on a
# file of 1 GiB that is in memory already: both in turn, several times, the
# best of each compared. Fails below 0.95 of openssl's.
#
#   BYOK_BIN=FOLDER    where the program is (default: bin)
#   BENCH_ROUNDS=N     default: 5
set -euo pipefail
cd "$(dirname "$0")/.."

bin=$(realpath "${BYOK_BIN:-bin}")
work=$(mktemp -d "${TMPDIR:-/tmp}/byok-bench.XXXXXX")
trap 'rm -rf "$work"' EXIT
export BYOK_KMDATA="$work/kmdata"
cd "$work"

head -c 1073741824 /dev/urandom >file
sha256sum file >SHA256SUMS
# best NAME COMMAND…: keeps the shortest time of NAME, in nanoseconds.
declare -A shortest
best() {
	local name=$1 start took
	shift
	start=$(date +%s%N)
	"$@" >/dev/null
	took=$(($(date +%s%N) - start))
	if [ -z "${shortest[$name]:-}" ] || [ "$took" -lt "${shortest[$name]}" ]; then
		shortest[$name]=$took
	fi
}
for _ in $(seq "${BENCH_ROUNDS:-5}"); do
	best openssl openssl dgst -sha256 file
	best byok "$bin/byok-online" toolset verify file
done
awk -v o="${shortest[openssl]}" -v b="${shortest[byok]}" 'BEGIN {
	printf "openssl dgst -sha256          %.0f MB/s\n", 1073741824e3 / o
	printf "byok-online toolset verify    %.0f MB/s\n", 1073741824e3 / b
	printf "ratio                         %.2f, at least 0.95 required\n", o / b
	exit o / b < 0.95
}'
