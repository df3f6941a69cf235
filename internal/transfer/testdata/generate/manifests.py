"""Vectors of the manifest reader."""

import json

from made import *


def manifests(keys, aes, kek, knso):
    everything = {**keys, **aes}
    for name, key in everything.items():
        put(f"manifest/valid/{name}.json", canonical(manifest(key, kek, knso, name.encode())))
    rehearsal = manifest(keys["p256"], kek, knso, b"")
    rehearsal["rehearsal"], rehearsal["kek"]["attested"] = True, False
    rehearsal["key"]["plainname"] = "Schl\u00fcssel der Probe"
    put("manifest/valid/rehearsal.json", canonical(rehearsal))
    limits = manifest(keys["rsa2048"], kek, knso, b"")
    limits["key"].update(ident="i" * 74, plainname="p" * 127)
    limits["world"]["module_serial"], limits["generator"] = "s" * 64, "g" * 255
    put("manifest/valid/limits.json", canonical(limits))
    text = canonical(manifest(keys["p256"], kek, knso, b"")).decode()
    aes_text = canonical(manifest(aes["aes256"], kek, knso, b"")).decode()
    manifest_faults(text, aes_text, keys, knso)
    manifest_form_faults(text)


def manifest_faults(good, good_aes, keys, knso):
    def field(name, value, want, text=good):
        """One value of the manifest replaced; None takes the field away. A part after # only tells files apart."""
        path = name.split("#")[0].split(".")
        bad = json.loads(text)
        place = bad
        for step in path[:-1]:
            place = place[step]
        if value is None:
            del place[path[-1]]
        else:
            place[path[-1]] = value
        put(f"manifest/invalid/{name.replace('#', '-')}.json", canonical(bad))
        put(f"manifest/invalid/{name.replace('#', '-')}.want", want)

    for name in ("name", "blob.sha256", "key.app", "key.ident", "key.plainname", "key.public_key", "key.key_ops", "kek.kid",
                 "kek.spki_sha256", "subscription_id", "world.knso_public_key", "world.module_serial", "permissions", "created", "generator"):
        field(name + "#missing", None, f"field {name} is missing")
    identity = 'expected type "byok-transfer-manifest", version 1'
    field("type", "byok-kek-package", identity)
    field("version", 2, identity)
    field("name", "a b", 'field name: key name "a b": 1 to 127 digits, letters and dashes are allowed')
    field("blob.file", "../x.byok", f'field blob.file: expected "KeyTransferPackage-{FRIENDLY}.byok"')
    digest = "a SHA-256 sum is 64 lower-case hex digits"
    field("blob.sha256", "A" * 64, f"field blob.sha256: {digest}")
    field("blob.sha256#short", "a" * 63, f"field blob.sha256: {digest}")
    idents = "fields key.app and key.ident: expected digits, dashes and lower-case letters, together at most 80"
    field("key.ident", "Contoso", idents)
    field("key.app", "simple key", idents)
    field("key.ident#long", "a" * 75, idents)
    field("key.plainname", "two\nlines", "field key.plainname: expected one line of at most 127 bytes")
    field("key.plainname#long", "p" * 128, "field key.plainname: expected one line of at most 127 bytes")
    field("key.kty", "EC", "field key.kty: expected RSA-HSM, EC-HSM or oct-HSM")
    field("key.kty#rsa", "RSA-HSM", "field key.kty: the public key is EC-HSM")
    field("key.kty#oct", "oct-HSM", "field key.kty: oct-HSM has no crv, public_key or thumbprint")
    field("key.crv", "P-384", 'field key.crv: expected "P-256"')
    field("key.crv#missing", None, 'field key.crv: expected "P-256"')
    field("key.bits", 384, "field key.bits: the public key has 256")
    field("key.thumbprint", keys["p384"].thumbprint(), f"field key.thumbprint: the public key has {keys['p256'].thumbprint()}")
    field("key.check_value", "0" * 32, "field key.check_value: only oct-HSM has one")
    field("key.public_key", "none", "field key.public_key: public key: not a PEM block")
    field("key.public_key#crlf", keys["p256"].pem.replace("\n", "\r\n"),
          "field key.public_key: public key: expected PEM of 64 characters a line and a final newline")
    field("key.key_ops", ["sign", "encrypt"], 'field key.key_ops: "encrypt" is not allowed')
    field("key.key_ops#import", ["import"], 'field key.key_ops: "import" is not allowed')
    field("key.key_ops#twice", ["sign", "sign"], 'field key.key_ops: "sign" appears twice')
    field("key.bits#aes", 512, "field key.bits: expected 128, 192 or 256", good_aes)
    for name, value in {"missing": None, "short": "0" * 6, "capitals": "A" * 32}.items():
        field("key.check_value#" + name, value, "field key.check_value: expected 32 lower-case hex digits", good_aes)
    field("key.key_ops#aes", ["sign"], 'field key.key_ops: "sign" is not allowed', good_aes)
    field("kek.kid", "KEKforBYOK", 'field kek.kid: key identifier "KEKforBYOK": expected https://<host>/keys/<name>/<version>')
    field("kek.bits", 1024, "field kek.bits: RSA key of 1024 bits: expected 2048, 3072 or 4096")
    field("kek.bits#text", "2048", "field kek.bits: a JSON string where a number is expected")
    field("subscription_id", "Contoso", "field subscription_id: expected a UUID")
    field("world.hknso", "0" * 64, "field world.hknso: it is not the SHA-256 of world.knso_public_key")
    field("world.hknso#missing", None, "field world.hknso: it is not the SHA-256 of world.knso_public_key")
    field("world.knso_public_key", knso.pem[:-1], "field world.knso_public_key: public key: expected PEM of 64 characters a line and a final newline")
    field("world.module_serial", "x" * 65, "field world.module_serial: expected one line of at most 64 bytes")
    field("permissions", ["EXTRACTABLE", "sign"], 'field permissions: "sign" is not allowed')
    field("permissions#twice", ["SIGN", "SIGN"], 'field permissions: "SIGN" appears twice')
    whole = "field created: expected UTC and whole seconds"
    field("created", "2026-01-02T03:04:05+02:00", whole)
    field("created#fraction", "2026-01-02T03:04:05.5Z", whole)
    field("created#text", "today", 'field created: parsing time "today" as "2006-01-02T15:04:05Z07:00": cannot parse "today" as "2006"')
    field("generator#long", "g" * 256, "field generator: expected one line of at most 255 bytes")
    field("generator", "\x1b[2J", "field generator: expected one line of at most 255 bytes")


