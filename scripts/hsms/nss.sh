#!/usr/bin/env bash
# title: NSS softoken
# packages: libnss3 libnss3-tools opensc
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
create=(--adopt --guard login)
# shellcheck source=scripts/ceremony.sh
. "$(dirname "$0")/../ceremony.sh"
# shellcheck source=scripts/hsms/login.sh
. "$here/login.sh"
secret secrets/pin nss-user-pin-1
ceremonies "P-256"
