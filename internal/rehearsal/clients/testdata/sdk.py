"""The service's own Python SDK at a rehearsal vault.

usage: sdk.py STATE kek NAME       makes a key exchange key
       sdk.py STATE keys PACKAGES  imports the packages that PACKAGES lists, as
                                   JSON, and uses, deletes and recovers the keys

Every check is counted; the first one that fails ends the program.
"""

import base64
import datetime
import hashlib
import json
import pathlib
import sys

from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ResourceExistsError, ResourceNotFoundError, ServiceRequestError
from azure.core.rest import HttpRequest
from azure.keyvault.keys import JsonWebKey, KeyClient, KeyOperation
from azure.keyvault.keys.crypto import EncryptionAlgorithm, KeyWrapAlgorithm, SignatureAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_public_key

checked = 0


def check(what, good):
    global checked
    if not good:
        sys.exit(f"sdk.py: {what}")
    checked += 1


def refused(what, error, call, status=None):
    """Checks that call fails with error, of that status where one is given."""
    try:
        call()
    except error as e:
        check(f"{what}: {e!r}", status is None or e.status_code == status)
    else:
        check(f"{what} was not refused", False)


class Token:
    """A credential that has the token already."""

    def __init__(self, token):
        self.token = token

    def get_token(self, *scopes, **_):
        return AccessToken(self.token, 2**31)


def client(state, token=None, **options):
    """A client that trusts the folder's CA and nothing else."""
    options.setdefault("connection_verify", str(state / "ca.pem"))
    options.setdefault("retry_total", 0)
    credential = Token(token or (state / "token").read_text().strip())
    return KeyClient((state / "url").read_text().strip(), credential, verify_challenge_resource=False, **options)


def make_kek(state, name):
    vault = client(state)
    until = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0) + datetime.timedelta(hours=1)
    kek = vault.create_rsa_key(name, hardware_protected=True, size=2048, key_operations=[KeyOperation.import_key], expires_on=until)
    check("type of the KEK", kek.key_type == "RSA-HSM" and len(kek.key.n) == 256)
    check("operations of the KEK", kek.key_operations == ["import"])
    check("expiry of the KEK", kek.properties.expires_on == until)
    check("the KEK read again", vault.get_key(name).id == kek.id)
    refused("a wrong token", ClientAuthenticationError, lambda: client(state, token="of another vault").get_key(name), 401)
    refused("the system's CAs", ServiceRequestError, lambda: client(state, connection_verify=True).get_key(name))


def use_keys(state, packages):
    vault = client(state)
    for package in packages:
        use_key(vault, package)
    names = {p.name for p in vault.list_properties_of_keys()}
    check("the list of keys", names >= {p["name"] for p in packages})
    other = next(p for p in packages if p["kty"] != packages[0]["kty"])
    wrong = dict(packages[0], blob=other["blob"], name="wrong")
    refused("a package of another type", HttpResponseError, lambda: imported(vault, wrong), 400)
    refused("a name that nothing holds", ResourceNotFoundError, lambda: vault.get_key("wrong"), 404)


def imported(vault, package):
    jwk = JsonWebKey(kty=package["kty"], crv=package.get("crv"), key_ops=package["ops"], t=pathlib.Path(package["blob"]).read_bytes())
    return vault.import_key(package["name"], jwk, hardware_protected=True, tags={"by": "the Python SDK"})


def use_key(vault, package):
    name = package["name"]
    key = imported(vault, package)
    check(f"{name}: type and operations", key.key_type == package["kty"] and sorted(key.key_operations) == sorted(package["ops"]))
    check(f"{name}: tags", key.properties.tags == {"by": "the Python SDK"})
    check(f"{name}: public key", same(key.key, package))
    prove(vault, key, package)

    disabled = vault.update_key_properties(name, key.properties.version, enabled=False)
    check(f"{name}: disabled", not disabled.properties.enabled)
    refused(f"{name}: a disabled key", HttpResponseError, lambda: prove(vault, key, package), 403)
    vault.update_key_properties(name, key.properties.version, enabled=True)

    second = imported(vault, package)
    versions = {v.version for v in vault.list_properties_of_key_versions(name)}
    check(f"{name}: two versions", versions == {key.properties.version, second.properties.version})

    gone = vault.begin_delete_key(name, _polling_interval=0.05).result()
    check(f"{name}: deleted", gone.recovery_id.endswith("/deletedkeys/" + name) and gone.scheduled_purge_date > gone.deleted_date)
    check(f"{name}: the list of deleted keys", name in [d.name for d in vault.list_deleted_keys()])
    refused(f"{name}: a deleted key", ResourceNotFoundError, lambda: vault.get_key(name), 404)
    refused(f"{name}: a deleted name", ResourceExistsError, lambda: imported(vault, package), 409)
    back = vault.begin_recover_deleted_key(name, _polling_interval=0.05).result()
    check(f"{name}: recovered", back.id == second.id)
    prove(vault, key, package)


