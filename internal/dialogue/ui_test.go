//go:build linux

package dialogue_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"byok/internal/command"
	"byok/internal/dialogue"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/library"
	"byok/internal/session"
)

const noTerminal = "/dev/tty cannot be opened and standard input is not a terminal"

// question is one of a dialogue, as a table knows it: the option that answers
// it in a rehearsal, the prompt, what is typed, and the note that is made.
type question struct {
	name   string
	option string
	prompt string
	typed  string
	ask    func(u *dialogue.UI) error
	note   string // name of the note, "" for none
	value  string
}

var (
	sum    = fingerprint.Of([]byte("library"))
	change = session.LibraryChange{New: library.Identity{Path: "/lib/a.so", SHA256: sum}}
)

func questions() []question {
	return []question{
		{"list", "approve", "a card holder approves the list by typing its first word: ", " Abandon ",
			func(u *dialogue.UI) error { return u.ApproveList("abandon") }, "", ""},
		{"last statement", "last-statement", "number and first word of the last statement, from the paper record: ", "7 Abandon",
			func(u *dialogue.UI) error {
				number, word, err := u.LastStatement("why")
				if err == nil && (number != 7 || word != "abandon") {
					return fmt.Errorf("%d %q", number, word)
				}
				return err
			}, "last statement on paper", "7 Abandon"},
		{"reason", "break-reason", "reason for what is missing, for the record: ", "the disk failed",
			func(u *dialogue.UI) error {
				reason, err := u.Reason(nil)
				if err == nil && reason != "the disk failed" {
					return fmt.Errorf("%q", reason)
				}
				return err
			}, "break", "the disk failed"},
		{"library", "library-sha256",
			"SHA-256 of the library from the vendor's release or the plan, first 8 words or hex: ", sum.FirstWords(8),
			func(u *dialogue.UI) error { return u.AcceptLibrary(change) }, "library accepted", sum.String()},
		{"serial", "serial", "serial number of the HSM, as printed on the device: ", "42",
			func(u *dialogue.UI) error { return u.AcceptSerial("token", "42") }, "serial compared", "42"},
	}
}

// TestAnswered: people answer on the terminal, and in a rehearsal an option may
// answer for them; what they compared is noted.
func TestAnswered(t *testing.T) {
	for _, q := range questions() {
		typed := run(t, nil, []answer{{q.prompt, q.typed}}, func(r *command.Run) error {
			return q.ask(dialogue.New(r, false))
		})
		given := run(t, []string{"--" + q.option, q.typed}, nil, func(r *command.Run) error {
			return q.ask(dialogue.New(r, true))
		})
		for how, s := range map[string]said{"typed": typed, "given": given} {
			delete(s.notes, "warning")
			want := map[string]string{}
			if q.note != "" {
				want[q.note] = q.value
			}
			if s.err != nil || !maps.Equal(s.notes, want) {
				t.Errorf("%s, %s: %v, notes %q", q.name, how, s.err, s.notes)
			}
		}
	}
}

// TestNobodyAnswersForHolders: in production no option answers for the card
// holders, and without a terminal there is no answer.
func TestNobodyAnswersForHolders(t *testing.T) {
	for _, q := range questions() {
		given := run(t, []string{"--" + q.option, q.typed}, nil, func(r *command.Run) error {
			return q.ask(dialogue.New(r, false))
		})
		refused(t, q.name, given.err, exitcode.Refused,
			"--"+q.option+" answers for the card holders, and only a rehearsal accepts it",
			"leave it out: the program asks them on the terminal")
		alone := run(t, nil, nil, func(r *command.Run) error { return q.ask(dialogue.New(r, false)) })
		refused(t, q.name, alone.err, exitcode.Usage,
			"cannot ask for the "+strings.TrimSuffix(q.prompt, ": ")+": "+noTerminal, "")
	}
	unseen := run(t, []string{"--approve-unseen"}, nil, func(r *command.Run) error {
		return dialogue.New(r, false).ApproveList("abandon")
	})
	refused(t, "unseen", unseen.err, exitcode.Refused,
		"--approve-unseen answers for the card holders, and only a rehearsal accepts it",
		"leave it out: the program asks them on the terminal")
}

// TestRehearsalNeedsNo comparison with a release or a device; it says so in
// the record.
func TestRehearsalNeedsNo(t *testing.T) {
	for _, c := range []struct {
		name string
		args []string
		ask  func(u *dialogue.UI) error
		note string
	}{
		{"library", nil, func(u *dialogue.UI) error { return u.AcceptLibrary(change) }, "library accepted without comparison"},
		{"serial", nil, func(u *dialogue.UI) error { return u.AcceptSerial("token", "42") }, ""},
		{"list", []string{"--approve-unseen"}, func(u *dialogue.UI) error { return u.ApproveList("abandon") }, "warning"},
	} {
		s := run(t, c.args, nil, func(r *command.Run) error { return c.ask(dialogue.New(r, true)) })
		if _, noted := s.notes[c.note]; s.err != nil || noted != (c.note != "") {
			t.Errorf("%s: %v, %q", c.name, s.err, s.notes)
		}
	}
	s := run(t, nil, nil, func(r *command.Run) error { return dialogue.New(r, false).AcceptSerial("token", "") })
	if s.err != nil {
		t.Errorf("a token without a serial number: %v", s.err)
	}
	s = run(t, nil, nil, func(r *command.Run) error { return dialogue.New(r, true).ApproveList("abandon") })
	refused(t, "rehearsal", s.err, exitcode.Usage,
		"cannot ask for the a card holder approves the list by typing its first word: "+noTerminal, "give --approve WORD")
}

