package kmdata_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/kmdata"
	"byok/internal/testkit/softworld"
)

// broken is a signer whose token was pulled out.
type broken struct{}

func (broken) Sign([]byte) ([]byte, error) { return nil, errors.New("the token is gone") }

// newBackup is the key's file with another backup.
func (f *folder) newBackup(w *softworld.World, ident string) *kmdata.Key {
	f.Helper()
	k := *must(w.Chain.Key(ident))(f)
	k.Signed = w.Chain.NewSigned(kmdata.TypeKey, k.Module)
	k.Backup, k.CardSet = "bmV3", 2
	return &k
}

func (f *folder) localNames(prefix string) []string {
	f.Helper()
	paths := must(filepath.Glob(f.local(prefix + "*")))(f)
	var names []string
	for _, path := range paths {
		names = append(names, filepath.Base(path))
	}
	return names
}

// A key file that is replaced stays beside the new one, with its signature,
// and is not read as a key.
func TestReplaceKey(t *testing.T) {
	f := copied(t)
	w := f.reopened()
	old := f.read(f.local(rsa))
	when := must(w.Chain.Key("rsa"))(t).Created
	for range 2 { // the second time within the same second, perhaps
		check(t, w.Chain.ReplaceKey(f.newBackup(w, "rsa"), f.KML[f.a]))
	}
	if k := must(w.Chain.Key("rsa"))(t); k.Backup != "bmV3" {
		t.Errorf("backup %s", k.Backup)
	}
	if keys := must(w.Chain.Keys())(t); len(keys) != 3 {
		t.Errorf("%d keys", len(keys))
	}
	aside := f.local(rsa + "." + when.Format("20060102T150405Z"))
	if !bytes.Equal(f.read(aside), old) {
		t.Error("the earlier file was not kept")
	}
	if names := f.localNames(rsa); len(names) != 6 {
		t.Errorf("%v", names)
	}
	f.openssl(f.KML[f.a].Text(), aside, aside+".sig")
}

// A run that ends while a key file is replaced loses nothing: the next one
// goes on, and a reader is told what to do.
func TestReplaceKeyInterrupted(t *testing.T) {
	f := copied(t)
	w := f.reopened()
	next := f.newBackup(w, "rsa")
	aside := f.local(rsa + "." + must(w.Chain.Key("rsa"))(t).Created.Format("20060102T150405Z"))
	f.refused(w.Chain.ReplaceKey(next, broken{}), exitcode.Failed, "the token is gone")
	_, err := w.Chain.Key("rsa")
	short := strings.Replace(aside, f.dir, "DIR", 1)
	f.refused(err, exitcode.Check, "DIR/local/key_simple_rsa: it is missing, and "+short+" was put aside for it")
	path := f.local(rsa)
	if hint := exitcode.HintOf(err); hint != "cp "+aside+" "+path+" && cp "+aside+".sig "+path+".sig" {
		t.Errorf("hint: %s", hint)
	}
	check(t, w.Chain.ReplaceKey(next, f.KML[f.a]))
	must(w.Chain.Key("rsa"))(t)
}

