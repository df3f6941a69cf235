#!/bin/sh
# Checks a Managed HSM attestation with openssl, and with nothing of this
# project: sh verify-with-openssl.sh attestation.json root.pem [YYYY-MM-DD]
# Writes its files into the current folder, and stops at the first thing
# that does not hold. docs/verify.md explains each step by its rule.
set -eu
json=$1 root=$2 day=${3:-now}

# --- parts: take the certificates and the statement out of the JSON
part() { # base64url without padding to bytes
    tr -d ' \n' <"$json" | sed 's/.*"'"$1"'":"\([^"]*\)".*/\1/' | tr -- '-_' '+/' |
        awk '{ while (length($0) % 4) $0 = $0 "="; print }' | fold -w 64 | openssl base64 -d
}
part certificatePemFile >certificates.pem
part privateKeyAttestation >statement.bin
awk '/BEGIN/ { n++ } { print > ("certificate" n ".pem") }' certificates.pem
mv certificate1.pem hsm.pem
mv certificate2.pem partition.pem
mv certificate3.pem owner.pem
mv certificate4.pem owner-partition.pem

# --- KEK-ATTEST-CHAIN, KEK-ATTEST-OWNER: each certificate is signed by the one above
# (openssl verify refuses the HSM's certificate as an issuer: it is X.509 v1)
signed_by() { # child parent
    openssl x509 -in "$2" -noout -pubkey >parent.pub
    openssl asn1parse -in "$1" -strparse 4 -noout -out tbs.der
    at=$(openssl asn1parse -in "$1" | awk -F: '/BIT STRING/ { last = $1 } END { print last + 0 }')
    openssl asn1parse -in "$1" -strparse "$at" -noout -out signature.bin
    openssl dgst -sha256 -verify parent.pub -signature signature.bin tbs.der >/dev/null
    echo "$(basename "$1") is signed by $(basename "$2")"
}
openssl x509 -in "$root" -noout -fingerprint -sha256
signed_by hsm.pem "$root"
signed_by partition.pem hsm.pem
signed_by owner.pem owner.pem
signed_by owner-partition.pem owner.pem

# --- KEK-ATTEST-PARTITION: both certificates of the partition hold one key
openssl x509 -in partition.pem -noout -pubkey >partition.pub
openssl x509 -in owner-partition.pem -noout -pubkey | cmp - partition.pub
echo "one key in both certificates of the partition"

# --- KEK-ATTEST-DATES: every certificate is valid on the day
today=$(date -u -d "$day" +%s)
for c in "$root" hsm.pem partition.pem owner.pem owner-partition.pem; do
    from=$(date -u -d "$(openssl x509 -in "$c" -noout -startdate | cut -d= -f2)" +%s)
    to=$(date -u -d "$(openssl x509 -in "$c" -noout -enddate | cut -d= -f2)" +%s)
    [ "$from" -le "$today" ] && [ "$today" -le "$to" ]
done
echo "all certificates are valid"

# --- KEK-ATTEST-SIGNATURE: the last 256 bytes sign all before them
head -c -256 statement.bin >body.bin
tail -c 256 statement.bin >signature.bin
openssl dgst -sha256 -binary body.bin >digest.bin
# the block as it is: 00 01, then ff up to a 00, then the digest and nothing else
openssl pkeyutl -verifyrecover -pubin -inkey partition.pub -in signature.bin -pkeyopt rsa_padding_mode:none -out block.bin
{ printf '\000\001'; head -c 221 /dev/zero | tr '\000' '\377'; printf '\000'; cat digest.bin; } | cmp - block.bin
# the same by openssl's own reading of the block
openssl pkeyutl -verify -pubin -inkey partition.pub -in digest.bin -sigfile signature.bin -pkeyopt rsa_padding_mode:pkcs1 >/dev/null
echo "the partition has signed the statement"

# --- KEK-ATTEST-CLASS and on: type and length, 4 bytes each, then the value
od -An -v -tx1 body.bin | tr -d ' \n' >body.hex
states() { # what, hex of type, length and value
    grep -q "$2" body.hex || { echo "not stated: $1"; exit 1; }
    echo "stated: $1"
}
states "private key" 000000000000000103
states "RSA" 000001000000000100
states "sensitive" 000001030000000101
states "always sensitive" 000001650000000101
states "not extractable" 000001620000000100
states "never extractable" 000001640000000101
states "generated on the HSM" 000001630000000101

# --- KEK-ATTEST-KEY: modulus and exponent are the key's; KEK-ATTEST-ID: so is the path
n=$(part n | od -An -v -tx1 | tr -d ' \n')
e=$(part e | od -An -v -tx1 | tr -d ' \n')
states "this modulus" "00000120$(printf %08x $((${#n} / 2)))$n"
states "this exponent" "00000122$(printf %08x $((${#e} / 2)))$e"
id=$(tr -d ' \n' <"$json" | sed 's/.*"kid":"https:\/\/[^/]*\([^"]*\)".*/\1/')
states "this id, $id" "0000010200000080$(printf %s "$id" | od -An -v -tx1 | tr -d ' \n')00"

# --- the fingerprint to compare over a second channel
printf 'asn1=SEQUENCE:k\n[k]\na=SEQUENCE:a\nb=BITWRAP,SEQUENCE:b\n[a]\no=OID:rsaEncryption\np=NULL\n[b]\nn=INTEGER:0x%s\ne=INTEGER:0x%s\n' "$n" "$e" >key.cnf
openssl asn1parse -genconf key.cnf -noout -out key.der
echo "SHA-256 $(openssl dgst -sha256 -r key.der | cut -d' ' -f1)"
