package world

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/hsm/softhsm"
	"byok/internal/quorum"
	"byok/internal/secret"
)

const (
	userPIN  = "user-pin-of-the-test"
	worldKey = "byok-km"
)

func pin(s string) *secret.Bytes { return secret.Take([]byte(s)) }

// failure is an error as the user meets it.
type failure struct {
	text string
	code exitcode.Code
	hint string
}

func expect(t *testing.T, err error, want failure) {
	t.Helper()
	if err == nil {
		t.Errorf("no error, want %s", want.text)
		return
	}
	if got := (failure{err.Error(), exitcode.Of(err), exitcode.HintOf(err)}); got != want {
		t.Errorf("\n got %+v\nwant %+v", got, want)
	}
}

func must[T any](t *testing.T) func(T, error) T {
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func ok(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// place is a module, a kmdata folder and blank cards: a world to be.
type place struct {
	m      *hsm.Module
	label  string // of the token
	kmdata string
	cards  []string
	said   []string
}

func newPlace(t *testing.T, cards int) *place {
	t.Helper()
	return placeOn(t, softhsm.New(t), cards)
}

func placeOn(t *testing.T, library string, cards int) *place {
	t.Helper()
	p := &place{m: must[*hsm.Module](t)(hsm.Load(library)), label: "test world", kmdata: t.TempDir()}
	t.Cleanup(p.m.Close)
	for range cards {
		p.cards = append(p.cards, t.TempDir())
	}
	return p
}

// another creates a world like p's on another token of the same module: a
// process has one SoftHSM.
func (p *place) another(t *testing.T) (*place, *World) {
	t.Helper()
	other := &place{m: p.m, label: "another world", kmdata: t.TempDir()}
	for range p.cards {
		other.cards = append(other.cards, t.TempDir())
	}
	return other, must[*World](t)(Create(p.m, other.creation(min(2, len(p.cards)))))
}

func (p *place) say(format string, args ...any) {
	p.said = append(p.said, fmt.Sprintf(format, args...))
}

var holderNames = []string{"Ada", "Ben", "Cleo"}

func passphrase(card int) string { return "passphrase of " + holderNames[card] }

// creation asks for a world of K cards needed of those that the place has; a
// rehearsal if there are several, which lie on one medium.
func (p *place) creation(k int) Creation {
	c := Creation{
		CardOrder: CardOrder{Quorum: quorum.Quorum{K: k, N: len(p.cards)}, WorkFactor: 1, Say: p.say},
		KMData:    p.kmdata, Label: p.label, Suite: SuiteDefault, UserPIN: pin(userPIN), Rehearsal: len(p.cards) > 1,
	}
	for i, dir := range p.cards {
		c.Holders = append(c.Holders, CardHolder{Dir: dir, Name: holderNames[i], Passphrase: pin(passphrase(i))})
	}
	return c
}

// world creates a rehearsal world with a quorum of 2/3.
func newWorld(t *testing.T) (*place, *World) {
	t.Helper()
	p := newPlace(t, 3)
	return p, must[*World](t)(Create(p.m, p.creation(2)))
}

// production creates a production world, with one card on its one medium.
func production(t *testing.T) (*place, *World) {
	t.Helper()
	p := newPlace(t, 1)
	return p, must[*World](t)(Create(p.m, p.creation(1)))
}

// readers gives the cards with these numbers, counted from 0, and their passphrases.
func (p *place) readers(cards ...int) (list []CardReader) {
	for _, i := range cards {
		list = append(list, CardReader{Dir: p.cards[i], Passphrase: func(string) (*secret.Bytes, error) { return pin(passphrase(i)), nil }})
	}
	return list
}

// quorate reads the first K cards.
func (p *place) quorate(t *testing.T, w *World) *Quorate {
	t.Helper()
	var cards []int
	for i := range w.CardSet().Quorum.K {
		cards = append(cards, i)
	}
	q := must[*Quorate](t)(w.ReadCards(p.readers(cards...), func(quorum.Card) {}))
	t.Cleanup(q.Wipe)
	return q
}

// operate logs in, works and logs out.
func (p *place) operate(t *testing.T, w *World, work func(*Operator)) {
	t.Helper()
	op := must[*Operator](t)(w.Login(p.m, pin(userPIN)))
	defer func() { ok(t, op.Close()) }()
	work(op)
}

// onToken lists the labels of what is on the world's token, sorted.
func (p *place) onToken(t *testing.T) []string {
	t.Helper()
	for _, token := range must[[]hsm.Token](t)(p.m.Tokens()) {
		if token.Initialised && token.Label == p.label {
			u := must[*hsm.User](t)(p.m.User(token, pin(userPIN)))
			labels := must[[]string](t)(u.Labels())
			ok(t, u.Close())
			slices.Sort(labels)
			return labels
		}
	}
	return nil
}

func (p *place) expectOnToken(t *testing.T, want ...string) {
	t.Helper()
	want = append([]string{"byok-km", "byok-knso", "byok-knso"}, want...)
	slices.Sort(want)
	if got := p.onToken(t); !slices.Equal(got, want) {
		t.Errorf("on the token are %q, want %q", got, want)
	}
}

// files lists a folder.
func files(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func expectFiles(t *testing.T, dir string, want ...string) {
	t.Helper()
	if got := files(t, dir); !slices.Equal(got, want) {
		t.Errorf("%s holds %q, want %q", dir, got, want)
	}
}

func (p *place) path(name string) string { return filepath.Join(p.kmdata, "local", name) }

func read(t *testing.T, path string) []byte {
	t.Helper()
	return must[[]byte](t)(os.ReadFile(path))
}

func write(t *testing.T, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	ok(t, os.WriteFile(path, data, 0o600))
	return path
}

// openssl is the judge: nothing of ours has a part in its answers.
func openssl(t *testing.T, args ...string) []byte {
	t.Helper()
	path, err := exec.LookPath("openssl")
	if err != nil {
		t.Fatal("openssl is not installed, and these tests need it as a judge: apt-get install openssl")
	}
	out, err := exec.Command(path, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("openssl %q: %v\n%s", args, err, out)
	}
	return out
}

// signed has openssl verify the signature at path.sig over the file at path.
func signed(t *testing.T, publicPEM, path, sig string) {
	t.Helper()
	if out := openssl(t, "dgst", "-sha256", "-verify", write(t, []byte(publicPEM)), "-signature", sig, path); string(out) != "Verified OK\n" {
		t.Errorf("%s: openssl says %q", sig, out)
	}
}

// unwrapped opens RFC 5649 with openssl.
func unwrapped(t *testing.T, keyHex string, blob []byte) []byte {
	t.Helper()
	return openssl(t, "enc", "-d", "-id-aes256-wrap-pad", "-K", keyHex, "-iv", "A65959A6", "-in", write(t, blob))
}

// publicOfPKCS8 has openssl read a private key in clear, whatever zeros follow it.
func publicOfPKCS8(t *testing.T, clear []byte) string {
	t.Helper()
	return string(openssl(t, "pkey", "-inform", "DER", "-in", write(t, clear), "-pubout"))
}

// flips calls check with each byte of the file changed in turn, and counts
// how often it was refused.
func flips(t *testing.T, path string, check func() error) {
	t.Helper()
	whole := read(t, path)
	caught, texts := 0, map[string]bool{}
	for i := range whole {
		data := slices.Clone(whole)
		data[i] ^= 1
		ok(t, os.WriteFile(path, data, 0o600))
		switch err := check(); {
		case err == nil:
			t.Errorf("%s: byte %d changed from %q to %q: taken", filepath.Base(path), i, whole[i], data[i])
		case exitcode.Of(err) != exitcode.Check && exitcode.Of(err) != exitcode.Usage, strings.Contains(err.Error(), "\n"):
			t.Errorf("%s: byte %d: status %d, %v", filepath.Base(path), i, exitcode.Of(err), err)
		default:
			caught++
			texts[err.Error()] = true
		}
	}
	ok(t, os.WriteFile(path, whole, 0o600))
	t.Logf("%s: %d of %d caught", filepath.Base(path), caught, len(whole))
}
