package quorum

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"filippo.io/age"
	"golang.org/x/sys/unix"

	"byok/internal/exitcode"
)

const (
	hintAgain = "type the passphrase of this card's holder again; if it is certainly right, the card is damaged: use another card of the set"
	hintOther = "use another card of the set, then byok-offline world replace-cards"
)

func TestSealOpens(t *testing.T) {
	card := issue(t, Quorum{2, 3}).Cards[1]
	got, err := ReadCard(folderWith(t, seal0(t, card, "opens it")), pass("opens it"))
	if err != nil {
		t.Fatal(err)
	}
	if !got.Share.Equal(card.Share) {
		t.Error("another share came back")
	}
	got.Share = card.Share
	if got != card {
		t.Errorf("sealed %+v, opened %+v", card, got)
	}
}

func TestSealRefuses(t *testing.T) {
	made := issue(t, Quorum{1, 1})
	for name, c := range map[string]struct {
		passphrase string
		work       int
		want       string
	}{
		"no work":       {"p", 0, "card 1 (Holder A): work factor 0 is not between 1 and 22"},
		"too much work": {"p", 23, "card 1 (Holder A): work factor 23 is not between 1 and 22"},
		"empty":         {"", testWork, "card 1 (Holder A): an empty passphrase seals nothing"},
	} {
		_, err := Seal(made.Cards[0], pass(c.passphrase), c.work)
		expect(t, name, err, failure{c.want, exitcode.Usage, ""})
	}
	made.Cards[0].Wipe()
	_, err := Seal(made.Cards[0], pass("p"), testWork)
	expect(t, "wiped", err, failure{"card 1 (Holder A): field share: not a number below the group order", exitcode.Failed, ""})
}

func TestReadCardRefuses(t *testing.T) {
	card := issue(t, Quorum{2, 3}).Cards[0]
	good := seal0(t, card, "opens it")
	flipped := func(at int) []byte {
		out := bytes.Clone(good)
		out[at] ^= 1
		return out
	}
	pipe := t.TempDir()
	if err := unix.Mkfifo(filepath.Join(pipe, CardFile), 0o600); err != nil {
		t.Fatal(err)
	}
	damage := func(dir string) failure {
		return failure{filepath.Join(dir, CardFile) + ": damaged, or not an administrator card", exitcode.Refused, hintOther}
	}
	for name, c := range map[string]struct {
		dir        string
		passphrase string
		want       func(dir string) failure
	}{
		"wrong passphrase": {folderWith(t, good), "opens it not", wrongAt},
		"no passphrase":    {folderWith(t, good), "", wrongAt},
		"empty folder": {t.TempDir(), "opens it", func(dir string) failure {
			return failure{dir + ": blank card, no byok-card.age in it", exitcode.Refused, "insert the medium with the card, or name the folder the card is in"}
		}},
		"no folder":         {filepath.Join(t.TempDir(), "usb"), "opens it", missingAt},
		"a file":            {filepath.Join(folderWith(t, good), CardFile), "opens it", missingAt},
		"body changed":      {folderWith(t, flipped(len(good)-40)), "opens it", damage},
		"tag changed":       {folderWith(t, flipped(len(good)-1)), "opens it", damage},
		"intro changed":     {folderWith(t, flipped(0)), "opens it", damage},
		"cut in the body":   {folderWith(t, good[:len(good)-1]), "opens it", damage},
		"cut in the header": {folderWith(t, good[:40]), "opens it", damage},
		"body gone":         {folderWith(t, good[:len(good)-16-len(marshalled(t, card))]), "opens it", damage},
		"nonce cut":         {folderWith(t, good[:len(good)-17-len(marshalled(t, card))]), "opens it", damage},
		"empty file":        {folderWith(t, nil), "opens it", damage},
		"trailing data":     {folderWith(t, append(bytes.Clone(good), 0)), "opens it", damage},
		"too large":         {folderWith(t, make([]byte, maxFile+1)), "opens it", damage},
		"a pipe":            {pipe, "opens it", damage},
		"work factor 23":    {folderWith(t, bytes.Replace(good, []byte(" 2\n"), []byte(" 23\n"), 1)), "opens it", damage},
		"sealed to a key":   {folderWith(t, sealedToKey(t)), "opens it", damage},
	} {
		_, err := ReadCard(c.dir, pass(c.passphrase))
		expect(t, name, err, c.want(c.dir))
	}
}

