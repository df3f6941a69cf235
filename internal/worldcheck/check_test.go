package worldcheck_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/keys"
	"byok/internal/kmdata"
	"byok/internal/session"
	"byok/internal/statement"
	"byok/internal/testkit/rig"
	"byok/internal/worldcheck"
)

func TestMain(m *testing.M) { rig.Main(m) }

// TestWholeWorld says of everything how it was found.
func TestWholeWorld(t *testing.T) {
	r := rig.NewKeyWorld(t)
	rows, err := r.Rows(t)
	rig.OK(t, err)
	last := r.Chain(t).Last()
	want := []string{
		"statements: pass: 3 verified; the last is 3, " + last.Sum.FirstWords(8),
		"module: pass: SoftHSM project SoftHSM v2, serial SERIAL holds the KML that statement 2 certifies",
		"trusted objects: pass: exactly this world's",
		"guard: pass: trust: every restriction that it rests on holds",
		"anchor: pass: the token knows statement 3",
		"key_simple_first: pass: P-256; origin quorum: generated with the card holders present",
		"files of kmdata: pass: 9, each accounted for",
		"other objects: pass: none",
	}
	var got []string
	for _, row := range rows {
		got = append(got, r.Plain(fmt.Sprintf("%s: %s: %s", row.What, row.Outcome, row.Detail)))
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q\nwant %q", got, want)
	}
}

// attacked runs a check of a world with a key, after somebody with the user PIN
// was at the token.
func attacked(t *testing.T, f func(r *rig.Rig, a *rig.Attacker)) *rig.Rig {
	t.Helper()
	r := rig.NewKeyWorld(t)
	r.Attack(t, r.Label, rig.UserPIN, func(a *rig.Attacker) { f(r, a) })
	return r
}

