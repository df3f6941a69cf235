package kmdata_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/kmdata"
	"byok/internal/statement"
	"byok/internal/testkit/softworld"
)

// relink makes a statement follow the one with the bytes previous.
func (f *folder) relink(s statement.Statement, previous []byte) {
	header(s).Previous = fingerprint.Of(previous)
}

func header(s statement.Statement) *statement.Header {
	switch s := s.(type) {
	case *statement.World:
		return &s.Header
	case *statement.Module:
		return &s.Header
	case *statement.Cards:
		return &s.Header
	case *statement.Origin:
		return &s.Header
	case *statement.Authorization:
		return &s.Header
	}
	return &s.(*statement.Seal).Header
}

func TestOpen(t *testing.T) {
	f := copied(t)
	c := must(kmdata.Open(f.dir))(t)
	if c.Last().Number() != lastSeal || c.Last().Sum != f.Chain.Last().Sum {
		t.Errorf("the last statement is %v", c.Last())
	}
}

// Ends of messages.
const (
	altered      = "the signature %s" + notSigned
	notSigned    = " is not of this content: the file was altered, or another key signed it"
	otherCopy    = ": one of them was altered or is of another copy"
	otherwise    = " differs from what the program writes: a field is missing, null, out of order or spaced differently"
	laterRelease = "written by a later release; this one reads version 1"
)

