#!/usr/bin/env bash
# The steps of one ceremony as its people would type them, against a software
# HSM (SoftHSM) and a rehearsal vault on this machine; sourced by demo.sh,
# rehearse-recovery.sh and the scripts in hsms/. Two folders play the two
# workstations, a third the USB stick, three more the administrator cards.
# Nothing is left behind.
#
# Variables that a script may set before it sources this one:
#
#   module   the PKCS#11 library (default: SoftHSM's, with a token folder made here)
#   create   more options of world create, such as (--adopt)
#
# and before each key: ident, its name in the world; name, that in the vault;
# kind, what it is.
#
#   DEMO_KEEP=1        keep the folder with everything the ceremony made
#   DEMO_TRACE=FOLDER  run every byok-offline under strace, one file a command
#   BYOK_BIN=FOLDER    where the two programs are (default: bin)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck disable=SC2034 # demo.sh reads its plan there
root=$PWD

bin=$(realpath "${BYOK_BIN:-bin}")
demo=$(mktemp -d "${TMPDIR:-/tmp}/byok-demo.XXXXXX")
server=
# shellcheck disable=SC2329 # called by the trap
finish() {
	status=$?
	if [ -n "$server" ]; then
		kill "$server" 2>/dev/null || true
		wait "$server" 2>/dev/null || true
	fi
	if [ -n "${DEMO_KEEP:-}" ]; then
		echo "kept: $demo"
	else
		rm -rf "$demo"
	fi
	[ "$status" -eq 0 ] || echo "Result: FAILURE"
	exit "$status"
}
trap finish EXIT