def manifest_form_faults(good):
    def fault(name, data, want):
        put(f"manifest/invalid/form-{name}.json", data)
        put(f"manifest/invalid/form-{name}.want", want)

    where = "line {} is not as byok-offline writes it: a field is missing, null, out of order or spaced otherwise"
    line = lambda text: 1 + good[:good.index(text)].count("\n")
    fault("empty", b"", "not valid JSON at byte 0")
    fault("one-line", json.dumps(json.loads(good), ensure_ascii=False), where.format(1))
    fault("no-final-newline", good[:-1], where.format(good.count("\n")))
    fault("windows-lines", good.replace("\n", "\r\n"), where.format(1))
    fault("no-rehearsal", good.replace('  "rehearsal": false,\n', ""), where.format(line('"rehearsal"')))
    fault("rehearsal-null", good.replace('"rehearsal": false', '"rehearsal": null'), where.format(line('"rehearsal"')))
    fault("no-attested", good.replace(',\n    "attested": true', ""), where.format(line('"spki_sha256"')))
    fault("kid-in-capitals", good.replace("https://contoso", "https://CONTOSO"), where.format(line('"kid"')))
    fault("escaped", good.replace("SoftHSM", "\\u0053oftHSM"), where.format(line("SoftHSM")))
    fault("unknown", good.replace('"name"', '"extra": 1,\n  "name"', 1), "unknown field extra")
    fault("doubled", good.replace('"name"', '"version": 1,\n  "name"', 1), "field version appears twice")
    fault("trailing", good + "{}\n", f"not valid JSON at byte {len(good.encode())}")
    fault("too-large", good + " " * 65536, f"{len(good.encode()) + 65536} bytes, more than the 65536 such a file may have")
