#!/usr/bin/env bash
# title: tpm2-pkcs11 with swtpm
# packages: libtpm2-pkcs11-1 libtss2-tcti-swtpm0t64 swtpm
# shellcheck source=scripts/hsms/common.sh
. "$(dirname "$0")/common.sh"
version=$(version_of libtpm2-pkcs11-1)
module=$libraries/pkcs11/libtpm2_pkcs11.so.1
cd /root
mkdir state store
swtpm socket --tpm2 --tpmstate dir=state --flags not-need-init,startup-clear --daemon \
	--server type=unixio,path=/root/sock --ctrl type=unixio,path=/root/sock.ctrl
export TPM2_PKCS11_STORE=/root/store TPM2_PKCS11_TCTI=swtpm:path=/root/sock TSS2_LOG=all+NONE
check 4
refused "wraps no key at all" \
	"does not offer CKM_AES_KEY_WRAP_KWP or CKM_AES_KEY_WRAP_PAD" \
	"the user can make an AES key trusted with C_CreateObject"
