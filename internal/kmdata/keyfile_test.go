package kmdata_test

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/kmdata"
	"byok/internal/statement"
	"byok/internal/strictjson"
	"byok/internal/testkit/softworld"
)

func TestKeys(t *testing.T) {
	f := world(t)
	keys := must(f.Chain.Keys())(t)
	var idents []string
	for _, k := range keys {
		idents = append(idents, k.Ident)
	}
	if !slices.Equal(idents, []string{"aes", "ec", "rsa"}) {
		t.Errorf("%v", idents)
	}
	names := must(f.Chain.KeyNames())(t)
	if !slices.Equal(names, []string{"key_simple_aes", "key_simple_ec", "key_simple_rsa"}) {
		t.Errorf("%v", names)
	}
	listed := must(f.Chain.Listed())(t)
	if again := must(listed.KeyNames())(t); !slices.Equal(again, names) {
		t.Errorf("%v", again)
	}
	if n := len(must(listed.Copies("rsa"))(t)); n != len(must(f.Chain.Copies("rsa"))(t)) || n == 0 {
		t.Errorf("%d copies", n)
	}
	k := must(f.Chain.Key("ec"))(t)
	if k.String() != "P-384" || k.Origin != statement.OriginQuorum || k.CardSet != 2 || k.Secret() {
		t.Errorf("%+v", k)
	}
	copies := must(f.Chain.Copies("rsa"))(t)
	if len(copies) != 1 || copies[0].Name() != "key_xferacld_rsa_000006-0" || copies[0].Copy.Number != approval {
		t.Errorf("%+v", copies)
	}
	again := must(f.Chain.KeyFile(f.Dir + "/local/key_xferacld_rsa_000006-0"))(t)
	if !bytes.Equal(again.Copy.Ciphertext, copies[0].Copy.Ciphertext) {
		t.Error("another copy")
	}
	if none := must(f.Chain.Copies("none"))(t); len(none) != 0 {
		t.Errorf("%v", none)
	}
}

// key changes what a key file says and signs it with KML.
func (f *folder) key(name string, change func(*kmdata.Key)) {
	f.Helper()
	path := f.local(name)
	var k kmdata.Key
	check(f, strictjson.Unmarshal(path, f.read(path), kmdata.MaxFile, &k))
	change(&k)
	f.write(path, must(strictjson.Marshal(k))(f))
	if kml, ok := f.KML[k.Module]; ok {
		f.sign(path, kml)
	}
}

const (
	rsa     = "key_simple_rsa"
	rsaCopy = "key_xferacld_rsa_000006-0"
	aesCopy = "key_xferacld_aes_000006-1"
	badSig  = "the signature key_simple_rsa.sig" + notSigned
)

