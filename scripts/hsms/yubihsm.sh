#!/usr/bin/env bash
# title: YubiHSM 2, Yubico's library with a simulated device
# packages: opensc openssl p11-kit-modules yubihsm-pkcs11 yubihsm-shell
#
# The device is internal/testkit/yubihsm, in the place of yubihsm-connector: the
# capabilities of each login are enforced as Yubico documents them. The operator's
# login makes keys, the quorum's may export them, and the factory's is gone.
# shellcheck source=scripts/hsms/common.sh
. "$(dirname "$0")/common.sh"
version=$(version_of yubihsm-pkcs11)
module=$libraries/pkcs11/yubihsm_pkcs11.so
tools=/opt/byok/bin/hsms
mkdir /root/work
cd /root/work

# device NAME OPTION…: starts a device and has the library use it.
device() {
	"$tools/connector" -listen 127.0.0.1:0 "${@:2}" >"$1.address" &
	for _ in $(seq 100); do
		[ -s "$1.address" ] && break
		sleep 0.1
	done
	echo "connector = http://$(cat "$1.address")" >"$1.conf"
	export YUBIHSM_PKCS11_CONF=$PWD/$1.conf
}

# shell LOGIN PASSWORD ACTION OPTION…: Yubico's own tool.
shell() {
	local as=$1 password=$2 action=$3
	shift 3
	yubihsm-shell --connector "$(sed 's/.* = //' "$YUBIHSM_PKCS11_CONF")" --authkey "$as" -p "$password" -a "$action" "$@"
}

uses=sign-pkcs,sign-pss,sign-ecdsa,decrypt-pkcs,decrypt-oaep,encrypt-ecb,encrypt-cbc,decrypt-ecb,decrypt-cbc
operator=generate-asymmetric-key,generate-symmetric-key,$uses
operator=$operator,get-opaque,put-opaque,delete-opaque,delete-asymmetric-key,delete-symmetric-key,get-pseudo-random
quorum=$operator,export-wrapped,import-wrapped,generate-wrap-key,delete-wrap-key,put-public-wrap-key,delete-public-wrap-key

# logins makes the two authentication keys and deletes the factory's.
logins() {
	shell 1 password put-authentication-key -i 2 -l operator -d all -c "$operator" \
		--delegated "$uses,exportable-under-wrap" --new-password operator-password
	shell 1 password put-authentication-key -i 3 -l quorum -d all -c "$quorum" --delegated all --new-password quorum-password
	shell 1 password delete-object -i 1 -t authentication-key
}

device new
logins
secret pin 0003quorum-password

# The kernel gives the library no socket unless a person says so.
byok-offline module list --module-path "$module" >"$results/$HSM.list" 2>&1 && die "the token was reached without --hsm-network"
grep -F 'or give --hsm-network for an HSM on the network or by USB' "$results/$HSM.list"
row - - "without --hsm-network: no socket"

# The device wraps for the vault as Yubico's tool asks it to, and openssl opens it.
openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:3072 -out kek.pem
openssl pkey -in kek.pem -pubout -out kek.pub
shell 2 operator-password generate-asymmetric-key -i 0x100 -l key -d all -c exportable-under-wrap,sign-ecdsa -A ecp256
shell 2 operator-password get-public-key -i 0x100 --out key.pub
shell 3 quorum-password put-public-wrapkey -i 0x200 -l KEK -d all -c export-wrapped \
	--delegated exportable-under-wrap,sign-ecdsa --in kek.pub
shell 3 quorum-password get-rsa-wrapped-key --wrap-id 0x200 -i 0x100 -t asymmetric-key -A aes256 \
	--oaep rsa-oaep-sha1 --mgf1 mgf1-sha1 --out blob --outformat bin
if shell 2 operator-password get-rsa-wrapped-key --wrap-id 0x200 -i 0x100 -t asymmetric-key -A aes256 \
	--oaep rsa-oaep-sha1 --mgf1 mgf1-sha1 --out stolen --outformat bin >refused 2>&1; then
	die "the operator's login exported a key"
