package world

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/hsm/shim"
	"byok/internal/hsm/softhsm"
	"byok/internal/strictjson"
)

func specs() map[string]hsm.KeySpec {
	return map[string]hsm.KeySpec{
		"rsa-2048": {Type: "RSA", Bits: 2048}, "rsa-exponent-3": {Type: "RSA", Bits: 2048, Exponent: 3}, "rsa-3072": {Type: "RSA", Bits: 3072},
		"p-256": {Type: "EC", Curve: "P-256"}, "p-384": {Type: "EC", Curve: "P-384"}, "p-521": {Type: "EC", Curve: "P-521"}, "p-256k": {Type: "EC", Curve: "P-256K"},
		"aes-128": {Type: "AES", Bits: 128}, "aes-192": {Type: "AES", Bits: 192}, "aes-256": {Type: "AES", Bits: 256},
	}
}

// TestGenerateEveryType checks each key's file with openssl: KNSO's signature,
// and the backup, which opens with the module key that the cards give.
func TestGenerateEveryType(t *testing.T) {
	p, w := newWorld(t)
	km := hex.EncodeToString(must[interface{ Reveal() []byte }](t)(p.quorate(t, w).secret.ModuleKey()).Reveal())
	p.operate(t, w, func(op *Operator) {
		for name, spec := range specs() {
			t.Run(name, func(t *testing.T) {
				k := must[KeyFile](t)(op.GenerateKey(KeyRequest{name, "Contoso's " + name, spec}))
				path := w.Path(k)
				signed(t, w.KNSO.PublicKey, path, path+".sig")
				again := must[KeyFile](t)(w.Key(Simple, name))
				if !strictjson.Equal(again, read(t, path)) || !strictjson.Equal(k, read(t, path)) {
					t.Errorf("the file is not what was returned: %+v", again)
				}
				p.judge(t, w, k, spec)
				judgeBackup(t, k, unwrapped(t, km, must[[]byte](t)(base64.StdEncoding.DecodeString(k.Blob))))
				live, recorded, err := op.Permissions(k)
				if err != nil || !slices.Equal(live, recorded) || !slices.Equal(live, k.Permissions) {
					t.Errorf("permissions %q, recorded %q: %v", live, recorded, err)
				}
			})
		}
	})
	if keys := must[[]KeyFile](t)(w.Keys()); len(keys) != len(specs()) {
		t.Errorf("%d keys", len(keys))
	}
	for _, name := range files(t, filepath.Join(p.kmdata, "local")) {
		if strings.Contains(name, "pending") || strings.HasPrefix(name, ".") {
			t.Errorf("%s is left over", name)
		}
	}
}

// judge compares every field of a key file with what was asked for.
func (p *place) judge(t *testing.T, w *World, k KeyFile, spec hsm.KeySpec) {
	t.Helper()
	want := k
	want.Type, want.Version, want.Rehearsal, want.App, want.PlainName = "byok-key", 1, w.Rehearsal, "simple", "Contoso's "+k.Ident
	want.KeyType, want.Curve, want.Serial, want.HKNSO, want.CardSet, want.KEK = spec.Type, spec.Curve, w.Module.Serial, w.HKNSO, 1, nil
	want.Bits = map[string]int{"": spec.Bits, "P-256": 256, "P-384": 384, "P-521": 521, "P-256K": 256}[spec.Curve]
	if !strictjson.Equal(want, read(t, w.Path(k))) {
		t.Errorf("recorded %+v", k)
	}
}

func judgeBackup(t *testing.T, k KeyFile, clear []byte) {
	t.Helper()
	if k.KeyType != "AES" {
		if got := publicOfPKCS8(t, clear); got != k.PublicKey || k.CheckValue != "" {
			t.Errorf("openssl finds\n%sin the backup of\n%s", got, k.PublicKey)
		}
		return
	}
	zero := openssl(t, "enc", fmt.Sprintf("-aes-%d-ecb", k.Bits), "-nopad", "-K", hex.EncodeToString(clear), "-in", write(t, make([]byte, 16)))
	if hex.EncodeToString(zero) != k.CheckValue || k.PublicKey != "" {
		t.Errorf("check value %s, openssl gives %x", k.CheckValue, zero)
	}
}

