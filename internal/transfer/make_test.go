package transfer_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/kmdata"
	"byok/internal/testkit/softworld"
	"byok/internal/transfer"
)

// made is a world with one transfer copy.
func made(t testing.TB) (*maker, *kmdata.Key) {
	t.Helper()
	m := newMaker(t, softworld.Options{}, vaultURL)
	m.generate("key", "P-256")
	return m, must(m.Transfer(m.request("key")))(t)[0]
}

func (m *maker) asked(file *kmdata.Key) transfer.Request {
	return transfer.Request{Copy: file, SubscriptionID: subscription, Generator: "byok-offline 1.0.0; Example HSM 1.0"}
}

func TestMake(t *testing.T) {
	m, file := made(t)
	p := must(transfer.Make(m.Chain, m.asked(file), m.KML[file.Module]))(t)
	dir := t.TempDir()
	paths := must(p.Write(dir))(t)
	if want := filepath.Join(dir, stem+".byok"); paths[0] != want || len(paths) != 10 {
		t.Errorf("%v", paths)
	}
	for _, path := range paths {
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
	}
	a := must(verified(paths[0], m.Chain.HKNSO()))(t)
	if a.Facts().Pair.Ident != "key" || a.Facts().Manifest.SubscriptionID != subscription {
		t.Errorf("%+v", a.Facts())
	}
	plain := must(softworld.RSA(2048, 2))(t)
	blob := must(transfer.ParseBlob("b", a.Blob()))(t)
	if got := must(softworld.Unwrap(plain, blob.Ciphertext))(t); string(got) != string(m.keys["key"].Plain) {
		t.Error("the .byok holds another key")
	}
}

// A package of a world whose cards were replaced twice carries both replacements.
func TestMakeWithCards(t *testing.T) {
	m, _ := made(t)
	check(t, m.ReplaceCards(m.Module()))
	check(t, m.ReplaceCards(m.Module()))
	b := m.pack(must(m.Transfer(m.request("key")))(t)[0])
	for _, end := range []string{".cards-2.json", ".cards-2.new.sig", ".cards-3.sig", ".cards-3.new.sig"} {
		if len(b[stem+end]) == 0 {
			t.Errorf("%s is missing", end)
		}
	}
	for _, set := range m.Sets {
		must(verified(b.put(t), set.KNSO.Sum()))(t)
	}
}

// broken is a signer whose token was pulled out.
type broken struct{}

func (broken) Sign([]byte) ([]byte, error) { return nil, errors.New("the token is gone") }

func TestMakeRefuses(t *testing.T) {
	m, file := made(t)
	second := must(m.Join())(t)
	for name, c := range map[string]struct {
		change func(r *transfer.Request)
		kml    kmdata.Signer
		code   exitcode.Code
		want   string
	}{
		"a key of app simple": {func(r *transfer.Request) { r.Copy = must(m.Chain.Key("key"))(t) }, nil, exitcode.Usage,
			"key_simple_key: it is not a transfer copy"},
		"no authorization": {func(r *transfer.Request) { r.Copy.Copy.Number = 3 }, nil, exitcode.Check,
			"statement 3 is not an authorization of this world"},
		"another authorization": {func(r *transfer.Request) { r.Copy.Copy.Authorization = fingerprint.Of(nil) }, nil,
			exitcode.Check,
			stem + ".manifest.json: field authorization.sha256: " + stem + ".authorization.json has another SHA-256"},
		"no pair": {func(r *transfer.Request) { r.Copy.Copy.Index = 1 }, nil, exitcode.Check,
			"key_xferacld_key_000004-1: statement 4 (authorization) has only 1 pair"},
		"another copy": {func(r *transfer.Request) { r.Copy.Copy.Ciphertext[0] ^= 1 }, nil, exitcode.Check,
			stem + ".byok: the wrapped key is not the one that was approved"},
		"no possession": {func(r *transfer.Request) { r.Copy.Copy.Possession = nil }, nil, exitcode.Check,
			stem + ".pop.sig: it is missing: the transferred key must have signed the authorization"},
		"no subscription": {func(r *transfer.Request) { r.SubscriptionID = "" }, nil, exitcode.Failed,
			"transfer manifest: field subscription_id: expected a UUID"},
		"no ciphertext": {func(r *transfer.Request) { r.Copy.Copy.Ciphertext = nil }, nil, exitcode.Failed,
			"transfer blob: field ciphertext: 0 bytes are not a CKM_RSA_AES_KEY_WRAP, " +
				"which has at least 280 and a multiple of 8"},
		"KML of another module": {func(*transfer.Request) {}, m.KML[second], exitcode.Check,
			strings.NewReplacer("STEM", stem, "BASE", stem).Replace(unsigned)},
		"no token": {func(*transfer.Request) {}, broken{}, exitcode.Failed, "the token is gone"},
	} {
		t.Run(name, func(t *testing.T) {
			k := *file
			content := *file.Copy
			content.Ciphertext = append([]byte{}, content.Ciphertext...)
			k.Copy = &content
			r := m.asked(&k)
			c.change(&r)
			if c.kml == nil {
				c.kml = m.KML[m.Module()]
			}
			_, err := transfer.Make(m.Chain, r, c.kml)
			refused(t, name, err, c.want)
			status(t, name, err, c.code)
		})
	}
}

// What was approved by cards that were replaced since is no longer packaged.
func TestMakeAfterReplacement(t *testing.T) {
	m, file := made(t)
	check(t, m.ReplaceCards(m.Module()))
	_, err := transfer.Make(m.Chain, m.asked(file), m.KML[m.Module()])
	refused(t, "replaced", err, "statement 4 (authorization) was signed by cards that statement 5 has replaced")
	status(t, "replaced", err, exitcode.Refused)
}

func TestWriteRefuses(t *testing.T) {
	m, file := made(t)
	p := must(transfer.Make(m.Chain, m.asked(file), m.KML[m.Module()]))(t)
	dir := t.TempDir()
	paths := must(p.Write(dir))(t)
	_, err := p.Write(dir)
	refused(t, "again", err, paths[0]+" already exists and is never overwritten")
	status(t, "again", err, exitcode.Refused)
	check(t, os.Remove(paths[0]))
	must(p.Write(dir))(t) // what an interrupted run left is replaced
	check(t, os.Remove(paths[0]))
	stale := filepath.Join(dir, stem+".cards-2.json")
	check(t, os.WriteFile(stale, nil, 0o600))
	_, err = p.Write(dir)
	refused(t, "stale", err, stale+": it is named like a file of this package but is not one")
	status(t, "stale", err, exitcode.Refused)
	_, err = p.Write(dir + "/none")
	refused(t, "no folder", err, dir+"/none: there is no such folder")
	status(t, "no folder", err, exitcode.Usage)
	_, err = p.Write(stale)
	refused(t, "no folder", err, "open "+stale+": not a directory")
}
