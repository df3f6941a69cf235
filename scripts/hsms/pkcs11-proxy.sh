#!/usr/bin/env bash
# title: pkcs11-proxy with SoftHSM behind it, as a network HSM
# packages: libpkcs11-proxy0 pkcs11-daemon softhsm2
#
# The daemon has one login and one set of session objects for all its clients.
# shellcheck source=scripts/hsms/common.sh
. "$(dirname "$0")/common.sh"
version=$(version_of libpkcs11-proxy0)
module=/usr/lib/libpkcs11-proxy.so.0.1
mkdir /root/tokens
echo "directories.tokendir = /root/tokens" >/root/softhsm2.conf
export SOFTHSM2_CONF=/root/softhsm2.conf
secret /root/so the-so-pin-1
secret /root/user the-user-pin-1
softhsm2-util --init-token --free --label net --so-pin the-so-pin-1 --pin the-user-pin-1
export PKCS11_DAEMON_SOCKET=tcp://127.0.0.1:2345 PKCS11_PROXY_SOCKET=tcp://127.0.0.1:2345
pkcs11-daemon /usr/lib/softhsm/libsofthsm2.so &
sleep 1

# The kernel gives the library no socket unless a person says so.
if byok-offline module list --module-path "$module" >"$results/$HSM.list" 2>&1; then
	die "it was reached without --hsm-network"
fi
grep -F "Permission denied" "$results/$HSM.list" || die "the socket was not refused"
row - - "without --hsm-network: no socket"

serial=$(byok-offline module list --hsm-network --module-path "$module" --output json | sed -n 's/.*"serial": "\(.\+\)",/\1/p')
check 4 --hsm-network --with-test-keys "$serial" --pin-file /root/user --so-pin-file /root/so
refused "another process uses the login and the session objects of this one" \
	"the second process achieved: an AES key created in the session without a PIN" \
	"a trusted session object found without a PIN while the SO is logged in" \
	"a signature made with a private key without a PIN"
