#!/usr/bin/env bash
# title: OpenSC over pcscd, with a virtual card
# packages: opensc pcscd python3 vsmartcard-vpcd
#
# The card answers, but is none that OpenSC knows: that pcscd is reached, over its
# UNIX socket, is what this shows.
# shellcheck source=scripts/hsms/common.sh
. "$(dirname "$0")/common.sh"
version=$(version_of opensc)
module=$libraries/pkcs11/opensc-pkcs11.so
mkdir -p /run/pcscd
pcscd --disable-polkit
sleep 1
python3 "$(dirname "$0")/card.py" &
for _ in $(seq 100); do
	opensc-tool --list-readers | grep -F "Yes" && break
	sleep 0.1
done
echo "app default { debug = 5; debug_file = /root/opensc.log; }" >/etc/opensc/opensc.conf
if byok-offline module list --module-path "$module" --output json >"$results/$HSM.list" 2>&1; then
	die "OpenSC knows the card"
fi
cat "$results/$HSM.list"
grep -F 'no slot of' "$results/$HSM.list" || die "module list failed for another reason"
grep -F "pcsc_transmit: reader 'Virtual PCD" /root/opensc.log || die "no command reached the card"
row - - "pcscd and the card are reached; no token"
