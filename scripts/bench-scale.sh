#!/usr/bin/env bash
# How time and memory grow from ten keys to ten thousand, and from a thousand lines of
# the ceremony log to a million; and the memory of a batch of keys on SoftHSM, beside
# that of ten. Writes the section of docs/performance.md. Takes some minutes.
#
#   BYOK_BIN=FOLDER   where the programs are (default: bin)
#   BENCH_KEYS=N      of the larger batch, each key on SoftHSM (default: 300)
# shellcheck source=scripts/ceremony.sh
. "$(dirname "$0")/ceremony.sh"

many=${BENCH_KEYS:-300}
[ -x /usr/bin/time ] || { echo "/usr/bin/time is missing; hint: apt-get install time"; exit 1; }
prepare_toolset >/dev/null 2>&1
make_world >/dev/null 2>&1

# measured NAME COMMAND…: adds what the command took to the file NAME: seconds of the
# processor, then kilobytes at its peak.
measured() {
	local name=$1
	shift
	BYOK_KMDATA="$demo/offline/kmdata" /usr/bin/time -a -o "$name" -f "%U %S %M" "$bin/byok-offline" "$@" >bench.log 2>&1 ||
		{ cat bench.log >&2; exit 1; }
}
for n in 10 "$many"; do
	idents=()
	for i in $(seq "$n"); do idents+=(--ident "batch$n-$i"); done
	mkdir "usb/$n"
	measured generate key generate "${idents[@]}" --type EC --curve P-256 "${quorum[@]}" --pin-file secrets/pin
	measured approve acl modify "${idents[@]}" -k "$kek" -w "$world" "${said[@]}" --approve-unseen "${quorum[@]}" --pin-file secrets/pin
	measured package package "${idents[@]}" --subscription-id 5f1b1f9e-7a54-4a40-b1ad-1b0d5e5b8f10 --out "usb/$n" --pin-file secrets/pin
	measured check world check --pin-file secrets/pin
done
row() {
	awk -v what="$2" -v n="$many" '{ peak[NR] = $3; cpu[NR] = $1 + $2 } END {
		r = peak[2] / peak[1]
		printf "| `%s` on SoftHSM, memory for %d keys over that for 10 | %.2f: %.0f MB and %.0f MB | at most 1.2: %s |\n", what, n, r,
			peak[2] / 1000, peak[1] / 1000, r <= 1.2 ? "met" : "**missed**"
	}' "$1"
}
{
	row generate "key generate"
	row approve "acl modify"
	row package "package"
	row check "world check"
} >rows

cd "$root"
"${GO:-go}" run -tags netgo,osusergo,urfave_cli_no_docs ./internal/scalebench \
	-program "$bin/byok-offline" -also "$demo/rows" -page docs/performance.md "$@"
