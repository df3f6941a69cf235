package world

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/hsm/shim"
	"byok/internal/hsm/softhsm"
	"byok/internal/strictjson"
	"byok/internal/transfer"
)

const subscription = "6b29fc40-ca47-1067-b31d-00dd010662da"

func (p *place) generate(t *testing.T, w *World, ident string, spec hsm.KeySpec) (k KeyFile) {
	t.Helper()
	p.operate(t, w, func(op *Operator) { k = must[KeyFile](t)(op.GenerateKey(KeyRequest{ident, ident, spec})) })
	return k
}

// change asks for the transfer copy of a key.
func (p *place) change(t *testing.T, w *World, ident string, kek vaultKEK) ACLChange {
	return ACLChange{Ident: ident, KEK: kek.KEK, Cards: p.quorate(t, w), PIN: pin(userPIN), Say: p.say}
}

func request(ident string, kek vaultKEK, dir string) PackRequest {
	return PackRequest{Ident: ident, KEK: kek.KEK, SubscriptionID: subscription, FriendlyName: "Contoso-" + ident, Dir: dir, Generator: "byok-offline test"}
}

// pack asks for the package and returns what it gets.
func (p *place) pack(t *testing.T, w *World, r PackRequest) (packed Packed, err error) {
	t.Helper()
	p.operate(t, w, func(op *Operator) { packed, err = op.Package(r) })
	return packed, err
}

// TestTransfer takes a key of each type from its generation to its package,
// and opens that with openssl alone.
func TestTransfer(t *testing.T) {
	p, w := newWorld(t)
	kek := newKEK(t, true, "KEKforBYOK")
	for ident, spec := range map[string]hsm.KeySpec{
		"rsa": {Type: "RSA", Bits: 2048}, "p-256": {Type: "EC", Curve: "P-256"}, "p-256k": {Type: "EC", Curve: "P-256K"},
		"p-521": {Type: "EC", Curve: "P-521"}, "aes-128": {Type: "AES", Bits: 128}, "aes-256": {Type: "AES", Bits: 256},
	} {
		t.Run(ident, func(t *testing.T) { p.transfer(t, w, kek, ident, spec) })
	}
}

func (p *place) transfer(t *testing.T, w *World, kek vaultKEK, ident string, spec hsm.KeySpec) {
	original := p.generate(t, w, ident, spec)
	copied := must[KeyFile](t)(w.ModifyACL(p.m, p.change(t, w, ident, kek)))
	signed(t, w.KNSO.PublicKey, w.Path(copied), w.Path(copied)+".sig")
	if again := must[KeyFile](t)(w.Key(Transfer, ident)); again.KEK == nil || *again.KEK != (KEKBinding{kek.KID(), 2048, kek.Fingerprint(), false}) ||
		again.PublicKey != original.PublicKey || again.CheckValue != original.CheckValue || again.Blob != "" {
		t.Errorf("recorded %+v", again)
	}
	if !slices.Equal(copied.Permissions, []string{"ALWAYS_SENSITIVE", "EXTRACTABLE", "LOCAL", "SENSITIVE", "WRAP_WITH_TRUSTED"}) {
		t.Errorf("the copy may %q", copied.Permissions)
	}
	before := p.onToken(t)
	dir := filepath.Join(t.TempDir(), "usb")
	packed, err := p.pack(t, w, request(ident, kek, dir))
	ok(t, err)
	p.judgePackage(t, w, kek, original, packed)
	gone := []string{"byok-kek_" + ident, "byok-transfer_" + ident, "key_xferacld_" + ident}
	if want := slices.DeleteFunc(before, func(l string) bool { return slices.Contains(gone, l) }); !slices.Equal(p.onToken(t), want) {
		t.Errorf("on the token are %q, want %q", p.onToken(t), want)
	}
}

