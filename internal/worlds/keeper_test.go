package worlds

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
)

// person answers in turn, and keeps what is said.
type person struct {
	away    bool
	answers []string
	asked   []string
	said    []string
}

func (p *person) Interactive() bool { return !p.away }

func (p *person) Ask(prompt, flag string) (string, error) {
	p.asked = append(p.asked, prompt+" ["+flag+"]")
	if len(p.answers) == 0 {
		return "", context.Canceled
	}
	answer := p.answers[0]
	p.answers = p.answers[1:]
	return answer, nil
}

func (p *person) Say(format string, args ...any) {
	p.said = append(p.said, fmt.Sprintf(format, args...))
}

func (p *person) Warning(format string, args ...any) {
	p.said = append(p.said, "warning: "+fmt.Sprintf(format, args...))
}

func keeper(t *testing.T, given string, p *person) Keeper {
	t.Helper()
	k := Keeper{Store: newStore(t), By: "ada@host", UI: p, Now: func() time.Time { return at.Add(time.Millisecond) }}
	if given != "" {
		var err error
		if k.Given, err = Parse(given); err != nil {
			t.Fatal(err)
		}
	}
	return k
}

const (
	file      = "usb/KeyTransferPackage-a.byok"
	another   = "the package comes from a different world than the one named: its hknso differs"
	unknown   = "warning: the package comes from a different world than the one named: its hknso differs; try again"
	noAnswers = "context canceled"
)

func TestTrust(t *testing.T) {
	words := one.Words()
	for _, c := range []struct {
		name    string
		given   string
		answers []string
		code    exitcode.Code
		want    string // of the error
		warned  []string
	}{
		{"eight words typed", "", []string{strings.Join(words[:8], " ")}, 0, "", nil},
		{"all words typed, in rows", "", []string{strings.Join(one.Rows(), "\n")}, 0, "", nil},
		{"hex typed", "", []string{one.Groups()}, 0, "", nil},
		{"eight words given", strings.ToUpper(strings.Join(words[:8], "-")), nil, 0, "", nil},
		{"hex given", one.String(), nil, 0, "", nil},
		{"another hex given", two.String(), nil, exitcode.Check,
			"--hknso: the package comes from a different world than the one named: its hknso differs", nil},
		{"right at the third try", "", []string{two.FirstWords(8), strings.Join(words[:7], " "), one.FirstWords(8)}, 0, "",
			[]string{unknown, "warning: the fingerprint has 7 words: at least the first 8 are needed; try again"}},
		{"wrong three times", "", []string{two.String(), two.String(), two.String()}, exitcode.Check, another,
			[]string{unknown, unknown}},
		{"not a fingerprint at last", "", []string{two.String(), two.String(), "x"}, exitcode.Usage,
			`word 1 of the fingerprint, "x", is not on the word list`, []string{unknown, unknown}},
		{"interrupted", "", nil, exitcode.Interrupted, noAnswers, nil},
	} {
		p := &person{answers: c.answers}
		k := keeper(t, c.given, p)
		w, err := k.Trust(Claim{"Contoso", one, one}, file)
		var warned []string
		for _, line := range p.said {
			if strings.HasPrefix(line, "warning: ") {
				warned = append(warned, line)
			}
			if c.want != "" && (strings.Contains(line, one.String()[:8]) || strings.Contains(line, one.Words()[0])) {
				t.Errorf("%s: shown: %s", c.name, line)
			}
		}
		if fmt.Sprint(warned) != fmt.Sprint(c.warned) {
			t.Errorf("%s:\n got %q\nwant %q", c.name, warned, c.warned)
		}
		all, failed := k.Store.List()
		if failed != nil {
			t.Fatal(failed)
		}
		if c.want != "" {
			expect(t, c.name, err, c.code, c.want, "")
			if len(all) != 0 {
				t.Errorf("%s: remembered %v", c.name, all)
			}
			continue
		}
		if err != nil || w.Current() != (Entry{one, "ada@host", at}) || len(all) != 1 {
			t.Errorf("%s: %+v, %v, %v", c.name, w, err, all)
		}
	}
}