fi
grep -F "Wrong permissions for operation" refused
head -c 384 blob | openssl pkeyutl -decrypt -inkey kek.pem -pkeyopt rsa_padding_mode:oaep -out aes
tail -c +385 blob >second
openssl enc -d -id-aes256-wrap-pad -iv A65959A6 -K "$(od -An -vtx1 aes | tr -d ' \n')" -in second -out key
openssl pkey -inform DER -in key -pubout -out again.pub
cmp key.pub again.pub
row P-256 - "yubihsm-shell wraps it for a KEK, openssl opens it; refused to the operator's login"
shell 3 quorum-password delete-object -i 0x200 -t public-wrap-key
shell 2 operator-password delete-object -i 0x100 -t asymmetric-key

# pkcs11-tool ends in the library's C_Initialize (getopt_long) unless p11-kit makes
# that call for it.
find /usr/share/p11-kit/modules -name '*.module' ! -name '*yubihsm*' -delete
object() { pkcs11-tool --module "$libraries/p11-kit-proxy.so" --login --pin 0003quorum-password "$@"; }
object --keypairgen --key-type EC:prime256v1 --label tool --usage-sign --extractable
object --list-objects --type privkey | tee objects
grep -F "label:      tool" objects
object --delete-object --type privkey --label tool
row P-256 - "pkcs11-tool, through p11-kit: generated, listed, deleted"

# The same calls through the library, by login.
"$tools/calls" -module "$module" -operator 0002operator-password -quorum 0003quorum-password >"$results/$HSM.calls"
diff -u "$here/yubihsm.calls" "$results/$HSM.calls" || die "the library answers otherwise than scripts/hsms/yubihsm.calls"
row - "login, rights per login" "$(wc -l <"$results/$HSM.calls") calls answered as docs/hsm/yubihsm2.md lists them"

# The check proves the rights of both logins, if it gets both PINs.
secret pin 0002operator-password
secret quorum 0003quorum-password
check 0 --hsm-network --with-test-keys 07550140 --pin-file pin --quorum-pin-file quorum
grep -F 'with rights per login: everything that it rests on was tried' "$results/$HSM.json"
check 4 --hsm-network --with-test-keys 07550140 --pin-file pin

# A whole ceremony. The quorum's PIN goes to the cards alone; the operator's is asked
# for at the steps that need no card. No token remembers statements: the holders do.
device world
logins
create=(--guard login --rights-per-login --quorum-pin-file secrets/quorum --token 07550140)
# shellcheck source=scripts/ceremony.sh
. "$(dirname "$0")/../ceremony.sh"
secret secrets/pin 0002operator-password
secret secrets/quorum 0003quorum-password
quorum+=(--last-statement PAPER)

# paper is what the card holders wrote down of the last statement.
paper() {
	local info
	info=$(BYOK_KMDATA="$demo/offline/kmdata" byok-offline world info --output json 2>/dev/null)
	sed -n 's/^ *"last_statement": \(.*\),$/\1/p' <<<"$info" | tr '\n' ' '
	field "$info" last_statement_words | cut -d' ' -f1
}

offline() {
	local words=()
	while [ $# -gt 0 ] && [[ $1 != -* ]]; do
		words+=("$1")
		shift
	done
	case ${words[*]} in
	world* | key* | acl* | package*) words+=(--hsm-network) ;;
	esac
	for word in "$@"; do
		[ "$word" != PAPER ] || word=$(paper)
		words+=("$word")
	done
	run offline "$bin/byok-offline" "${words[@]}"
}

# shellcheck source=scripts/hsms/afterwards.sh
. "$here/afterwards.sh"
remembered=(--last-statement PAPER)
lose() { object --delete-object --type privkey --label "$1"; }
ceremonies RSA-2048 RSA-3072 RSA-4096 P-256 P-384 P-521 AES-128 AES-192 AES-256
afterwards
device old -firmware-2.3
shell 1 password list-objects
secret pin 0001password
check 4 --hsm-network --with-test-keys 07550140 --pin-file pin
if grep -qF '"0x1054"' "$results/$HSM.json"; then
	die "a device before firmware 2.4 has CKM_RSA_AES_KEY_WRAP"
fi
row - - "firmware 2.3: no CKM_RSA_AES_KEY_WRAP"