func TestGenerateRefuses(t *testing.T) {
	p, w := newWorld(t)
	ident := func(s string) KeyRequest { return KeyRequest{s, s, hsm.KeySpec{Type: "AES", Bits: 128}} }
	spec := func(s hsm.KeySpec) KeyRequest { return KeyRequest{"key", "key", s} }
	long := strings.Repeat("k", 73)
	p.operate(t, w, func(op *Operator) {
		for want, r := range map[string]KeyRequest{
			"the key identifier is empty": ident(""),
			`key identifier "Contoso": only digits, dashes and lower-case letters are allowed`:                 ident("Contoso"),
			`key identifier "../world": only digits, dashes and lower-case letters are allowed`:                ident("../world"),
			`key identifier "a\nb": only digits, dashes and lower-case letters are allowed`:                    ident("a\nb"),
			`key identifier "` + long + `": with its application it has 81 characters, at most 80 are allowed`: ident(long),
			"RSA key of 1024 bits: 2048, 3072 or 4096 is expected":                                             spec(hsm.KeySpec{Type: "RSA", Bits: 1024}),
			"RSA public exponent 4: an odd number from 3 on is expected":                                       spec(hsm.KeySpec{Type: "RSA", Bits: 2048, Exponent: 4}),
			"RSA public exponent 1: an odd number from 3 on is expected":                                       spec(hsm.KeySpec{Type: "RSA", Bits: 2048, Exponent: 1}),
			`EC curve "P-224": P-256, P-384, P-521 or P-256K is expected`:                                      spec(hsm.KeySpec{Type: "EC", Curve: "P-224"}),
			"AES key of 512 bits: 128, 192 or 256 is expected":                                                 spec(hsm.KeySpec{Type: "AES", Bits: 512}),
			`key type "DSA": RSA, EC or AES is expected`:                                                       spec(hsm.KeySpec{Type: "DSA"}),
		} {
			_, err := op.GenerateKey(r)
			expect(t, err, failure{want, exitcode.Usage, ""})
		}
		if _, err := op.GenerateKey(ident(long[:72])); err != nil {
			t.Errorf("80 characters: %v", err)
		}
	})
	p.expectOnToken(t, "key_simple_"+long[:72])
}

func TestGenerateRefusesAnIdentInUse(t *testing.T) {
	p, w := newWorld(t)
	r := KeyRequest{"key", "key", hsm.KeySpec{Type: "AES", Bits: 128}}
	p.operate(t, w, func(op *Operator) {
		must[KeyFile](t)(op.GenerateKey(r))
		before := read(t, p.path("key_simple_key"))
		_, err := op.GenerateKey(r)
		expect(t, err, failure{p.path("key_simple_key") + " exists already and is never overwritten", exitcode.Refused,
			"choose another --ident, or byok-offline key show --ident key"})
		if string(read(t, p.path("key_simple_key"))) != string(before) {
			t.Error("the key file was overwritten")
		}
	})
	p.expectOnToken(t, "key_simple_key")
	// The key is on the token, but its file is lost: not ours to destroy.
	ok(t, os.Remove(p.path("key_simple_key")))
	p.operate(t, w, func(op *Operator) {
		_, err := op.GenerateKey(r)
		expect(t, err, failure{fmt.Sprintf("a key labelled key_simple_key is on %v already, but %s has no file for it", op.user.Token, p.kmdata), exitcode.Refused,
			"choose another --ident, or bring its key file back from your backup of kmdata"})
	})
	p.expectOnToken(t, "key_simple_key")
}

