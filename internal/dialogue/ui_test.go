//go:build linux

package dialogue_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"byok/internal/cards"
	"byok/internal/ceremony"
	"byok/internal/command"
	"byok/internal/dialogue"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/library"
	"byok/internal/secret"
	"byok/internal/session"
	"byok/internal/statement"
	"byok/internal/version"
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
			"--"+q.option+" answers for the card holders, and only a rehearsal takes it",
			"leave it out: the program asks them on the terminal")
		alone := run(t, nil, nil, func(r *command.Run) error { return q.ask(dialogue.New(r, false)) })
		refused(t, q.name, alone.err, exitcode.Usage,
			"cannot ask for the "+strings.TrimSuffix(q.prompt, ": ")+": "+noTerminal, "")
	}
	unseen := run(t, []string{"--approve-unseen"}, nil, func(r *command.Run) error {
		return dialogue.New(r, false).ApproveList("abandon")
	})
	refused(t, "unseen", unseen.err, exitcode.Refused,
		"--approve-unseen answers for the card holders, and only a rehearsal takes it",
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
			"the record is incomplete, and a reason is needed to go on", "run the same command again, and give the reason"},
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

// TestSecrets come from files, in the order of the media, or from the terminal,
// where they do not show.
func TestSecrets(t *testing.T) {
	one, two := secretFile(t, "first"), secretFile(t, "second")
	ask := cards.Ask{Medium: 1, Prompt: "passphrase of card 2"}
	get := func(f func(u *dialogue.UI) (*secret.Bytes, error), want string) func(r *command.Run) error {
		return func(r *command.Run) error {
			s, err := f(dialogue.New(r, false))
			if err == nil && s.Text() != want {
				err = fmt.Errorf("%q", s.Text())
			}
			s.Wipe()
			return err
		}
	}
	passphrase := func(u *dialogue.UI) (*secret.Bytes, error) { return u.Passphrase(ask) }
	pin := func(u *dialogue.UI) (*secret.Bytes, error) { return u.UserPIN("the token") }
	for _, c := range []struct {
		name    string
		args    []string
		answers []answer
		f       func(r *command.Run) error
	}{
		{"passphrase from a file", []string{"--card-pin-file", one, "--card-pin-file", two}, nil, get(passphrase, "second")},
		{"passphrase typed", nil, []answer{{"passphrase of card 2: ", "typed"}}, get(passphrase, "typed")},
		{"PIN from a file", []string{"--pin-file", one}, nil, get(pin, "first")},
		{"PIN typed", nil, []answer{{"user PIN for the token: ", "typed"}}, get(pin, "typed")},
	} {
		s := run(t, c.args, c.answers, c.f)
		if s.err != nil || strings.Contains(s.screen, "typed") {
			t.Errorf("%s: %v\n%s", c.name, s.err, s.screen)
		}
	}
	s := run(t, nil, nil, get(passphrase, ""))
	refused(t, "no terminal", s.err, exitcode.Usage, "cannot ask for the passphrase of card 2: "+noTerminal,
		"give --card-pin-file FILE")
	_ = run(t, []string{"--card-pin-file", one}, nil, func(r *command.Run) error {
		if n := dialogue.New(r, false).Tries(); n != 1 {
			t.Errorf("a file is tried %d times", n)
		}
		if n := dialogue.ForCard(r, "").Tries(); n != cards.Tries {
			t.Errorf("a person may try %d times", n)
		}
		return nil
	})
}

// TestNewPassphrase: the words that were drawn are shown to the holder and
// typed back; a holder may choose, which is said.
func TestNewPassphrase(t *testing.T) {
	file := secretFile(t, "from a file")
	ask := cards.Ask{Prompt: "new passphrase of card 1"}
	const drawn = "one two three four five six seven"
	for _, c := range []struct {
		name    string
		args    []string
		answers []answer
		ui      func(r *command.Run) *dialogue.UI
		want    string
		own     bool
	}{
		{"drawn", nil, []answer{{"press Enter to clear them: ", ""}, {"new passphrase of card 1, typed back: ", drawn}},
			func(r *command.Run) *dialogue.UI { return dialogue.New(r, false) }, drawn, false},
		{"chosen", []string{"--own-passphrase"},
			[]answer{{"new passphrase of card 1: ", "chosen by me"}, {"new passphrase of card 1, again: ", "chosen by me"}},
			func(r *command.Run) *dialogue.UI { return dialogue.ForCard(r, "") }, "chosen by me", true},
		{"from the file of a card", nil, nil,
			func(r *command.Run) *dialogue.UI { return dialogue.ForCard(r, file) }, "from a file", true},
		{"from the file of a new card", []string{"--new-card-pin-file", file}, nil,
			func(r *command.Run) *dialogue.UI { return dialogue.New(r, true).ForNewCards() }, "from a file", true},
	} {
		var own bool
		s := run(t, c.args, c.answers, func(r *command.Run) error {
			typed, chosen, err := c.ui(r).NewPassphrase(ask, secret.Take([]byte(drawn)))
			if err == nil && typed.Text() != c.want {
				err = fmt.Errorf("%q", typed.Text())
			}
			own = chosen
			typed.Wipe()
			return err
		})
		if s.err != nil || own != c.own {
			t.Errorf("%s: own %t, %v", c.name, own, s.err)
		}
	}
	s := run(t, nil, nil, func(r *command.Run) error {
		_, _, err := dialogue.New(r, false).ForNewCards().NewPassphrase(ask, secret.Take([]byte(drawn)))
		return err
	})
	refused(t, "no terminal", s.err, exitcode.Refused, "cannot show a secret to its holder: "+noTerminal,
		"give --new-card-pin-file FILE")
	if strings.Contains(s.screen, "seven") {
		t.Errorf("the words are on a stream: %s", s.screen)
	}
}

