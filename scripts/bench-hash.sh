#!/usr/bin/env bash
# Throughput of "byok-online toolset verify" beside "openssl dgst -sha256", on a
# file of 1 GiB that is in memory already: both in turn, several times, the
# best of each compared. Writes the section of docs/performance.md.
#
#   BYOK_BIN=FOLDER    where the program is (default: bin)
#   BENCH_ROUNDS=N     default: 5
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD

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
rate() { awk -v t="${shortest[$1]}" 'BEGIN { printf "%.0f MB/s", 1073741824e3 / t }'; }
ratio=$(awk -v o="${shortest[openssl]}" -v b="${shortest[byok]}" 'BEGIN { printf "%.3f", o / b }')
met="met"
awk -v r="$ratio" 'BEGIN { exit r >= 0.95 }' && met="**missed**"
page=$root/docs/performance.md
{
	sed '/^<!-- hash: written/q' "$page"
	printf '%s, %d × %s, load %s when this was written.\n\n' "$(date -u +%F)" "$(nproc)" \
		"$(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo | head -n 1)" "$(cut -d' ' -f1 /proc/loadavg)"
	printf '| | measured | target |\n| --- | --- | --- |\n'
	# shellcheck disable=SC2016 # the backquotes are the page's
	printf '| `byok-online toolset verify` of 1 GiB, throughput over that of `openssl dgst -sha256` | %s: %s and %s | at least 0.95: %s |\n' \
		"$ratio" "$(rate byok)" "$(rate openssl)" "$met"
	sed -n '/^<!-- hash: end/,$p' "$page"
} >performance.md
cp performance.md "$page"
echo "$ratio of openssl's throughput: $met"
