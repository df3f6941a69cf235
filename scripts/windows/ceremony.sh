#!/usr/bin/env bash
# The ceremony of ../ceremony.sh with byok-online.exe under Wine on the connected
# side. What it made is left in a folder for internal/windowstest, whose name is in
# FOLDER/ceremony.
#
# usage: scripts/windows/ceremony.sh FOLDER     with FOLDER/prefix, FOLDER/byok-online.exe
#
# shellcheck disable=SC2154 # ceremony.sh sets what it gives
folder=$(realpath "${1:?usage: scripts/windows/ceremony.sh FOLDER}")
set --
export DEMO_KEEP=1
# shellcheck source=scripts/ceremony.sh
. "$(dirname "${BASH_SOURCE[0]}")/../ceremony.sh"

export WINEPREFIX=$folder/prefix WINEDEBUG=-all
online() { run online /usr/lib/wine/wine64 "$folder/byok-online.exe" "$@"; }

prepare_toolset
make_world
make_key
package_key
upload_and_prove
step "6. The record, audited under Wine"
offline ceremony bundle --pin-file secrets/pin --from offline/tools --from usb --from online --out bundle
online audit --hknso "$hknso" bundle
online ceremony report --out online/report.html bundle
online kek delete --rehearsal vault --vault "$vault" --name KEKforBYOK --yes
printf '%s\n' "$hknso" >hknso
printf '%s\n' "$demo" >"$folder/ceremony"
echo "Result: SUCCESS"
