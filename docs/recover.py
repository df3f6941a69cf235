#!/usr/bin/env python3
"""Rebuild a security world's secret, and what it seals, by hand.

Needs nothing but Python 3 and as many opened cards as the quorum says:

    age -d usb1/byok-card.age > card1.json
    age -d usb3/byok-card.age > card3.json
    python3 recover.py card1.json card3.json [MODULE...]

MODULE is the id of a module from its statement, 32 hex digits. Of a PIN, the
token has as many characters as the module's statement says, from the left. A
"seal-" key opens what is sealed under it:

    base64 -d sealed | openssl enc -d -id-aes256-wrap-pad -iv A65959A6 -K KEY

Do this on a disconnected computer only. What it prints opens the world.
"""
import base64
import hashlib
import hmac
import json
import re
import sys

# The order of the group Ristretto255 (RFC 9496, section 4.4).
ORDER = 2**252 + 27742317777372353535851937790883648493


def recover(points):
    """Shamir: the value at 0 of the polynomial through the points, by Lagrange."""
    total = 0
    for xi, yi in points.items():
        for xj in points:
            if xj != xi:
                yi = yi * xj * pow(xj - xi, -1, ORDER) % ORDER
        total = (total + yi) % ORDER
    return total.to_bytes(32, "little")


def hkdf(secret, info, length):
    """HKDF-SHA256 without salt (RFC 5869), up to 32 bytes."""
    key = hmac.digest(bytes(32), secret, hashlib.sha256)
    return hmac.digest(key, info + b"\x01", hashlib.sha256)[:length]


def derive(purpose, module, length):
    """What the world secret gives for one purpose."""
    info = json.dumps([purpose, cards[0]["hknso"], cards[0]["set"], module], separators=(",", ":"))
    return hkdf(secret, info.encode(), length)


names = [a for a in sys.argv[1:] if not re.fullmatch("[0-9a-f]{32}", a)]
cards = [json.load(open(name, "rb")) for name in names]
if len({(c["type"], c["version"], c["hknso"], c["set"], c["quorum"]) for c in cards}) != 1:
    sys.exit("the cards are not all of one world and one card set")
points = {c["index"]: int.from_bytes(bytes.fromhex(c["share"]), "little") for c in cards}
needed = int(cards[0]["quorum"].split("/")[0])
if len(points) < needed:
    sys.exit(f"{len(points)} different cards, {needed} are needed")

secret = recover(dict(list(points.items())[:needed]))
print("world-secret:", secret.hex())
for purpose in ["seal-knso", "seal-km"]:
    print(f"{purpose}:", derive(purpose, "", 32).hex())
for module in (a for a in sys.argv[1:] if a not in names):
    for purpose in ["so-pin", "user-pin"]:
        print(f"{purpose} {module}:", base64.b32encode(derive(purpose, module, 25)).decode())
    for purpose in ["seal-so-pin", "seal-user-pin"]:
        print(f"{purpose} {module}:", derive(purpose, module, 32).hex())