// How key files are attacked, mostly by the operator, who has KML.
var keyAttacks = []struct {
	name   string
	file   string // that is read
	attack func(f *folder)
	code   exitcode.Code
	want   string
}{
	{"altered", rsa, func(f *folder) {
		f.write(f.local(rsa), bytes.Replace(f.read(f.local(rsa)), []byte("Key rsa"), []byte("Key RSA"), 1))
	}, exitcode.Check, "DIR/local/key_simple_rsa: " + badSig},
	{"signature removed", rsa, func(f *folder) { f.remove(f.local(rsa + ".sig")) }, exitcode.Check,
		"DIR/local/key_simple_rsa: its signature key_simple_rsa.sig is missing"},
	{"signature empty", rsa, func(f *folder) { f.write(f.local(rsa+".sig"), nil) }, exitcode.Check,
		"DIR/local/key_simple_rsa: " + badSig},
	{"signature of another key", rsa,
		func(f *folder) { f.write(f.local(rsa+".sig"), f.read(f.local("key_simple_aes.sig"))) },
		exitcode.Check, "DIR/local/key_simple_rsa: " + badSig},
	{"signed by KNSO", rsa, func(f *folder) { f.sign(f.local(rsa), f.Sets[1].KNSO) }, exitcode.Check,
		"DIR/local/key_simple_rsa: " + badSig},
	{"signed by the KML of another module", rsa, func(f *folder) { f.sign(f.local(rsa), f.KML[f.b]) }, exitcode.Check,
		"DIR/local/key_simple_rsa: " + badSig},
	{"of a module that is not certified", rsa, func(f *folder) {
		f.key(rsa, func(k *kmdata.Key) { k.Module = strings.Repeat("0", 32) })
	}, exitcode.Check, "DIR/local/key_simple_rsa: no statement of this world certifies " +
		`the module "00000000000000000000000000000000"`},
	{"of another world", rsa, func(f *folder) { f.key(rsa, func(k *kmdata.Key) { k.World = ones }) }, exitcode.Check,
		"DIR/local/key_simple_rsa: it belongs to another security world (hknso " + ones.String()[:8] + ")"},
	{"of a rehearsal", rsa, func(f *folder) { f.key(rsa, func(k *kmdata.Key) { k.Rehearsal = true }) }, exitcode.Check,
		"DIR/local/key_simple_rsa: its rehearsal mark is not the world's"},
	{"renamed", rsa, func(f *folder) { f.move(f.local("key_simple_aes"), f.local(rsa)) }, exitcode.Check,
		"DIR/local/key_simple_rsa: it says that it is key_simple_aes: the file was renamed"},
	{"copy renamed", rsaCopy, func(f *folder) { f.move(f.local(aesCopy), f.local(rsaCopy)) }, exitcode.Check,
		"DIR/local/key_xferacld_rsa_000006-0: it says that it is key_xferacld_aes_000006-1: the file was renamed"},
	{"copy as a key", rsa, func(f *folder) { f.move(f.local(rsaCopy), f.local(rsa)) }, exitcode.Check,
		"DIR/local/key_simple_rsa: it says that it is key_xferacld_rsa_000006-0: the file was renamed"},
	{"record of destruction as a key", rsa, func(f *folder) {
		c := must(kmdata.Open(f.dir))(f)
		check(f, c.WriteRetired(f.retired(c), f.KML[f.a]))
		f.move(f.local("retired_key_simple_rsa"), f.local(rsa))
	}, exitcode.Check, `DIR/local/key_simple_rsa: type is "byok-retired", expected "byok-key"`},
	{"later release", rsa, func(f *folder) { f.key(rsa, func(k *kmdata.Key) { k.Version = 2 }) }, exitcode.Check,
		"DIR/local/key_simple_rsa: version 2 of byok-key, " + laterRelease},
	{"spaced otherwise", rsa, func(f *folder) {
		f.write(f.local(rsa), bytes.Replace(f.read(f.local(rsa)), []byte(": 1,"), []byte(":1,"), 1))
		f.sign(f.local(rsa), f.KML[f.a])
	}, exitcode.Check,
		"DIR/local/key_simple_rsa: line 3" + otherwise},
	{"empty", rsa, func(f *folder) { f.write(f.local(rsa), nil) }, exitcode.Check,
		"DIR/local/key_simple_rsa: not valid JSON at byte 0"},
	{"a named pipe in its place", rsa, func(f *folder) {
		f.remove(f.local(rsa))
		check(f, syscall.Mkfifo(f.local(rsa), 0o600))
	}, exitcode.Check, "DIR/local/key_simple_rsa: a named pipe, not a file"},
	{"a link to another key in its place", rsa, func(f *folder) {
		f.remove(f.local(rsa), f.local(rsa+".sig"))
		check(f, os.Symlink("key_simple_aes", f.local(rsa)))
		check(f, os.Symlink("key_simple_aes.sig", f.local(rsa+".sig")))
	}, exitcode.Check, "DIR/local/key_simple_rsa: it says that it is key_simple_aes: the file was renamed"},
	{"removed", rsa, func(f *folder) { f.remove(f.local(rsa)) }, exitcode.Usage,
		"DIR/local/key_simple_rsa: there is no such key in this world"},
	{"without time", rsa, func(f *folder) { f.key(rsa, func(k *kmdata.Key) { k.Created = later }) }, exitcode.Check,
		"DIR/local/key_simple_rsa: field created: " + needsTime},
	{"without module", rsa, func(f *folder) { f.key(rsa, func(k *kmdata.Key) { k.Module = "" }) }, exitcode.Check,
		`DIR/local/key_simple_rsa: no statement of this world certifies the module ""`},
	{"without ident", rsa, func(f *folder) { f.key(rsa, func(k *kmdata.Key) { k.Ident = "../rsa" }) }, exitcode.Check,
		`DIR/local/key_simple_rsa: field ident: key identifier "../rsa": expected digits, dashes and lower-case letters`},
	{"unknown origin", rsa, func(f *folder) { f.key(rsa, func(k *kmdata.Key) { k.Origin = "" }) }, exitcode.Check,
		"DIR/local/key_simple_rsa: field origin: expected quorum or unproved"},
	{"without backup", rsa, func(f *folder) { f.key(rsa, func(k *kmdata.Key) { k.Backup = "" }) }, exitcode.Check,
		"DIR/local/key_simple_rsa: a key of app simple has a backup, its card set, and nothing else wrapped"},
	{"without card set", rsa, func(f *folder) { f.key(rsa, func(k *kmdata.Key) { k.CardSet = 0 }) }, exitcode.Check,
		"DIR/local/key_simple_rsa: a key of app simple has a backup, its card set, and nothing else wrapped"},
	{"with a copy", rsa, func(f *folder) { f.key(rsa, func(k *kmdata.Key) { k.Copy = &kmdata.Copy{} }) }, exitcode.Check,
		"DIR/local/key_simple_rsa: a key of app simple has a backup, its card set, and nothing else wrapped"},
	{"of another app", rsa, func(f *folder) { f.key(rsa, func(k *kmdata.Key) { k.App = "other" }) }, exitcode.Check,
		"DIR/local/key_simple_rsa: field app: expected simple or xferacld"},
	{"without name", rsa, func(f *folder) { f.key(rsa, func(k *kmdata.Key) { k.PlainName = " " }) }, exitcode.Check,
		"DIR/local/key_simple_rsa: field plainname: it begins or ends with a blank"},
	{"without a public key", rsa, func(f *folder) { f.key(rsa, func(k *kmdata.Key) { k.PublicKey = "" }) },
		exitcode.Check,
		"DIR/local/key_simple_rsa: field public_key: public key: not a PEM block"},
	{"copy with a backup", rsaCopy, func(f *folder) { f.key(rsaCopy, func(k *kmdata.Key) { k.Backup = "YQ==" }) },
		exitcode.Check,
		"DIR/local/key_xferacld_rsa_000006-0: a key of app xferacld has a wrapped copy and no backup"},
	{"copy without a copy", rsaCopy, func(f *folder) { f.key(rsaCopy, func(k *kmdata.Key) { k.Copy = nil }) },
		exitcode.Check,
		"DIR/local/key_xferacld_rsa_000006-0: a key of app xferacld has a wrapped copy and no backup"},
	{"copy of no authorization", rsaCopy, func(f *folder) {
		f.key(rsaCopy, func(k *kmdata.Key) { k.Copy.Authorization = fingerprint.Sum{} })
	}, exitcode.Check,
		"DIR/local/key_xferacld_rsa_000006-0: field copy: expected an authorization, its number and a pair"},
	{"copy of the world file", rsaCopy, func(f *folder) { f.key(rsaCopy, func(k *kmdata.Key) { k.Copy.Number = 1 }) },
		exitcode.Check,
		"DIR/local/key_xferacld_rsa_000006-0: field copy: expected an authorization, its number and a pair"},
	{"copy of the pair 50", rsaCopy, func(f *folder) { f.key(rsaCopy, func(k *kmdata.Key) { k.Copy.Index = 50 }) },
		exitcode.Check,
		"DIR/local/key_xferacld_rsa_000006-0: field copy: expected an authorization, its number and a pair"},
	{"copy of the pair -1", rsaCopy, func(f *folder) { f.key(rsaCopy, func(k *kmdata.Key) { k.Copy.Index = -1 }) },
		exitcode.Check,
		"DIR/local/key_xferacld_rsa_000006-0: field copy: expected an authorization, its number and a pair"},
	{"copy of nothing", rsaCopy, func(f *folder) { f.key(rsaCopy, func(k *kmdata.Key) { k.Copy.Ciphertext = nil }) },
		exitcode.Check, "DIR/local/key_xferacld_rsa_000006-0: field copy.ciphertext is missing"},
	{"copy without possession", rsaCopy,
		func(f *folder) { f.key(rsaCopy, func(k *kmdata.Key) { k.Copy.Possession = nil }) },
		exitcode.Check,
		"DIR/local/key_xferacld_rsa_000006-0: field copy.possession: every key but an AES key proves possession"},
	{"copy of an AES key with possession", aesCopy, func(f *folder) {
		f.key(aesCopy, func(k *kmdata.Key) { k.Copy.Possession = []byte{1} })
	}, exitcode.Check,
		"DIR/local/key_xferacld_aes_000006-1: field copy.possession: every key but an AES key proves possession"},
}

