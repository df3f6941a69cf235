#!/usr/bin/env python3
"""Rebuild a security world's secret, SO PIN and module key by hand.

Needs nothing but Python 3 and as many opened cards as the quorum says:

    age -d usb1/byok-card.age > card1.json
    age -d usb3/byok-card.age > card3.json
    python3 recover.py card1.json card3.json

Do this on a disconnected computer only. What it prints opens the world.
"""
import base64
import hashlib
import hmac
import json
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
    """HKDF-SHA256 without salt (RFC 5869)."""
    key = hmac.digest(bytes(32), secret, hashlib.sha256)
    out, block = b"", b""
    for i in range(1, length // 32 + 2):
        block = hmac.digest(key, block + info + bytes([i]), hashlib.sha256)
        out += block
    return out[:length]


cards = [json.load(open(name, "rb")) for name in sys.argv[1:]]
if len({(c["type"], c["version"], c["world"], c["set"], c["quorum"]) for c in cards}) != 1:
    sys.exit("the cards are not all of one world and one card set")
points = {c["index"]: int.from_bytes(bytes.fromhex(c["share"]), "little") for c in cards}
needed = int(cards[0]["quorum"].split("/")[0])
if len(points) < needed:
    sys.exit(f"{len(points)} different cards, {needed} are needed")

secret = recover(dict(list(points.items())[:needed]))
print("world secret:", secret.hex())
print("SO PIN:      ", base64.b32encode(hkdf(secret, b"byok v1 so-pin", 20)).decode())
print("module key:  ", hkdf(secret, b"byok v1 module-key", 32).hex())
