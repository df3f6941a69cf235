"""Imports packages with the service's own Python SDK, one after another.

usage: import.py STATE PACKAGES  PACKAGES is a JSON list of name and blob, the path
of a .byok of a P-256 key
"""

import json
import pathlib
import sys

from azure.core.credentials import AccessToken
from azure.keyvault.keys import JsonWebKey, KeyClient


class Token:
    """A credential that has the token already."""

    def __init__(self, token):
        self.token = token

    def get_token(self, *scopes, **_):
        return AccessToken(self.token, 2**31)


def main(state, packages):
    state = pathlib.Path(state)
    vault = KeyClient(
        (state / "url").read_text().strip(),
        Token((state / "token").read_text().strip()),
        verify_challenge_resource=False,
        connection_verify=str(state / "ca.pem"),
    )
    for package in json.loads(pathlib.Path(packages).read_text()):
        jwk = JsonWebKey(kty="EC-HSM", crv="P-256", key_ops=["sign", "verify"], t=pathlib.Path(package["blob"]).read_bytes())
        vault.import_key(package["name"], jwk, hardware_protected=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
