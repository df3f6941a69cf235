#!/usr/bin/env python3
"""Open a security world by hand, without the program.

Needs Python 3, openssl, and as many opened cards as the quorum says:

    age -d usb1/byok-card.age > card1.json
    age -d usb3/byok-card.age > card3.json
    python3 recover.py card1.json card3.json --kmdata kmdata

It prints the world secret, the keys that seal KNSO and KM, and the PIN of each
module's security officer; and it writes the private halves of KNSO and KM and
every key that has a backup into the current folder: knso.pk8, km.pk8 and
key_simple_<ident>.pk8 (PKCS#8 in DER) or, for AES, key_simple_<ident>.bin.

Without --kmdata it prints what the cards alone give; for modules whose ids (32
hex digits) are named, PINs too, of which the token has as many characters, from
the left, as the module's statement says. A "seal-" key opens what is sealed:

    base64 -d sealed | openssl enc -d -id-aes256-wrap-pad -iv A65959A6 -K KEY

Do this on a disconnected computer only, and destroy its disk afterwards: what
this prints and writes opens the world.
"""
import base64
import glob
import hashlib
import hmac
import json
import os
import re
import subprocess
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


def pin(purpose, module):
    """A PIN at its longest."""
    return base64.b32encode(derive(purpose, module, 25)).decode()


def openssl(data, *args):
    return subprocess.run(["openssl", *args], input=data, stdout=subprocess.PIPE, check=True).stdout


def unwrap(key, data):
    """AES key wrap with padding (RFC 5649)."""
    return openssl(data, "enc", "-d", "-id-aes256-wrap-pad", "-iv", "A65959A6", "-K", key.hex())


def unseal(purpose, module, sealed):
    return unwrap(derive(purpose, module, 32), base64.b64decode(sealed))


def write(name, data):
    with os.fdopen(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as f:
        f.write(data)
    print("written:", name)


def pins(statements, names):
    """The PIN that each module has: the newest statement on it counts."""
    newest = {s["module"]: s for s in statements if s["type"] == "byok-module"}
    for module, s in newest.items():
        if "struck_off" in s or s["card_set"] != cards[0]["set"]:
            continue
        so = s["so_pin"]
        if so.get("sealed"):
            yield module, unseal("seal-so-pin", module, so["sealed"]).decode()
        else:
            yield module, pin("so-pin", module)[: so["characters"]]
    # A replacement of cards that never got to a module left its PIN with the new cards.
    for p in names.get("pins") or []:
        if newest[p["module"]].get("card_set") != cards[0]["set"]:
            yield p["module"], unseal("seal-so-pin", p["module"], p["sealed"]).decode()


def private(name, sealed):
    """Opens a private half and holds it to the public half in the signed file."""
    key = unseal("seal-" + name, "", sealed["sealed"])
    if openssl(key, "pkey", "-inform", "DER", "-pubout").decode() != sealed["public_key"]:
        sys.exit(f"{name}: the private half is not that of the public half")
    write(name + ".pk8", key)


def backup(file):
    """A key from its backup: RSA-OAEP of an AES key, then RFC 5649 of the key under that."""
    key = json.load(open(file, "rb"))
    if key["card_set"] != cards[0]["set"]:
        return print(f"{file}: backed up for card set {key['card_set']}")
    blob = base64.b64decode(key["backup"])
    oaep = ["-pkeyopt", "rsa_padding_mode:oaep", "-pkeyopt", "rsa_oaep_md:sha1"]
    aes = openssl(blob[:384], "pkeyutl", "-decrypt", "-keyform", "DER", "-inkey", "km.pk8", *oaep)
    write(os.path.basename(file) + (".bin" if key["key_type"] == "AES" else ".pk8"), unwrap(aes, blob[384:]))


def open_kmdata(folder):
    local = os.path.join(folder, "local")
    files = [os.path.join(local, "world"), *sorted(glob.glob(os.path.join(local, "statements", "*.json")))]
    statements = [json.load(open(name, "rb")) for name in files]
    sets = [s for s in statements if s.get("cards", {}).get("hknso") == cards[0]["hknso"]]
    if not sets:
        sys.exit(f"{folder}: no card set of its world has the hknso of these cards")
    for module, value in pins(statements, sets[0]):
        print(f"so-pin of module {module}:", value)
    private("knso", sets[0]["knso"])
    private("km", sets[0]["km"])
    for file in sorted(glob.glob(os.path.join(local, "key_simple_*"))):
        if "." not in os.path.basename(file):
            backup(file)


args = sys.argv[1:]
kmdata = None
if "--kmdata" in args:
    at = args.index("--kmdata")
    kmdata = args[at + 1]
    del args[at : at + 2]
modules = [a for a in args if re.fullmatch("[0-9a-f]{32}", a)]
cards = [json.load(open(name, "rb")) for name in args if name not in modules]
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
for module in modules:
    for purpose in ["so-pin", "user-pin"]:
        print(f"{purpose} {module}:", pin(purpose, module))
    for purpose in ["seal-so-pin", "seal-user-pin"]:
        print(f"{purpose} {module}:", derive(purpose, module, 32).hex())
if kmdata:
    open_kmdata(kmdata)
