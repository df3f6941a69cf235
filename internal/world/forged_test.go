package world

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/hsm"
	"byok/internal/hsm/shim"
	"byok/internal/hsm/softhsm"
	"byok/internal/strictjson"
)

// forge writes a file as the operator could, who has KNSO's use: signed, but
// not made by the program.
func (p *place) forge(t *testing.T, w *World, path string, v any) {
	t.Helper()
	data := must[[]byte](t)(strictjson.Marshal(v))
	p.operate(t, w, func(op *Operator) {
		ok(t, os.WriteFile(path, data, 0o600), os.WriteFile(path+".sig", must[[]byte](t)(op.signWithKNSO(data)), 0o600))
	})
}

func TestForgedKeyFiles(t *testing.T) {
	p, w, kek := ready(t, p256)
	simple, copied := must[KeyFile](t)(w.Key(Simple, "key")), must[KeyFile](t)(w.Key(Transfer, "key"))
	other := fingerprint.Of(nil)
	foreign := simple
	foreign.HKNSO = other
	p.forge(t, w, p.path("key_simple_key"), foreign)
	_, err := w.Key(Simple, "key")
	expect(t, err, failure{p.path("key_simple_key") + ": belongs to another security world (hknso " + other.String() + ")", exitcode.Check, ""})
	production := simple
	production.Rehearsal = false
	p.forge(t, w, p.path("key_simple_key"), production)
	_, err = w.Key(Simple, "key")
	expect(t, err, failure{p.path("key_simple_key") + ": belongs to another security world (hknso " + w.HKNSO.String() + ")", exitcode.Check, ""})
	p.forge(t, w, p.path("key_simple_key"), simple)
	unbound := copied
	unbound.KEK = nil
	p.forge(t, w, p.path("key_xferacld_key"), unbound)
	_, err = p.pack(t, w, request("key", kek, t.TempDir()))
	expect(t, err, failure{"key_xferacld_key was made for KEK none, not for " + kek.KID().String(), exitcode.Check, "give the KEK package that acl modify was given"})
}

// TestForgedWorldFile is about what is refused before the signature is looked at.
func TestForgedWorldFile(t *testing.T) {
	p, w := newWorld(t)
	path := p.path("world")
	private := filepath.Join(t.TempDir(), "rsa.pem")
	openssl(t, "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", private)
	rsa := string(openssl(t, "pkey", "-in", private, "-pubout"))
	for want, c := range map[string]struct {
		change func(*File)
		code   exitcode.Code
	}{
		"field knso.public_key: public key: not a PEM block":                    {func(f *File) { f.KNSO.PublicKey = "" }, exitcode.Usage},
		"field knso.public_key: an EC key is expected":                          {func(f *File) { f.KNSO.PublicKey = rsa }, exitcode.Usage},
		"hknso is not the hash of the world signing key: the file was altered":  {func(f *File) { f.HKNSO = fingerprint.Of(nil) }, exitcode.Check},
		"the world signing key did not sign this content: the file was altered": {func(f *File) { f.Label = "another" }, exitcode.Check},
	} {
		f := w.File
		c.change(&f)
		ok(t, os.WriteFile(path, must[[]byte](t)(strictjson.Marshal(f)), 0o600))
		_, err := Open(p.kmdata)
		expect(t, err, failure{path + ": " + want, c.code, ""})
	}
	f := w.File
	f.Cards.Holders = f.Cards.Holders[:2]
	ok(t, os.WriteFile(path, must[[]byte](t)(strictjson.Marshal(f)), 0o600))
	_, err := Open(p.kmdata)
	expect(t, err, failure{"card set: 2 holders and 2 commitments for quorum 2/3", exitcode.Usage, ""})
}

// TestWrongSignatures: a token that signs wrongly gets nothing written.
func TestWrongSignatures(t *testing.T) {
	const verify = "the signature does not belong to this content and this public key"
	t.Setenv("SHIM_MODULE", softhsm.New(t))
	p := placeOn(t, shim.Build(t), 1)
	t.Setenv("SHIM_WEAK", "signature")
	_, err := Create(p.m, p.creation(1))
	expect(t, err, failure{p.path("world") + ": the token's signature does not verify: " + verify, exitcode.HSM, "run the same command again: it goes on with the cards already written"})
	expectFiles(t, filepath.Join(p.kmdata, "local"), "world.pending")
	t.Setenv("SHIM_WEAK", "")
	w := must[*World](t)(Create(p.m, p.creation(1)))
	kek := newKEK(t, false, "KEKforBYOK")
	p.generate(t, w, "key", p256)
	must[KeyFile](t)(w.ModifyACL(p.m, p.change(t, w, "key", kek)))
	t.Setenv("SHIM_WEAK", "signature")
	p.operate(t, w, func(op *Operator) {
		_, err := op.GenerateKey(KeyRequest{"other", "other", hsm.KeySpec{Type: "AES", Bits: 128}})
		expect(t, err, failure{p.path("key_simple_other") + ": the token's signature does not verify: " + verify, exitcode.HSM, ""})
	})
	dir := t.TempDir()
	_, err = p.pack(t, w, request("key", kek, dir))
	expect(t, err, failure{"the package just made does not verify, nothing was written: KeyTransferPackage-Contoso-key.manifest.sig: " + verify, exitcode.Check, ""})
	expectFiles(t, dir)
	t.Setenv("SHIM_WEAK", "")
	_, err = p.pack(t, w, request("key", kek, dir))
	ok(t, err)
	p.expectOnToken(t, "key_simple_key", "key_simple_key")
}

// TestNoSecretIsWritten searches every file that a ceremony leaves for what
// must be in none of them.
func TestNoSecretIsWritten(t *testing.T) {
	p, w, kek := ready(t, p256)
	dir := t.TempDir()
	_, err := p.pack(t, w, request("key", kek, dir))
	ok(t, err)
	q := p.quorate(t, w)
	secrets := map[string]string{"user PIN": userPIN, "SO PIN": must[interface{ Text() string }](t)(q.secret.SOPIN()).Text(),
		"module key": must[interface{ Text() string }](t)(q.secret.ModuleKey()).Text()}
	for i := range p.cards {
		secrets[fmt.Sprintf("passphrase %d", i+1)] = passphrase(i)
	}
	n := 0
	for _, folder := range append([]string{filepath.Join(p.kmdata, "local"), dir}, p.cards...) {
		for _, name := range files(t, folder) {
			n++
			for what, secret := range secrets {
				if strings.Contains(string(read(t, filepath.Join(folder, name))), secret) {
					t.Errorf("%s holds the %s", name, what)
				}
			}
		}
	}
	for _, line := range p.said {
		for what, secret := range secrets {
			if strings.Contains(line, secret) {
				t.Errorf("the %s was said", what)
			}
		}
	}
	if n != 13 {
		t.Errorf("%d files searched", n)
	}
}