func wrongAt(dir string) failure {
	return failure{filepath.Join(dir, CardFile) + ": wrong passphrase", exitcode.Refused, hintAgain}
}

func missingAt(dir string) failure {
	return failure{dir + ": no such folder", exitcode.Refused, "insert and mount the medium for this card"}
}

func marshalled(t *testing.T, c Card) []byte {
	t.Helper()
	text, err := c.marshal()
	if err != nil {
		t.Fatal(err)
	}
	return text.Reveal()
}

func sealedToKey(t *testing.T) []byte {
	t.Helper()
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return sealedTo(t, key.Recipient(), []byte("{}"))
}

func sealedTo(t *testing.T, to age.Recipient, content []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := age.Encrypt(&out, to)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestOpenRefusesOtherContent(t *testing.T) {
	to, err := age.NewScryptRecipient("opens it")
	if err != nil {
		t.Fatal(err)
	}
	to.SetWorkFactor(testWork)
	for name, c := range map[string]struct {
		content []byte
		want    failure
	}{
		"nothing":   {nil, failure{"usb: not valid JSON at byte 0", exitcode.Refused, ""}},
		"a letter":  {[]byte("Dear Bob"), failure{"usb: not valid JSON at byte 0", exitcode.Refused, ""}},
		"too long":  {make([]byte, maxCard+1), failure{"usb: 2049 bytes, more than the 2048 such a file may have", exitcode.Refused, ""}},
		"much text": {make([]byte, 100<<10), failure{"usb: 2049 bytes, more than the 2048 such a file may have", exitcode.Refused, ""}},
	} {
		_, err := Open("usb", sealedTo(t, to, c.content), pass("opens it"))
		expect(t, name, err, c.want)
	}
}

func TestWrongPassphraseCanBeAskedAgain(t *testing.T) {
	sealed := seal0(t, issue(t, Quorum{1, 1}).Cards[0], "right")
	if _, err := Open("usb", sealed, pass("wrong")); !errors.Is(err, ErrPassphrase) {
		t.Errorf("%v", err)
	}
	if _, err := Open("usb", sealed[:50], pass("right")); errors.Is(err, ErrPassphrase) {
		t.Errorf("%v", err)
	}
}

func TestReadCardSaysWhyAMediumCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink(CardFile, filepath.Join(dir, CardFile)); err != nil {
		t.Fatal(err)
	}
	_, err := ReadCard(dir, pass("p"))
	expect(t, "loop", err, failure{"stat " + filepath.Join(dir, CardFile) + ": too many levels of symbolic links", exitcode.Failed, ""})
}

// FuzzOpen: an age file cannot be changed and still open.
func FuzzOpen(f *testing.F) {
	sealed := read(f, "testdata/fuzzopen.age")
	f.Add(sealed)
	f.Add(sealed[:len(sealed)-1])
	f.Add(bytes.Replace(sealed, []byte("scrypt"), []byte("X25519"), 1))
	passphrase := pass("opens it")
	f.Fuzz(func(t *testing.T, data []byte) {
		if lines := bytes.SplitN(data, []byte("\n"), 3); len(lines) > 1 && !bytes.HasSuffix(lines[1], []byte(" 2")) {
			return // another work factor may take gigabytes
		}
		card, err := Open("usb", data, passphrase)
		if err == nil && !bytes.Equal(data, sealed) {
			t.Errorf("opened as %v", card)
		}
		if err != nil && exitcode.Of(err) != exitcode.Refused {
			t.Errorf("status %d: %v", exitcode.Of(err), err)
		}
		card.Wipe()
	})
}