func TestAttacksOnKeyFiles(t *testing.T) {
	for _, a := range keyAttacks {
		t.Run(a.name, func(t *testing.T) {
			f := copied(t)
			a.attack(f)
			c := must(kmdata.Open(f.dir))(t)
			_, err := c.Key("rsa")
			if a.file != rsa {
				_, err = c.KeyFile(f.local(a.file))
			}
			f.refused(err, a.code, a.want)
			_, err = c.Keys()
			if a.file == rsa && a.code == exitcode.Check {
				f.refused(err, a.code, a.want)
			}
		})
	}
}

func TestKeyRefuses(t *testing.T) {
	f := copied(t)
	c := must(kmdata.Open(f.dir))(t)
	const want = `key identifier "../x": expected digits, dashes and lower-case letters`
	_, err := c.Key("../x")
	f.refused(err, exitcode.Usage, want)
	_, err = c.Copies("../x")
	f.refused(err, exitcode.Usage, want)
	_, err = c.Retired("../x")
	f.refused(err, exitcode.Usage, want)
	check(t, os.RemoveAll(kmdata.Local(f.dir)))
	for _, list := range []func() error{
		func() error { _, err := c.Keys(); return err },
		func() error { _, err := c.KeyNames(); return err },
		func() error { _, err := c.Listed(); return err },
		func() error { _, err := c.Key("rsa"); return err },
	} {
		f.refused(list(), exitcode.Failed, "open DIR/local: no such file or directory")
	}
}

