#!/usr/bin/env bash
# What a batch of keys takes, from "key generate" to "package", as a ratio to a bare
# loop of the same PKCS#11 calls (bench/loop.c) on a token of its own: both in turn,
# the best of each. Writes the section of docs/performance.md. Best on a computer that
# is idle.
#
#   BYOK_BIN=FOLDER  where the programs are (default: bin)
#   BENCH_KEYS=N     of each kind (default: 200)
#   BENCH_ROUNDS=N   (default: 3)
# shellcheck source=scripts/ceremony.sh
. "$(dirname "$0")/ceremony.sh"

keys=${BENCH_KEYS:-200}
rounds=${BENCH_ROUNDS:-3}
cc -O2 -I"$(cd "$root" && "${GO:-go}" list -m -f '{{.Dir}}' github.com/miekg/pkcs11)" -o loop "$root/scripts/bench/loop.c" -ldl
prepare_toolset >/dev/null 2>&1
make_world >/dev/null 2>&1

# seconds COMMAND…: how long it takes.
seconds() {
	local start
	start=$(date +%s%N)
	"$@" >bench.log 2>&1 || { cat bench.log >&2; exit 1; }
	echo "$(date +%s%N) $start" | awk '{ printf "%.3f\n", ($1 - $2) / 1e9 }'
}
# shortest FILE: of the times in it.
shortest() { sort -n "$1" | head -n 1; }
# ratio A B
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a / b }'; }

per_key() { awk -v s="$1" -v n="$keys" 'BEGIN { printf "%.1f", 1000 * s / n }'; }

bare() {
	rm -rf bare && mkdir -p bare/tokens bare/out
	printf 'directories.tokendir = %s/bare/tokens\nobjectstore.backend = file\nlog.level = ERROR\n' "$demo" >bare/softhsm2.conf
	SOFTHSM2_CONF="$demo/bare/softhsm2.conf" ./loop "$module" "$1" "$2" bare/out
}

# batch KIND NAME N…: N keys from generation to package, three commands.
batch() {
	local type=(--type RSA --size 2048) idents=()
	[ "$1" = RSA-2048 ] || type=(--type EC --curve P-256)
	for i in $(seq "$3"); do idents+=(--ident "$2-$i"); done
	local name=()
	[ "$3" -gt 1 ] || name=(--key-friendly-name "$2-1")
	mkdir "usb/$2"
	offline key generate "${idents[@]}" "${type[@]}" "${quorum[@]}" --pin-file secrets/pin
	offline acl modify "${idents[@]}" "${name[@]}" -k "$kek" -w "$world" "${said[@]}" --approve-unseen "${quorum[@]}" --pin-file secrets/pin
	offline package "${idents[@]}" --subscription-id 5f1b1f9e-7a54-4a40-b1ad-1b0d5e5b8f10 --out "usb/$2" --pin-file secrets/pin
}

rows=
row() { rows+="| $1 | $2 | $3 |"$'\n'; }
for kind in RSA-2048 P-256; do
	low=$(tr '[:upper:]' '[:lower:]' <<<"$kind")
	for round in $(seq "$rounds"); do
		bare "$kind" "$keys" >>"bare-$kind"
		seconds batch "$kind" "$low-r$round" "$keys" >>"batch-$kind"
		bare "$kind" 10 >>"bare-single-$kind"
		"$root/scripts/bench/tools.sh" "$module" "$kind" 10 "tools-$low-$round" >>"tools-$kind"
		seconds batch "$kind" "$low-s$round" 1 >>"single-$kind"
	done
	row "\`pkcs11-tool\` and \`openssl\`, $kind, over the bare loop; no backup, no package" \
		"$(awk -v t="$(shortest "tools-$kind")" -v b="$(shortest "bare-$kind")" -v n="$keys" 'BEGIN { printf "%.2f, %.1f ms a key", t / 10 * n / b, 100 * t }')" ""
	target=1.05 single=2
	[ "$kind" = RSA-2048 ] || { target=1.5; single=8; }
	a=$(shortest "batch-$kind") b=$(shortest "bare-$kind") c=$(shortest "single-$kind") d=$(shortest "bare-single-$kind")
	row "$keys keys, $kind, over the bare loop" "$(ratio "$a" "$b"), $(per_key "$a") ms a key" "at most $target"
	row "one key, $kind, over a key of the bare loop" "$(awk -v c="$c" -v d="$d" 'BEGIN { printf "%.1f", 10 * c / d }')" "at most $single"
done
# starts COMMAND…: nanoseconds of ten runs, whatever they end with.
starts() {
	local start
	start=$(date +%s%N)
	for _ in 1 2 3 4 5 6 7 8 9 10; do "$@" >bench.log 2>&1 || true; done
	echo $(($(date +%s%N) - start))
}
# shellcheck disable=SC2016 # the backquotes are the page's
row 'start: `byok-offline --version` over `pkcs11-tool --help`' "$(ratio "$(starts "$bin/byok-offline" --version)" "$(starts pkcs11-tool --help)")" "at most 1.5"
row "size of byok-offline" "$(stat -c %s "$bin/byok-offline" | awk '{ printf "%.1f MB", $1 / 1e6 }')" "at most 12 MB"

page=$root/docs/performance.md
{
	sed '/^<!-- batch: written/q' "$page"
	printf '%s, %d × %s, load %s when this was written.\n\n' "$(date -u +%F)" "$(nproc)" \
		"$(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo | head -n 1)" "$(cut -d' ' -f1 /proc/loadavg)"
	printf '| | measured | target |\n| --- | --- | --- |\n%s' "$rows"
	sed -n '/^<!-- batch: end/,$p' "$page"
} >performance.md
cp performance.md "$page"
printf '%s' "$rows"