// TestTrustAgain asks no one about a world that is known.
func TestTrustAgain(t *testing.T) {
	p := &person{answers: []string{one.String()}}
	k := keeper(t, "", p)
	if _, err := k.Trust(Claim{"Contoso", one, one}, file); err != nil {
		t.Fatal(err)
	}
	wantSaid := []string{
		"usb/KeyTransferPackage-a.byok comes from a security world that this workstation does not know yet",
		"take its hknso from the paper that world create or world replace-cards printed: " +
			"eight words or more, or all 64 hex digits",
		`world "Contoso" is now known, vouched for by ada@host; stored in ` + k.Store.Path(),
	}
	if strings.Join(p.said, "\n") != strings.Join(wantSaid, "\n") {
		t.Errorf("got\n%s", strings.Join(p.said, "\n"))
	}
	if want := []string{"hknso of the world [--hknso WORDS-or-HEX]"}; fmt.Sprint(p.asked) != fmt.Sprint(want) {
		t.Errorf("asked %q", p.asked)
	}
	p.away = true
	if w, err := k.Trust(Claim{"Contoso", one, one}, file); err != nil || w.First != one || len(p.said) != len(wantSaid) {
		t.Errorf("%v, %v, %q", w, err, p.said)
	}
	k.Given = fingerprint.Whole(two) // the person means another world, known or not
	_, err := k.Trust(Claim{"Contoso", one, one}, file)
	expect(t, "another given", err, exitcode.Check,
		"--hknso: the package comes from a different world than the one named: its hknso differs", "")
	// The cards are replaced: the new hknso is compared again, the old one is over.
	if w, err := k.Trust(Claim{"Contoso", one, two}, file); err != nil || w.Current().SHA256 != two || w.First != one {
		t.Errorf("%v, %v", w, err)
	}
	k.Given = fingerprint.Whole(one)
	_, err = k.Trust(Claim{"Contoso", one, three}, file)
	expect(t, "the first one given", err, exitcode.Check, "--hknso: the package shows that this world's cards "+
		"were replaced: give the hknso that world replace-cards printed", "")
	_, err = k.Trust(Claim{"Contoso", one, one}, file)
	expect(t, "replaced", err, exitcode.Refused,
		`world "Contoso": its cards were replaced, and the package was authorized with the old ones`,
		"byok-offline acl modify and package again, with the present cards")
}

// TestLook keeps nothing of what a person vouches for.
func TestLook(t *testing.T) {
	p := &person{}
	k := keeper(t, one.String(), p)
	k.Look = true
	w, err := k.Trust(Claim{"Contoso", one, one}, file)
	if err != nil || w.Current() != (Entry{one, "ada@host", at}) || w.Label != "Contoso" || len(p.said) != 0 {
		t.Errorf("%+v, %v, %q", w, err, p.said)
	}
	if all, err := k.Store.List(); all != nil || err != nil {
		t.Errorf("%v, %v", all, err)
	}
}

// TestUnattended has no one to ask.
func TestUnattended(t *testing.T) {
	k := keeper(t, "", &person{away: true})
	_, err := k.Trust(Claim{"Contoso", one, one}, file)
	expect(t, "unattended", err, exitcode.Refused,
		"the world is not known on this workstation, and there is no terminal to ask for its hknso",
		"--hknso 'WORDS OR HEX', as byok-offline world create printed it")
}

// TestTrustCannotRemember has no folder to remember the world in.
func TestTrustCannotRemember(t *testing.T) {
	k := keeper(t, one.String(), &person{})
	k.By = ""
	_, err := k.Trust(Claim{"Contoso", one, one}, file)
	expect(t, "by", err, exitcode.Usage, k.Store.Path()+": world 1: field by: it is empty", "")
}

func TestParse(t *testing.T) {
	_, err := Parse(one.FirstWords(7))
	expect(t, "seven words", err, exitcode.Usage, "the fingerprint has 7 words: at least the first 8 are needed", "")
	_, err = Parse(one.String()[:16])
	expect(t, "eight bytes of hex", err, exitcode.Usage, "the fingerprint has 16 hex digits, not 64", "")
}