def same(jwk, package):
    """Whether the vault shows the public key of the package, an AES key none."""
    if "public" not in package:
        return jwk.n is None and jwk.x is None and jwk.k is None
    wanted = load_pem_public_key(package["public"].encode()).public_numbers()
    if jwk.n:
        return int.from_bytes(jwk.n, "big") == wanted.n and int.from_bytes(jwk.e, "big") == wanted.e
    return jwk.crv == package["crv"] and (int.from_bytes(jwk.x, "big"), int.from_bytes(jwk.y, "big")) == (wanted.x, wanted.y)


SIGNATURES = {
    "RSA-HSM": ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"],
    "P-256": ["ES256"], "P-384": ["ES384"], "P-521": ["ES512"], "P-256K": ["ES256K"],
}


def prove(vault, key, package):
    """Has the vault use the key, and checks the result here."""
    crypto = vault.get_cryptography_client(key.name, key_version=key.properties.version)
    if package["kty"] == "oct-HSM":
        encrypts(crypto, package)
    else:
        for algorithm in SIGNATURES[package.get("crv") or package["kty"]]:
            signs(vault, crypto, key, algorithm)


def signs(vault, crypto, key, algorithm):
    hash_ = "sha256" if algorithm.endswith("K") else "sha" + algorithm[2:]
    digest = hashlib.new(hash_, b"sign this").digest()
    signed = crypto.sign(SignatureAlgorithm(algorithm), digest)
    other = bytes([signed.signature[0] ^ 1]) + signed.signature[1:]
    # The SDK verifies by itself, with the public key it read before.
    check(f"{key.name}: {algorithm}", crypto.verify(SignatureAlgorithm(algorithm), digest, signed.signature).is_valid)
    check(f"{key.name}: {algorithm}, broken", not crypto.verify(SignatureAlgorithm(algorithm), digest, other).is_valid)
    for signature, good in ((signed.signature, True), (other, False)):
        check(f"{key.name}: {algorithm} in the vault", verified(vault, key, algorithm, digest, signature) == good)


def verified(vault, key, algorithm, digest, signature):
    """The vault's own word, which CryptographyClient does not ask for."""
    body = {"alg": algorithm, "digest": base64url(digest), "value": base64url(signature)}
    answer = vault.send_request(HttpRequest("POST", f"keys/{key.name}/{key.properties.version}/verify", json=body))
    answer.raise_for_status()
    return answer.json()["value"]


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def encrypts(crypto, package):
    bits, name = package["bits"], package["name"]
    sealed = crypto.encrypt(EncryptionAlgorithm(f"A{bits}CBC"), bytes(16), iv=bytes(16))
    check(f"{name}: check value", sealed.ciphertext.hex() == package["check_value"])
    opened = crypto.decrypt(EncryptionAlgorithm(f"A{bits}CBC"), sealed.ciphertext, iv=bytes(16))
    check(f"{name}: CBC", opened.plaintext == bytes(16))
    sealed = crypto.encrypt(EncryptionAlgorithm(f"A{bits}GCM"), b"some text", additional_authenticated_data=b"aad")
    opened = crypto.decrypt(EncryptionAlgorithm(f"A{bits}GCM"), sealed.ciphertext, iv=sealed.iv, authentication_tag=sealed.tag, additional_authenticated_data=b"aad")
    check(f"{name}: GCM", opened.plaintext == b"some text")
    wrapped = crypto.wrap_key(KeyWrapAlgorithm(f"A{bits}KW"), bytes(range(32)))
    check(f"{name}: KW", crypto.unwrap_key(KeyWrapAlgorithm(f"A{bits}KW"), wrapped.encrypted_key).key == bytes(range(32)))


def main(state, command, argument):
    state = pathlib.Path(state)
    if command == "kek":
        make_kek(state, argument)
    else:
        use_keys(state, json.loads(pathlib.Path(argument).read_text()))
    print(f"{checked} of {checked}")


if __name__ == "__main__":
    main(*sys.argv[1:])
