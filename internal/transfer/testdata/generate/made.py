"""What every kind of vector is made of: encodings, keys made by openssl, the two JSON files."""

import base64, hashlib, json, os, pathlib, subprocess, tempfile

HERE = pathlib.Path(__file__).resolve().parent.parent
TMP = pathlib.Path(tempfile.mkdtemp())
KID = "https://contoso.vault.azure.net/keys/KEKforBYOK/664f5aa2797a4075b8e36ca4500636d8"
FRIENDLY = "ContosoFirstHSMkey"
EC = {"p256": ("P-256", "prime256v1", 256), "p384": ("P-384", "secp384r1", 384),
      "p521": ("P-521", "secp521r1", 521), "p256k": ("P-256K", "secp256k1", 256)}
RSA_OPS = ["encrypt", "decrypt", "sign", "verify", "wrapKey", "unwrapKey"]
AES_OPS = ["encrypt", "decrypt", "wrapKey", "unwrapKey"]


def openssl(*args, data=b""):
    return subprocess.run(["openssl", *map(str, args)], input=data, check=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE).stdout


def temp(name, data):
    path = TMP / name
    path.write_bytes(data)
    return path


def put(path, data):
    path = HERE / path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data if isinstance(data, bytes) else data.encode())


def b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def pem(der, label="PUBLIC KEY"):
    text = base64.b64encode(der).decode()
    lines = [text[i:i + 64] for i in range(0, len(text), 64)]
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""])


def tlv(tag, *parts):
    body = b"".join(parts)
    n = len(body)
    length = bytes([n]) if n < 128 else bytes([0x80 + (n.bit_length() + 7) // 8]) + n.to_bytes((n.bit_length() + 7) // 8, "big")
    return bytes([tag]) + length + body


def integer(n):
    return tlv(2, n.to_bytes(n.bit_length() // 8 + 1, "big"))


def rsa_spki(n, e, tail=b"", oid="2a864886f70d010101"):
    key = tlv(0x30, integer(n), integer(e)) + tail
    return tlv(0x30, tlv(0x30, tlv(6, bytes.fromhex(oid)), b"\x05\x00"), tlv(3, b"\x00", key))


def ec_spki(curve_oid, point):
    algorithm = tlv(0x30, bytes.fromhex("06072a8648ce3d0201"), tlv(6, bytes.fromhex(curve_oid)))
    return tlv(0x30, algorithm, tlv(3, b"\x00", point))


class Key:
    """A fresh key pair; the private half never leaves the temporary folder."""

    def __init__(self, name, *options):
        self.name = name
        self.path = TMP / (name + ".key")
        openssl("genpkey", *options, "-out", self.path)
        self.pem = openssl("pkey", "-in", self.path, "-pubout").decode()
        self.der = openssl("pkey", "-in", self.path, "-pubout", "-outform", "DER")
        self.public = temp(name + ".pub", self.pem.encode())

    def sign(self, message, digest="-sha256", *options):
        return openssl("dgst", digest, "-sign", self.path, *options, temp("message", message))

    def pkcs8(self):
        return openssl("pkcs8", "-topk8", "-nocrypt", "-in", self.path, "-outform", "DER")

    def modulus(self):
        return int(openssl("rsa", "-pubin", "-in", self.public, "-noout", "-modulus").decode().split("=")[1], 16)

    def thumbprint(self):
        if self.name.startswith(("rsa", "kek")):
            n = self.modulus()
            jwk = {"e": "AQAB", "kty": "RSA", "n": b64url(n.to_bytes((n.bit_length() + 7) // 8, "big"))}
        else:
            crv, _, bits = EC[self.name]
            size = (bits + 7) // 8
            x, y = self.der[-2 * size:-size], self.der[-size:]
            jwk = {"crv": "secp256k1" if crv == "P-256K" else crv, "kty": "EC", "x": b64url(x), "y": b64url(y)}
        return b64url(hashlib.sha256(json.dumps(jwk, separators=(",", ":")).encode()).digest())


def rsa(name, bits):
    return Key(name, "-algorithm", "RSA", "-pkeyopt", f"rsa_keygen_bits:{bits}")


def ec(name, curve):
    return Key(name, "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:" + curve, "-pkeyopt", "ec_param_enc:named_curve")


def wrap(kek, plain):
    """CKM_RSA_AES_KEY_WRAP in its two steps."""
    secret = os.urandom(32)
    first = openssl("pkeyutl", "-encrypt", "-pubin", "-inkey", kek.public, "-pkeyopt", "rsa_padding_mode:oaep", data=secret)
    return first + openssl("enc", "-id-aes256-wrap-pad", "-K", secret.hex(), "-iv", "A65959A6", data=plain)


def blob(ciphertext, kid=KID):
    return {"schema_version": "1.0.0", "header": {"kid": kid, "alg": "dir", "enc": "CKM_RSA_AES_KEY_WRAP"},
            "ciphertext": b64url(ciphertext), "generator": "byok-offline 1.0.0; SoftHSM v2 2.6"}


def canonical(value):
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()


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
