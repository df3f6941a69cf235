package keys_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/keykind"
	"byok/internal/keys"
	"byok/internal/stamp"
	"byok/internal/testkit/rig"
	"byok/internal/testkit/softworld"
)

// TestApproveShows shows all that is approved, verified, before a holder types
// the first word of the list's hash.
func TestApproveShows(t *testing.T) {
	r := rig.NewKeyWorld(t)
	k := rig.NewKEK(t, "KEK1")
	transfer := transferOf(t, r, k, "first", "First")
	transfer.Target.Exportable, transfer.Target.ReleasePolicy = true, fingerprint.Of([]byte("policy"))
	var word string
	r.People.Approve = func(w string) error { word = w; return nil }
	files, err := approve(r, transfer)
	rig.OK(t, err)
	file, err := r.Chain(t).Key("first")
	rig.OK(t, err)
	mark, err := file.Identity.Fingerprint()
	rig.OK(t, err)
	r.Heard(t, r.People.Said,
		"1. key    first (first), P-256, "+mark.FirstWords(4),
		"   origin quorum: generated with the card holders present",
		"   KEK    "+r.Plain(k.ID().String()),
		"          "+k.Fingerprint().FirstWords(8)+"; not attested: it rests on what was said",
		"          Olga said: "+r.Plain(k.Fingerprint().String())+", import only",
		"   target First in https://localhost:8443",
		"   may    sign, verify; exportable under the release policy "+transfer.Target.ReleasePolicy.String()[:16]+"…",
		`guard of token "test world" (serial SERIAL): trust`)
	r.Heard(t, r.People.Warned, "whoever may import into these vaults can use the packages there until the KEKs are deleted")
	_, a, err := r.Chain(t).Authorization(files[0].Copy.Number)
	rig.OK(t, err)
	if word != a.List.FirstWords(1) || !slices.Contains(r.People.Said, "list of 1: "+a.List.FirstWords(8)) {
		t.Errorf("the word was %s", word)
	}
	p := a.Pairs[0]
	if p.Wrapped != fingerprint.Of(files[0].Copy.Ciphertext) || p.Target.Name != "First" || p.KEK.Said.By != "Olga" || a.Guard != "trust" {
		t.Errorf("%+v", p)
	}
	opens(t, files[0], k.Open(t, files[0].Copy.Ciphertext))
	sum := r.Chain(t).Last().Sum
	text := keykind.PossessionText(keykind.PurposeTransfer, sum)
	if err := keykind.VerifyPossession(file.Public(), text, files[0].Copy.Possession); err != nil {
		t.Errorf("the proof of possession: %v", err)
	}
	r.Whole(t)
}

// TestApproveDenied: whatever the holders do not approve is not wrapped, and
// no one logs in as SO for it.
func TestApproveDenied(t *testing.T) {
	r := rig.NewKeyWorld(t)
	before := r.Chain(t).Last().Number()
	denied := errors.New("not approved")
	r.People.Approve = func(string) error { return denied }
	if _, err := approve(r, transferOf(t, r, rig.NewKEK(t, "KEK1"), "first", "First")); !errors.Is(err, denied) {
		t.Errorf("%v", err)
	}
	copies, err := r.Chain(t).Copies("first")
	rig.OK(t, err)
	if after := r.Chain(t).Last().Number(); after != before || len(copies) > 0 {
		t.Errorf("statement %d, %d copies", after, len(copies))
	}
}

// TestTransferCheck refuses what needs neither person nor token.
func TestTransferCheck(t *testing.T) {
	r := rig.NewKeyWorld(t)
	k := rig.NewKEK(t, "KEK1")
	for _, ident := range []string{"frozen", "retired"} {
		rig.OK(t, alone(r, ident))
	}
	rig.OK(t, freeze(r, "frozen"))
	_, err := retire(r, "retired")
	rig.OK(t, err)
	for _, c := range []struct {
		ident string
		code  exitcode.Code
		text  string
		hint  string
	}{
		{"first", exitcode.Done, "", ""},
		{"none", exitcode.Usage, "DIR/local/key_simple_none: there is no such key in this world", "byok-offline key generate --ident none"},
		{"frozen", exitcode.Refused, "key_simple_frozen is frozen: it cannot be wrapped any more",
			"retire it and restore it from its backup, which stays whole"},
		{"retired", exitcode.Refused, "key_simple_retired was retired on " + stamp.Now().Format("2006-01-02") +
			", and is not on the HSM", "byok-offline key restore --ident retired --card DIR … brings it back from its backup"},
	} {
		_, err := keys.Transfer{Ident: c.ident, KEK: k.KEK}.Check(r.Chain(t))
		if c.text == "" {
			rig.OK(t, err)
			continue
		}
		r.Refused(t, err, c.code, c.text, c.hint)
	}
}

