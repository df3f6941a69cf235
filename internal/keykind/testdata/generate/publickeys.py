"""Vectors of public keys and of signatures."""

import base64, hashlib

from keys import *

DIGESTS = {"p384": "-sha384", "p521": "-sha512"}


class Vectors:
    def __init__(self, folder):
        self.folder = folder

    def put(self, path, data):
        write(self.folder / path, data)

    def public_keys(self, keys):
        for key in keys.values():
            self.put(f"publickey/valid/{key.name}.pem", key.pem)
            self.put(f"publickey/valid/{key.name}.thumbprint", key.thumbprint())
            self.put(f"publickey/valid/{key.name}.sha256", hashlib.sha256(key.der).hexdigest())
        # RFC 7638, section 3.1.
        n = int.from_bytes(base64.urlsafe_b64decode(
            "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W"
            "-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08q"
            "NLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw=="), "big")
        der = rsa_spki(n, 65537)
        self.put("publickey/valid/rfc7638.pem", pem(der))
        self.put("publickey/valid/rfc7638.thumbprint", "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs")
        self.put("publickey/valid/rfc7638.sha256", hashlib.sha256(der).hexdigest())
        self.put("publickey/valid/rsa2048-exponent-3.pem", pem(rsa_spki(n, 3)))
        self.put("publickey/valid/rsa2048-exponent-largest.pem", pem(rsa_spki(n, 2**31 - 1)))
        self.invalid_public_keys(keys, n)

    def invalid_public_keys(self, keys, n):
        def fault(name, text, want):
            self.put(f"publickey/invalid/{name}.pem", text)
            self.put(f"publickey/invalid/{name}.want", "public key" + want)

        takes = ": the service imports RSA of 2048, 3072 or 4096 bits and EC on P-256, P-384, P-521 or P-256K"
        other, der = ": damaged, or of another kind" + takes, ": not in DER, the one encoding that can be hashed"
        p256, k256 = keys["p256"], keys["p256k"]
        x, y = k256.der[-64:-32], k256.der[-32:]
        fault("rsa-1024", pem(rsa_spki(n >> 1024 | 1, 65537)), ": RSA key of 1024 bits: expected 2048, 3072 or 4096")
        fault("rsa-2047", pem(rsa_spki(n >> 1 | 1, 65537)), ": RSA key of 2047 bits: expected 2048, 3072 or 4096")
        fault("rsa-even-modulus", pem(rsa_spki(n - 1, 65537)), ": the RSA modulus is not an odd positive number")
        for e in (1, 65536, 2**31 + 1):
            fault(f"rsa-exponent-{e}", pem(rsa_spki(n, e)), f": RSA exponent {e}: expected an odd number from 3 to 2147483647")
        fault("rsa-exponent-huge", pem(rsa_spki(n, 2**64 + 1)), other)
        fault("rsa-trailing-data", pem(rsa_spki(n, 65537, tail=b"\x05\x00")), der)
        fault("rsa-pss", pem(rsa_spki(n, 65537, oid="2a864886f70d01010a")), other)
        fault("rsa-pkcs1", pem(tlv(0x30, integer(n), integer(65537)), "RSA PUBLIC KEY"), ': a PEM block "RSA PUBLIC KEY", expected "PUBLIC KEY"')
        fault("private-key-label", p256.pem.replace("PUBLIC", "PRIVATE"), ': a PEM block "PRIVATE KEY", expected "PUBLIC KEY"')
        fault("ed25519", Key("ed25519", "-algorithm", "ED25519").pem, " of type ed25519.PublicKey" + takes)
        fault("p224", ec("p224", "secp224r1").pem, ': curve "P-224"' + takes)
        fault("brainpool", ec("brainpool", "brainpoolP256r1").pem, other)
        fault("p256-explicit", openssl("ec", "-pubin", "-in", p256.public, "-pubout", "-param_enc", "explicit").decode(), other)
        fault("p256-compressed", openssl("ec", "-pubin", "-in", p256.public, "-pubout", "-conv_form", "compressed").decode(), other)
        fault("p256-off-curve", pem(p256.der[:-1] + bytes([p256.der[-1] ^ 1])), other)
        fault("p256-trailing-data", pem(p256.der + b"\x00"), other)
        fault("p256-cut", pem(p256.der[:-1]), other)
        fault("p256k-compressed", openssl("ec", "-pubin", "-in", k256.public, "-pubout", "-conv_form", "compressed").decode(), other)
        fault("p256k-hybrid", pem(ec_spki("2b8104000a", bytes([6 + y[-1] % 2]) + x + y)), other)
        fault("p256k-off-curve", pem(ec_spki("2b8104000a", b"\x04" + x + y[:-1] + bytes([y[-1] ^ 1]))), other)
        fault("p256k-infinity", pem(ec_spki("2b8104000a", b"\x04" + bytes(64))), other)
        fault("p256k-x-beyond-field", pem(ec_spki("2b8104000a", b"\x04" + b"\xff" * 32 + y)), other)
        fault("p256k-trailing-data", pem(k256.der + b"\x00"), other)
        fault("p256k-cut", pem(k256.der[:-1]), other)
        fault("empty", "", ": not a PEM block")
        fault("text-before", "Public-Key: (256 bit)\n" + p256.pem, ": not a PEM block")
        fault("text-after", p256.pem + "and more\n", ": text inside or after the PEM block")
        fault("header", p256.pem.replace("\n", "\nProc-Type: 4\n\n", 1), ": text inside or after the PEM block")
        fault("two-blocks", p256.pem + k256.pem, ": more than one PEM block")
        fault("damaged-base64", p256.pem.replace("M", "*", 1), ": the PEM block is damaged")
        fault("no-end", p256.pem[:60], ": the PEM block is damaged")

    def signatures(self, keys, second):
        message = b"byok transfer manifest\n"

        def vector(name, key, sig, text=message):
            self.put(f"signature/{name}.json", canonical({"public_key": key.pem, "message": text.hex(), "signature": sig.hex()}))

        for name, key in keys.items():
            sig = key.sign(message)
            vector(f"valid/{name}", key, sig)
            vector(f"invalid/{name}-other-message", key, sig, message + b"\n")
            vector(f"invalid/{name}-empty", key, b"")
            vector(f"invalid/{name}-cut", key, sig[:-1])
            vector(f"invalid/{name}-trailing", key, sig + b"\x00")
            vector(f"invalid/{name}-sha512", key, key.sign(message, "-sha512"))
        for name in ("rsa2048", "p256k", "p256"):
            vector(f"invalid/{name}-other-key", keys[name], second[name].sign(message))
        vector("invalid/rsa2048-pss", keys["rsa2048"], keys["rsa2048"].sign(message, "-sha256", "-sigopt", "rsa_padding_mode:pss"))
        vector("invalid/rsa2048-leading-zero", keys["rsa2048"], b"\x00" + keys["rsa2048"].sign(message))
        self.ecdsa_signatures(keys, message, vector)

    def ecdsa_signatures(self, keys, message, vector):
        orders = {"p256": 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551,
                  "p256k": 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141}
        for name, order in orders.items():
            key, sig = keys[name], keys[name].sign(message)
            r = int.from_bytes(sig[4:4 + sig[3]], "big")
            s = int.from_bytes(sig[6 + sig[3]:], "big")
            low, high = sorted((s, order - s))
            der = lambda *parts: tlv(0x30, *parts)
            vector(f"valid/{name}-low-s", key, der(integer(r), integer(low)))
            vector(f"valid/{name}-high-s", key, der(integer(r), integer(high)))
            vector(f"invalid/{name}-zero-r", key, der(integer(0), integer(s)))
            vector(f"invalid/{name}-zero-s", key, der(integer(r), integer(0)))
            vector(f"invalid/{name}-r-plus-order", key, der(integer(r + order), integer(s)))
            vector(f"invalid/{name}-s-plus-order", key, der(integer(r), integer(s + order)))
            vector(f"invalid/{name}-swapped", key, der(integer(s), integer(r)))
            vector(f"invalid/{name}-padded-r", key, der(tlv(2, b"\x00", integer(r)[2:]), integer(s)))
            vector(f"invalid/{name}-raw", key, r.to_bytes(32, "big") + s.to_bytes(32, "big"))
            body = der(integer(r), integer(s))[2:]
            vector(f"invalid/{name}-ber-length", key, b"\x30\x81" + bytes([len(body)]) + body)

    def possession(self, keys):
        """Each key signs with its kind's digest; with another digest the signature must fail."""
        message = b"byok proof of possession v1\n"
        for name, key in keys.items():
            own = DIGESTS.get(name, "-sha256")
            for digest in ("-sha256", "-sha384", "-sha512"):
                where = "valid" if digest == own else "invalid"
                sig = key.sign(message, digest)
                self.put(f"possession/{where}/{name}{digest}.json",
                         canonical({"public_key": key.pem, "message": message.hex(), "signature": sig.hex()}))
