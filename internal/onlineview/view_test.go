package onlineview

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"byok/internal/azure"
	"byok/internal/command"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/kek"
	"byok/internal/keykind"
	"byok/internal/proof"
	"byok/internal/readback"
	"byok/internal/register"
	"byok/internal/renewal"
	"byok/internal/statement"
	"byok/internal/upload"
	"byok/internal/vault"
	"byok/internal/worlds"
)

var update = flag.Bool("update", false, "write testdata as the results are shown now")

var (
	noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	sum  = fingerprint.Of([]byte("file"))
	id   = kek.ID{Vault: "https://contoso.vault.azure.net", Name: "payroll", Version: strings.Repeat("1", 32)}
)

// curvePoint is the generator of P-256: a public key that is the same in
// every run.
func curvePoint() *ecdsa.PublicKey {
	one := make([]byte, 32)
	one[31] = 1
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), one)
	if err != nil {
		panic(err)
	}
	return &key.PublicKey
}

func ecKey() vault.Key {
	return vault.Key{
		ID:            id,
		Kty:           keykind.ECHSM,
		Crv:           "P-256",
		Bits:          256,
		PublicKey:     curvePoint(),
		Ops:           []string{"sign", "verify"},
		Enabled:       true,
		Expires:       noon.AddDate(1, 0, 0),
		Created:       noon,
		Updated:       noon,
		Exportable:    true,
		HSMPlatform:   "2",
		Recovery:      "Recoverable+Purgeable",
		Tags:          map[string]string{"team": "pay", "cost": "7"},
		ReleasePolicy: []byte(`{"version":"1.0.0"}`),
	}
}

func aesKey() vault.Key {
	return vault.Key{ID: id, Kty: keykind.OctHSM, Ops: []string{"wrapKey"}}
}

