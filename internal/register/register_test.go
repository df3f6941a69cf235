package register

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"byok/internal/ceremony"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/kek"
	"byok/internal/keykind"
	"byok/internal/kmdata"
	"byok/internal/proof"
	"byok/internal/stamp"
	"byok/internal/statement"
	"byok/internal/testkit/rig"
	"byok/internal/testkit/softworld"
	"byok/internal/transfer"
)

// vaultURL is where every key of the tests goes.
const vaultURL = "https://contoso.vault.azure.net"

// version returns the identifier of a version of a key in it.
func version(name string, digit int) kek.ID {
	return kek.ID{Vault: vaultURL, Name: name, Version: strings.Repeat(string(rune('0'+digit)), 32)}
}

// held is a world whose quorum approved keys, and what was made of that.
type held struct {
	*softworld.World
	exchange softworld.KEK
	keys     map[string]softworld.Key
	old      *statement.Replaced // that what is generated and approved follows; nil for none
	Sources
}

func hold(t *testing.T) *held {
	t.Helper()
	w, err := softworld.New(filepath.Join(t.TempDir(), "kmdata"), softworld.Options{})
	rig.OK(t, err)
	h := &held{World: w, keys: map[string]softworld.Key{}, Sources: Sources{Proofs: map[string][]byte{}}}
	h.exchange, err = softworld.NewKEK(vaultURL)
	rig.OK(t, err)
	h.Worlds = []*kmdata.Chain{w.Chain}
	return h
}

// key generates a key.
func (h *held) key(t *testing.T, ident, kind string) {
	t.Helper()
	of, err := keykind.Parse(kind)
	rig.OK(t, err)
	key, err := softworld.NewKey(of)
	rig.OK(t, err)
	_, err = h.GenerateAfter(h.old, ident, key)
	rig.OK(t, err)
	h.keys[ident] = key
}

// approve has the quorum approve a key for a name, and packs it.
func (h *held) approve(t *testing.T, ident, name string) Package {
	t.Helper()
	copies, err := h.Transfer(softworld.Request{
		Ident: ident, Key: h.keys[ident], KEK: h.exchange, Name: name,
		Change: func(a *statement.Approval) { a.Replaces = h.old },
	})
	rig.OK(t, err)
	made, err := transfer.Make(h.Chain, transfer.Request{
		Copy: copies[0], SubscriptionID: "00000000-0000-0000-0000-000000000000", Generator: "test",
	}, h.KML[h.Module()])
	rig.OK(t, err)
	approved, err := made.Verify(h.Chain.HKNSO())
	rig.OK(t, err)
	p := Package{File: name + ".byok", SHA256: fingerprint.Of(approved.Blob()), Facts: approved.Facts()}
	h.Packages = append(h.Packages, p)
	return p
}

// prove adds the proof that the vault would give at a time.
func (h *held) prove(t *testing.T, file string, p Package, id kek.ID, at time.Time) {
	t.Helper()
	answer := proof.New(id, kek.Production, at)
	if key := h.keys[p.Pair.Ident]; p.Pair.Secret() {
		answer.Method, answer.Algorithm, answer.CheckValue = proof.MethodCheckValue, "A256CBC", p.Pair.CheckValue
	} else {
		rig.OK(t, answer.Pose(key.Public(), p.Sum, nil))
		kind, err := key.Kind()
		rig.OK(t, err)
		answer.Method, answer.Algorithm = proof.MethodSign, proof.Algorithm(kind)
		answer.Signature, err = key.Possess(answer.Text())
		rig.OK(t, err)
	}
	data, err := answer.Marshal()
	rig.OK(t, err)
	h.Proofs[file] = data
}

// logged adds the end of a command that read packages and noted something.
func (h *held) logged(at time.Time, command, note, value string, read ...Package) {
	e := ceremony.Event{Time: at, Command: command, Phase: ceremony.End, Result: ceremony.Success}
	for _, p := range read {
		e.AddInput(p.File, p.SHA256)
	}
	e.AddNote(note, value)
	h.Log = append(h.Log, e)
}

// TestWhereAKeyWent: approval, package, upload, proofs then and later, and the KEK.
func TestWhereAKeyWent(t *testing.T) {
	h := hold(t)
	h.key(t, "payroll", "P-256")
	p := h.approve(t, "payroll", "Payroll")
	now, id := stamp.Now(), version("Payroll", 1)
	h.logged(now, "upload", NoteKey, id.String(), p)
	h.prove(t, "later.json", p, id, now.Add(365*24*time.Hour))
	h.prove(t, "first.json", p, id, now)
	h.logged(now.Add(time.Hour), "kek delete", NoteClosed, h.exchange.ID.String())
	h.logged(now.Add(2*time.Hour), "verify", NoteGone, h.exchange.ID.String())
	r := Of(h.Sources)
	if len(r.Keys) != 1 || len(r.Keys[0].Went) != 1 || len(r.Strays) > 0 || len(r.KEKs) != 1 {
		t.Fatalf("%+v", r)
	}
	k, d := r.Keys[0], r.Keys[0].Went[0]
	if k.Ident != "payroll" || k.World != h.Chain.FirstHKNSO() || k.Label != h.Chain.World().Label || !k.Retired.IsZero() {
		t.Errorf("%+v", k)
	}
	if d.File != "Payroll.byok" || d.SHA256 != p.SHA256 || d.Number != p.Authorization.Number || d.Later != 0 ||
		!d.Uploaded.Equal(now) || !slices.Equal(d.Versions, []kek.ID{id}) || d.Target.Name != "Payroll" {
		t.Errorf("%+v", d)
	}
	if len(d.Proofs) != 2 || d.Proofs[0].File != "first.json" || d.Proofs[1].File != "later.json" {
		t.Errorf("%+v", d.Proofs)
	}
	if e := r.KEKs[0]; !e.Closed.Equal(now.Add(time.Hour)) || e.Found || !e.KID.Equal(h.exchange.ID) || e.Number != d.Number {
		t.Errorf("%+v", e)
	}
}

