#!/usr/bin/env bash
# title: openCryptoki, soft token
# packages: opencryptoki opensc
#
# The token is initialised with the vendor's tool, because C_InitToken takes the
# factory's SO PIN and no other, and then adopted. PINs have 4 to 8 characters.
# shellcheck source=scripts/hsms/common.sh
. "$(dirname "$0")/common.sh"
version=$(version_of opencryptoki)
module=$libraries/opencryptoki/libopencryptoki.so.0

# One slot, with the soft token; its folders belong to the group that the library asks for.
cat >/etc/opencryptoki/opencryptoki.conf <<-'EOF'
	version opencryptoki-3.27
	slot 3
	{
	    stdll = libpkcs11_sw.so
	    tokversion = 3.12
	}
EOF
chgrp -R pkcs11 /var/lib/opencryptoki
chmod -R g+rwX /var/lib/opencryptoki
systemd-tmpfiles --create opencryptoki.conf
pkcsslotd
for _ in $(seq 100); do
	[ -S /run/opencryptoki/pkcsslotd.socket ] && break
	sleep 0.1
done

label="contoso world"
secret /root/so 12345678
secret /root/user 87651234
printf '87654321\n%s\n' "$label" | pkcsconf -I -c 3
pkcsconf -P -c 3 -S 87654321 -n 12345678
pkcsconf -u -c 3 -S 12345678 -n 87651234
check 0 --with-test-keys "label:$label" --pin-file /root/user --so-pin-file /root/so

grep -F "this library shows the AES key of the call to other processes" "$results/$HSM.json" || die "it would wrap in one call"
row - - "CKM_RSA_AES_KEY_WRAP: offered, not used, refused by KM"

create=(--adopt --so-pin-file /root/so)
# shellcheck source=scripts/ceremony.sh
. "$(dirname "$0")/../ceremony.sh"
secret secrets/pin 87651234
ceremonies "${all_kinds[@]}"
# shellcheck source=scripts/hsms/afterwards.sh
. "$here/afterwards.sh"
afterwards