func shown(t *testing.T, k vault.Key) Key {
	t.Helper()
	v, err := OfKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func batch(t *testing.T, items ...*upload.Item) Upload {
	t.Helper()
	v, err := OfItems(items)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func results(t *testing.T) map[string]command.Result {
	t.Helper()
	sent := &upload.Item{File: "usb/a.byok", Imported: &vault.Imported{Key: ecKey()}}
	again := &upload.Item{File: "usb/b.byok", Imported: &vault.Imported{Key: aesKey(), Already: true}}
	failed := &upload.Item{
		File:     "usb/c.byok",
		Imported: &vault.Imported{Key: ecKey()},
		Err:      exitcode.Errorf(exitcode.Check, "another key"),
	}
	world := worlds.World{
		Label: "Specimen",
		First: sum,
		HKNSO: []worlds.Entry{{SHA256: sum, By: "ada@host", At: noon}},
	}
	pair := statement.Pair{}
	pair.Ident, pair.Identity = "payroll-2026", statement.Identity{KeyType: keykind.AES, Bits: 256}
	pair.KEK.KID = id
	pair.Target.Name, pair.Target.KeyOps = "payroll", []string{"wrapKey"}
	return map[string]command.Result{
		"key-ec":      shown(t, ecKey()),
		"key-aes":     shown(t, aesKey()),
		"upload":      batch(t, sent, again, failed, &upload.Item{File: "usb/d.byok"}),
		"upload-one":  batch(t, sent),
		"upload-none": batch(t),
		"verified": Verified{
			KID:      id.String(),
			Findings: []readback.Finding{{Rule: "name", Result: readback.Pass, Detail: "payroll"}},
			File:     "payroll.proof.json",
		},
		"dry-run":      DryRun{Transcript: "dry-run.txt", Plan: sum},
		"dry-run-kept": DryRun{Transcript: "dry-run.txt", Plan: sum, Kept: "kept"},
		"renewed":      OfOutcome(renewed()),
		"rechecked": Rechecked{
			File: "payroll.proof.json", Against: "payroll.manifest.json", World: world.String(), Ident: "payroll-2026", Number: 3,
			Proof: proof.Proof{Mark: kek.Production, Time: noon, KID: id, Method: proof.MethodSign, Algorithm: "ES256"},
		},
		"rechecked-alone": Rechecked{
			File:  "payroll.proof.json",
			Proof: proof.Proof{Mark: kek.Test, Time: noon, KID: id, Method: proof.MethodDecrypt, Algorithm: "RSA-OAEP-256"},
		},
		"deleted":        OfDeleted(id.String(), vault.Deleted{DeletedAt: noon, PurgeAt: noon.AddDate(0, 0, 90)}, false),
		"deleted-before": OfDeleted(id.String(), vault.Deleted{}, true),
		"person":         Identity{azure.Identity{Account: "ada@contoso.com", Tenant: "t", Cloud: "AzurePublic", Expires: noon}},
		"application":    Identity{azure.Identity{Account: "app", Application: true, Expires: noon}},
		"toolset":        Toolset{Path: "t.zip", SHA256: sum, KID: id, Mark: kek.Production, KEKFingerprint: sum},
		"toolset-attested": Toolset{
			Path: "t.zip", SHA256: sum, KID: id, Mark: kek.Rehearsal, Attested: true, KEKFingerprint: sum,
		},
		"package": Package{
			File:      "usb/payroll.byok",
			SHA256:    sum,
			World:     world,
			Rehearsal: true,
			Number:    3,
			Sum:       sum,
			Present:   []statement.CardHolder{{Index: 1, Holder: "Ada"}, {Index: 2, Holder: "Ben"}},
			Pair:      pair,
		},
		"proof": Proof{
			Proof:       proof.Proof{Mark: kek.Production, KID: id, Time: noon, Method: proof.MethodSign, Algorithm: "ES256"},
			Signature:   "verifies under the public key in the proof",
			Fingerprint: &sum,
		},
	}
}

// TestPrint compares what people see, and that JSON can be made of it, with the
// files of testdata.
func TestPrint(t *testing.T) {
	for name, v := range results(t) {
		var text bytes.Buffer
		if err := v.Print(&text); err != nil {
			t.Fatal(err)
		}
		data, err := json.MarshalIndent(v, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		got := text.String() + "\n" + string(data) + "\n"
		path := filepath.Join("testdata", name+".txt")
		if *update {
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s is\n%s\nnot\n%s", name, got, want)
		}
	}
}

// full is a writer with room for so many writes.
type full struct{ room int }

var errFull = errors.New("no space left")

func (f *full) Write(p []byte) (int, error) {
	if f.room--; f.room < 0 {
		return 0, errFull
	}
	return len(p), nil
}

// TestNowhereToPrint: what cannot be shown is an error, at whichever write.
func TestNowhereToPrint(t *testing.T) {
	for name, v := range results(t) {
		for room := 0; ; room++ {
			w := &full{room: room}
			err := v.Print(w)
			if w.room >= 0 {
				break
			}
			if !errors.Is(err, errFull) {
				t.Errorf("%s, write %d: %v", name, room+1, err)
			}
		}
	}
}

func TestKeyOfNoKind(t *testing.T) {
	k := ecKey()
	k.PublicKey = "no key"
	const want = "public key of type string: the service imports RSA of 2048, 3072 or 4096 bits and " +
		"EC on P-256, P-384, P-521 or P-256K"
	if _, err := OfKey(k); err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	if _, err := OfItems([]*upload.Item{{Imported: &vault.Imported{Key: k}}}); err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

// renewed is a register of which a part was proved.
func renewed() renewal.Outcome {
	key := &register.Key{World: sum, Label: "Contoso", Ident: "payroll-2026", Retired: noon}
	key.Identity = statement.Identity{KeyType: keykind.EC, Bits: 256, Curve: "P-256"}
	to := func(name string) *register.Destination {
		d := &register.Destination{Number: 3, Uploaded: noon, Proofs: []register.Proof{{Proof: proof.Proof{Time: noon}}}}
		d.Target = statement.Target{Vault: id.Vault, Name: name}
		return d
	}
	return renewal.Outcome{
		Entries: []renewal.Entry{
			{File: "usb/broken.byok", Result: renewal.Failed, Detail: "damaged", Err: exitcode.Errorf(exitcode.Check, "damaged")},
			{File: "usb/a.byok", Result: renewal.Proved, Detail: "it signed", Key: key, Destination: to("a"),
				Report: readback.Report{Key: ecKey()}, Proof: "usb/a.proof-20260102T120000Z.json"},
			{File: "usb/b.byok", Result: renewal.Gone, Detail: "retired", Key: key, Destination: to("b")},
			{File: "usb/c.byok", Result: renewal.NotAsked, Detail: "interrupted", Key: key, Destination: to("c")},
		},
		KEKs: []renewal.Exchange{{
			KEK: &register.KEK{KEK: statement.KEK{KID: id}, Closed: noon}, State: renewal.Closed, Detail: "on some day",
		}},
		Strays: []register.Stray{{File: "usb/d.proof-1.json", Why: errors.New("usb/d.proof-1.json: another key")}},
	}
}
