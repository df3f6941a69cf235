"""Whole transfer packages."""

import hashlib

from made import *


def packages(keys, aes, keks, knso):
    everything = {**keys, **aes}
    for i, (name, key) in enumerate(everything.items()):
        put_package(f"valid/{name}", package(key, keks[i % 3], list(knso.values())[i % 3]))
    invalid_packages(keys, aes, keks, knso["p384"], knso["p256k"])


def invalid_packages(keys, aes, keks, knso, stranger):
    key, kek = keys["p256"], keks[0]
    good, other = package(key, kek, knso), package(keys["p384"], kek, knso)

    def fault(name, files, about, want, whole=False):
        path = f"KeyTransferPackage-{FRIENDLY}.{about}"
        put_package("invalid/" + name, files, (f"testdata/package/invalid/{name}/" if whole else "") + path + ": " + want)

    sha = lambda data: hashlib.sha256(data).hexdigest()
    differs = "its SHA-256 is {}, the manifest says {}"
    edited = good["byok"].replace(b"SoftHSM", b"softHSM")
    fault("blob-edited", {**good, "byok": edited}, "byok", differs.format(sha(edited), sha(good["byok"])))
    fault("blob-of-another", {**good, "byok": other["byok"]}, "byok", differs.format(sha(other["byok"]), sha(good["byok"])))
    elsewhere = KID.replace("contoso", "fabrikam")
    fault("other-kek", package(key, kek, knso, kid=elsewhere), "byok", f"it is for the KEK {elsewhere}, the manifest says {KID}")
    fault("size-for-another-kek", package(aes["aes256"], kek, knso, change=lambda m: m["kek"].update(bits=4096)), "byok",
          "ciphertext of 296 bytes: under a KEK of 4096 bits it has 512 and a wrapped key of at least 24, in multiples of 8")
    fault("aes-size", package(aes["aes128"], kek, knso, ciphertext=wrap(kek, bytes(32))), "byok",
          "40 bytes of wrapped key: an AES key of 128 bits has 24")
    fault("rsa-size", package(keys["rsa2048"], kek, knso, ciphertext=wrap(kek, bytes(32))), "byok",
          "40 bytes of wrapped key: RSA-HSM of 2048 bits has more than 264")
    fault("ec-size", package(key, kek, knso, ciphertext=wrap(kek, bytes(32))), "byok",
          "40 bytes of wrapped key: EC-HSM of 256 bits has more than 40")
    mismatch = "the signature does not belong to this content and this public key"
    resigned = good["manifest.json"].replace(b"SoftHSM", b"softHSM")
    fault("manifest-edited", {**good, "manifest.json": resigned}, "manifest.sig", mismatch)
    fault("manifest-signed-by-stranger", {**good, "manifest.sig": stranger.sign(good["manifest.json"])}, "manifest.sig", mismatch)
    fault("manifest-signature-empty", {**good, "manifest.sig": b""}, "manifest.sig", mismatch)
    fault("manifest-signed-by-the-key", {**good, "manifest.sig": good["pop.sig"]}, "manifest.sig", mismatch)
    fault("pop-of-another", {**good, "pop.sig": other["pop.sig"]}, "pop.sig", mismatch)
    fault("pop-by-knso", {**good, "pop.sig": good["manifest.sig"]}, "pop.sig", mismatch)
    fault("pop-empty", {**good, "pop.sig": b""}, "pop.sig", "missing: the transferred key has to sign the manifest")
    fault("pop-missing", {k: v for k, v in good.items() if k != "pop.sig"}, "pop.sig", "missing: the transferred key has to sign the manifest")
    fault("pop-for-aes", {**package(aes["aes128"], kek, knso), "pop.sig": good["pop.sig"]}, "pop.sig",
          "an AES key signs nothing, there must be no such file")
    fault("blob-not-json", {**good, "byok": b"KeyTransferPackage"}, "byok", "not valid JSON at byte 0", whole=True)
    fault("manifest-not-json", {**good, "manifest.json": b"{"}, "manifest.json", "not valid JSON at byte 1", whole=True)
    fault("manifest-large", {**good, "manifest.json": b" " * 65537}, "manifest.json", "more than the 65536 bytes such a file may have", whole=True)
