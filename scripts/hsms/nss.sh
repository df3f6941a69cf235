#!/usr/bin/env bash
# title: NSS softoken
# packages: libnss3 libnss3-tools
#
# The token is made with NSS's own tool, and then adopted. It has no SO role once
# its user PIN is set, so that guard login rests on that PIN alone.
# shellcheck source=scripts/hsms/common.sh
. "$(dirname "$0")/common.sh"
version=$(version_of libnss3)
module=$libraries/libsoftokn3.so
label="contoso world"
mkdir /root/db
secret /root/user nss-user-pin-1
certutil -N -d sql:/root/db -f /root/user
# One token, with a label of its own: NSS reads its parameters from here.
export NSS_LIB_PARAMS="configDir='sql:/root/db' tokens=<2=[configDir='sql:/root/db' tokenDescription='$label' slotDescription='NSS']>"
check 0 --with-test-keys "label:$label" --pin-file /root/user
grep -F "CKM_AES_KEY_WRAP_KWP" "$results/$HSM.json" || die "it does not wrap with CKM_AES_KEY_WRAP_KWP"

create=(--adopt --guard login)
# shellcheck source=scripts/ceremony.sh
. "$(dirname "$0")/../ceremony.sh"
# shellcheck source=scripts/hsms/login.sh
. "$here/login.sh"
secret secrets/pin nss-user-pin-1
kinds=()
for kind_name in "${all_kinds[@]}"; do
	[ "$kind_name" = P-256K ] || kinds+=("$kind_name")
done
ceremonies "${kinds[@]}"
on_paper
if offline key generate --ident p-256k --type EC --curve P-256K "${quorum[@]}" "${written[@]}" 2>refused; then
	die "it has P-256K"
fi
cat refused
grep -F "the module does not have P-256K" refused
row P-256K - "refused: NSS has no such curve"
# The PIN of before opens nothing, and no one is SO.
if offline world change-pin --pin-file secrets/pin --new-pin-file secrets/card2 2>refused; then
	die "the user PIN was changed without the cards"
fi
cat refused
afterwards_login
