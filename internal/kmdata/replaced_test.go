package kmdata_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/kmdata"
	"byok/internal/statement"
	"byok/internal/testkit/softworld"
)

// rotated is a world of its own with keys: new follows old, by its origin.
type rotated struct {
	*softworld.World
	keys map[string]softworld.Key
}

func rotation(t *testing.T) rotated {
	t.Helper()
	w := must(softworld.New(t.TempDir(), softworld.Options{}))(t)
	r := rotated{w, map[string]softworld.Key{}}
	for _, ident := range []string{"old", "new", "stranger", "another"} {
		r.keys[ident] = must(softworld.NewKey(kind(t, "P-256")))(t)
	}
	must(w.Generate("old", r.keys["old"]))(t)
	check(t, r.sign("new", r.after("old"), false))
	check(t, r.file(t, "new", r.after("old")))
	return r
}

// after is a key of the world as one that is followed.
func (r rotated) after(ident string) *statement.Replaced {
	return &statement.Replaced{Ident: ident, Identity: r.keys[ident].Identity}
}

// sign signs the origin of a key.
func (r rotated) sign(ident string, replaces *statement.Replaced, restored bool) error {
	_, err := r.Sign(&statement.Origin{
		Ident: ident, Identity: r.keys[ident].Identity, Origin: statement.OriginQuorum, Restored: restored,
		Module: r.Module(), Backup: ones, Replaces: replaces,
	})
	return err
}

// file writes the key file of a key.
func (r rotated) file(t *testing.T, ident string, replaces *statement.Replaced) error {
	t.Helper()
	k, _, err := r.KeyFile(r.Module(), ident, r.keys[ident])
	check(t, err)
	k.Replaces = replaces
	return r.Chain.WriteKey(k, r.KML[r.Module()])
}

// TestReplaces: the origin decides which key is followed; where there is none, the
// key file does.
func TestReplaces(t *testing.T) {
	r := rotation(t)
	check(t, r.file(t, "stranger", r.after("new")))
	for ident, want := range map[string]*statement.Replaced{
		"old": nil, "new": r.after("old"), "stranger": r.after("new"),
	} {
		k := must(r.Chain.Key(ident))(t)
		if got := r.Chain.Replaces(k); !got.Same(want) {
			t.Errorf("%s follows %+v", ident, got)
		}
		if signed := r.Chain.SignedReplaces(k); (signed != nil) != (ident == "new") {
			t.Errorf("%s: signed %+v", ident, signed)
		}
		changed := *k
		changed.Replaces = r.after("stranger")
		if got := r.Chain.Replaces(&changed); ident != "stranger" && !got.Same(want) {
			t.Errorf("%s follows, by its file, %+v", ident, got)
		}
	}
	for ident, want := range map[string]string{"old": "new", "new": "stranger"} {
		if got := r.Chain.Followers(ident); len(got) != 1 || got[0] != want {
			t.Errorf("%s is followed by %q", ident, got)
		}
	}
	check(t, os.Remove(r.Chain.KeyPath("new")))
	if got := r.Chain.Followers("old"); len(got) != 1 || got[0] != "new" {
		t.Errorf("without its file: %q", got)
	}
	if !r.Chain.Knows("old", r.keys["old"].Identity) || r.Chain.Knows("old", r.keys["new"].Identity) ||
		r.Chain.Knows("stranger", r.keys["stranger"].Identity) {
		t.Error("the statements know other keys")
	}
}

// TestReplacesRefused: what an origin says of the key that is followed does not
// change, and contradicts no statement.
func TestReplacesRefused(t *testing.T) {
	r := rotation(t)
	other := &statement.Replaced{Ident: "old", Identity: r.keys["another"].Identity}
	exchange := must(softworld.NewKEK("https://contoso.vault.azure.net"))(t)
	approve := func(ident string, replaces *statement.Replaced) error {
		_, err := r.Transfer(softworld.Request{Ident: ident, Key: r.keys[ident], KEK: exchange,
			Change: func(a *statement.Approval) { a.Replaces = replaces }})
		return err
	}
	const says = "field replaces: statement 4 says otherwise of the key"
	for _, c := range []struct {
		name string
		do   func() error
		want string
	}{
		{"none any more", func() error { return r.sign("new", nil, true) }, says},
		{"another", func() error { return r.sign("new", r.after("stranger"), true) }, says},
		{"another key of the ident", func() error { return r.sign("stranger", other, false) },
			"field replaces: the statements know another key as old"},
		{"approved without it", func() error { return approve("new", nil) },
			"pair 1: field replaces: the key's origin says otherwise"},
		{"approved as another's", func() error { return approve("old", r.after("new")) },
			"pair 1: field replaces: the key's origin says otherwise"},
		{"approved as another key of the ident", func() error { return approve("stranger", other) },
			"pair 1: field replaces: the statements know another key as old"},
	} {
		err := c.do()
		if exitcode.Of(err) != exitcode.Check || errors.Unwrap(err) == nil || !strings.HasSuffix(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	check(t, r.sign("new", r.after("old"), true))
	check(t, approve("new", r.after("old")))
	check(t, approve("stranger", r.after("new"))) // no quorum signed its origin
	again := must(kmdata.Open(r.Dir))(t)
	if _, a, err := again.Authorization(again.Last().Number()); err != nil || !a.Pairs[0].Replaces.Same(r.after("new")) {
		t.Errorf("%v", err)
	}
}

// TestHSMAttestations keeps a file by its hash, and gives no other one back.
func TestHSMAttestations(t *testing.T) {
	r := rotation(t)
	data := []byte("what the vendor says")
	check(t, r.Chain.WriteHSMAttestation(data))
	check(t, r.Chain.WriteHSMAttestation(data))
	sum := fingerprint.Of(data)
	if got := must(r.Chain.HSMAttestation(sum))(t); string(got) != string(data) {
		t.Errorf("%q", got)
	}
	path := r.Chain.HSMAttestationPath(sum)
	check(t, os.WriteFile(path, []byte("other"), 0o600))
	refused(t, r.Dir, r.Chain.WriteHSMAttestation(data), exitcode.Check,
		"DIR/local/attestations/"+sum.String()+": its content is another one than a quorum approved")
	check(t, os.Remove(path))
	_, err := r.Chain.HSMAttestation(sum)
	refused(t, r.Dir, err, exitcode.Check, "DIR/local/attestations/"+sum.String()+": no such file")
	if exitcode.HintOf(err) != "bring the file back from a copy of kmdata" {
		t.Errorf("hint %q", exitcode.HintOf(err))
	}
}