func (p *place) judgePackage(t *testing.T, w *World, kek vaultKEK, k KeyFile, packed Packed) {
	t.Helper()
	read := must[transfer.Package](t)(transfer.ReadPackage(packed.Paths[0]))
	ok(t, read.Verify())
	m := read.Manifest
	sum := sha256.Sum256(read.BlobBytes)
	kty := map[string]string{"RSA": "RSA-HSM", "EC": "EC-HSM", "AES": "oct-HSM"}[k.KeyType]
	want := transfer.Manifest{
		Rehearsal: true, Name: "Contoso-" + k.Ident, Blob: transfer.BlobRecord{File: "KeyTransferPackage-Contoso-" + k.Ident + ".byok", SHA256: sum},
		Key: transfer.Key{App: "simple", Ident: k.Ident, PlainName: k.Ident, KTY: kty, Crv: k.Curve, Bits: k.Bits, PublicKey: k.PublicKey,
			Thumbprint: m.Key.Thumbprint, CheckValue: k.CheckValue, KeyOps: transfer.AllowedOps(kty)},
		KEK:            transfer.KEKRecord{KID: kek.KID(), Bits: 2048, SPKISHA256: transfer.Digest(kek.Fingerprint()), Attested: false},
		SubscriptionID: subscription, World: transfer.WorldRecord{HKNSO: transfer.Digest(w.HKNSO), KNSOPublicKey: w.KNSO.PublicKey, ModuleSerial: w.Module.Serial},
		Permissions: []string{"ALWAYS_SENSITIVE", "EXTRACTABLE", "LOCAL", "SENSITIVE", "WRAP_WITH_TRUSTED"}, Created: m.Created,
		Generator: "byok-offline test; SoftHSM v2 2.6",
	}
	if bytes := must[[]byte](t)(want.Marshal()); string(bytes) != string(read.ManifestBytes) {
		t.Errorf("the manifest is\n%swant\n%s", read.ManifestBytes, bytes)
	}
	signed(t, w.KNSO.PublicKey, packed.Paths[1], packed.Paths[2])
	clear := kek.open(t, read.Blob.Ciphertext)
	judgeBackup(t, k, clear) // the same forms as in a backup
	if k.KeyType == "AES" {
		if len(packed.Paths) != 3 {
			t.Errorf("files %q", packed.Paths)
		}
		return
	}
	signed(t, k.PublicKey, packed.Paths[1], packed.Paths[3])
}

// TestTransferInOneCall is the same on a module that has CKM_RSA_AES_KEY_WRAP.
func TestTransferInOneCall(t *testing.T) {
	t.Setenv("SHIM_MODULE", softhsm.New(t))
	t.Setenv("SHIM_RSA_AES", "1")
	p := placeOn(t, shim.Build(t), 3)
	w := must[*World](t)(Create(p.m, p.creation(2)))
	p.transfer(t, w, newKEK(t, true, "KEKforBYOK"), "p-256", hsm.KeySpec{Type: "EC", Curve: "P-256"})
}

// TestProductionTransfer: nothing of it is marked a rehearsal.
func TestProductionTransfer(t *testing.T) {
	p, w := production(t)
	kek := newKEK(t, false, "KEKforBYOK")
	p.generate(t, w, "key", hsm.KeySpec{Type: "AES", Bits: 256})
	must[KeyFile](t)(w.ModifyACL(p.m, p.change(t, w, "key", kek)))
	packed, err := p.pack(t, w, request("key", kek, t.TempDir()))
	ok(t, err)
	if packed.Package.Manifest.Rehearsal || packed.Package.Blob.KEK.Vault != "https://contoso.vault.azure.net" {
		t.Errorf("packed %+v", packed.Package.Manifest)
	}
}

// TestRehearsalMixes refuses a KEK of the other kind at both steps.
func TestRehearsalMixes(t *testing.T) {
	for _, c := range []struct {
		make func(*testing.T) (*place, *World)
		kek  bool
		text string
	}{
		{newWorld, false, "the KEK package is from production, and this is a rehearsal world (%s)"},
		{production, true, "the KEK package is from a rehearsal, and this is a production world (%s)"},
	} {
		p, w := c.make(t)
		want := failure{fmt.Sprintf(c.text, p.kmdata), exitcode.Refused, ""}
		p.generate(t, w, "key", hsm.KeySpec{Type: "AES", Bits: 128})
		_, err := w.ModifyACL(p.m, p.change(t, w, "key", newKEK(t, c.kek, "KEKforBYOK")))
		expect(t, err, want)
		p.expectOnToken(t, "key_simple_key")
		must[KeyFile](t)(w.ModifyACL(p.m, p.change(t, w, "key", newKEK(t, !c.kek, "KEKforBYOK"))))
		dir := t.TempDir()
		_, err = p.pack(t, w, request("key", newKEK(t, c.kek, "KEKforBYOK"), dir))
		expect(t, err, want)
		expectFiles(t, dir)
		p.m.Close()
	}
}

// ready is a world with a key whose transfer copy waits to be packaged.
func ready(t *testing.T, spec hsm.KeySpec) (*place, *World, vaultKEK) {
	t.Helper()
	p, w := newWorld(t)
	kek := newKEK(t, true, "KEKforBYOK")
	p.generate(t, w, "key", spec)
	must[KeyFile](t)(w.ModifyACL(p.m, p.change(t, w, "key", kek)))
	return p, w, kek
}