// TestStrangers: every object that this world did not make is named, also under
// a label of the world: a label counts for the classes that belong to it, once.
func TestStrangers(t *testing.T) {
	id := func(r *rig.Rig) string { return r.Chain(t).Modules()[0].Module }
	for _, c := range []struct {
		name string
		put  func(r *rig.Rig, a *rig.Attacker)
		want string
	}{
		{"AES key", func(_ *rig.Rig, a *rig.Attacker) { a.Secret("evil", make([]byte, 32)) }, `secret key "evil"`},
		{"data object", func(_ *rig.Rig, a *rig.Attacker) { a.Data("evil") }, `data object "evil"`},
		{"AES key of a key's label", func(_ *rig.Rig, a *rig.Attacker) { a.Secret("key_simple_first", make([]byte, 32)) },
			`secret key "key_simple_first"`},
		{"data object of a key's label", func(_ *rig.Rig, a *rig.Attacker) { a.Data("key_simple_first") },
			`data object "key_simple_first"`},
		{"AES key of KM's label", func(r *rig.Rig, a *rig.Attacker) {
			a.Secret(statement.KMLabel(id(r), 1), make([]byte, 32))
		}, `secret key "byok-km-MODULE-1"`},
		{"second AES key of KW's label", func(r *rig.Rig, a *rig.Attacker) {
			a.Secret(statement.KWLabel(id(r), 1), make([]byte, 32))
		}, `secret key "byok-kw-MODULE-1"`},
		{"untrusted anchor", func(r *rig.Rig, a *rig.Attacker) {
			a.Secret(session.AnchorOf(r.Chain(t).Entries()[0]).Label(), make([]byte, 32))
		}, `secret key "byok-anchor-000001-SHA256"`},
		{"key of no file", func(_ *rig.Rig, a *rig.Attacker) { a.Pair("key_simple_other", 1) },
			`private key "key_simple_other"; public key "key_simple_other"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := attacked(t, c.put)
			rows, err := r.Rows(t)
			if exitcode.Of(err) != exitcode.Check {
				t.Errorf("%v", err)
			}
			got := ""
			for _, row := range rows {
				if row.What == "other objects" {
					got = r.Plain(string(row.Outcome) + ": " + row.Detail)
				}
			}
			if got != "FAIL: this world did not make "+c.want {
				t.Errorf("%s", got)
			}
		})
	}
}

// TestKeys says what is wrong with a key on the token.
func TestKeys(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(r *rig.Rig, a *rig.Attacker)
		want string
	}{
		{"gone", func(_ *rig.Rig, a *rig.Attacker) { a.Remove("key_simple_first") },
			`FAIL: key_simple_first is not on the token "test world" (serial SERIAL)`},
		{"exchanged", func(_ *rig.Rig, a *rig.Attacker) {
			a.Relabel("key_simple_first", "hidden")
			a.Pair("key_simple_first", 5)
		}, `FAIL: key_simple_first on token "test world" (serial SERIAL) is not the key that its public key describes`},
		{"twice", func(_ *rig.Rig, a *rig.Attacker) { a.Pair("key_simple_first", 5) },
			`FAIL: 2 objects on token "test world" (serial SERIAL) are labelled key_simple_first instead of one`},
		{"other permissions", func(_ *rig.Rig, a *rig.Attacker) {
			private := a.One("key_simple_first", pkcs11.CKO_PRIVATE_KEY)
			rig.OK(t, a.SetAttributeValue(a.Handle, private, []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_DECRYPT, true)}))
		}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := attacked(t, c.do)
			if c.want != "" {
				r.Finds(t, "key_simple_first", c.want)
				return
			}
			rows, _ := r.Rows(t)
			i := slices.IndexFunc(rows, func(row worldcheck.Row) bool { return row.What == "key_simple_first" })
			if rows[i].Outcome != worldcheck.Fail || !strings.HasPrefix(rows[i].Detail, "the token shows ALWAYS_SENSITIVE DECRYPT ") ||
				!strings.HasSuffix(rows[i].Detail, " was recorded") {
				t.Errorf("%+v", rows[i])
			}
		})
	}
}

// TestRetiredKey is not on the token.
func TestRetiredKey(t *testing.T) {
	r := rig.NewKeyWorld(t)
	rig.OK(t, r.Operator(func(o *session.Operator) error {
		_, err := keys.Operator{Operator: o}.Retire("first")
		return err
	}))
	r.Finds(t, "key_simple_first", "pass: retired, and no longer on the token")
	r.Whole(t)
	r.Attack(t, r.Label, rig.UserPIN, func(a *rig.Attacker) { a.Pair("key_simple_first", 5) })
	r.Finds(t, "key_simple_first", "FAIL: it was retired, but is on the token")
}

// TestAttackUnsignedRetirement: an empty or an unsigned record retires nothing.
func TestAttackUnsignedRetirement(t *testing.T) {
	for _, c := range []struct {
		name    string
		content string
		want    string
	}{
		{"empty", "", "FAIL: DIR/local/retired_key_simple_first: not valid JSON at byte 0"},
		{"unsigned", "genuine", "FAIL: DIR/local/retired_key_simple_first: its signature retired_key_simple_first.sig is missing"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := attacked(t, func(_ *rig.Rig, a *rig.Attacker) { a.Remove("key_simple_first") })
			path := r.Chain(t).RetiredPath("first")
			if c.content != "" {
				rig.OK(t, r.Operator(func(o *session.Operator) error {
					_, err := keys.Operator{Operator: o}.Retire("first")
					return err
				}))
				rig.OK(t, os.Remove(path+".sig"))
			} else {
				rig.OK(t, os.WriteFile(path, nil, 0o600))
			}
			r.Finds(t, "key_simple_first", c.want)
			if _, err := r.Rows(t); exitcode.Of(err) != exitcode.Check {
				t.Errorf("%v", err)
			}
		})
	}
}

// TestBlind: where a key file does not verify, what else is on the token is not
// known, and nothing that was not checked is a pass.
func TestBlind(t *testing.T) {
	r := rig.NewKeyWorld(t)
	path := r.Chain(t).KeyPath("first")
	data, err := os.ReadFile(path)
	rig.OK(t, err)
	rig.OK(t, os.WriteFile(path, []byte(strings.Replace(string(data), "first", "fast1", 2)), 0o600))
	r.Finds(t, "other objects", `FAIL: this world did not make private key "key_simple_first"; public key "key_simple_first"`)
	r.Attack(t, r.Label, rig.UserPIN, func(a *rig.Attacker) { a.Remove("key_simple_first") })
	r.Finds(t, "other objects", "not checked: key_simple_first does not verify")
	r.Finds(t, "key_simple_first", "FAIL: DIR/local/key_simple_first: the signature key_simple_first.sig is not of this content: "+
		"the file was altered, or another key signed it")
	if _, err := r.Rows(t); err == nil || err.Error() != "2 of 8 checks did not pass" {
		t.Errorf("%v", err)
	}
}

// TestFiles accounts for every file of kmdata.
func TestFiles(t *testing.T) {
	for _, c := range []struct {
		name string
		path string
		data string
		want string
	}{
		{"another file", "note.txt", "x", "DIR/local/note.txt is not a file of a security world"},
		{"key file of no ident", "key_simple_A", "x", "DIR/local/key_simple_A is not a file of a security world"},
		{"lone signature", "key_simple_none.sig", "x", "DIR/local/key_simple_none.sig signs a file that does not exist"},
		{"lone statement signature", "statements/000009-seal.sig", "x",
			"DIR/local/statements/000009-seal.sig signs a file that does not exist"},
		{"cut short", ".key-generate_x.pending", "x", "DIR/local/.key-generate_x.pending: a command was interrupted: run it again"},
		{"copy that is none", "key_xferacld_first_000009-0", "{}", ""},
		{"retired that is none", "retired_key_simple_first", "{}", ""},
		{"set aside", "key_simple_first.20260101T000000Z", "x", "-"},
		{"temporary", ".key_simple_first.tmp-ABC", "x", "-"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := rig.NewKeyWorld(t)
			rig.OK(t, os.WriteFile(filepath.Join(r.Dir, "local", c.path), []byte(c.data), 0o600))
			rows, _ := r.Rows(t)
			i := slices.IndexFunc(rows, func(row worldcheck.Row) bool { return row.What == "files of kmdata" })
			got := r.Plain(rows[i].Detail)
			switch {
			case c.want == "-" && rows[i].Outcome != worldcheck.Pass:
				t.Errorf("%s", got)
			case c.want != "-" && rows[i].Outcome != worldcheck.Fail, c.want != "" && c.want != "-" && got != c.want:
				t.Errorf("%s: %s", rows[i].Outcome, got)
			}
		})
	}
}

// TestTransferCopies are held to their authorization.
func TestTransferCopies(t *testing.T) {
	r := rig.NewKeyWorld(t)
	k := rig.NewKEK(t, "KEK1")
	var file *kmdata.Key
	rig.OK(t, r.Quorum(func(s *session.Quorum) error {
		target := statement.Target{Vault: k.ID().Vault, Name: "First", KeyOps: []string{"sign"}}
		files, err := keys.Quorum{Quorum: s}.Approve([]keys.Transfer{{Ident: "first", KEK: k.KEK, Target: target}})
		rig.OK(t, err)
		file = files[0]
		return nil
	}))
	r.Whole(t)
	rig.OK(t, r.Operator(func(o *session.Operator) error { // as the operator can, with KML
		other := *file
		copied := *file.Copy
		copied.Index = 1
		other.Copy = &copied
		return o.Chain.WriteKey(&other, o)
	}))
	r.Finds(t, "files of kmdata", "FAIL: DIR/local/key_xferacld_first_000004-1 does not belong to statement 4 (authorization)")
	rig.OK(t, r.Operator(func(o *session.Operator) error {
		other := *file
		copied := *file.Copy
		copied.Number = 3
		other.Copy = &copied
		return o.Chain.WriteKey(&other, o)
	}))
	r.Finds(t, "files of kmdata", "FAIL: statement 3 is not an authorization of this world; "+
		"DIR/local/key_xferacld_first_000004-1 does not belong to statement 4 (authorization)")
}

// TestAnchor says what the token knows.
func TestAnchor(t *testing.T) {
	r := rig.NewWorld(t)
	old := copiedTo(t, r.Dir)
	rig.OK(t, r.Quorum(func(s *session.Quorum) error {
		_, err := s.Sign(&statement.Seal{})
		return s.End(err)
	}))
	words := r.Chain(t).Last().Sum.FirstWords(8)
	whole := r.Dir
	r.Dir = old
	r.Finds(t, "anchor", "FAIL: the token knows statement 3, "+words+", which kmdata does not contain")
	r.Dir = whole
	r.Attack(t, r.Label, rig.UserPIN, func(a *rig.Attacker) {
		if a.Remove(session.AnchorOf(r.Chain(t).Last()).Label()) != 1 {
			t.Error("no anchor")
		}
	})
	r.Finds(t, "anchor", "FAIL: the token carries none: compare the last statement with the paper")
}

// counted is a progress in a test.
type counted struct{ of, added, ended int }

func (c *counted) Add(n int64) { c.added += int(n) }
func (c *counted) Done()       { c.ended++ }

// TestProgress: each key that is checked is counted.
func TestProgress(t *testing.T) {
	r, c := rig.NewKeyWorld(t), &counted{}
	rig.OK(t, r.Operator(func(o *session.Operator) error {
		_, err := worldcheck.Token(o, func(n int) worldcheck.Progress {
			c.of = n
			return c
		})
		return err
	}))
	if *c != (counted{1, 1, 1}) {
		t.Errorf("%+v", *c)
	}
}

// TestAnchorless: some guards have no anchor that could be checked.
func TestAnchorless(t *testing.T) {
	r := rig.NewWorld(t)
	rig.OK(t, r.Operator(func(o *session.Operator) error {
		o.Module.Guard = statement.GuardLogin
		rows, _ := worldcheck.Token(o, nil)
		if slices.ContainsFunc(rows, func(row worldcheck.Row) bool { return row.What == "anchor" }) {
			t.Error("there is a row about the anchor")
		}
		last := o.Chain.Last()
		want := fmt.Sprintf("2 verified; the last is %d, %s; guard login has no anchor: compare that with the paper",
			last.Number(), last.Sum.FirstWords(8))
		if rows[0].Detail != want {
			t.Errorf("%+v", rows[0])
		}
		return nil
	}))
}
