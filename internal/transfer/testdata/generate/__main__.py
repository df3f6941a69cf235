"""Makes the vectors in testdata, with openssl and the standard library only,
so that they owe nothing to the code they test.

    python3 testdata/generate          (keys are new in every run)

blob, manifest: valid/ and invalid/, an invalid file with one fault and beside
it, in NAME.want, the error for it without the file's name.
package: a folder a package; an invalid one with the whole error in "want".
"""

import os, shutil, sys

sys.dont_write_bytecode = True

from blobs import blobs
from made import EC, HERE, TMP, ec, rsa
from manifests import manifests
from packages import packages


def main():
    for folder in ("blob", "manifest", "package"):
        shutil.rmtree(HERE / folder, ignore_errors=True)
    keys = {f"rsa{bits}": rsa(f"rsa{bits}", bits) for bits in (2048, 3072, 4096)}
    keys |= {name: ec(name, curve) for name, (_, curve, _) in EC.items()}
    aes = {f"aes{8 * n}": os.urandom(n) for n in (16, 24, 32)}
    keks = [rsa(f"kek{bits}", bits) for bits in (2048, 3072, 4096)]
    blobs(keks[0])
    manifests(keys, aes, keks[0], keys["p384"])
    packages(keys, aes, keks, {name: keys[name] for name in ("p384", "rsa3072", "p256k")})
    shutil.rmtree(TMP)


if __name__ == "__main__":
    main()