// TestGenerateGoesOn begins with what a killed run leaves.
func TestGenerateGoesOn(t *testing.T) {
	p, w := newWorld(t)
	aes := hsm.KeySpec{Type: "AES", Bits: 128}
	pendingFile := func(t *testing.T, ident string) {
		ok(t, setPending(p.path("key_simple_"+ident), pendingKey{"key_simple_" + ident}))
	}
	p.operate(t, w, func(op *Operator) {
		t.Run("nothing made yet", func(t *testing.T) {
			pendingFile(t, "a")
			must[KeyFile](t)(op.GenerateKey(KeyRequest{"a", "a", aes}))
		})
		t.Run("orphan on the token", func(t *testing.T) {
			pendingFile(t, "b")
			ok(t, op.user.GenerateKey("key_simple_b", hsm.KeySpec{Type: "EC", Curve: "P-256"}))
			must[KeyFile](t)(op.GenerateKey(KeyRequest{"b", "b", aes}))
		})
		t.Run("all but the pending file", func(t *testing.T) {
			made := must[KeyFile](t)(op.GenerateKey(KeyRequest{"c", "c", aes}))
			pendingFile(t, "c")
			again := must[KeyFile](t)(op.GenerateKey(KeyRequest{"c", "c", aes}))
			if again.CheckValue != made.CheckValue {
				t.Error("another key was made")
			}
		})
		t.Run("all but the pending file, for another key", func(t *testing.T) {
			pendingFile(t, "c")
			_, err := op.GenerateKey(KeyRequest{"c", "c", hsm.KeySpec{Type: "AES", Bits: 256}})
			expect(t, err, failure{p.path("key_simple_c") + " exists already and is never overwritten", exitcode.Refused,
				"choose another --ident, or byok-offline key show --ident c"})
		})
	})
	p.expectOnToken(t, "key_simple_a", "key_simple_b", "key_simple_c")
	expectFiles(t, filepath.Join(p.kmdata, "local"), "key_simple_a", "key_simple_a.sig", "key_simple_b", "key_simple_b.sig",
		"key_simple_c", "key_simple_c.sig", "world", "world.sig")
}

// TestGenerateAfterAFault has one call of the library fail; nothing may be
// left, and the second run must succeed.
func TestGenerateAfterAFault(t *testing.T) {
	t.Setenv("SHIM_MODULE", softhsm.New(t))
	p := placeOn(t, shim.Build(t), 1)
	w := must[*World](t)(Create(p.m, p.creation(1)))
	r := KeyRequest{"key", "key", hsm.KeySpec{Type: "EC", Curve: "P-384"}}
	for call, want := range map[string]string{
		"C_GenerateKeyPair": "C_GenerateKeyPair of key_simple_key: CKR_DEVICE_ERROR",
		"C_CreateObject#5":  "C_CreateObject of a session key to probe with: CKR_DEVICE_ERROR",
		"C_Sign":            "signing with byok-knso: CKR_DEVICE_ERROR",
	} {
		t.Run(strings.ReplaceAll(call, "#", " "), func(t *testing.T) {
			t.Setenv("SHIM_DO", fmt.Sprintf("fail=0x%x", pkcs11.CKR_DEVICE_ERROR))
			p.operate(t, w, func(op *Operator) {
				t.Setenv("SHIM_AT", call)
				_, err := op.GenerateKey(r)
				t.Setenv("SHIM_AT", "")
				expect(t, err, failure{want, exitcode.HSM, ""})
			})
			p.expectOnToken(t)
			expectFiles(t, filepath.Join(p.kmdata, "local"), "world", "world.sig")
			p.operate(t, w, func(op *Operator) { must[KeyFile](t)(op.GenerateKey(r)) })
			p.forget(t, w, "key")
		})
	}
}

// forget removes a key and its file.
func (p *place) forget(t *testing.T, w *World, ident string) {
	t.Helper()
	p.operate(t, w, func(op *Operator) { must[int](t)(op.user.DestroyLabelled(keyName(Simple, ident))) })
	ok(t, os.Remove(p.path(keyName(Simple, ident))), os.Remove(p.path(keyName(Simple, ident)+".sig")))
}

