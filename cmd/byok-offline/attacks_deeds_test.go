package main

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
)

// deed is something that an attacker can do to a ceremony, and what the next
// command makes of it.
type deed struct {
	name  string                       // what is done
	state string                       // where
	do    func(t *testing.T, s *stage) // nil: the command itself is the attack
	then  string                       // the command that meets it; see [stage.filled]
	want  string                       // its status, and what it says first; see [stage.answers]
	note  string                       // what is to be known besides, or ""
	pin   string                       // the user PIN that is then in force, if it is another
	cards string                       // instead of then: every command that reads cards, with these
	also  []string                     // the other states in which it can be tried; see [deed.elsewhere]
}

// lines are the commands that meet the deed. All answer alike.
func (d deed) lines() (lines []string) {
	if d.cards == "" {
		return []string{d.then}
	}
	for _, line := range everyQuorum() {
		lines = append(lines, line+flagsOf("", d.cards)+" $LAST")
	}
	return lines
}

// deeds are a chapter of the page, held by a test of their own.
type deeds struct {
	heading, who string
	list         []deed
}

// chapters are all deeds, in the order of the page.
func chapters() []deeds {
	return []deeds{onTheToken(), withKML(), withStatements(), withTheLog(), withTheCards(), withTheLibrary(),
		withInputs()}
}

func TestOnTheToken(t *testing.T) { onTheToken().try(t) }

// try does every deed on a copy of its state. A command that refuses has
// changed nothing: neither a file, except the log's, nor the token.
func (d deeds) try(t *testing.T) {
	d.tryElsewhere(t)
	for _, one := range d.list {
		for _, line := range one.lines() {
			command, _, _ := strings.Cut(line, " --")
			// TempDir has the name in it, and SoftHSM takes # for a comment
			t.Run(one.name+", "+command, func(t *testing.T) {
				one.try(t, line)
			})
		}
	}
}

func (d deed) try(t *testing.T, line string) {
	s := inState(t, d.state)
	line = s.filled(t, line)
	if d.do != nil {
		d.do(t, s)
	}
	before := s.holdings(t, d.pin)
	out := s.patiently(t, line)
	if got := s.answers(out, d.want); got != d.want {
		t.Errorf("%s\n got %s\nwant %s\n%s", line, got, d.want, out.text)
	}
	if out.status != exitcode.Done {
		if changed := differences(s.holdings(t, d.pin), before); len(changed) > 0 {
			t.Errorf("refused, and changed: %q", changed)
		}
	}
}

// holdings lists files with their hashes, and the token's objects.
func (s *stage) holdings(t *testing.T, pin string) (list []string) {
	t.Helper()
	for _, path := range s.files(t) {
		info, err := os.Lstat(s.path(path))
		if err != nil || !info.Mode().IsRegular() || strings.HasSuffix(path, "ceremony.jsonl") {
			continue
		}
		list = append(list, fmt.Sprintf("%s %v", path, fingerprint.Of(mustDo(os.ReadFile(s.path(path)))(t))))
	}
	if pin == "" {
		pin = stagePIN
	}
	return append(list, s.objects(t, pin)...)
}

// answers gives a command's status, and its first error or check that failed.
// Of one that succeeded it gives what was expected, where that was said, and
// otherwise nothing. Whatever differs from run to run is left out.
func (s *stage) answers(out ending, want string) string {
	said := "nothing"
	if out.status == exitcode.Done {
		if _, phrase, found := strings.Cut(want, ": "); found && strings.Contains(s.plain(out.text), phrase) {
			said = phrase
		}
	} else if found := complained.FindStringSubmatch(out.text); found != nil {
		said = s.plain(found[1])
	}
	return fmt.Sprintf("%d: %s", out.status, said)
}

// complained is a check that failed, or the first error.
var complained = regexp.MustCompile(`(?m)^(?:FAIL +|byok-offline: error: )(.*)$`)

// variable is what differs from run to run.
var variable = regexp.MustCompile(`[0-9a-f]{8,}|\b\d{4}-\d{2}-\d{2}(T[0-9:]+Z)?`)

func (s *stage) plain(text string) string {
	text = strings.NewReplacer(s.dir+"/", "", s.dir, ".", s.library, "LIBRARY").Replace(text)
	text = spoken.ReplaceAllString(strings.Join(strings.Fields(text), " "), "$1, …, which")
	return variable.ReplaceAllString(text, "…")
}

// spoken are the words of a statement.
var spoken = regexp.MustCompile(`(statement \d+), (?:[A-Za-z]+ ){7}[A-Za-z]+, which`)

