// Package dialogue asks the people around a quorum's command what the command
// needs of them: PINs, passphrases, and what they compare with paper, with the
// device, or with what they were told over another channel. Each question names
// the option that answers it without a terminal.
//
// A [UI] is a session.UI. The one secret that it shows is a card's new
// passphrase, to the card's holder alone.
package dialogue

import (
	"strconv"
	"strings"

	"byok/internal/cards"
	"byok/internal/command"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/secret"
	"byok/internal/session"
	"byok/internal/term"
)

// UI is the dialogue of one command. Questions go to the terminal unless an
// option answers them.
type UI struct {
	r         *command.Run
	rehearsal bool
	fileFlag  string   // names files in hints
	files     []string // with the passphrases of cards, in the order of the media
	purpose   string   // what the cards are for
	nth       int      // which of the values of an option that may be given several times
}

// New is the dialogue of a command about cards that exist.
func New(r *command.Run, rehearsal bool) *UI {
	return &UI{r: r, rehearsal: rehearsal, fileFlag: "--card-pin-file FILE", files: r.StringSlice("card-pin-file")}
}

// ForCard is the dialogue about the new passphrase of one card, which comes
// from path unless that is "".
func ForCard(r *command.Run, path string) *UI {
	u := &UI{r: r, fileFlag: "--new-card-pin-file FILE"}
	if path != "" {
		u.files = []string{path}
	}
	return u
}

// ForNewCards is the dialogue about the cards of --new-card.
func (u *UI) ForNewCards() *UI {
	return &UI{
		r:         u.r,
		rehearsal: u.rehearsal,
		fileFlag:  "--new-card-pin-file FILE",
		files:     u.r.StringSlice("new-card-pin-file"),
	}
}

// For has each prompt for the passphrase of a card say what the card is for, such
// as "to restore key contosokey".
func (u *UI) For(purpose string) { u.purpose = purpose }

// Say reports progress.
func (u *UI) Say(format string, args ...any) { u.r.Console.Say(format, args...) }

// Warn says a text and notes it in the ceremony log.
func (u *UI) Warn(text string) {
	u.r.Console.Warning("%s", text)
	u.r.Event.AddNote("warning", text)
}

// Tries is how often a passphrase is asked for.
func (u *UI) Tries() int {
	if len(u.files) > 0 {
		return 1
	}
	return cards.Tries
}

// Passphrase gets the passphrase of a card that exists.
func (u *UI) Passphrase(a cards.Ask) (*secret.Bytes, error) {
	if len(u.files) > 0 {
		return term.SecretFile(u.files[a.Medium])
	}
	prompt := a.Prompt
	if u.purpose != "" {
		prompt += ", " + u.purpose
	}
	return u.r.Console.Password(prompt, u.fileFlag)
}

// Insert waits until the next medium is in its socket. What is typed meanwhile
// does not show: it may be the beginning of a passphrase.
func (u *UI) Insert(question string) error {
	if len(u.files) > 0 {
		return exitcode.Errorf(exitcode.Usage, "one folder is given for several cards, and no one is there to change them").
			Hint("give each card a folder of its own, or leave %s out", u.fileFlag)
	}
	return u.r.Console.Enter(question)
}

// NewPassphrase shows the drawn passphrase to the holder alone and has it
// typed back. With --own-passphrase the holder chooses one.
func (u *UI) NewPassphrase(a cards.Ask, drawn *secret.Bytes) (*secret.Bytes, bool, error) {
	if len(u.files) > 0 {
		typed, err := term.SecretFile(u.files[a.Medium])
		return typed, true, err
	}
	if u.r.Bool("own-passphrase") {
		typed, err := u.r.Console.NewPassword(a.Prompt, u.fileFlag)
		return typed, true, err
	}
	heading := []string{a.Prompt, "For the holder's eyes alone. Write the seven words down, or learn them."}
	if err := u.r.Console.ShowSecret(heading, drawn, "press Enter to clear them", u.fileFlag); err != nil {
		return nil, false, err
	}
	typed, err := u.r.Console.Password(a.Prompt+", typed back", u.fileFlag)
	return typed, false, err
}

// answer gets what the people around the quorum say. In a rehearsal an option
// may answer for them. In production no one answers for the card holders: they
// type it, in front of the others.
func (u *UI) answer(flag, placeholder, question string) (string, error) {
	given := u.given(flag)
	switch {
	case given == "" && u.rehearsal:
		return u.r.Console.Ask(question, "--"+flag+" "+placeholder)
	case given == "":
		return u.r.Console.Ask(question, "")
	case !u.rehearsal:
		return "", forRehearsals(flag)
	}
	return given, nil
}