func TestKeyFileRefuses(t *testing.T) {
	p, w := newWorld(t)
	p.operate(t, w, func(op *Operator) {
		must[KeyFile](t)(op.GenerateKey(KeyRequest{"key", "key", hsm.KeySpec{Type: "EC", Curve: "P-256"}}))
	})
	path := p.path("key_simple_key")
	open := func() error { _, err := w.Key(Simple, "key"); return err }
	flips(t, path, open)
	flips(t, path+".sig", open)
	ok(t, open())
	_, _, err := OpenFile(path)
	ok(t, err)
	data, sig := read(t, path), read(t, path+".sig")
	ok(t, os.WriteFile(p.path("key_simple_renamed"), data, 0o600), os.WriteFile(p.path("key_simple_renamed.sig"), sig, 0o600))
	_, err = w.Key(Simple, "renamed")
	expect(t, err, failure{p.path("key_simple_renamed") + ": says it is key_simple_key: the file was renamed", exitcode.Check, ""})
	_, err = w.Keys()
	expect(t, err, failure{p.path("key_simple_renamed") + ": says it is key_simple_key: the file was renamed", exitcode.Check, ""})
	other, theirs := p.another(t)
	other.operate(t, theirs, func(op *Operator) {
		must[KeyFile](t)(op.GenerateKey(KeyRequest{"key", "key", hsm.KeySpec{Type: "AES", Bits: 128}}))
	})
	ok(t, os.WriteFile(path, read(t, other.path("key_simple_key")), 0o600), os.WriteFile(path+".sig", read(t, other.path("key_simple_key.sig")), 0o600))
	expect(t, open(), failure{path + ": the world signing key did not sign this content: the file was altered", exitcode.Check, ""})
	ok(t, os.Remove(path+".sig"))
	expect(t, open(), failure{path + ": its signature key_simple_key.sig is missing", exitcode.Check, ""})
	ok(t, os.WriteFile(path, []byte(strings.Replace(string(data), `"byok-key"`, `"byok-world"`, 1)), 0o600))
	expect(t, open(), failure{path + `: is "byok-world" version 1, "byok-key" version 1 is expected`, exitcode.Usage, ""})
	_, err = w.Key(Simple, "none")
	expect(t, err, failure{p.path("key_simple_none") + ": there is no such key in this world", exitcode.Usage, "byok-offline key generate --ident none"})
	_, err = w.Key(Transfer, "none")
	expect(t, err, failure{p.path("key_xferacld_none") + ": there is no such key in this world", exitcode.Usage, "byok-offline acl modify --ident none -k KEKPKG -w SWPKG --card DIR …"})
	_, err = w.Key(Simple, "../world")
	expect(t, err, failure{`key identifier "../world": only digits, dashes and lower-case letters are allowed`, exitcode.Usage, ""})
}

func TestLoginRefuses(t *testing.T) {
	p, w := newWorld(t)
	token := initialised(t, p.m)[0]
	_, err := w.Login(p.m, pin("wrong"))
	expect(t, err, failure{"wrong user PIN for " + token.String() + " (CKR_PIN_INCORRECT); the token counts wrong PINs and will lock it after a few more", exitcode.HSM, ""})
	p.operate(t, w, func(op *Operator) {
		must[int](t)(op.user.DestroyLabelled(signingKeyLabel))
	})
	_, err = w.Login(p.m, pin(userPIN))
	expect(t, err, failure{fmt.Sprintf(`byok-knso is not on the token "test world" (serial %s)`, token.Serial), exitcode.HSM, ""})
	u := must[*hsm.User](t)(p.m.User(token, pin(userPIN)))
	ok(t, u.GenerateSigningKey(signingKeyLabel), u.Close())
	_, err = w.Login(p.m, pin(userPIN))
	expect(t, err, failure{initialised(t, p.m)[0].String() + " holds another security world than " + p.kmdata + ": their signing keys differ", exitcode.Check, ""})
	p.m.Close()
	empty := newPlace(t, 0)
	_, err = w.Login(empty.m, pin(userPIN))
	expect(t, err, failure{"no token with serial " + token.Serial + " in " + empty.m.Path, exitcode.HSM,
		"connect the HSM that holds this security world, then byok-offline module list --module-path " + empty.m.Path})
}