// files says how files of kmdata are attacked, and what Open says.
var fileAttacks = []struct {
	name   string
	attack func(f *folder)
	code   exitcode.Code
	want   string // "" where it is not seen
}{
	{"no folder", func(f *folder) { check(f, os.RemoveAll(f.dir)) }, exitcode.Usage,
		"DIR/local/world: there is no security world"},
	{"world file removed", func(f *folder) { f.remove(f.local("world")) }, exitcode.Usage,
		"DIR/local/world: there is no security world"},
	{"signature of the world removed", func(f *folder) { f.remove(f.local("world.sig")) }, exitcode.Check,
		"DIR/local/world: its signature world.sig is missing"},
	{"first statement removed", func(f *folder) { f.remove(f.statement(moduleA)) }, exitcode.Check,
		"DIR/local/statements/000003-module.json: statement 2 is missing before it"},
	{"middle statement removed", func(f *folder) { f.remove(f.statement(seal)) }, exitcode.Check,
		"DIR/local/statements/000008-cards.json: statement 7 is missing before it"},
	{"two statements removed", func(f *folder) { f.remove(f.statement(approval), f.statement(seal)) }, exitcode.Check,
		"DIR/local/statements/000008-cards.json: statement 6 is missing before it"},
	{"card replacement removed", func(f *folder) { f.remove(f.statement(cards)) }, exitcode.Check,
		"DIR/local/statements/000009-module.json: statement 8 is missing before it"},
	{"end of the record removed", func(f *folder) { f.cutBehind(seal) }, exitcode.Done, ""},
	{"statement doubled under the next number", func(f *folder) {
		f.cutBehind(seal)
		path := strings.Replace(f.statement(seal), "000007", "000008", 1)
		f.write(path, f.read(f.statement(seal)))
		f.write(kmdata.SignaturePath(path), f.read(kmdata.SignaturePath(f.statement(seal))))
	}, exitcode.Check,
		"DIR/local/statements/000008-seal.json: it says that it is statement 7: the file was renamed"},
	{"statement renumbered", func(f *folder) {
		f.cutBehind(seal)
		f.move(f.statement(seal), strings.Replace(f.statement(seal), "000007", "000009", 1))
	}, exitcode.Check,
		"DIR/local/statements/000009-seal.json: it says that it is statement 7: the file was renamed"},
	{"statement renumbered in its text", func(f *folder) {
		f.cutBehind(seal)
		f.edit(seal, `"number": 7`, `"number": 9`)
		f.signStatement(seal)
		f.move(f.statement(seal), strings.Replace(f.statement(seal), "000007", "000009", 1))
	}, exitcode.Check,
		"DIR/local/statements/000009-seal.json: statement 7 is missing before it"},
	{"statement before the world file", func(f *folder) {
		f.move(f.statement(moduleA), strings.Replace(f.statement(moduleA), "000002", "000001", 1))
	}, exitcode.Check,
		"DIR/local/statements/000001-module.json: it says that it is statement 2: the file was renamed"},
	{"two of one number", func(f *folder) {
		f.write(strings.Replace(f.statement(seal), "seal", "origin", 1), f.read(f.statement(seal)))
	}, exitcode.Check,
		"two statements have the number 7: DIR/local/statements/000007-origin.json and 000007-seal.json: a fork"},
	{"two statements exchanged", func(f *folder) {
		a, b, aside := f.statement(moduleA), f.statement(moduleB), f.local("aside.json")
		f.move(a, aside)
		f.move(b, a)
		f.move(aside, b)
	}, exitcode.Check,
		"DIR/local/statements/000002-module.json: it says that it is statement 3: the file was renamed"},
	{"another name", func(f *folder) { f.move(f.statement(lastSeal), f.path(f.dir)+"/local/statements/12-seal.json") },
		exitcode.Check, "DIR/local/statements/12-seal.json: it is not named like a statement"},
	{"a type that statements have not", func(f *folder) {
		f.move(f.statement(lastSeal), strings.Replace(f.statement(lastSeal), "seal", "key", 1))
	}, exitcode.Check, "DIR/local/statements/000012-key.json: it is not named like a statement"},
	{"a second world file", func(f *folder) {
		f.move(f.statement(lastSeal), strings.Replace(f.statement(lastSeal), "seal", "world", 1))
	}, exitcode.Check, "DIR/local/statements/000012-world.json: it is not named like a statement"},
	{"named for another type", func(f *folder) {
		f.move(f.statement(lastSeal), strings.Replace(f.statement(lastSeal), "seal", "origin", 1))
	}, exitcode.Check,
		`DIR/local/statements/000012-origin.json: type is "byok-seal", expected "byok-origin"`},
	{"signature removed", func(f *folder) { f.remove(kmdata.SignaturePath(f.statement(seal))) }, exitcode.Check,
		"DIR/local/statements/000007-seal.json: its signature 000007-seal.sig is missing"},
	{"signature empty", func(f *folder) { f.write(kmdata.SignaturePath(f.statement(seal)), nil) }, exitcode.Check,
		"DIR/local/statements/000007-seal.json: " + fmt.Sprintf(altered, "000007-seal.sig")},
	{"signature of another statement", func(f *folder) {
		f.write(kmdata.SignaturePath(f.statement(seal)), f.read(kmdata.SignaturePath(f.statement(approval))))
	}, exitcode.Check,
		"DIR/local/statements/000007-seal.json: " + fmt.Sprintf(altered, "000007-seal.sig")},
	{"signature with a byte behind it", func(f *folder) {
		path := kmdata.SignaturePath(f.statement(seal))
		f.write(path, append(f.read(path), 0))
	}, exitcode.Check,
		"DIR/local/statements/000007-seal.json: " + fmt.Sprintf(altered, "000007-seal.sig")},
	{"signature too large", func(f *folder) {
		f.write(kmdata.SignaturePath(f.statement(seal)), make([]byte, kmdata.MaxSignature+1))
	}, exitcode.Check,
		"DIR/local/statements/000007-seal.sig: larger than the 512 bytes that such a file may have"},
	{"second signature removed", func(f *folder) { f.remove(kmdata.SecondPath(f.statement(cards))) }, exitcode.Check,
		"DIR/local/statements/000008-cards.json: its signature 000008-cards.new.sig is missing"},
	{"second signature by the old KNSO", func(f *folder) {
		f.write(kmdata.SecondPath(f.statement(cards)), f.read(kmdata.SignaturePath(f.statement(cards))))
	}, exitcode.Check,
		"DIR/local/statements/000008-cards.json: " + fmt.Sprintf(altered, "000008-cards.new.sig")},
	{"first signature by the new KNSO", func(f *folder) {
		f.write(kmdata.SignaturePath(f.statement(cards)), f.read(kmdata.SecondPath(f.statement(cards))))
	}, exitcode.Check,
		"DIR/local/statements/000008-cards.json: " + fmt.Sprintf(altered, "000008-cards.sig")},
	{"signed by KML", func(f *folder) { f.sign(f.statement(seal), f.KML[f.a]) }, exitcode.Check,
		"DIR/local/statements/000007-seal.json: " + fmt.Sprintf(altered, "000007-seal.sig")},
	{"signed by the cards that were replaced", func(f *folder) { f.sign(f.statement(lastSeal), f.Sets[0].KNSO) },
		exitcode.Check,
		"DIR/local/statements/000012-seal.json: " + fmt.Sprintf(altered, "000012-seal.sig")},
	{"signed by the cards to come", func(f *folder) { f.sign(f.statement(seal), f.Sets[1].KNSO) }, exitcode.Check,
		"DIR/local/statements/000007-seal.json: " + fmt.Sprintf(altered, "000007-seal.sig")},
	{"goes on with the cards that were replaced", func(f *folder) {
		f.change(lastSeal, func(s statement.Statement) { header(s).HKNSO = f.Sets[0].KNSO.Sum() })
		f.sign(f.statement(lastSeal), f.Sets[0].KNSO)
	}, exitcode.Check,
		"DIR/local/statements/000012-seal.json: it was signed for hknso OLD, and NEW is in force"},
	{"empty", func(f *folder) { f.write(f.statement(seal), nil) }, exitcode.Check,
		"DIR/local/statements/000007-seal.json: not valid JSON at byte 0"},
	{"too large", func(f *folder) { f.write(f.statement(seal), make([]byte, kmdata.MaxFile+1)) }, exitcode.Check,
		"DIR/local/statements/000007-seal.json: larger than the 1048576 bytes that such a file may have"},
	{"of a later release", func(f *folder) { f.edit(seal, `"version": 1`, `"version": 2`) }, exitcode.Check,
		"DIR/local/statements/000007-seal.json: version 2 of byok-seal, " + laterRelease},
	{"world file of a later release", func(f *folder) { f.edit(worldFile, `"version": 1`, `"version": 2`) },
		exitcode.Check,
		"DIR/local/world: version 2 of byok-world, " + laterRelease},
	{"an unknown field", func(f *folder) { f.edit(seal, `"number"`, `"extra": 1, "number"`) }, exitcode.Check,
		"DIR/local/statements/000007-seal.json: unknown field extra"},
	{"a field twice", func(f *folder) { f.edit(seal, `"number": 7`, `"number": 7, "number": 7`) }, exitcode.Check,
		"DIR/local/statements/000007-seal.json: field number appears twice"},
	{"spaced otherwise", func(f *folder) { f.edit(seal, `"number": 7`, `"number":7`); f.signStatement(seal) },
		exitcode.Check,
		"DIR/local/statements/000007-seal.json: line 4" + otherwise},
	{"a named pipe in its place", func(f *folder) {
		f.remove(f.statement(seal))
		check(f, syscall.Mkfifo(f.statement(seal), 0o600))
	}, exitcode.Check, "DIR/local/statements/000007-seal.json: a named pipe, not a file"},
	{"a named pipe in place of its signature", func(f *folder) {
		f.remove(kmdata.SignaturePath(f.statement(seal)))
		check(f, syscall.Mkfifo(kmdata.SignaturePath(f.statement(seal)), 0o600))
	}, exitcode.Check, "DIR/local/statements/000007-seal.sig: a named pipe, not a file"},
	{"a named pipe in place of the world file", func(f *folder) {
		f.remove(f.local("world"))
		check(f, syscall.Mkfifo(f.local("world"), 0o600))
	}, exitcode.Check, "DIR/local/world: a named pipe, not a file"},
	{"a folder in its place", func(f *folder) {
		f.remove(f.statement(seal))
		check(f, os.Mkdir(f.statement(seal), 0o700))
	}, exitcode.Check, "DIR/local/statements/000007-seal.json: a folder, not a file"},
	{"a link to nothing in its place", func(f *folder) {
		f.remove(f.statement(seal))
		check(f, os.Symlink("gone", f.statement(seal)))
	}, exitcode.Check, "DIR/local/statements/000007-seal.json: no such file"},
	{"a link to another statement in its place", func(f *folder) {
		f.remove(f.statement(seal))
		check(f, os.Symlink(f.statement(lastSeal), f.statement(seal)))
	}, exitcode.Check, "DIR/local/statements/000007-seal.json: it says that it is statement 12: the file was renamed"},
	{"a link to the same bytes elsewhere", func(f *folder) {
		check(f, os.Rename(f.statement(seal), f.dir+"/elsewhere"))
		check(f, os.Symlink(f.dir+"/elsewhere", f.statement(seal)))
	}, exitcode.Done, ""},
	{"a file in place of the folder of statements", func(f *folder) {
		check(f, os.RemoveAll(kmdata.StatementsDir(f.dir)))
		f.write(kmdata.StatementsDir(f.dir), nil)
	}, exitcode.Failed, "open DIR/local/statements: not a directory"},
	{"what an interrupted run left", func(f *folder) {
		f.write(f.dir+"/local/statements/000013-seal.sig", []byte("lone"))
		f.write(f.dir+"/local/statements/.000013-seal.json.tmp-ABC", []byte("torn"))
	}, exitcode.Done, ""},
}