var p256 = hsm.KeySpec{Type: "EC", Curve: "P-256"}

func TestModifyACLRefuses(t *testing.T) {
	p, w, kek := ready(t, p256)
	before := must[KeyFile](t)(w.Key(Transfer, "key"))
	if again := must[KeyFile](t)(w.ModifyACL(p.m, p.change(t, w, "key", kek))); !strictjson.Equal(again, read(t, p.path("key_xferacld_key"))) || !again.Created.Equal(before.Created) {
		t.Errorf("a second time for the same KEK made another copy: %+v", again)
	}
	_, err := w.ModifyACL(p.m, p.change(t, w, "none", kek))
	expect(t, err, failure{p.path("key_simple_none") + ": there is no such key in this world", exitcode.Usage, "byok-offline key generate --ident none"})
	wrong := p.change(t, w, "key", kek)
	wrong.PIN = pin("wrong")
	_, err = w.ModifyACL(p.m, wrong)
	expect(t, err, failure{"wrong user PIN for " + initialised(t, p.m)[0].String() + " (CKR_PIN_INCORRECT); the token counts wrong PINs and will lock it after a few more", exitcode.HSM, ""})
	p.expectOnToken(t, "byok-kek_key", "byok-transfer_key", "key_simple_key", "key_simple_key", "key_xferacld_key")
}

// TestModifyACLAfterAKilledRun: what that left on the token is made again.
func TestModifyACLAfterAKilledRun(t *testing.T) {
	p, w, kek := ready(t, p256)
	ok(t, os.Remove(p.path("key_xferacld_key"))) // its signature is a leftover then
	must[KeyFile](t)(w.ModifyACL(p.m, p.change(t, w, "key", kek)))
	if len(slices.DeleteFunc(p.onToken(t), func(l string) bool { return l != "byok-transfer_key" })) != 1 {
		t.Errorf("on the token are %q", p.onToken(t))
	}
	_, err := p.pack(t, w, request("key", kek, t.TempDir()))
	ok(t, err)
	p.expectOnToken(t, "key_simple_key", "key_simple_key")
}

// TestTransferTwice: the record of a spent transfer is put aside, not lost.
func TestTransferTwice(t *testing.T) {
	p, w, kek := ready(t, p256)
	first := must[KeyFile](t)(w.Key(Transfer, "key"))
	dir := t.TempDir()
	_, err := p.pack(t, w, request("key", kek, dir))
	ok(t, err)
	_, err = p.pack(t, w, request("key", kek, dir))
	expect(t, err, failure{filepath.Join(dir, "KeyTransferPackage-Contoso-key.byok") + " exists already and is never overwritten", exitcode.Refused,
		"choose another --key-friendly-name, or another folder with --out"})
	_, err = p.pack(t, w, request("key", kek, t.TempDir()))
	expect(t, err, failure{fmt.Sprintf(`key_xferacld_key is not on the token "test world" (serial %s)`, w.Module.Serial), exitcode.HSM, beginAgain})
	other := newKEK(t, true, "nextKEK")
	must[KeyFile](t)(w.ModifyACL(p.m, p.change(t, w, "key", other)))
	aside := "key_xferacld_key." + first.Created.Format("20060102T150405Z")
	expectFiles(t, filepath.Join(p.kmdata, "local"), "key_simple_key", "key_simple_key.sig", "key_xferacld_key", aside, aside+".sig", "key_xferacld_key.sig", "world", "world.sig")
	signed(t, w.KNSO.PublicKey, p.path(aside), p.path(aside)+".sig")
	if _, k, err := OpenFile(p.path(aside)); err != nil || k.KEK.KID != kek.KID() {
		t.Errorf("the record put aside: %+v, %v", k, err)
	}
	again := request("key", other, dir)
	again.FriendlyName = "Next"
	_, err = p.pack(t, w, again)
	ok(t, err)
	// A third time within the same second must not overwrite what is aside.
	must[KeyFile](t)(w.ModifyACL(p.m, p.change(t, w, "key", kek)))
	n := 0
	for _, name := range files(t, filepath.Join(p.kmdata, "local")) {
		if strings.HasPrefix(name, "key_xferacld_key.2") && !strings.HasSuffix(name, ".sig") {
			n++
		}
	}
	if n != 2 {
		t.Errorf("%d records are aside: %q", n, files(t, filepath.Join(p.kmdata, "local")))
	}
}

const beginAgain = "the copy was packaged before, or what belongs to it was destroyed; begin again with byok-offline acl modify --ident key …"
