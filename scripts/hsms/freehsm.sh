#!/usr/bin/env bash
# title: FreeHSM
# packages: freehsm-c opensc
#
# A token appears once C_InitToken has been called on its slot. The SO PIN is not
# given to the check: the library refuses a second C_Initialize in one process.
# shellcheck source=scripts/hsms/common.sh
. "$(dirname "$0")/common.sh"
version=$(version_of freehsm-c)
module=$libraries/libfreehsm.so
mkdir -p /var/lib/freehsm/tokens
chmod 700 /var/lib/freehsm/tokens
export FHSM_INTEGRITY_ALLOW_UNSIGNED=1 # Debian does not sign the library as it asks for
secret /root/user the-user-pin-1
pkcs11-tool --module "$module" --init-token --slot 0 --label free --so-pin the-so-pin-1
pkcs11-tool --module "$module" --init-pin --slot 0 --login --login-type so --so-pin the-so-pin-1 --pin the-user-pin-1
serial=$(byok-offline module list --module-path "$module" --output json | sed -n 's/.*"serial": "\(.\+\)",/\1/p')
check 4 --with-test-keys "$serial" --pin-file /root/user
refused "an EC private key never leaves it" \
	"shows CKA_EXTRACTABLE=false on byok-module-check-key instead of true"