// A session puts back what an interrupted run left aside, wherever it stopped.
func TestPutBack(t *testing.T) {
	for name, left := range map[string]func(f *folder){
		"before the new signature": func(*folder) {},
		"behind the new signature": func(f *folder) { f.write(f.local(rsa+".sig"), []byte("of the new file")) },
		"twice": func(f *folder) {
			older := f.local(rsa + ".20200101T000000Z")
			f.write(older, []byte("older"))
			f.write(older+".sig", []byte("older"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := copied(t)
			w := f.reopened()
			f.refused(w.Chain.ReplaceKey(f.newBackup(w, "rsa"), broken{}), exitcode.Failed, "the token is gone")
			left(f)
			for range 2 { // the second time there is nothing to do
				check(t, w.Chain.PutBack())
			}
			if got, was := must(w.Chain.Key("rsa"))(t), must(f.Chain.Key("rsa"))(t); got.Backup != was.Backup {
				t.Error("another backup")
			}
			names := slices.DeleteFunc(f.localNames(rsa), func(n string) bool { return strings.Contains(n, ".2020") })
			if !slices.Equal(names, []string{rsa, rsa + ".sig"}) {
				t.Errorf("%v", names)
			}
		})
	}
}

func TestPutBackRefuses(t *testing.T) {
	f := copied(t)
	w := f.reopened()
	f.refused(w.Chain.ReplaceKey(f.newBackup(w, "rsa"), broken{}), exitcode.Failed, "the token is gone")
	aside := f.localNames(rsa)[0]
	f.remove(f.local(aside + ".sig"))
	f.refused(w.Chain.PutBack(), exitcode.Failed, "DIR/local/"+aside+".sig: no such file")
	check(t, os.RemoveAll(kmdata.Local(f.dir)))
	f.refused(w.Chain.PutBack(), exitcode.Failed, "open DIR/local: no such file or directory")
}

func TestReplaceKeyRefuses(t *testing.T) {
	f := copied(t)
	w := f.reopened()
	next := f.newBackup(w, "rsa")
	f.remove(f.local(rsa + ".sig"))
	f.refused(w.Chain.ReplaceKey(next, f.KML[f.a]), exitcode.Check,
		"DIR/local/key_simple_rsa: its signature key_simple_rsa.sig is missing")
	if names := f.localNames(rsa); !slices.Equal(names, []string{rsa}) {
		t.Errorf("%v", names)
	}
}

// retired is the record that the RSA key was destroyed.
func (f *folder) retired(c *kmdata.Chain) *kmdata.Retired {
	f.Helper()
	k := must(c.Key("rsa"))(f)
	return &kmdata.Retired{Signed: c.NewSigned(kmdata.TypeRetired, f.a), Ident: "rsa", Identity: k.Identity,
		Destroyed: 2}
}

func TestRetired(t *testing.T) {
	f := copied(t)
	c := must(kmdata.Open(f.dir))(t)
	if r := must(c.Retired("rsa"))(t); r != nil {
		t.Errorf("%+v", r)
	}
	check(t, c.Unretire("rsa")) // nothing to do
	check(t, c.WriteRetired(f.retired(c), f.KML[f.a]))
	r := must(c.Retired("rsa"))(t)
	if r == nil || r.Destroyed != 2 || !r.Identity.Same(must(c.Key("rsa"))(t).Identity) {
		t.Errorf("%+v", r)
	}
	check(t, c.Unretire("rsa"))
	if r := must(c.Retired("rsa"))(t); r != nil {
		t.Errorf("%+v", r)
	}
	if names := f.localNames("retired_"); len(names) != 2 {
		t.Errorf("%v", names)
	}
}

func TestAttacksOnRetired(t *testing.T) {
	for name, c := range map[string]struct {
		attack func(f *folder, c *kmdata.Chain)
		want   string
	}{
		"empty and unsigned": {func(f *folder, _ *kmdata.Chain) { f.write(f.local("retired_key_simple_rsa"), nil) },
			"DIR/local/retired_key_simple_rsa: not valid JSON at byte 0"},
		"unsigned": {func(f *folder, c *kmdata.Chain) {
			check(f, c.WriteRetired(f.retired(c), f.KML[f.a]))
			f.remove(f.local("retired_key_simple_rsa.sig"))
		}, "DIR/local/retired_key_simple_rsa: its signature retired_key_simple_rsa.sig is missing"},
		"of another key": {func(f *folder, c *kmdata.Chain) {
			r := f.retired(c)
			r.Ident = "ec"
			check(f, c.WriteRetired(r, f.KML[f.a]))
			f.move(f.local("retired_key_simple_ec"), f.local("retired_key_simple_rsa"))
		}, "DIR/local/retired_key_simple_rsa: it is about the key ec: the file was renamed"},
		"altered": {func(f *folder, c *kmdata.Chain) {
			check(f, c.WriteRetired(f.retired(c), f.KML[f.a]))
			path := f.local("retired_key_simple_rsa")
			f.write(path, bytes.Replace(f.read(path), []byte(`_destroyed": 2`), []byte(`_destroyed": 0`), 1))
		}, "DIR/local/retired_key_simple_rsa: " +
			"the signature retired_key_simple_rsa.sig" + notSigned},
		"a key file": {func(f *folder, _ *kmdata.Chain) {
			f.move(f.local(rsa), f.local("retired_key_simple_rsa"))
		}, `DIR/local/retired_key_simple_rsa: type is "byok-key", expected "byok-retired"`},
		"of a key that does not exist": {func(f *folder, c *kmdata.Chain) {
			check(f, c.WriteRetired(f.retired(c), f.KML[f.a]))
			path := f.local("retired_key_simple_rsa")
			f.write(path, bytes.Replace(f.read(path), []byte(`"bits": 2048`), []byte(`"bits": 1024`), 1))
			f.sign(path, f.KML[f.a])
		}, "DIR/local/retired_key_simple_rsa: RSA key of 1024 bits: expected 2048, 3072 or 4096"},
		"without time": {func(f *folder, c *kmdata.Chain) {
			check(f, c.WriteRetired(f.retired(c), f.KML[f.a]))
			path := f.local("retired_key_simple_rsa")
			f.write(path, bytes.Replace(f.read(path), []byte(`Z",`), []byte(`+00:00",`), 1))
			f.sign(path, f.KML[f.a])
		}, "DIR/local/retired_key_simple_rsa: line 7" + otherwise},
	} {
		t.Run(name, func(t *testing.T) {
			f := copied(t)
			chain := must(kmdata.Open(f.dir))(t)
			c.attack(f, chain)
			_, err := chain.Retired("rsa")
			f.refused(err, exitcode.Check, c.want)
			f.refused(chain.Unretire("rsa"), exitcode.Check, c.want)
		})
	}
}

func TestWriteRetiredRefuses(t *testing.T) {
	f := copied(t)
	c := must(kmdata.Open(f.dir))(t)
	for name, r := range map[string]struct {
		change func(*kmdata.Retired)
		code   exitcode.Code
		want   string
	}{
		"time": {func(r *kmdata.Retired) { r.Created = later }, exitcode.Failed, "field created: " + needsTime},
		"ident": {func(r *kmdata.Retired) { r.Ident = "A" }, exitcode.Usage,
			`field ident: key identifier "A": expected digits, dashes and lower-case letters`},
		"key": {func(r *kmdata.Retired) { r.Bits = 1 }, exitcode.Usage, "RSA key of 1 bits: expected 2048, 3072 or 4096"},
		"module": {func(r *kmdata.Retired) { r.Module = strings.Repeat("0", 32) }, exitcode.Check,
			`no statement of this world names the module "00000000000000000000000000000000"`},
	} {
		record := f.retired(c)
		r.change(record)
		t.Run(name, func(t *testing.T) {
			refused(t, f.dir, c.WriteRetired(record, f.KML[f.a]), r.code, r.want)
		})
	}
	if _, err := os.Lstat(f.local("retired_key_simple_rsa")); err == nil {
		t.Error("a refused record was written")
	}
}

// A session sweeps away signatures that an interrupted run left alone.
func TestSweepSignatures(t *testing.T) {
	f := copied(t)
	w := f.reopened()
	before := slices.Concat(f.localNames(""), f.localNames("statements/"))
	for _, lone := range []string{
		f.local("key_simple_none.sig"), f.local("key_simple_rsa.20200101T000000Z.sig"), f.local("retired_key_simple_rsa.sig"),
		filepath.Join(kmdata.StatementsDir(f.dir), "000099-seal.sig"),
		filepath.Join(kmdata.StatementsDir(f.dir), "000099-cards.new.sig"),
	} {
		f.write(lone, []byte("lone"))
	}
	check(t, w.Chain.SweepSignatures())
	if after := slices.Concat(f.localNames(""), f.localNames("statements/")); !slices.Equal(after, before) {
		t.Errorf("%q", after)
	}
	check(t, os.RemoveAll(kmdata.StatementsDir(f.dir)))
	check(t, w.Chain.SweepSignatures())
}
