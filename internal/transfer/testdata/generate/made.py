"""What every kind of vector is made of: the two JSON files, beside the keys and encodings of package keykind's generator."""

import hashlib, os, pathlib, sys

HERE = pathlib.Path(__file__).resolve().parent.parent
sys.path.append(str(HERE.parent.parent / "keykind" / "testdata" / "generate"))

from keys import EC, TMP, Key, b64url, canonical, ec, openssl, pem, rsa, temp, tlv, write

KID = "https://contoso.vault.azure.net/keys/KEKforBYOK/664f5aa2797a4075b8e36ca4500636d8"
FRIENDLY = "ContosoFirstHSMkey"
RSA_OPS = ["encrypt", "decrypt", "sign", "verify", "wrapKey", "unwrapKey"]
AES_OPS = ["encrypt", "decrypt", "wrapKey", "unwrapKey"]


def put(path, data):
    write(HERE / path, data)


def wrap(kek, plain):
    """CKM_RSA_AES_KEY_WRAP in its two steps."""
    secret = os.urandom(32)
    first = openssl("pkeyutl", "-encrypt", "-pubin", "-inkey", kek.public, "-pkeyopt", "rsa_padding_mode:oaep", data=secret)
    return first + openssl("enc", "-id-aes256-wrap-pad", "-K", secret.hex(), "-iv", "A65959A6", data=plain)


def blob(ciphertext, kid=KID):
    return {"schema_version": "1.0.0", "header": {"kid": kid, "alg": "dir", "enc": "CKM_RSA_AES_KEY_WRAP"},
            "ciphertext": b64url(ciphertext), "generator": "byok-offline 1.0.0; SoftHSM v2 2.6"}


def describe(key):
    head = {"app": "simple", "ident": "contosokey", "plainname": "contosokey"}
    if isinstance(key, bytes):
        check = openssl("enc", f"-aes-{8 * len(key)}-ecb", "-nopad", "-K", key.hex(), data=bytes(16)).hex()
        return {**head, "kty": "oct-HSM", "bits": 8 * len(key), "check_value": check, "key_ops": AES_OPS}
    shown = {"public_key": key.pem, "thumbprint": key.thumbprint()}
    if key.name in EC:
        crv, _, bits = EC[key.name]
        return {**head, "kty": "EC-HSM", "crv": crv, "bits": bits, **shown, "key_ops": ["sign", "verify"]}
    return {**head, "kty": "RSA-HSM", "bits": int(key.name[3:]), **shown, "key_ops": RSA_OPS}


def manifest(key, kek, knso, blob_bytes):
    return {"type": "byok-transfer-manifest", "version": 1, "rehearsal": False, "name": FRIENDLY,
            "blob": {"file": f"KeyTransferPackage-{FRIENDLY}.byok", "sha256": hashlib.sha256(blob_bytes).hexdigest()},
            "key": describe(key),
            "kek": {"kid": KID, "bits": int(kek.name[3:]), "spki_sha256": hashlib.sha256(kek.der).hexdigest(), "attested": True},
            "subscription_id": "3d93e8c4-44a7-4a16-8bcb-2d6ac4f3d6b1",
            "world": {"hknso": hashlib.sha256(knso.der).hexdigest(), "knso_public_key": knso.pem, "module_serial": "39c27f1d8b3a6b5e"},
            "permissions": ["EXTRACTABLE", "SENSITIVE", "WRAP_WITH_TRUSTED"],
            "created": "2026-01-02T03:04:05Z", "generator": "byok-offline 1.0.0; SoftHSM v2 2.6"}


def package(key, kek, knso, kid=KID, change=lambda m: None, ciphertext=None):
    """The four files, by the end of their names; change edits the manifest before it is signed."""
    plain = key if isinstance(key, bytes) else key.pkcs8()
    byok = canonical(blob(ciphertext or wrap(kek, plain), kid))
    m = manifest(key, kek, knso, byok)
    change(m)
    text = canonical(m)
    files = {"byok": byok, "manifest.json": text, "manifest.sig": knso.sign(text)}
    if not isinstance(key, bytes):
        files["pop.sig"] = key.sign(text)
    return files


def put_package(folder, files, want=None):
    for end, data in files.items():
        put(f"package/{folder}/KeyTransferPackage-{FRIENDLY}.{end}", data)
    if want:
        put(f"package/{folder}/want", want)