// TestTransferOfProduction: a rehearsal's KEK is not for a production key.
func TestTransferOfProduction(t *testing.T) {
	dir := t.TempDir()
	w, err := softworld.New(dir, softworld.Options{})
	rig.OK(t, err)
	key, err := softworld.NewKey(mustKind("P-256"))
	rig.OK(t, err)
	_, err = w.Generate("first", key)
	rig.OK(t, err)
	_, err = keys.Transfer{Ident: "first", KEK: rig.NewKEK(t, "KEK1").KEK}.Check(w.Chain)
	want := "the KEK package is from a rehearsal, and this is a production world (" + dir + ")"
	if err == nil || err.Error() != want || exitcode.Of(err) != exitcode.Refused {
		t.Errorf("%v", err)
	}
}

// TestApproveMany signs an authorization for every fifty pairs, each with the
// hash of the whole list, and gives each pair a wrapped copy of its own.
func TestApproveMany(t *testing.T) {
	r := rig.NewKeyWorld(t)
	k := rig.NewKEK(t, "KEK1")
	var list []keys.Transfer
	for i := range 51 {
		list = append(list, transferOf(t, r, k, "first", fmt.Sprint("Name-", i)))
	}
	files, err := approve(r, list...)
	rig.OK(t, err)
	chain := r.Chain(t)
	_, one, err := chain.Authorization(files[0].Copy.Number)
	rig.OK(t, err)
	_, two, err := chain.Authorization(files[50].Copy.Number)
	rig.OK(t, err)
	if len(one.Pairs) != 50 || len(two.Pairs) != 1 || one.List != two.List || two.Number != one.Number+1 {
		t.Errorf("%d and %d pairs, lists %v and %v", len(one.Pairs), len(two.Pairs), one.List, two.List)
	}
	seen := map[string]bool{}
	for i, f := range files {
		seen[string(f.Copy.Ciphertext)] = true
		if i%25 == 0 {
			opens(t, f, k.Open(t, f.Copy.Ciphertext))
		}
	}
	if len(seen) != 51 {
		t.Errorf("%d wrapped copies", len(seen))
	}
	r.Whole(t)
}

// TestApproveWithoutCopies wraps the key itself where the module copies none.
func TestApproveWithoutCopies(t *testing.T) {
	r := rig.NewKeyWorld(t)
	k := rig.NewKEK(t, "KEK1")
	r.People.Approve = func(string) error {
		t.Setenv("SHIM_DO", "fail=0x54")
		t.Setenv("SHIM_AT", "C_CopyObject+")
		return nil
	}
	files, err := approve(r, transferOf(t, r, k, "first", "First"))
	rig.OK(t, err)
	opens(t, files[0], k.Open(t, files[0].Copy.Ciphertext))
	r.Heard(t, r.People.Warned,
		`token "test world" (serial SERIAL) copies no keys: the key is wrapped without a copy of reduced permissions`)
	if !slices.Contains(files[0].Permissions, "SIGN") {
		t.Errorf("permissions %q", files[0].Permissions)
	}
}

// TestApproveCutShort: whatever dies before KNSO has signed leaves nothing, and
// what dies later leaves an authorization without a copy.
func TestApproveCutShort(t *testing.T) {
	k := rig.NewKEK(t, "KEK1")
	dying(t, func(*rig.Rig) {}, func(r *rig.Rig) error {
		_, err := approve(r, transferOf(t, r, k, "first", "First"))
		return err
	})
}

// TestApproveFails gives the token's errors on, names the key, and leaves
// nothing that could wrap.
func TestApproveFails(t *testing.T) {
	for _, c := range []struct {
		call string
		text string
	}{
		{"C_GenerateKey", "C_GenerateKey of the transfer key as a trusted key: CKR_DEVICE_ERROR"},
		{"C_CreateObject", "C_CreateObject of the KEK as a trusted key: CKR_DEVICE_ERROR"},
		{"C_CopyObject", "first: C_CopyObject of key_simple_first: CKR_DEVICE_ERROR"},
		{"C_SignInit", "first: C_SignInit with key_simple_first: CKR_DEVICE_ERROR"},
	} {
		t.Run(c.call, func(t *testing.T) {
			r := rig.NewKeyWorld(t)
			r.People.Approve = func(string) error {
				t.Setenv("SHIM_DO", "fail=0x30")
				t.Setenv("SHIM_AT", c.call+"+")
				return nil
			}
			_, err := approve(r, transferOf(t, r, rig.NewKEK(t, "KEK1"), "first", "First"))
			r.Refused(t, err, exitcode.HSM, c.text, exitcode.HintOf(err))
			t.Setenv("SHIM_AT", "")
			r.Whole(t)
		})
	}
}

// TestApproveKM: KM is not a KEK, whatever the packages say.
func TestApproveKM(t *testing.T) {
	r := rig.NewKeyWorld(t)
	km, err := r.Chain(t).Set().KM.ModuleKey()
	rig.OK(t, err)
	k := rig.NewKEKOf(t, "KEK1", km)
	_, err = approve(r, transferOf(t, r, k, "first", "First"))
	if err == nil || !strings.HasSuffix(err.Error(), "pair 1: field kek: it is KM of card set 1") || exitcode.Of(err) != exitcode.Check {
		t.Errorf("%v", err)
	}
	if copies, err := r.Chain(t).Copies("first"); err != nil || len(copies) > 0 {
		t.Errorf("%v %v", copies, err)
	}
	r.Whole(t)
}
