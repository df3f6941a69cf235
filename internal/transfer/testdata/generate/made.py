"""What the vectors are made of, beside the keys and encodings of package keykind's generator."""

import os, pathlib, sys

HERE = pathlib.Path(__file__).resolve().parent.parent
sys.path.append(str(HERE.parent.parent / "keykind" / "testdata" / "generate"))

from keys import TMP, b64url, canonical, openssl, rsa, write

KID = "https://contoso.vault.azure.net/keys/KEKforBYOK/664f5aa2797a4075b8e36ca4500636d8"


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