// deedRows writes the chapters.
func deedRows(out *bytes.Buffer) {
	fmt.Fprint(out, deedsHead)
	for _, chapter := range chapters() {
		fmt.Fprintf(out, "\n### %s\n\nBy %s.\n\n", chapter.heading, chapter.who)
		row(out, "what", "state", "also in", "then", "status, and what it says first", "besides")
		row(out, slices.Repeat([]string{"---"}, 6)...)
		for _, d := range chapter.list {
			command, _, _ := strings.Cut(d.then, " --")
			if command = "`" + command + "`"; d.cards != "" {
				command = fmt.Sprintf("each of the %d commands that read cards", len(everyQuorum()))
			}
			row(out, d.name, d.state, d.othersCell(), command, strings.ReplaceAll(d.want, "|", "\\|"), d.note)
		}
	}
	fmt.Fprint(out, deedsTail)
	row(out, "what", "who", "what comes of it", "test")
	row(out, slices.Repeat([]string{"---"}, 4)...)
	for _, other := range slices.Concat(otherAttacks(), elsewhere()) {
		row(out, other.name, other.who, other.outcome, "`"+other.test+"`")
	}
}

// otherAttack is one that takes a test of its own, which is named with its folder.
type otherAttack struct{ name, who, outcome, test string }

func otherAttacks() []otherAttack {
	return []otherAttack{
		{"wrap a transfer key under itself and under the KEK, import it as an AES key, and decrypt with it",
			"the operator, with a user of the vault",
			"on a token where KEK and transfer key wait it opens a key with 54 calls; in no state of a ceremony is there " +
				"one: every object was tried under every other, and under the KEK",
			"cmd/byok-offline.TestByWayOfTheVault"},
		{"look for objects of a session, and exchange labels and identifiers of two keys, or of their public halves, " +
			"at calls of the session",
			"a second process with the user PIN",
			"nothing of the session is seen; what was wrapped is the key that was approved, or the command fails and " +
				"leaves no wrapped copy",
			"cmd/byok-offline.TestSecondProcess"},
		{"exchange two keys, or the public half of one, for good at a call of `acl modify`",
			"a second process with the user PIN", "the key that was approved is wrapped, or none",
			"cmd/byok-offline.TestSwappedOnce"},
		{"exchange the halves of wrapped copies pairwise", "the operator", "none opens", "cmd/byok-offline.TestExchangedPackages"},
		{"leave a trusted key, or anything else, on a token that is adopted", "the former security officer",
			"refused, and no statement is signed; with such a key the user PIN would open every other", "cmd/byok-offline.TestAdopt"},
		{"log in with the SO PIN from before the adoption", "the former security officer", "CKR_PIN_INCORRECT",
			"cmd/byok-offline.TestAdoptedOfficer"},
		{"pkcs11-spy as the library of every command that reads cards or asks for a PIN", "the operator",
			"refused before it is loaded; where it is loaded, it writes the PIN to a file", "cmd/byok-offline.TestHostileLibrary"},
		{"a configuration that leads the genuine library to other tokens", "the operator",
			"refused before it is loaded", "cmd/byok-offline.TestHostileLibrary"},
		{"every socket, other processes, the supervisor, the terminal and the kernel, from a constructor, " +
			"a call, a thread, a child, another program and a signal handler", "whoever supplies the library",
			"refused, as root and as an ordinary user, whatever works outside; a willing process with a socket in the " +
				"file system, and the user's files, are within reach", "cmd/byok-offline.TestPhoneHome"},
		{"crash, exit, corrupt memory, raise signals, from a constructor to C_Finalize and in quorum sessions",
			"whoever supplies the library", "status 4, one line, and an end in the log; the same command again does its work",
			"cmd/byok-offline.TestDeadlyLibrary"},
		{"never return", "whoever supplies the library", "Ctrl-C twice: status 130, and an end in the log",
			"cmd/byok-offline.TestLibraryThatNeverReturns"},
		{"cut the log at every line, alone and with the statements that follow", "whoever edits kmdata later",
			"status 3 wherever a statement, or the token's anchor, vouches for what is missing", "cmd/byok-offline.TestLogCutAtEveryLine"},
	}
}

const deedsTail = `
### By other means

`

const deedsHead = `
## Against the ceremony

Each is done on a copy of a ceremony in the state named; then the command is run. Its exit status and its
first complaint are compared, without what differs from run to run. A command that refuses has changed no
file but the log, and nothing on the token. Status 0 with "nothing": it is not noticed, and the last column
says why that does no harm.

"also in": the other states in which the same can be done. There the command succeeds only where it does in the
first, and is refused with the same status, 3 or 6: one line names what is wrong, and nothing is changed or
wrapped. "all" are the other seven. A dash: what it takes (a key, a wrapped copy, a replacement) is in no other.
`