// What a module signed before it was struck off stays readable: its backups
// are what the others recover from. It signs nothing new.
func TestKeyOfAModuleStruckOff(t *testing.T) {
	f := copied(t)
	w := f.reopened()
	key := must(softworld.NewKey(kind(t, "P-256")))(t)
	must(w.GenerateOn(f.b, "lost", key))(t)
	must(w.StrikeOff(f.b))(t)
	c := must(kmdata.Open(f.dir))(t)
	if k := must(c.Key("lost"))(t); !k.Identity.Same(key.Identity) {
		t.Errorf("%+v", k)
	}
	file, _, err := w.KeyFile(f.b, "new", key)
	check(t, err)
	f.refused(c.WriteKey(file, f.KML[f.b]), exitcode.Refused,
		"statement 14 struck the module "+f.b+" off: the module was destroyed")
}

func TestWriteKeyRefuses(t *testing.T) {
	f := copied(t)
	w := f.reopened()
	key := must(softworld.NewKey(kind(t, "P-256")))(t)
	file, _, err := w.KeyFile(f.a, "new", key)
	check(t, err)
	bad := *file
	bad.PlainName = ""
	f.refused(w.Chain.WriteKey(&bad, f.KML[f.a]), exitcode.Failed, "field plainname: it is empty")
	f.refused(w.Chain.WriteKey(file, f.KML[f.b]), exitcode.Failed,
		"DIR/local/key_simple_new: the new signature does not verify: "+
			"the signature does not belong to this content and this public key")
	f.refused(w.Chain.WriteKey(file, broken{}), exitcode.Failed, "the token is gone")
	big := *file
	big.Backup = strings.Repeat("A", kmdata.MaxFile)
	f.refused(w.Chain.WriteKey(&big, f.KML[f.a]), exitcode.Refused,
		"DIR/local/key_simple_new: it would have 1049308 bytes, and at most 1048576 are read")
	if _, err := os.Lstat(f.local("key_simple_new")); err == nil {
		t.Error("a refused file was written")
	}
	check(t, w.Chain.WriteKey(file, f.KML[f.a]))
	f.refused(w.Chain.WriteKey(file, f.KML[f.a]), exitcode.Refused,
		"DIR/local/key_simple_new already exists and is never overwritten")
}

// FuzzKeyFile reads what an operator may put into kmdata: any text, signed with
// KML. What is taken re-encodes to the same bytes.
func FuzzKeyFile(f *testing.F) {
	fixture := world(f)
	for _, name := range []string{rsa, rsaCopy, aesCopy, "key_simple_ec", "key_simple_aes"} {
		data, err := os.ReadFile(fixture.Dir + "/local/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(name, data)
		f.Add("key_simple_other", data)
	}
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		dir := t.TempDir()
		path := dir + "/key_simple_fuzz"
		if len(name) < 64 && strings.HasPrefix(name, "key_") && !strings.ContainsAny(name, "/\x00") {
			path = dir + "/" + name
		}
		var signer kmdata.Signer = fixture.KML[fixture.a]
		if strings.Contains(string(data), fixture.b) {
			signer = fixture.KML[fixture.b]
		}
		check(t, os.WriteFile(path, data, 0o600))
		check(t, os.WriteFile(kmdata.SignaturePath(path), must(signer.Sign(data))(t), 0o600))
		k, err := fixture.Chain.KeyFile(path)
		if err != nil {
			if strings.ContainsFunc(strings.ReplaceAll(err.Error(), path, ""), func(r rune) bool { return r < ' ' || r == 0x7f }) {
				t.Errorf("it steers the terminal: %q", err)
			}
			return
		}
		if again := must(strictjson.Marshal(k))(t); !bytes.Equal(again, data) {
			t.Fatalf("encodes otherwise:\n%s", again)
		}
	})
}
