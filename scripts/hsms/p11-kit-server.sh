#!/usr/bin/env bash
# title: SoftHSM behind p11-kit's server, over a UNIX socket
# packages: p11-kit softhsm2
#
# The server has one login for all its clients, and any of them ends it.
# shellcheck source=scripts/hsms/common.sh
. "$(dirname "$0")/common.sh"
version=$(version_of p11-kit)
module=$libraries/pkcs11/p11-kit-client.so
mkdir /root/tokens
echo "directories.tokendir = /root/tokens" >/root/softhsm2.conf
export SOFTHSM2_CONF=/root/softhsm2.conf
secret /root/so the-so-pin-1
secret /root/user the-user-pin-1
softhsm2-util --init-token --free --label served --so-pin the-so-pin-1 --pin the-user-pin-1
p11-kit server --provider /usr/lib/softhsm/libsofthsm2.so --name /root/served.sock pkcs11:token=served
export P11_KIT_SERVER_ADDRESS=unix:path=/root/served.sock
serial=$(byok-offline module list --module-path "$module" --output json | sed -n 's/.*"serial": "\(.\+\)",/\1/p')
check 4 --with-test-keys "$serial" --pin-file /root/user --so-pin-file /root/so
refused "another process ends the login of this one" \
	"the second process achieved: an end of this process's login as SO"