const (
	kid        = "https://contoso.vault.azure.net/keys/KEKforBYOK/00000000000000000000000000000001"
	askWords   = "KEK's fingerprint as the vault's owner said it, first 8 words or hex: "
	askKID     = "KEK's key identifier with its version, as the vault's owner said it: "
	askImport  = `did the vault's owner say that import is the key's only operation? (type "yes" to continue): `
	askBy      = "name of who said so: "
	importOnly = "--import-only answers for the card holders, and only a rehearsal takes it"
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

// TestPublishedHash comes from an option, or is asked for three times.
func TestPublishedHash(t *testing.T) {
	words := strings.Join(sum.Words(), " ")
	const prompt = "published hash of t.zip, hex or words: "
	ask := func(r *command.Run) error {
		got, err := dialogue.PublishedHash(r, "t.zip")
		if err == nil && got != sum {
			err = fmt.Errorf("%v", got)
		}
		return err
	}
	for name, c := range map[string]struct {
		args    []string
		answers []answer
	}{
		"hex": {[]string{"--sha256", sum.String()}, nil}, "words": {[]string{"--words", words}, nil},
		"typed after two slips": {nil, []answer{{prompt, "no"}, {prompt, "not yet"}, {prompt, words}}},
	} {
		if s := run(t, c.args, c.answers, ask); s.err != nil {
			t.Errorf("%s: %v", name, s.err)
		}
	}
	s := run(t, []string{"--sha256", sum.String(), "--words", words}, nil, ask)
	refused(t, "both", s.err, exitcode.Usage, "--sha256 and --words are mutually exclusive", "")
	for _, args := range [][]string{{"--sha256", "0a"}, {"--words", "no"}} {
		if s := run(t, args, nil, ask); exitcode.Of(s.err) != exitcode.Usage || !strings.HasPrefix(s.err.Error(), args[0]+": ") {
			t.Errorf("%q: %v", args, s.err)
		}
	}
	s = run(t, nil, []answer{{prompt, "a"}, {prompt, "b"}, {prompt, "c"}}, ask)
	if exitcode.Of(s.err) != exitcode.Usage || strings.Count(s.screen, "; try again\n") != 2 {
		t.Errorf("%v\n%s", s.err, s.screen)
	}
	s = run(t, nil, nil, ask)
	refused(t, "no terminal", s.err, exitcode.Usage, "cannot ask for the published hash of t.zip, hex or words: "+noTerminal,
		"give --sha256 HEX or --words WORDS")
}

// TestAccess says who signs: this program, as it is on the disk.
func TestAccess(t *testing.T) {
	program, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	s := run(t, []string{"--module-path", "/lib/a.so"}, nil, func(r *command.Run) error {
		u := dialogue.New(r, true)
		a, err := dialogue.Access(r, dir, u)
		want := statement.Program{Version: version.String(), SHA256: fingerprint.Of(program)}
		if err == nil && (a.Dir != dir || a.Library != "/lib/a.so" || a.UI != session.UI(u) || a.Program != want) {
			err = fmt.Errorf("%+v", a)
		}
		return err
	})
	if s.err != nil {
		t.Error(s.err)
	}
}

// TestCeremonyLog: the log is what the session compares with the last
// statement; one that does not read whole does not contain its head.
func TestCeremonyLog(t *testing.T) {
	dir := t.TempDir()
	var log session.Log
	_ = run(t, nil, nil, func(r *command.Run) error {
		a, err := dialogue.Access(r, dir, dialogue.New(r, true))
		log = a.Log
		return err
	})
	path := ceremony.Path(dir)
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ok(os.MkdirAll(filepath.Dir(path), 0o700))
	l, err := ceremony.Open(dir)
	ok(err)
	event := ceremony.Event{
		Phase: ceremony.Begin, Time: time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC),
		Program: "byok-offline", Version: "1", Command: "world check", Operator: "ada",
	}
	_, err = l.Append(event)
	ok(err)
	head, err := log.Head()
	ok(err)
	if head.Lines != 1 {
		t.Errorf("%+v", head)
	}
	event.Phase, event.Began, event.Result = ceremony.End, 1, ceremony.Success
	_, err = l.Append(event)
	ok(err)
	events, found, err := log.Since(head)
	if err != nil || !found || !slices.Equal(events, []string{"2026-01-02 12:00 world check by ada: SUCCESS"}) {
		t.Errorf("%q %t %v", events, found, err)
	}
	other := head
	other.SHA256 = sum
	if events, found, err := log.Since(other); events != nil || found || err != nil {
		t.Errorf("another head: %q %t %v", events, found, err)
	}
	ok(os.WriteFile(path, []byte("torn"), 0o600))
	if events, found, err := log.Since(head); events != nil || found || err != nil {
		t.Errorf("a torn log: %q %t %v", events, found, err)
	}
	ok(os.Remove(path))
	ok(os.Mkdir(path, 0o700))
	if _, err := log.Head(); err == nil {
		t.Error("a folder has a head")
	}
}