mkdir -p "$demo"/{online,offline,usb,card1,card2,card3,secrets,tokens}
chmod 700 "$demo/secrets"
if [ -z "${module:-}" ]; then
	for module in /usr/lib/softhsm/libsofthsm2.so /usr/lib/*/softhsm/libsofthsm2.so /usr/lib64/softhsm/libsofthsm2.so; do
		[ -e "$module" ] && break
	done
	printf 'directories.tokendir = %s/tokens\nobjectstore.backend = file\nlog.level = ERROR\n' "$demo" >"$demo/softhsm2.conf"
	export SOFTHSM2_CONF="$demo/softhsm2.conf"
fi
[ -n "${create+set}" ] || create=()
ident=contosokey
name=ContosoFirstHSMkey
kind=(--type RSA --size 2048)
packages=online # where the connected workstation finds packages, and leaves proofs

# The two card holders of every quorum session.
quorum=(--card card1 --card card3 --card-pin-file secrets/card1 --card-pin-file secrets/card3)

# A real ceremony asks for these on the terminal.
umask 077
for secret in pin card1 card2 card3; do
	head -c 12 /dev/urandom | base64 >"$demo/secrets/$secret"
done
umask 022

cd "$demo"
# step names what comes now, in bold on a terminal that has it (no-color.org).
bold="" plain=""
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ] && [ "${TERM:-dumb}" != dumb ]; then
	bold=$'\033[1m' plain=$'\033[0m'
fi
step() { printf '\n%s== %s%s\n' "$bold" "$*" "$plain"; }
# run WORKSTATION COMMAND…: prints the command line and runs it there.
commands=0
run() {
	local place=$1
	shift
	printf '%s$ ' "$place"
	printf '%s ' "$@" | sed "s|$bin/||; s|$demo/||g"
	echo
	commands=$((commands + 1))
	local trace=()
	if [ -n "${DEMO_TRACE:-}" ] && [ "$1" = "$bin/byok-offline" ]; then
		trace=(strace -f -e trace=network -o "$DEMO_TRACE/$(printf '%02d' $commands).strace")
	fi
	BYOK_KMDATA="$demo/$place/kmdata" "${trace[@]}" "$@"
}
offline() { run offline "$bin/byok-offline" "$@"; }
online() { run online "$bin/byok-online" "$@"; }
# field JSON-TEXT NAME: the value of a string field, for the next command line.
field() { sed -n "s/^ *\"$2\": \"\(.*\)\",\{0,1\}\$/\1/p" <<<"$1" | head -n 1; }

# start_vault starts the rehearsal vault, and sets vault to its address.
start_vault() {
	echo "online$ byok-online rehearsal serve --listen 127.0.0.1:0 --state vault &"
	BYOK_KMDATA="$demo/online/kmdata" "$bin/byok-online" rehearsal serve --listen 127.0.0.1:0 --state "$demo/vault" >"$demo/online/serve.out" 2>&1 &
	server=$!
	for _ in $(seq 100); do
		[ -s "$demo/vault/url" ] && break
		kill -0 "$server" 2>/dev/null || { cat "$demo/online/serve.out"; exit 1; }
		sleep 0.1
	done
	vault=$(cat "$demo/vault/url")
}

# owner_says sets said to the options of what the vault's owner says of the KEK over
# another channel, such as the telephone.
owner_says() {
	local owner
	owner=$(BYOK_KMDATA="$demo/online/kmdata" "$bin/byok-online" kek show --rehearsal "$demo/vault" --vault "$vault" --name KEKforBYOK --output json)
	kid=$(field "$owner" kid)
	said=(--fingerprint "$(field "$owner" spki_sha256)" --kid "$kid" --import-only --said-by "Olga, vault owner")
}

# read_hknso sets hknso to what world create printed.
read_hknso() {
	hknso=$(field "$(BYOK_KMDATA="$demo/offline/kmdata" "$bin/byok-offline" world info --output json 2>/dev/null)" hknso)
}

prepare_toolset() {
	step "1. Connected workstation: a vault, its KEK, the toolset"
	start_vault
	online kek create --rehearsal "$demo/vault" --vault "$vault" --name KEKforBYOK --size 4096 --expires-in 72h --yes
	owner_says
	online toolset build --rehearsal "$demo/vault" --vault "$vault" --kek KEKforBYOK --suffix CONTOSO --out "$demo/online"

	step "USB stick: the toolset goes to the disconnected workstation; its hash goes over another channel"
	zip=KeyVault-BYOK-Tools-CONTOSO.zip
	cp -v "$demo/online/$zip" "$demo/usb/"
	toolset=online/$zip
	hash=$(sha256sum "$toolset" | cut -d' ' -f1)
}

make_world() {
	step "2. Disconnected workstation: security world and toolset"
	offline world create --module-path "$module" --label "contoso world" --acs-quorum 2/3 --rehearsal --pin-file secrets/pin "${create[@]}" \
		--card card1 --card card2 --card card3 --holder Alice --holder Bob --holder Carol \
		--card-pin-file secrets/card1 --card-pin-file secrets/card2 --card-pin-file secrets/card3
	offline toolset install --to offline/tools --sha256 "$hash" "usb/$zip"
	kek=offline/tools/BYOK-KEK-pkg-CONTOSO-1
	world=offline/tools/BYOK-SecurityWorld-pkg-CONTOSO-1
	offline verify -k "$kek" -w "$world" "${said[@]}"
	read_hknso
}

make_key() {
	step "3. Disconnected workstation: the key, generated before two card holders"
	offline key generate --ident "$ident" "${kind[@]}" --pin-file secrets/pin "${quorum[@]}"
}

package_key() {
	step "4. Disconnected workstation: the quorum approves, then the package"
	offline acl modify --ident "$ident" -k "$kek" -w "$world" --key-friendly-name "$name" --pin-file secrets/pin \
		"${quorum[@]}" "${said[@]}" --approve-unseen
	offline acl print --ident "$ident"
	offline package --ident "$ident" --pin-file secrets/pin \
		--subscription-id 00000000-0000-0000-0000-000000000000 --out usb

	step "USB stick: the package goes to the connected workstation"
	package=KeyTransferPackage-$name
	cp -v "usb/$package".* "$demo/online/"
}

upload_and_prove() {
	step "5. Connected workstation: upload and proof"
	online upload "online/$package".byok --hknso "$hknso" --rehearsal "$demo/vault" --vault "$vault" --name "$name" --yes
	online verify --rehearsal "$demo/vault" --vault "$vault" --name "$name" --hknso "$hknso" --manifest "online/$package".manifest.json
	offline ceremony verify
	online ceremony verify
}

# bundle_record FOLDER…: the record, the plan included, with what lies in the folders.
bundle_record() {
	local folder from=()
	for folder in "$@" online; do from+=(--from "$folder"); done
	step "6. The record, in one folder, checked with openssl alone"
	offline ceremony bundle --pin-file secrets/pin --plan plan.yaml "${from[@]}" --out bundle
	sh bundle/check.sh "$hknso"
	online audit --hknso "$hknso" bundle
}

show_result() {
	step "What was done"
	proof=$(cat "$packages/$package".proof-*.json)
	table() { printf '%-22s %s\n' "$1" "$2"; }
	words() { BYOK_KMDATA="$demo/online/kmdata" "$bin/byok-online" fingerprint "$1" | tail -n +3; }
	table "key" "$ident (${kind[*]}), in the world $hknso"
	table "KEK" "$kid"
	table "vault key id" "$(field "$proof" kid)"
	table "toolset" "$hash"
	words "$toolset"
	table ".byok" "$(sha256sum "$packages/$package".byok | cut -d' ' -f1)"
	words "$packages/$package".byok
	echo "Result: SUCCESS"
}
