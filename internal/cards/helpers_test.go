package cards

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/quorum"
	"byok/internal/secret"
	"byok/internal/strictjson"
)

// testWork keeps scrypt out of the running time of the tests.
const testWork = 2

const (
	hintAgain = "type the passphrase of this card's holder again; if it is certainly right, the card is damaged: " +
		"use another card of the set, then byok-offline world replace-cards"
	hintMount = "insert and mount the medium for this card"
)

// failure is an error as the user meets it.
type failure struct {
	text string
	code exitcode.Code
	hint string
}

func expect(t *testing.T, name string, err error, want failure) {
	t.Helper()
	if err == nil {
		t.Errorf("%s: no error, want %s", name, want.text)
		return
	}
	if got := (failure{err.Error(), exitcode.Of(err), exitcode.HintOf(err)}); got != want {
		t.Errorf("%s:\n got %+v\nwant %+v", name, got, want)
	}
}

func pass(text string) *secret.Bytes { return secret.Take([]byte(text)) }

var testKNSO = fingerprint.Of([]byte("a KNSO"))

var people = []string{"Alice", "Bob", "Carol", "Dave", "Erin"}

// issue makes a rehearsal's set for the first N people.
func issue(t *testing.T, k, n int) *quorum.Issue {
	t.Helper()
	made, err := quorum.New(quorum.Quorum{K: k, N: n}, people[:n], testKNSO, true)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(made.Wipe)
	return made
}

func seal0(t *testing.T, c quorum.Card, passphrase string) []byte {
	t.Helper()
	sealed, err := Seal(c, pass(passphrase), testWork)
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

// dirs returns new folders.
func dirs(t *testing.T, n int) (paths []string) {
	t.Helper()
	for range n {
		paths = append(paths, t.TempDir())
	}
	return paths
}

// written returns media that hold the cards of an issue, card n sealed with "pass n".
func written(t *testing.T, made *quorum.Issue) []Medium {
	t.Helper()
	media := Folders(dirs(t, len(made.Cards)))
	for i, c := range made.Cards {
		if err := media[i].Write(HeaderOf("Contoso", c), seal0(t, c, fmt.Sprintf("pass %d", i+1))); err != nil {
			t.Fatal(err)
		}
	}
	return media
}

func put(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// names lists what is in the medium's folder.
func names(t *testing.T, m Medium) (list []string) {
	t.Helper()
	entries, err := os.ReadDir(m.String())
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

// fixedSet is the card set of which testdata/world has the cards, card n
// sealed with "passphrase of card n" at work factor 10.
func fixedSet(t *testing.T) quorum.CardSet {
	t.Helper()
	var set quorum.CardSet
	data := read(t, "../quorum/testdata/world/set.json")
	if err := strictjson.Exact("set.json", data, 4096, &set); err != nil {
		t.Fatal(err)
	}
	return set
}

// person plays the people at the terminal. What is typed comes from answers,
// one a question.
type person struct {
	answers []answer
	tries   int
	heard   []string // what was said, warned of and asked
	drawn   []string
	insert  func(n int) error // puts the n-th medium into the socket, counted from 1
	inserts int
}

// Insert does what the question asks.
func (p *person) Insert(question string) error {
	p.heard = append(p.heard, question)
	p.inserts++
	return p.insert(p.inserts)
}

// answer is what somebody types. The drawn passphrase is for "same".
type answer struct {
	text string
	own  bool
	err  error
}

func types(texts ...string) *person {
	p := &person{tries: Tries}
	for _, text := range texts {
		p.answers = append(p.answers, answer{text: text})
	}
	return p
}

func (p *person) Say(format string, args ...any) { p.hear("say: " + fmt.Sprintf(format, args...)) }

func (p *person) Warn(text string) { p.hear("warn: " + text) }

func (p *person) Tries() int { return p.tries }

func (p *person) hear(text string) { p.heard = append(p.heard, text) }

var errGaveUp = errors.New("the test types nothing more")

func (p *person) next(kind string, a Ask) answer {
	p.hear(fmt.Sprintf("%s %d, try %d: %s", kind, a.Medium, a.Try, a.Prompt))
	if len(p.answers) == 0 {
		return answer{err: errGaveUp}
	}
	first := p.answers[0]
	p.answers = p.answers[1:]
	return first
}

func (p *person) Passphrase(a Ask) (*secret.Bytes, error) {
	next := p.next("ask", a)
	if next.err != nil {
		return nil, next.err
	}
	return pass(next.text), nil
}

func (p *person) NewPassphrase(a Ask, drawn *secret.Bytes) (*secret.Bytes, bool, error) {
	next := p.next("new", a)
	p.drawn = append(p.drawn, string(drawn.Reveal()))
	if next.err != nil {
		return nil, false, next.err
	}
	if next.text == "same" {
		return pass(string(drawn.Reveal())), false, nil
	}
	return pass(next.text), next.own, nil
}

// expectHeard compares everything that was said, warned of and asked.
func (p *person) expectHeard(t *testing.T, name string, want ...string) {
	t.Helper()
	if !slices.Equal(p.heard, want) {
		t.Errorf("%s: the people heard\n%q\nwant\n%q", name, p.heard, want)
	}
}

// faulty is a medium with faults.
type faulty struct {
	Medium
	place  *Place
	write  func(Header, []byte) error
	read   func() (Header, []byte, error)
	remove func() error
}

func (f faulty) Place() (Place, error) {
	if f.place == nil {
		return f.Medium.Place()
	}
	return *f.place, nil
}

func (f faulty) Write(h Header, sealed []byte) error {
	if f.write == nil {
		return f.Medium.Write(h, sealed)
	}
	return f.write(h, sealed)
}

func (f faulty) Read() (Header, []byte, error) {
	if f.read == nil {
		return f.Medium.Read()
	}
	return f.read()
}

func (f faulty) Remove() error {
	if f.remove == nil {
		return f.Medium.Remove()
	}
	return f.remove()
}

// isRead and isWritten are what is said while a card is worked on.
func isRead(m Medium) string { return fmt.Sprintf("say: reading the card in %s …", m) }

func isWritten(card string, m Medium) string {
	return fmt.Sprintf("say: writing %s to %s and reading it back …", card, m)
}

func weak(card string) string {
	return "say: " + card + ": this passphrase is short, or repeats itself: who copies the card could guess it; " +
		"seven drawn words could not be guessed"
}
