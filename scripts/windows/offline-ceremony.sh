#!/usr/bin/env bash
# The ceremony of ../ceremony.sh with byok-offline.exe and SoftHSM's DLL under Wine
# on the disconnected side: every command that loads the DLL with --unconfined, and
# none without it. The connected side and its vault run on Linux.
#
# usage: scripts/windows/offline-ceremony.sh FOLDER
#   with FOLDER/prefix, FOLDER/byok-offline.exe and FOLDER/softhsm2.dll
#
# shellcheck disable=SC2154 # ceremony.sh sets what it gives
folder=$(realpath "${1:?usage: scripts/windows/offline-ceremony.sh FOLDER}")
set --
# Where others cannot write, as the program has it: C:\ is the prefix's.
drive=$folder/prefix/drive_c/softhsm
mkdir -p "$drive/tokens"
cp "$folder/softhsm2.dll" "$drive/"
printf 'directories.tokendir = C:\\softhsm\\tokens\nobjectstore.backend = file\nlog.level = ERROR\n' >"$drive/softhsm2.conf"
export SOFTHSM2_CONF='C:\softhsm\softhsm2.conf'
# shellcheck disable=SC2034 # ceremony.sh reads it
module='C:\softhsm\softhsm2.dll'
# shellcheck source=scripts/ceremony.sh
. "$(dirname "${BASH_SOURCE[0]}")/../ceremony.sh"

export WINEPREFIX=$folder/prefix WINEDEBUG=-all
windows() { run offline /usr/lib/wine/wine64 "$folder/byok-offline.exe" "$@"; }

# offline adds --unconfined to what cannot go without it. The list is short enough to
# be wrong loudly: a command that is missing here is refused, and one too many does
# not know the option.
offline() {
	case "$1 ${2:-}" in
	"module list" | "module check" | "world create" | "world check" | "key generate" | "acl modify" | "acl print" | "package "* | "ceremony bundle") set -- "$@" --unconfined ;;
	esac
	windows "$@"
}

# fails STATUS TEXT COMMAND…: it ends with that status, and says that.
fails() {
	local status=$1 text=$2 got=0 said
	shift 2
	said=$("$@" 2>&1) || got=$?
	printf '%s\n' "$said"
	[ "$got" -eq "$status" ] || { echo "status $got, want $status"; return 1; }
	grep -qF -- "$text" <<<"$said" || { echo "it does not say: $text"; return 1; }
}

read_hknso() { hknso=$(field "$(windows world info --output json 2>/dev/null | tail -n +2)" hknso); }

windows version
windows help
prepare_toolset
step "What Windows does not hold"
fails 3 "no network for the library" windows confine status
fails 6 "world create loads an HSM's library or reads a secret, and Windows does not hold: " \
	windows world create --module-path "$module" --label x --acs-quorum 2/3 --rehearsal --card card1 --card card2 --card card3
fails 2 "not a shared library" windows module list --unconfined --module-path 'C:\windows\win.ini'

step "Libraries that end their process"
# ends NAME DEED HOW: the library that does so ends the worker, and the supervisor
# says how, and writes the end of the step to the log of a kmdata folder for this.
ends() {
	local name=$1 deed=$2 how=$3 log=$demo/crash/kmdata/local/ceremony.jsonl
	x86_64-w64-mingw32-gcc -shared -O2 -s "-DDEED=$deed" -o "$drive/$name.dll" "$root/scripts/windows/deadly.c"
	fails 4 "error: the process that runs the HSM's library ended unexpectedly: $how" \
		run crash /usr/lib/wine/wine64 "$folder/byok-offline.exe" world create --unconfined --module-path "C:\\softhsm\\$name.dll" \
		--label x --acs-quorum 2/3 --rehearsal --pin-file secrets/pin --card card1 --card card2 --card card3 \
		--holder Alice --holder Bob --holder Carol \
		--card-pin-file secrets/card1 --card-pin-file secrets/card2 --card-pin-file secrets/card3
	grep -q '"phase":"end",.*"notes":\[{"name":"unconfined",.*"status":4,' <(tail -n 1 "$log") || { echo "no end in the log"; return 1; }
}
ends crash "*(volatile int *)NULL = 1" "killed by exception 0xC0000005"
ends abort "abort()" "exit status 3"
ends exit "exit(7)" "exit status 7"

step "What the library enforces"
offline module list --module-path "$module"
offline module check --module-path "$module"

make_world
make_key
windows key list
windows key show --ident "$ident"
package_key
upload_and_prove
windows inspect usb/*.byok
windows fingerprint usb/*.byok
windows ceremony log
offline world check --pin-file secrets/pin
step "6. The record"
offline ceremony bundle --pin-file secrets/pin --from offline/tools --from usb --from online --out bundle
sh bundle/check.sh "$hknso"
online audit --hknso "$hknso" bundle
online ceremony report --out online/report.html bundle
grep -q "by --unconfined: Windows does not hold: no network for the library" online/report.html
show_result
