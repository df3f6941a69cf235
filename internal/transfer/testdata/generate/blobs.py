"""Vectors of the .byok reader."""

import json, os

from made import *


def blobs(kek):
    good = blob(wrap(kek, os.urandom(32)))
    text = canonical(good).decode()
    put("blob/valid/canonical.byok", text)
    put("blob/valid/padded.byok", text.replace(good["ciphertext"], good["ciphertext"] + "=" * (-len(good["ciphertext"]) % 4)))
    put("blob/valid/one-line.byok", json.dumps(good))
    put("blob/valid/other-order.byok", json.dumps(dict(reversed(good.items()))))
    put("blob/valid/without-generator.byok", json.dumps({k: v for k, v in good.items() if k != "generator"}))
    put("blob/valid/host-in-capitals.byok", text.replace("https://contoso", "https://Contoso"))
    put("blob/valid/canonical-rehearsal.byok", text.replace("contoso.vault.azure.net", "localhost:8443"))
    put("blob/valid/canonical-rsa4096-under-4096.byok", canonical(blob(os.urandom(512 + 2384))))

    limits = canonical({**blob(bytes(280), kid=f"https://{'.'.join(['a' * 50] * 4)}.{'b' * 49}/keys/k/{'0' * 32}"), "generator": "g" * 255})
    put("blob/valid/canonical-limits.byok", limits)
    put("blob/valid/largest.byok", limits + b" " * (65536 - len(limits)))

    def fault(name, data, want):
        put(f"blob/invalid/{name}.byok", data)
        put(f"blob/invalid/{name}.want", want)

    def field(name, value, want, header=False):
        bad = json.loads(text)
        (bad["header"] if header else bad)[name.split("-")[0]] = value
        fault(name.replace("_", "-"), json.dumps(bad), want)

    legacy = "binary, not JSON: a legacy nCipher transfer package, which the service stopped taking in June 2021"
    mark = "it {}, as Windows PowerShell writes it; expected UTF-8 without a byte order mark"
    fault("legacy-ncipher", bytes([0, 0, 0, 1, 0x93, 0x12, 0, 0]) + os.urandom(4096), legacy)
    fault("zeros", bytes(200), "every byte is the same: the file was not written to the medium in full")
    fault("legacy-ncipher-large", bytes([0, 0, 0, 1]) + bytes(70000), legacy)
    fault("mark-utf8", b"\xef\xbb\xbf" + text.encode(), mark.format("begins with a byte order mark"))
    fault("mark-utf16", text.encode("utf-16"), mark.format("is in UTF-16"))
    fault("empty", b"", "not valid JSON at byte 0")
    fault("text", "KeyTransferPackage\n", "not valid JSON at byte 0")
    fault("cut-short", text[:200], "not valid JSON at byte 200")
    fault("trailing", text + "{}", f"not valid JSON at byte {len(text)}")
    fault("too-large", text.replace("\n", " " * 66000, 1), f"{len(text) - 1 + 66000} bytes, more than the 65536 such a file may have")
    fault("broken-utf8", text.encode().replace(b"SoftHSM", b"\xffoftHSM"), f"not valid JSON at byte {text.index('SoftHSM')}, in field generator")
    fault("doubled", text.replace("{", '{ "schema_version": "1.0.0",', 1), "field schema_version appears twice")
    fault("unknown", text.replace("{", '{ "kty": "RSA-HSM",', 1), "unknown field kty")
    fault("miscased", text.replace('"kid"', '"Kid"'), "unknown field header.Kid")
    field("schema_version", "2.0.0", 'field schema_version: expected "1.0.0"')
    field("schema_version-null", None, 'field schema_version: expected "1.0.0"')
    field("alg", "RSA-OAEP", 'field header.alg: expected "dir"', header=True)
    field("enc", "CKM_RSA_AES_KEY_WRAP_PAD", 'field header.enc: expected "CKM_RSA_AES_KEY_WRAP"', header=True)
    field("kid", KID[:-33], f'field header.kid: key identifier "{KID[:-33]}": the version is missing', header=True)
    field("kid-number", 1, "field header.kid: JSON value must be string type", header=True)
    field("kid-null", None, "field header.kid is missing", header=True)
    field("generator", "two\nlines", "field generator: expected one line of at most 255 bytes")
    field("generator-long", "g" * 256, "field generator: expected one line of at most 255 bytes")
    field("generator-escape", "\x1b[2J", "field generator: expected one line of at most 255 bytes")
    size = "field ciphertext: {} bytes are not a CKM_RSA_AES_KEY_WRAP, which has at least 280 and a multiple of 8"
    field("ciphertext-missing", None, size.format(0))
    field("ciphertext-short", b64url(bytes(272)), size.format(272))
    field("ciphertext-odd", b64url(bytes(297)), size.format(297))
    field("ciphertext-half", b64url(bytes(284)), size.format(284))
    encoding = "field ciphertext: not base64url (RFC 4648, section 5)"
    field("ciphertext-plus", "++++" + good["ciphertext"][4:], encoding)
    field("ciphertext-line-break", good["ciphertext"][:64] + "\n" + good["ciphertext"][64:], encoding)
    field("ciphertext-padding", good["ciphertext"] + "====", encoding)
    last = good["ciphertext"][-1]
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    field("ciphertext-stray-bit", good["ciphertext"][:-1] + alphabet[alphabet.index(last) + 1], encoding)
