"""Vectors of the .byok reader and of key identifiers."""

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
    mark = "begins with a byte order mark, as Windows PowerShell writes it: the service takes UTF-8 without one"
    fault("legacy-ncipher", bytes([0, 0, 0, 1, 0x93, 0x12, 0, 0]) + os.urandom(4096), legacy)
    fault("legacy-ncipher-zeros", bytes(200), legacy)
    fault("legacy-ncipher-large", bytes([0, 0, 0, 1]) + bytes(70000), legacy)
    fault("mark-utf8", b"\xef\xbb\xbf" + text.encode(), mark)
    fault("mark-utf16", text.encode("utf-16"), mark)
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
    size = "field ciphertext: {} bytes are no CKM_RSA_AES_KEY_WRAP, which has at least 280 and a multiple of 8"
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


def keyids():
    v = "664f5aa2797a4075b8e36ca4500636d8"
    good = {KID: KID, "HTTPS://Contoso.Vault.Azure.NET/keys/KEKforBYOK/" + v: KID,
            KID.replace("net/", "net:443/"): KID, f"https://localhost:8443/keys/k/{v}": f"https://localhost:8443/keys/k/{v}",
            f"https://127.0.0.1:1/keys/{'n' * 127}/{v.upper()}": f"https://127.0.0.1:1/keys/{'n' * 127}/{v.upper()}",
            f"https://{'a.' * 126}a/keys/k/{v}": f"https://{'a.' * 126}a/keys/k/{v}",
            f"https://a-b.managedhsm.azure.net/keys/keys/{v}": f"https://a-b.managedhsm.azure.net/keys/keys/{v}"}
    put("keyid/valid.tsv", "".join(f"{a}\t{b}\n" for a, b in good.items()))
    h, base = "there is no valid host name after https://", "https://contoso.vault.azure.net"
    n, w = "the name has 1 to 127 digits, letters and dashes", "the version has 32 hex digits and nothing after them"
    s, p = "it does not begin with https://", "the port is not a number from 1 to 65535"
    form = "expected https://<host>/keys/<name>/<version>"
    bad = {"": form, "KEKforBYOK": form, f"{base}/secrets/k/{v}": form, f"{base}/Keys/k/{v}": form,
           f"http://contoso.vault.azure.net/keys/k/{v}": s, f"contoso.vault.azure.net/keys/k/{v}": s, f" {base}/keys/k/{v}": s,
           f"https:///keys/k/{v}": h, f"https://user@host/keys/k/{v}": h, f"https://[::1]/keys/k/{v}": h, f"https://a..b/keys/k/{v}": h,
           f"https://-a/keys/k/{v}": h, f"https://a./keys/k/{v}": h, f"https://h\u00f6st/keys/k/{v}": h, f"{base}/x/keys/k/{v}": h,
           f"{base}//keys/k/{v}": h, f"https://{'a' * 254}/keys/k/{v}": h,
           f"{base}:/keys/k/{v}": p, f"{base}:0/keys/k/{v}": p, f"{base}:65536/keys/k/{v}": p, f"{base}:08443/keys/k/{v}": p,
           f"{base}:https/keys/k/{v}": p, f"{base}:1:2/keys/k/{v}": p,
           f"{base}/keys//{v}": n, f"{base}/keys/{'n' * 128}/{v}": n, f"{base}/keys/a_b/{v}": n, f"{base}/keys/a%2Fb/{v}": n,
           f"{base}/keys/k": "the version is missing",
           f"{base}/keys/k/": w, f"{base}/keys/k/{v[:-1]}": w, f"{base}/keys/k/{v}0": w, f"{base}/keys/k/{v[:-1]}g": w,
           f"{base}/keys/k/{v}/": w, f"{base}/keys/k/{v}?api-version=7.4": w, f"{base}/keys/k/{v}#": w}
    quoted = lambda text: json.dumps(text[:200], ensure_ascii=False)
    put("keyid/invalid.tsv", "".join(f"{a}\tkey identifier {quoted(a)}: {b}\n" for a, b in bad.items()))