// TestWithoutPackages: a bundle's statements and logs say as much without a
// package, and packages say as much without the statements.
func TestWithoutPackages(t *testing.T) {
	h := hold(t)
	h.key(t, "payroll", "P-256")
	p := h.approve(t, "payroll", "Payroll")
	id := version("Payroll", 1)
	h.logged(stamp.Now().Add(time.Hour), "upload", NoteKey, id.String(), p)
	h.prove(t, "proof.json", p, id, stamp.Now())
	for _, c := range []struct {
		name    string
		sources Sources
		file    string
	}{
		{"no packages", Sources{Worlds: h.Worlds, Proofs: h.Proofs, Log: h.Log}, ""},
		{"no statements", Sources{Packages: h.Packages, Proofs: h.Proofs, Log: h.Log}, "Payroll.byok"},
		{"a package twice", Sources{Packages: []Package{p, p}, Proofs: h.Proofs, Log: h.Log}, "Payroll.byok"},
	} {
		r := Of(c.sources)
		if len(r.Keys) != 1 || len(r.Keys[0].Went) != 1 {
			t.Fatalf("%s: %+v", c.name, r)
		}
		d := r.Keys[0].Went[0]
		if d.File != c.file || d.Uploaded.IsZero() || len(d.Proofs) != 1 || !slices.Equal(d.Versions, []kek.ID{id}) {
			t.Errorf("%s: %+v", c.name, d)
		}
	}
	if r := Of(Sources{}); len(r.Keys)+len(r.KEKs)+len(r.Strays) > 0 {
		t.Errorf("of nothing: %+v", r)
	}
}

// TestApprovedAgain: the newest approval of a name counts, and one for another
// name stands beside it.
func TestApprovedAgain(t *testing.T) {
	h := hold(t)
	h.key(t, "aes", "AES-256")
	first := h.approve(t, "aes", "Payroll")
	h.approve(t, "aes", "Other")
	last := h.approve(t, "aes", "payroll")
	slices.Reverse(h.Packages)
	h.Worlds = nil // the order of the files must not matter
	h.prove(t, "proof.json", last, version("Payroll", 1), stamp.Now().Add(time.Minute))
	h.prove(t, "before.json", first, version("Payroll", 1), first.Authorization.Time.Add(-time.Hour))
	h.logged(stamp.Now(), "upload", NoteKey, version("payroll", 1).String(), first)
	r := Of(h.Sources)
	if len(r.Keys) != 1 || len(r.Keys[0].Went) != 3 || len(r.KEKs) != 1 || r.KEKs[0].Number != last.Authorization.Number {
		t.Fatalf("%+v", r)
	}
	went := r.Keys[0].Went
	if went[0].Later != last.Authorization.Number || went[1].Later != 0 || went[2].Later != 0 {
		t.Errorf("superseded by %d, %d, %d", went[0].Later, went[1].Later, went[2].Later)
	}
	if len(went[0].Proofs) != 1 || len(went[2].Proofs) != 1 || went[2].Proofs[0].File != "proof.json" {
		t.Errorf("%+v", went[2].Proofs)
	}
	if went[0].Uploaded.IsZero() || !went[2].Uploaded.IsZero() {
		t.Errorf("uploaded %v and %v", went[0].Uploaded, went[2].Uploaded)
	}
}

