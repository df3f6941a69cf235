package world

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/transfer"
)

func TestPackageRefuses(t *testing.T) {
	p, w, kek := ready(t, p256)
	other := newKEK(t, true, "anotherKEK")
	sameName := newKEK(t, true, "KEKforBYOK")
	file := write(t, nil)
	const give = "give the KEK package that acl modify was given"
	made := fmt.Sprintf("key_xferacld_key was made for KEK %v, not for ", kek.KID())
	for name, c := range map[string]struct {
		change func(*PackRequest)
		want   failure
	}{
		"another KEK":             {func(r *PackRequest) { r.KEK = other.KEK }, failure{made + other.KID().String(), exitcode.Check, give}},
		"another key of its name": {func(r *PackRequest) { r.KEK = sameName.KEK }, failure{fmt.Sprintf("key_xferacld_key was made for KEK %v with another public key than this package has", kek.KID()), exitcode.Check, give}},
		"no transfer copy":        {func(r *PackRequest) { r.Ident = "none" }, failure{p.path("key_xferacld_none") + ": there is no such key in this world", exitcode.Usage, "byok-offline acl modify --ident none -k KEKPKG -w SWPKG --card DIR …"}},
		"friendly name":           {func(r *PackRequest) { r.FriendlyName = "Contoso key" }, failure{`key name "Contoso key": 1 to 127 digits, letters and dashes are allowed`, exitcode.Usage, ""}},
		"subscription":            {func(r *PackRequest) { r.SubscriptionID = "" }, failure{"transfer manifest: field subscription_id is missing", exitcode.Usage, ""}},
		"folder is a file":        {func(r *PackRequest) { r.Dir = file }, failure{"mkdir " + file + ": not a directory", exitcode.Refused, ""}},
	} {
		t.Run(name, func(t *testing.T) {
			r := request("key", kek, t.TempDir())
			c.change(&r)
			_, err := p.pack(t, w, r)
			expect(t, err, c.want)
			if r.Dir != file {
				expectFiles(t, r.Dir)
			}
		})
	}
	_, err := p.pack(t, w, request("key", kek, t.TempDir()))
	ok(t, err) // none of them spoilt it
}

// TestPackageGoesOn: the package is written, and the run was killed before the
// transfer objects were destroyed.
func TestPackageGoesOn(t *testing.T) {
	p, w, kek := ready(t, p256)
	dir := t.TempDir()
	r := request("key", kek, dir)
	packAndDie := func() (packed Packed) {
		p.operate(t, w, func(op *Operator) {
			k := must[KeyFile](t)(op.packable(r))
			out := must[*outputs](t)(openOutputs(r.Dir, must[transfer.FileNames](t)(transfer.Names(r.FriendlyName)), false))
			packed = must[Packed](t)(op.pack(r, k, out))
		})
		return packed
	}
	made := packAndDie()
	blob := read(t, made.Paths[0])
	other := r
	other.SubscriptionID = "00000000-0000-0000-0000-000000000000"
	_, err := p.pack(t, w, other)
	expect(t, err, failure{made.Paths[0] + " exists already and is never overwritten", exitcode.Refused, "choose another --key-friendly-name, or another folder with --out"})
	packed, err := p.pack(t, w, r)
	ok(t, err)
	if !slices.Equal(packed.Paths, made.Paths) || string(read(t, packed.Paths[0])) != string(blob) {
		t.Errorf("returned %q", packed.Paths)
	}
	p.expectOnToken(t, "key_simple_key", "key_simple_key")
}

// TestPackageIsNotTakenForAnotherKeys: a package of an earlier key with the
// same identifier lies in the folder.
func TestPackageIsNotTakenForAnotherKeys(t *testing.T) {
	p, w, kek := ready(t, p256)
	dir := t.TempDir()
	packed, err := p.pack(t, w, request("key", kek, dir))
	ok(t, err)
	p.forget(t, w, "key")
	ok(t, os.Remove(p.path("key_xferacld_key")), os.Remove(p.path("key_xferacld_key.sig")))
	p.generate(t, w, "key", p256)
	must[KeyFile](t)(w.ModifyACL(p.m, p.change(t, w, "key", kek)))
	_, err = p.pack(t, w, request("key", kek, dir))
	expect(t, err, failure{packed.Paths[0] + " exists already and is never overwritten", exitcode.Refused, "choose another --key-friendly-name, or another folder with --out"})
}

func TestDigestsOfThePackage(t *testing.T) {
	p, w, kek := ready(t, hsm.KeySpec{Type: "AES", Bits: 192})
	packed, err := p.pack(t, w, request("key", kek, t.TempDir()))
	ok(t, err)
	out := strings.Fields(string(openssl(t, "dgst", "-sha256", "-r", packed.Paths[0])))
	if got := packed.Package.Manifest.Blob.SHA256.String(); out[0] != got || len(got) != hex.EncodedLen(sha256.Size) {
		t.Errorf("openssl finds %s, the manifest says %s", out[0], got)
	}
}
