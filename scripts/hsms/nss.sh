#!/usr/bin/env bash
# title: NSS softoken, through p11-kit
# packages: libnss3 libnss3-tools p11-kit p11-kit-modules
# shellcheck source=scripts/hsms/common.sh
. "$(dirname "$0")/common.sh"
version=$(version_of libnss3)
module=$libraries/p11-kit-proxy.so
mkdir /root/db
secret /root/user nss-user-pin-1
certutil -N -d sql:/root/db -f /root/user
rm -f /usr/share/p11-kit/modules/*
mkdir -p /etc/pkcs11/modules
cat >/etc/pkcs11/modules/nss.module <<-EOF
	module: $libraries/libsoftokn3.so
	x-init-reserved: configdir='sql:/root/db' certPrefix='' keyPrefix='' secmod='' flags= tokens=<2=[configDir='sql:/root/db' tokenDescription='byok' slotDescription='NSS']>
EOF
check 4 --with-test-keys 0000000000000000 --pin-file /root/user
refused "stores TRUSTED and WRAP_WITH_TRUSTED, enforces neither" \
	"not enforced: TRUSTED refused to the user, WRAP_WITH_TRUSTED, one-way attributes" \
	"CKM_AES_KEY_WRAP_KWP: CKR_BUFFER_TOO_SMALL"
