#!/usr/bin/env bash
# title: NSS softoken
# packages: libnss3 libnss3-tools
# shellcheck source=scripts/hsms/common.sh
. "$(dirname "$0")/common.sh"
version=$(version_of libnss3)
module=$libraries/libsoftokn3.so
label="contoso world"
mkdir /root/db
secret /root/user nss-user-pin-1
certutil -N -d sql:/root/db -f /root/user
# One slot, with a label of its own: NSS reads its parameters from here.
export NSS_LIB_PARAMS="configDir='sql:/root/db' tokens=<2=[configDir='sql:/root/db' tokenDescription='$label' slotDescription='NSS']>"
check 4 --with-test-keys "label:$label" --pin-file /root/user
create=(--guard login-shared)
. "$(dirname "$0")/../ceremony.sh"
. "$here/login.sh"
secret secrets/pin nss-user-pin-1
ceremonies AES-128 AES-192 AES-256
