# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # variables that this file and those that source it share
# What the scripts of this folder share. Each is run by ../hsms.sh inside a Debian
# root, as root, with its name in HSM; its head says what it is and which packages
# it needs. It adds rows to the table: module, version, key, guard, result.
#
#   check       examines the module
#   refused     says why a module that was examined must be refused
#   ceremonies  makes a world and takes keys all the way into a rehearsal vault
set -euo pipefail

results=/opt/byok/results
here=/opt/byok/scripts/hsms
title=$(sed -n 's/^# title: //p' "$here/$HSM.sh")
libraries=/usr/lib/x86_64-linux-gnu
[ -d "$libraries" ] || libraries=/usr/lib/$(uname -m)-linux-gnu
export BYOK_KMDATA=/root/kmdata
umask 022
ip link set lo up

# version_of PACKAGE: the version of the library's package.
version_of() { dpkg-query -W -f '${Version}' "$1"; }

# row KEY GUARD RESULT
row() { printf '%s\t%s\t%s\t%s\t%s\n' "$title" "$version" "$1" "$2" "$3" >>"$results/$HSM.rows"; }

# die MESSAGE: ends the script, whose row then says so.
die() {
	echo "$HSM: $*" >&2
	exit 1
}

# secret FILE VALUE: writes a PIN that only root can read.
secret() { (umask 077 && printf '%s\n' "$2" >"$1"); }

# check STATUS OPTION…: examines $module; what came of it is kept, to be sent in.
check() {
	local expected=$1 status=0
	shift
	byok-offline module check --module-path "$module" --output json "$@" >"$results/$HSM.json" 2>"$results/$HSM.stderr" || status=$?
	cat "$results/$HSM.json" "$results/$HSM.stderr"
	[ "$status" -eq "$expected" ] || die "module check ended with $status, expected $expected"
}

# refused WHY TEXT…: the module was refused, and these texts of the check say why.
refused() {
	local why=$1 text
	shift
	for text in "$@"; do
		grep -qF -- "$text" "$results/$HSM.json" "$results/$HSM.stderr" || die "module check does not say: $text"
	done
	row - - "refused: $why"
}

# guard_of INFO: the guard of a world, as world info shows it in JSON.
guard_of() {
	local guard
	guard=$(field "$1" guard)
	[[ $1 != *'"rights_per_login": true'* ]] || guard+=", rights per login"
	echo "$guard"
}

# ceremonies KIND…: one world, and for each kind of key the way from its
# generation to the proof that the vault has it. The caller has sourced
# ceremony.sh, which made the folder that we are in.
ceremonies() {
	local kind_name guard
	prepare_toolset
	make_world
	guard=$(guard_of "$(BYOK_KMDATA="$demo/offline/kmdata" byok-offline world info --output json 2>/dev/null)")
	for kind_name in "$@"; do
		ident=$(tr '[:upper:]' '[:lower:]' <<<"$kind_name")
		name=My-$kind_name
		case $kind_name in
		RSA-*) kind=(--type RSA --size "${kind_name#*-}") ;;
		AES-*) kind=(--type AES --size "${kind_name#*-}") ;;
		*) kind=(--type EC --curve "$kind_name") ;;
		esac
		make_key
		package_key
		upload_and_prove
		row "$kind_name" "$guard" "uploaded and proved"
	done
}

all_kinds=(RSA-2048 RSA-3072 RSA-4096 P-256 P-384 P-521 P-256K AES-128 AES-192 AES-256)
