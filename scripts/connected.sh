#!/usr/bin/env bash
# The ceremony of ceremony.sh with another byok-online on the connected side, such as
# one that runs under Wine or qemu: the vault and byok-offline are this computer's.
#
# usage: scripts/connected.sh COMMAND…      what runs that byok-online
#   BYOK_BIN, DEMO_KEEP as in ceremony.sh
#   DEMO_NAME=FILE      has the name of the folder that is kept written to it
#
# shellcheck disable=SC2154 # ceremony.sh sets what it gives
set -euo pipefail
program=("${@:?usage: scripts/connected.sh COMMAND…}")
set --
# shellcheck source=scripts/ceremony.sh
. "$(dirname "${BASH_SOURCE[0]}")/ceremony.sh"
online() { run online "${program[@]}" "$@"; }

prepare_toolset
make_world
make_key
package_key
upload_and_prove
step "6. The record, audited on the connected side"
offline ceremony bundle --pin-file secrets/pin --from offline/tools --from usb --from online --out bundle
online audit --hknso "$hknso" bundle
online ceremony report --out online/report.html bundle
online kek delete --rehearsal vault --vault "$vault" --name KEKforBYOK --yes
printf '%s\n' "$hknso" >hknso
[ -z "${DEMO_NAME:-}" ] || printf '%s\n' "$demo" >"$DEMO_NAME"
echo "Result: SUCCESS"