func TestAttacksOnFiles(t *testing.T) {
	for _, a := range fileAttacks {
		t.Run(a.name, func(t *testing.T) {
			f := copied(t)
			a.attack(f)
			_, err := kmdata.Open(f.dir)
			if a.want == "" {
				check(t, err)
				return
			}
			want := strings.NewReplacer(
				"OLD", f.Sets[0].KNSO.Sum().String()[:8], "NEW", f.Sets[1].KNSO.Sum().String()[:8],
			).Replace(a.want)
			f.refused(err, a.code, want)
		})
	}
}

// value finds the value that ends a line of a statement.
var value = regexp.MustCompile(`^( *(?:"[a-z_0-9]+": )?)("(?:[^"\\]|\\.)*"|-?\d+|true|false)(,?)$`)

// alter gives a line another value of the same type; ok is false without one.
func alter(line string) (changed string, ok bool) {
	m := value.FindStringSubmatch(line)
	if m == nil {
		return "", false
	}
	v := m[2]
	switch {
	case v == "true":
		v = "false"
	case v == "false":
		v = "true"
	case v == `""`:
		v = `"x"`
	case v[0] == '"':
		last := v[len(v)-2]
		v = v[:len(v)-2] + string(rune(last^1)) + `"`
	default:
		v += "1"
	}
	return m[1] + v + m[3], true
}

