"""Makes the vectors in testdata, with openssl and the standard library only,
so that they owe nothing to the code they test.

    python3 testdata/generate [FOLDER]     (keys are new in every run)

publickey: valid/ and invalid/, an invalid file with one fault and beside it,
in NAME.want, the error for it.
signature: valid/ and invalid/, a vector a file; message and signature in hex.
possession: the same for proofs of possession, with each kind's own digest.
"""

import pathlib, shutil, sys

sys.dont_write_bytecode = True

from keys import EC, TMP, ec, rsa
from publickeys import Vectors


def main():
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parent.parent)
    for name in ("publickey", "signature", "possession"):
        shutil.rmtree(folder / name, ignore_errors=True)
    keys = {f"rsa{bits}": rsa(f"rsa{bits}", bits) for bits in (2048, 3072, 4096)}
    keys |= {name: ec(name, curve) for name, (_, curve, _) in EC.items()}
    second = {"rsa2048": rsa("second2048", 2048), "p256": ec("second", "prime256v1"), "p256k": ec("secondk", "secp256k1")}
    vectors = Vectors(folder)
    vectors.public_keys(keys)
    vectors.signatures(keys, second)
    vectors.possession(keys)
    shutil.rmtree(TMP)


if __name__ == "__main__":
    main()