// TestWrongAnswers: what is not the same is not accepted.
func TestWrongAnswers(t *testing.T) {
	const statementText = `: expected a number and a word, such as "7 abandon"`
	for _, c := range []struct {
		option, value string
		ask           func(u *dialogue.UI) error
		code          exitcode.Code
		text, hint    string
	}{
		{"approve", "ability", func(u *dialogue.UI) error { return u.ApproveList("abandon") }, exitcode.Refused,
			"the answer is not the first word of the list: nothing was approved", ""},
		{"last-statement", "seven abandon", lastStatement, exitcode.Usage, `last statement "seven abandon"` + statementText, ""},
		{"last-statement", "0 abandon", lastStatement, exitcode.Usage, `last statement "0 abandon"` + statementText, ""},
		{"last-statement", "7", lastStatement, exitcode.Usage, `last statement "7"` + statementText, ""},
		{"break-reason", "  ", func(u *dialogue.UI) error { _, err := u.Reason(nil); return err }, exitcode.Refused,
			"the record is incomplete, and a reason is needed to continue", "run the same command again, and give the reason"},
		{"library-sha256", fingerprint.Of(nil).FirstWords(8), func(u *dialogue.UI) error { return u.AcceptLibrary(change) },
			exitcode.Check, "PKCS#11 library /lib/a.so: its SHA-256 is not the one that was given",
			"byok-offline fingerprint /lib/a.so shows what it is; get the library from the vendor again"},
		{"serial", "43", func(u *dialogue.UI) error { return u.AcceptSerial("token", "42") }, exitcode.Check,
			"token does not have the serial number that was typed",
			"connect the device whose serial number was read, or read it again"},
	} {
		s := run(t, []string{"--" + c.option, c.value}, nil, func(r *command.Run) error { return c.ask(dialogue.New(r, true)) })
		refused(t, c.option+" "+c.value, s.err, c.code, c.text, c.hint)
		delete(s.notes, "warning")
		if len(s.notes) > 0 {
			t.Errorf("%s: notes %q", c.option, s.notes)
		}
	}
	s := run(t, []string{"--library-sha256", sum.FirstWords(7)}, nil, func(r *command.Run) error {
		return dialogue.New(r, true).AcceptLibrary(change)
	})
	if exitcode.Of(s.err) != exitcode.Usage {
		t.Errorf("seven words: %v", s.err)
	}
}

func lastStatement(u *dialogue.UI) error {
	_, _, err := u.LastStatement("why")
	return err
}

// TestSaying: what is said is on the screen, and a warning in the record too.
func TestSaying(t *testing.T) {
	s := run(t, nil, nil, func(r *command.Run) error {
		u := dialogue.New(r, false)
		u.Say("%d events", 3)
		u.Warn("take care")
		return nil
	})
	if s.screen != "test: 3 events\ntest: warning: take care\n" || !maps.Equal(s.notes, map[string]string{"warning": "take care"}) {
		t.Errorf("%q %q", s.screen, s.notes)
	}
}

const (
	kid        = "https://contoso.vault.azure.net/keys/KEKforBYOK/00000000000000000000000000000001"
	askWords   = "KEK's fingerprint as the vault's owner said it, first 8 words or hex: "
	askKID     = "KEK's key identifier with its version, as the vault's owner said it: "
	askImport  = `did the vault's owner say that import is the key's only operation? (type "yes" to continue): `
	askBy      = "name of who said so: "
	importOnly = "--import-only answers for the card holders, and only a rehearsal accepts it"
)

// TestSaid: everything that the vault's owner said is asked for, and what is
// missing accepts nothing.
func TestSaid(t *testing.T) {
	all := []answer{{askWords, sum.FirstWords(8)}, {askKID, kid}, {askImport, "yes"}, {askBy, "Olga"}}
	ask := func(rehearsal bool) func(r *command.Run) error {
		return func(r *command.Run) error {
			s, err := dialogue.New(r, rehearsal).Said()
			if err == nil && (s.By != "Olga" || !s.ImportOnly || s.KID.String() != kid || !s.Fingerprint.Matches(sum)) {
				err = fmt.Errorf("%+v", s)
			}
			return err
		}
	}
	if s := run(t, nil, all, ask(false)); s.err != nil || s.notes["KEK said by"] != "Olga" {
		t.Errorf("typed: %v, %q", s.err, s.notes)
	}
	given := []string{"--fingerprint", sum.FirstWords(8), "--kid", kid, "--import-only", "--said-by", "Olga"}
	if s := run(t, given, nil, ask(true)); s.err != nil {
		t.Errorf("given: %v", s.err)
	}
	wrong := []answer{{askWords, "no"}, {askKID, "no"}, {askImport, "no"}}
	for n, w := range wrong { // words and identifier are read when all was said
		answers := slices.Clone(all)
		if answers[n] = w; n == 2 {
			answers = answers[:3]
		}
		if s := run(t, nil, answers, ask(false)); s.err == nil || len(s.notes) > 0 {
			t.Errorf("%q: accepted", w)
		}
	}
	for _, without := range [][]string{nil, given[:2], given[:4], given[:5]} {
		if s := run(t, without, nil, ask(true)); s.err == nil || !strings.Contains(s.err.Error(), noTerminal) {
			t.Errorf("%q: %v", without, s.err)
		}
	}
	s := run(t, []string{"--import-only"}, all[:2], ask(false))
	refused(t, "production", s.err, exitcode.Refused, importOnly, "leave it out: the program asks them on the terminal")
}
