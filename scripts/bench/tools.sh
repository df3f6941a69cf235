#!/usr/bin/env bash
# What the same keys take by pkcs11-tool and openssl, a process a step, as far as they
# can do it: a key pair, an AES key for its transfer, that wrapped for the KEK, a proof
# of possession and its check. Prints the seconds that all keys took.
#
# OpenSC 0.23 wraps no private key, and under RSA only with PKCS #1 v1.5, which the
# service does not take: there is no backup, no copy, and no package. The key that could
# wrap is a token object all the time, trusted by nobody.
#
#     tools.sh LIBRARY KIND KEYS FOLDER     KIND is RSA-2048 or P-256; FOLDER is new
set -euo pipefail

library=$1 kind=$2 keys=$3 folder=$4
case $kind in
RSA-2048) type=rsa:2048 sign=(--mechanism SHA256-RSA-PKCS --input-file text) ;;
P-256) type=EC:prime256v1 sign=(--mechanism ECDSA --signature-format openssl --input-file hash) ;; # SoftHSM hashes for RSA alone
esac
mkdir -p "$folder/tokens"
cd "$folder"
printf 'directories.tokendir = %s/tokens\nobjectstore.backend = file\nlog.level = ERROR\n' "$PWD" >softhsm2.conf
export SOFTHSM2_CONF=$PWD/softhsm2.conf
PIN=$(head -c 12 /dev/urandom | base64)
export PIN
# quietly COMMAND…: shows what it printed if it fails.
quietly() { "$@" >log 2>&1 || { cat log >&2; exit 1; }; }
tool() { quietly pkcs11-tool --module "$library" "$@"; }
user() { tool --login --pin env:PIN "$@"; }

tool --init-token --slot-index 0 --label tools --so-pin env:PIN
tool --login --login-type so --so-pin env:PIN --init-pin --pin env:PIN
quietly openssl genrsa -out kek.pem 4096
quietly openssl rsa -in kek.pem -pubout -outform DER -out kek.der
user --write-object kek.der --type pubkey --id 01 --label kek --usage-wrap
echo "proof of possession" >text
openssl dgst -sha256 -binary -out hash text

start=$(date +%s%N)
for i in $(seq "$keys"); do
	key=$(printf '1%05d' "$i") transfer=$(printf '2%05d' "$i")
	user --keypairgen --key-type "$type" --id "$key" --label "key-$i" --usage-sign --extractable
	user --keygen --key-type AES:32 --id "$transfer" --label "transfer-$i" --extractable --sensitive
	user --wrap --mechanism RSA-PKCS --id 01 --application-id "$transfer" --output-file "$i.wrapped"
	user --sign "${sign[@]}" --id "$key" --output-file "$i.sig"
	user --read-object --type pubkey --id "$key" --output-file "$i.der"
	quietly openssl dgst -sha256 -verify "$i.der" -keyform DER -signature "$i.sig" text
	user --delete-object --type secrkey --id "$transfer"
done
echo "$(date +%s%N) $start" | awk '{ printf "%.3f\n", ($1 - $2) / 1e9 }'
