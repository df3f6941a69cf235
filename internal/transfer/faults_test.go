package transfer_test

import (
	"bytes"
	"strings"

	"byok/internal/fingerprint"
	"byok/internal/keykind"
	"byok/internal/statement"
	"byok/internal/transfer"
)

// fault is one way in which a package is wrong.
type fault struct {
	name string
	make func(f *factory)
	want string // STEM is the path of the .byok without its end, BASE the same without the folder
	aes  bool   // of the package of an AES key
}

const notSigned = " is not of this content: the file was altered, or another key signed it"

// faults are the vectors of package/invalid. What can be signed is signed, so
// that each is refused for one reason.
var faults = []fault{
	{name: "blob-edited", make: func(f *factory) { f.replace(".byok", "Example", "Exempel") },
		want: "STEM.byok: its SHA-256 is SUM, the manifest says SUM"},
	{name: "blob-not-json", make: func(f *factory) { f.bundle[f.named(".byok")] = []byte("{") },
		want: "STEM.byok: not valid JSON at byte 1"},
	{name: "blob-legacy", make: func(f *factory) { f.bundle[f.named(".byok")] = append([]byte{0, 0, 0, 1}, make([]byte, 69996)...) },
		want: "STEM.byok: binary, not JSON: a legacy nCipher transfer package, " +
			"which the service stopped taking in June 2021"},
	{name: "blob-of-another", make: func(f *factory) {
		f.bundle[f.named(".byok")] = f.other["KeyTransferPackage-other-key.byok"]
	},
		want: "STEM.byok: its SHA-256 is SUM, the manifest says SUM"},
	{name: "blob-not-approved", make: func(f *factory) {
		f.blob(func(b *transfer.Blob) {
			b.Ciphertext = append(bytes.Clone(b.Ciphertext[:len(b.Ciphertext)-1]), b.Ciphertext[len(b.Ciphertext)-1]^1)
		})
	}, want: "STEM.byok: the wrapped key is not the one that was approved"},
	{name: "blob-of-another-pair", make: func(f *factory) {
		other := must(transfer.ParseBlob("other", f.other["KeyTransferPackage-other-key.byok"]))(f)
		f.blob(func(b *transfer.Blob) { b.Ciphertext = other.Ciphertext })
	}, want: "STEM.byok: the wrapped key is not the one that was approved"},
	{name: "blob-for-another-kek", make: func(f *factory) { f.blob(func(b *transfer.Blob) { b.KEK.Name = "other" }) },
		want: "STEM.byok: it is for the KEK " + strings.Replace(kid, "KEKforBYOK", "other", 1) + ", and " +
			kid + " was approved"},
	{name: "blob-for-a-larger-kek", make: func(f *factory) {
		f.wrapped(make([]byte, 256+32))
		f.approved(func(a *statement.Authorization) { a.Pairs[1].KEK.Bits = 3072 })
	}, want: "STEM.byok: ciphertext of 288 bytes: under a KEK of 3072 bits it has 384 and a wrapped key of " +
		"at least 24, in multiples of 8"},
	{name: "blob-too-short-for-the-key", make: func(f *factory) { f.wrapped(make([]byte, 256+56)) },
		want: "STEM.byok: 56 bytes of wrapped key: P-384 has more than 56"},
	{name: "blob-too-long-for-aes", aes: true, make: func(f *factory) { f.wrapped(make([]byte, 256+48)) },
		want: "STEM.byok: 48 bytes of wrapped key: AES-256 has 40"},

	{name: "manifest-missing", make: func(f *factory) { delete(f.bundle, f.named(".manifest.json")) },
		want: "STEM.manifest.json: no such file"},
	{name: "manifest-edited", make: func(f *factory) { f.replace(".manifest.json", "Example", "Exempel") },
		want: "STEM.manifest.json: the signature BASE.manifest.sig is not of this content " +
			"by the KML that BASE.module.json certifies"},
	{name: "manifest-not-json", make: func(f *factory) { f.bundle[f.named(".manifest.json")] = []byte("[]") },
		want: "STEM.manifest.json: field (the whole file): expected an object, not a JSON array"},
	{name: "manifest-large", make: func(f *factory) {
		f.bundle[f.named(".manifest.json")] = make([]byte,
			transfer.MaxFile+1)
	},
		want: "STEM.manifest.json: larger than the 65536 bytes that such a file may have"},
	{name: "manifest-of-a-later-release",
		make: func(f *factory) { f.replace(".manifest.json", `"version": 1`, `"version": 2`) },
		want: "STEM.manifest.json: version 2 of byok-transfer-manifest, " +
			"written by a later release; this one reads version 1"},
	{name: "manifest-signature-missing", make: func(f *factory) { delete(f.bundle, f.named(".manifest.sig")) },
		want: "STEM.manifest.sig: no such file"},
	{name: "manifest-signature-empty", make: func(f *factory) { f.bundle[f.named(".manifest.sig")] = nil },
		want: unsigned},
	{name: "manifest-signed-by-knso", make: func(f *factory) { f.sign(".manifest.json", f.knso()) }, want: unsigned},
	{name: "manifest-signed-by-another-module",
		make: func(f *factory) { f.sign(".manifest.json", f.KML[f.second]) }, want: unsigned},
	{name: "manifest-signed-by-a-stranger", make: func(f *factory) { f.sign(".manifest.json", f.stranger) },
		want: unsigned},
	{name: "manifest-signed-by-the-key", make: func(f *factory) {
		f.bundle[f.named(".manifest.sig")] = must(f.keys["key"].Possess(f.bundle[f.named(".manifest.json")]))(f)
	}, want: unsigned},
	{name: "manifest-of-another-authorization", make: func(f *factory) {
		f.manifest(func(m *transfer.Manifest) { m.Authorization.SHA256 = fingerprint.Of(nil) })
	}, want: "STEM.manifest.json: field authorization.sha256: BASE.authorization.json has another SHA-256"},
	{name: "manifest-of-another-number", make: func(f *factory) {
		f.manifest(func(m *transfer.Manifest) { m.Authorization.Number = 9999 })
	}, want: "STEM.manifest.json: field authorization.number: BASE.authorization.json has the number NUMBER"},
	{name: "manifest-of-another-pair", make: func(f *factory) {
		f.manifest(func(m *transfer.Manifest) { m.Authorization.Pair = 0 })
	}, want: "STEM.manifest.json: field name: the approved name is other-key"},
	{name: "manifest-of-no-pair", make: func(f *factory) {
		f.manifest(func(m *transfer.Manifest) { m.Authorization.Pair = 2 })
	}, want: "STEM.manifest.json: field authorization.pair: BASE.authorization.json has only 2"},
	{name: "manifest-of-another-module", make: func(f *factory) {
		f.manifest(func(m *transfer.Manifest) { m.Module = f.second })
	}, want: "STEM.manifest.json: field module: BASE.authorization.json is for the module MODULE"},
	{name: "manifest-of-a-rehearsal",
		make: func(f *factory) { f.manifest(func(m *transfer.Manifest) { m.Rehearsal = true }) },
		want: "STEM.manifest.json: field rehearsal: BASE.authorization.json says false"},
	{name: "name-not-approved", make: func(f *factory) {
		f.approved(func(a *statement.Authorization) { a.Pairs[1].Target.Name = "payroll" })
	}, want: "STEM.manifest.json: field name: the approved name is payroll"},

	{name: "authorization-missing", make: func(f *factory) { delete(f.bundle, f.named(".authorization.json")) },
		want: "STEM.authorization.json: no such file"},
	{name: "authorization-signature-missing", make: func(f *factory) { delete(f.bundle, f.named(".authorization.sig")) },
		want: "STEM.authorization.sig: no such file"},
	{name: "authorization-edited", make: func(f *factory) {
		f.approved(func(a *statement.Authorization) { a.Pairs[1].Target.KeyOps = []string{"sign"} })
		f.bundle[f.named(".authorization.sig")] = f.base[f.named(".authorization.sig")]
	}, want: "STEM.authorization.json: the signature BASE.authorization.sig" + notSigned},
	{name: "authorization-signed-by-kml", make: func(f *factory) { f.sign(".authorization.json", f.kml()) },
		want: "STEM.authorization.json: the signature BASE.authorization.sig" + notSigned},
	{name: "authorization-signed-by-a-stranger", make: func(f *factory) { f.sign(".authorization.json", f.stranger) },
		want: "STEM.authorization.json: the signature BASE.authorization.sig" + notSigned},
	{name: "authorization-signed-by-the-former-cards",
		make: func(f *factory) { f.sign(".authorization.json", f.Sets[1].KNSO) },
		want: "STEM.authorization.json: the signature BASE.authorization.sig" + notSigned},
	{name: "authorization-of-the-former-cards", make: func(f *factory) {
		f.approved(func(a *statement.Authorization) { a.HKNSO = f.Sets[1].KNSO.Sum() })
		f.sign(".authorization.json", f.Sets[1].KNSO)
	}, want: "STEM.authorization.json: it was signed for hknso SECOND, and THIRD is in force"},
	{name: "authorization-of-another-module", make: func(f *factory) {
		f.approved(func(a *statement.Authorization) { a.Module, a.KML = f.second, f.KML[f.second].Sum() })
		f.manifest(func(m *transfer.Manifest) { m.Module = f.second })
	}, want: `STEM.authorization.json: field module: no statement of this world names the module "SECONDMODULE"`},
	{name: "authorization-of-another-kml", make: func(f *factory) {
		f.approved(func(a *statement.Authorization) { a.KML = f.stranger.Sum() })
	}, want: "STEM.authorization.json: field kml_sha256 is not that of the KML in statement MODULENUMBER"},
	{name: "authorization-of-another-guard", make: func(f *factory) {
		f.approved(func(a *statement.Authorization) { a.Guard = statement.GuardLogin })
	}, want: "STEM.authorization.json: field guard: statement MODULENUMBER says trust of the module"},
	{name: "authorization-of-a-rehearsal", make: func(f *factory) {
		f.approved(func(a *statement.Authorization) {
			a.Rehearsal = true
			for i := range a.Pairs {
				p := &a.Pairs[i]
				p.KEK.KID.Vault, p.Target.Vault = "https://localhost", "https://localhost"
				p.KEK.Said.KID = p.KEK.KID
			}
		})
	}, want: "STEM.authorization.json: its rehearsal mark is not the world's"},
	{name: "authorization-of-another-kek", make: func(f *factory) {
		f.approved(func(a *statement.Authorization) {
			p := &a.Pairs[1]
			p.KEK.KID.Version = "00000000000000000000000000000000"
			p.KEK.Said.KID = p.KEK.KID
		})
	}, want: "STEM.byok: it is for the KEK " + kid + ", and " +
		"https://contoso.vault.azure.net/keys/KEKforBYOK/00000000000000000000000000000000 was approved"},
	{name: "authorization-older-than-its-module", make: func(f *factory) {
		f.approved(func(a *statement.Authorization) { a.Number = 2 })
		f.manifest(func(m *transfer.Manifest) { m.Authorization.Number = 2 })
	}, want: "STEM.authorization.json: statement 2 is there already"},

	{name: "world-missing", make: func(f *factory) { delete(f.bundle, f.named(".world.json")) },
		want: "STEM.world.json: no such file"},
	{name: "world-edited", make: func(f *factory) { f.replace(".world.json", "Contoso", "Fabrikam") },
		want: "STEM.world.json: the signature BASE.world.sig" + notSigned},
	{name: "world-of-others", make: func(f *factory) {
		e := f.foreign.Chain.Entries()[0]
		f.bundle[f.named(".world.json")], f.bundle[f.named(".world.sig")] = e.Data, e.Signature
	}, want: "STEM.cards-2.json: it was signed for hknso FIRST, and FOREIGN is in force"},
	{name: "cards-missing", make: func(f *factory) {
		for _, end := range []string{".cards-2.json", ".cards-2.sig", ".cards-2.new.sig", ".cards-3.json",
			".cards-3.sig", ".cards-3.new.sig"} {
			delete(f.bundle, f.named(end))
		}
	}, want: "STEM.module.json: it was signed for hknso THIRD, and FIRST is in force"},
	{name: "cards-gap", make: func(f *factory) {
		for _, end := range []string{".cards-2.json", ".cards-2.sig", ".cards-2.new.sig"} {
			delete(f.bundle, f.named(end))
		}
	}, want: "STEM.cards-2.json: there is no such file, but there is STEM.cards-3.json"},
	{name: "cards-misnamed", make: func(f *factory) {
		f.bundle[f.named(".cards-02.json")] = f.bundle[f.named(".cards-2.json")]
	}, want: "STEM.cards-02.json: it is not named like a card replacement"},
	{name: "cards-exchanged", make: func(f *factory) {
		for _, end := range []string{".json", ".sig", ".new.sig"} {
			a, b := f.named(".cards-2"+end), f.named(".cards-3"+end)
			f.bundle[a], f.bundle[b] = f.bundle[b], f.bundle[a]
		}
	}, want: "STEM.cards-2.json: it was signed for hknso SECOND, and FIRST is in force"},
	{name: "cards-signature-missing", make: func(f *factory) { delete(f.bundle, f.named(".cards-2.sig")) },
		want: "STEM.cards-2.sig: no such file"},
	{name: "cards-second-signature-missing", make: func(f *factory) { delete(f.bundle, f.named(".cards-2.new.sig")) },
		want: "STEM.cards-2.new.sig: no such file"},
	{name: "cards-signed-by-the-new-knso-alone", make: func(f *factory) {
		f.bundle[f.named(".cards-3.sig")] = f.bundle[f.named(".cards-3.new.sig")]
	}, want: "STEM.cards-3.json: the signature BASE.cards-3.sig" + notSigned},
	{name: "cards-signed-by-the-old-knso-alone", make: func(f *factory) {
		f.bundle[f.named(".cards-3.new.sig")] = f.bundle[f.named(".cards-3.sig")]
	}, want: "STEM.cards-3.json: the signature BASE.cards-3.new.sig" + notSigned},

	{name: "module-missing", make: func(f *factory) { delete(f.bundle, f.named(".module.json")) },
		want: "STEM.module.json: no such file"},
	{name: "module-signed-by-kml", make: func(f *factory) { f.sign(".module.json", f.kml()) },
		want: "STEM.module.json: the signature BASE.module.sig" + notSigned},
	{name: "module-with-another-kml", make: func(f *factory) {
		f.statement(".module.json", func(s statement.Statement) { s.(*statement.Module).KML = f.stranger.Text() })
		f.sign(".manifest.json", f.stranger)
	}, want: "STEM.authorization.json: field kml_sha256 is not that of the KML in statement MODULENUMBER"},
	{name: "module-of-another-id", make: func(f *factory) {
		f.statement(".module.json", func(s statement.Statement) { s.(*statement.Module).Module = f.second })
	}, want: `STEM.authorization.json: field module: no statement of this world names the module "MODULE"`},
	{name: "module-of-a-weaker-guard", make: func(f *factory) {
		f.statement(".module.json", func(s statement.Statement) { s.(*statement.Module).Guard = statement.GuardLogin })
	}, want: "STEM.module.json: field guard: login is weaker than the world's, trust"},

	{name: "pop-missing", make: func(f *factory) { delete(f.bundle, f.named(".pop.sig")) },
		want: "STEM.pop.sig: it is missing: the transferred key must have signed the authorization"},
	{name: "pop-empty", make: func(f *factory) { f.bundle[f.named(".pop.sig")] = nil }, want: unpossessed},
	{name: "pop-of-another-key", make: func(f *factory) { f.possess("other", keykind.PurposeTransfer) },
		want: unpossessed},
	{name: "pop-of-a-challenge", make: func(f *factory) { f.possess("key", keykind.PurposeChallenge) },
		want: unpossessed},
	{name: "pop-over-the-manifest", make: func(f *factory) {
		f.bundle[f.named(".pop.sig")] = must(f.keys["key"].Possess(f.bundle[f.named(".manifest.json")]))(f)
	}, want: unpossessed},
	{name: "pop-over-another-authorization", make: func(f *factory) {
		f.approved(func(a *statement.Authorization) { a.List = fingerprint.Of(nil) })
		f.bundle[f.named(".pop.sig")] = f.base[f.named(".pop.sig")]
	}, want: unpossessed},
	{name: "pop-by-knso", make: func(f *factory) {
		sum := fingerprint.Of(f.bundle[f.named(".authorization.json")])
		f.bundle[f.named(".pop.sig")] = must(f.knso().Sign(keykind.PossessionText(keykind.PurposeTransfer, sum)))(f)
	}, want: unpossessed},
	{name: "pop-of-aes", aes: true, make: func(f *factory) { f.possess("key", keykind.PurposeTransfer) },
		want: "STEM.pop.sig: an AES key cannot sign, so this file must not exist"},

	{name: "hknso-of-others", make: func(f *factory) { f.hknsoOnly = f.foreign.hknso() }, want: notNamed},
	{name: "hknso-zero", make: func(f *factory) { f.hknsoOnly = []byte(fingerprint.Sum{}.String()) }, want: notNamed},
	{name: "hknso-of-kml", make: func(f *factory) { f.hknsoOnly = []byte(f.kml().Sum().String()) }, want: notNamed},
	{name: "world-of-the-attacker", make: func(f *factory) {
		f.hknsoOnly = f.maker.hknso()
		copies := must(f.foreign.Transfer(f.foreign.request("key")))(f)
		f.bundle = f.foreign.pack(copies[0])
	}, want: notNamed},
}

const (
	unsigned = "STEM.manifest.json: the signature BASE.manifest.sig is not of this content " +
		"by the KML that BASE.module.json certifies"
	unpossessed = "STEM.pop.sig: it is not the signature of the approved key over the SHA-256 of " +
		"BASE.authorization.json"
	notNamed = "STEM.world.json: the world's hknso is not the one named: " +
		"it is another world, or its cards were replaced since"
)