// Every value of every statement is altered, one at a time. Without KNSO no
// signature makes up for it: neither the old one, nor KML's, nor a foreign
// KNSO's.
func TestEveryFieldIsSigned(t *testing.T) {
	f := copied(t)
	foreign := must(softworld.NewSigner())(t)
	signers := map[string]kmdata.Signer{"KML": f.KML[f.a], "another KNSO": foreign, "no one again": nil}
	altered := 0
	for n := worldFile; n <= lastSeal; n++ {
		path := f.statement(n)
		good, sig := f.read(path), f.read(kmdata.SignaturePath(path))
		lines := strings.Split(string(good), "\n")
		for i, line := range lines {
			changed, ok := alter(line)
			if !ok {
				continue
			}
			altered++
			lines[i] = changed
			f.write(path, []byte(strings.Join(lines, "\n")))
			for name, signer := range signers {
				f.write(kmdata.SignaturePath(path), sig)
				if signer != nil {
					f.sign(path, signer)
				}
				_, err := kmdata.Open(f.dir)
				if exitcode.Of(err) != exitcode.Check || !strings.HasPrefix(err.Error(), path+": ") {
					t.Errorf("%s, signed by %s: %s: %v", path, name, changed, err)
				}
			}
			lines[i] = line
			f.write(kmdata.SignaturePath(path), sig)
		}
		f.write(path, good)
	}
	if altered < 250 {
		t.Errorf("only %d values were altered", altered)
	}
	if _, err := kmdata.Open(f.dir); err != nil {
		t.Error(err)
	}
}

// A statement that the world's own KNSO signs, but that does not carry the
// hash of the one before, or that another does not follow.
func TestEveryStatementIsLinked(t *testing.T) {
	for n := moduleA; n < lastSeal; n++ {
		f := copied(t)
		f.edit(n, `"time": "2`, `"time": "3`)
		f.signStatement(n)
		_, err := kmdata.Open(f.dir)
		f.refused(err, exitcode.Check, strings.Replace(f.statement(n+1), f.dir, "DIR", 1)+
			fmt.Sprintf(": it does not follow statement %d", n)+otherCopy)
	}
}
