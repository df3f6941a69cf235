"""Makes the vectors in testdata/blob, with openssl and the standard library
only, so that they owe nothing to the code they test.

    python3 testdata/generate          (keys are new in every run)

valid/ and invalid/, an invalid file with one fault and beside it, in NAME.want,
the error for it without the file's name.
"""

import shutil, sys

sys.dont_write_bytecode = True

from blobs import blobs
from made import HERE, TMP, rsa


def main():
    shutil.rmtree(HERE / "blob", ignore_errors=True)
    blobs(rsa("kek2048", 2048))
    shutil.rmtree(TMP)


if __name__ == "__main__":
    main()