// TestStrays: a proof that is not in the register is named, with the reason.
func TestStrays(t *testing.T) {
	h, other := hold(t), hold(t)
	for _, w := range []*held{h, other} {
		w.key(t, "payroll", "P-256")
		w.approve(t, "payroll", "Payroll")
	}
	p, id, now := h.Packages[0], version("Payroll", 1), stamp.Now()
	h.prove(t, "proof.json", p, id, now)
	good := string(h.Proofs["proof.json"])
	h.prove(t, "name.json", p, version("Other", 1), now)
	other.prove(t, "world.json", other.Packages[0], id, now)
	h.Proofs["world.json"] = other.Proofs["world.json"]
	h.Proofs["version.json"] = []byte(strings.Replace(good, `"version": 2`, `"version": 3`, 1))
	at := strings.Index(good, `"signature": "`) + 40
	bit := byte('A')
	if good[at] == bit {
		bit = 'B'
	}
	h.Proofs["bit.json"] = []byte(good[:at] + string(bit) + good[at+1:])
	r := Of(h.Sources)
	want := map[string]string{
		"bit.json":     "bit.json: the signature does not belong to this content and this public key",
		"name.json":    "name.json: it is about " + version("Other", 1).String() + ", for which no key of the register was approved",
		"version.json": "version.json: version 3 of byok-proof, written by a later release; this one reads version 2",
		"world.json":   "world.json: it is about another public key than the one that was approved",
	}
	for _, s := range r.Strays {
		if s.Why.Error() != want[s.File] {
			t.Errorf("%s: %v, want %s", s.File, s.Why, want[s.File])
		}
		delete(want, s.File)
	}
	if len(want) > 0 || len(r.Keys[0].Went[0].Proofs) != 1 {
		t.Errorf("missing %v; %d proofs", want, len(r.Keys[0].Went[0].Proofs))
	}
	if code := exitcode.Of(r.Strays[1].Why); code != exitcode.Check {
		t.Errorf("status %d", code)
	}
	// Both worlds in one register: each proof finds its own.
	h.Worlds, h.Packages = append(h.Worlds, other.Worlds...), append(h.Packages, other.Packages...)
	r = Of(h.Sources)
	if len(r.Keys) != 2 || len(r.Keys[0].Went[0].Proofs) != 1 || len(r.Keys[1].Went[0].Proofs) != 1 || len(r.Strays) != 3 {
		t.Errorf("two worlds: %+v", r)
	}
}

// TestLog: only what the log says counts, and it has to fit.
func TestLog(t *testing.T) {
	h := hold(t)
	h.key(t, "payroll", "P-256")
	p := h.approve(t, "payroll", "Payroll")
	at, id, k := stamp.Now().Add(time.Hour), version("Payroll", 1).String(), h.exchange.ID
	for _, c := range []struct {
		name                string
		command, note, text string
		change              func(*ceremony.Event)
		uploaded, closed    bool
	}{
		{"uploaded", "upload", NoteKey, id, nil, true, false},
		{"of several, of which one failed", "upload", NoteKey, id, func(e *ceremony.Event) { e.Result = ceremony.Failure }, true, false},
		{"verified", "verify", NoteKey, id, nil, true, false},
		{"verify failed", "verify", NoteKey, id, func(e *ceremony.Event) { e.Result = ceremony.Failure }, false, false},
		{"only begun", "upload", NoteKey, id, func(e *ceremony.Event) { e.Phase = ceremony.Begin }, false, false},
		{"another package", "upload", NoteKey, id, func(e *ceremony.Event) { e.Inputs = nil }, false, false},
		{"another name", "upload", NoteKey, version("Other", 1).String(), nil, false, false},
		{"no identifier", "upload", NoteKey, "payroll", nil, false, false},
		{"closed", "kek delete", NoteClosed, k.String(), nil, false, true},
		{"closed before", "kek delete", NoteClosed, k.Vault + "/keys/" + strings.ToUpper(k.Name), nil, false, true},
		{"another command", "upload", NoteClosed, k.String(), nil, false, false},
		{"a longer name", "kek delete", NoteClosed, k.Vault + "/keys/" + k.Name + "2", nil, false, false},
		{"found gone", "verify", NoteGone, k.String(), nil, false, true},
	} {
		h.Log = nil
		h.logged(at, c.command, c.note, c.text, p)
		if c.change != nil {
			c.change(&h.Log[0])
		}
		r := Of(h.Sources)
		if d := r.Keys[0].Went[0]; d.Uploaded.Equal(at) != c.uploaded || (len(d.Versions) == 1) != c.uploaded {
			t.Errorf("%s: %+v", c.name, d)
		}
		if e := r.KEKs[0]; e.Closed.Equal(at) != c.closed || e.Found != (c.note == NoteGone) {
			t.Errorf("%s: %+v", c.name, e)
		}
	}
}

// TestRetired: a key whose objects on the HSM were destroyed, and one of the same
// name that is another.
func TestRetired(t *testing.T) {
	h := hold(t)
	h.key(t, "payroll", "P-256")
	h.approve(t, "payroll", "Payroll")
	k, err := h.Chain.Key("payroll")
	rig.OK(t, err)
	record := &kmdata.Retired{
		Signed: h.Chain.NewSigned(kmdata.TypeRetired, h.Module()), Ident: "payroll", Identity: k.Identity, Destroyed: 2,
	}
	rig.OK(t, h.Chain.WriteRetired(record, h.KML[h.Module()]))
	other := hold(t)
	other.key(t, "payroll", "P-256")
	other.approve(t, "payroll", "Payroll")
	h.Packages = append(h.Packages, other.Packages...)
	r := Of(h.Sources)
	if len(r.Keys) != 2 || r.Keys[0].Retired.IsZero() == r.Keys[1].Retired.IsZero() {
		t.Errorf("%+v", r)
	}
	for _, k := range r.Keys {
		if k.Retired.IsZero() == (k.World == h.Chain.FirstHKNSO()) {
			t.Errorf("retired %v in %s", k.Retired, k.World)
		}
	}
}