// given is the value of an option, or of several the one that is due; "" where none
// was given.
func (u *UI) given(flag string) string {
	several := u.r.StringSlice(flag)
	switch {
	case !u.r.IsSet(flag): // of an option that takes several, String would be "[]"
		return ""
	case several == nil:
		return u.r.String(flag)
	case u.nth < len(several):
		return several[u.nth]
	}
	return ""
}

func forRehearsals(flag string) error {
	return exitcode.Errorf(exitcode.Refused, "--%s answers for the card holders, and only a rehearsal accepts it", flag).
		Hint("leave it out: the program asks them on the terminal")
}

// ApproveList has a card holder type the first word of the list's hash.
func (u *UI) ApproveList(word string) error {
	if u.r.Bool("approve-unseen") {
		if !u.rehearsal {
			return forRehearsals("approve-unseen")
		}
		u.Warn("the list was approved unseen, as a rehearsal allows")
		return nil
	}
	typed, err := u.answer("approve", "WORD", "a card holder approves the list by typing its first word")
	if err != nil {
		return err
	}
	return same("the answer", typed, word)
}

func same(what, typed, word string) error {
	if !strings.EqualFold(strings.TrimSpace(typed), word) {
		return exitcode.Errorf(exitcode.Refused, "%s is not the first word of the list: nothing was approved", what)
	}
	return nil
}

// LastStatement asks for the last statement as it was written down.
func (u *UI) LastStatement(why string) (int, string, error) {
	u.Warn(why)
	const question = "number and first word of the last statement, from the paper record"
	text, err := u.answer("last-statement", `"NUMBER WORD"`, question)
	if err != nil {
		return 0, "", err
	}
	number, word, _ := strings.Cut(strings.TrimSpace(text), " ")
	n, err := strconv.Atoi(number)
	if err != nil || n < 1 || strings.TrimSpace(word) == "" {
		return 0, "", exitcode.Errorf(
			exitcode.Usage,
			"last statement %.60q: expected a number and a word, such as \"7 abandon\"",
			text,
		)
	}
	u.r.Event.AddNote("last statement on paper", text)
	return n, strings.ToLower(strings.TrimSpace(word)), nil
}

// Reason asks why the record lacks what is missing.
func (u *UI) Reason([]string) (string, error) {
	reason, err := u.answer("break-reason", "TEXT", "reason for what is missing, for the record")
	if err != nil {
		return "", err
	}
	if strings.TrimSpace(reason) == "" {
		return "", exitcode.Errorf(exitcode.Refused, "the record is incomplete, and a reason is needed to continue").
			Hint("run the same command again, and give the reason")
	}
	u.r.Event.AddNote("break", reason)
	return reason, nil
}

// AcceptLibrary compares the library with the words from the vendor's release
// or the plan. A rehearsal may do without.
func (u *UI) AcceptLibrary(change session.LibraryChange) error {
	if u.rehearsal && u.r.String("library-sha256") == "" {
		u.r.Event.AddNote("library accepted without comparison", change.New.SHA256.String())
		return nil
	}
	const question = "SHA-256 of the library from the vendor's release or the plan, first 8 words or hex"
	given, err := u.answer("library-sha256", "WORDS", question)
	if err != nil {
		return err
	}
	prefix, err := fingerprint.ParsePrefix(given, libraryWords)
	if err != nil {
		return err
	}
	if !prefix.Matches(change.New.SHA256) {
		return exitcode.Errorf(exitcode.Check, "PKCS#11 library %s: its SHA-256 is not the one that was given",
			change.New.Path).
			Hint("byok-offline fingerprint %s shows what it is; get the library from the vendor again",
				term.Quote(change.New.Path))
	}
	u.r.Event.AddNote("library accepted", change.New.SHA256.String())
	return nil
}

// libraryWords is how many words of a library's hash are compared at least.
const libraryWords = 8

// AcceptSerial compares the token's serial with what stands on the device.
func (u *UI) AcceptSerial(token, serial string) error {
	if serial == "" || u.rehearsal && u.r.String("serial") == "" {
		return nil
	}
	given, err := u.answer("serial", "SERIAL", "serial number of the HSM, as printed on the device")
	if err != nil {
		return err
	}
	if given != serial {
		return exitcode.Errorf(exitcode.Check, "%s does not have the serial number that was typed", token).
			Hint("connect the device whose serial number was read, or read it again")
	}
	u.r.Event.AddNote("serial compared", serial)
	return nil
}
