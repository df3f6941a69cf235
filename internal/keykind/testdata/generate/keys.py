"""What every vector is made of: encodings, and keys made by openssl. Package transfer's generator uses it too."""

import base64, hashlib, json, pathlib, subprocess, tempfile

TMP = pathlib.Path(tempfile.mkdtemp())
EC = {"p256": ("P-256", "prime256v1", 256), "p384": ("P-384", "secp384r1", 384),
      "p521": ("P-521", "secp521r1", 521), "p256k": ("P-256K", "secp256k1", 256)}


def openssl(*args, data=b""):
    return subprocess.run(["openssl", *map(str, args)], input=data, check=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE).stdout


def temp(name, data):
    path = TMP / name
    path.write_bytes(data)
    return path


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


def canonical(value):
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()


def write(path, data):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
