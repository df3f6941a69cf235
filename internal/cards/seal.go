package cards

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"strconv"

	"filippo.io/age"

	"byok/internal/exitcode"
	"byok/internal/quorum"
	"byok/internal/secret"
)

// Scrypt work factors: the logarithm to base 2 of the cost. WorkFactor is that
// of production cards, as the age tool has it: about a second and 256 MiB a
// card. RehearsalWorkFactor is for cards that protect nothing. A card of more
// than MaxWorkFactor is refused untried: what a card costs is written on it in
// clear, and twice as much would pass 2 seconds and 512 MB.
const (
	WorkFactor          = 18
	RehearsalWorkFactor = 12
	MaxWorkFactor       = WorkFactor
)

// hintOther is for a card that cannot be read.
const hintOther = "use another card of the set, then byok-offline world replace-cards"

// Seal encrypts the card with the holder's passphrase as a binary age file, at
// a scrypt work factor: [WorkFactor] in production. Of a passphrase of seven
// words of the list, case and blanks do not count: they are sealed as
// [DrawPassphrase] writes them. An empty passphrase and a work factor below 1
// or over [MaxWorkFactor] have status Usage.
func Seal(card quorum.Card, passphrase *secret.Bytes, work int) (sealed []byte, err error) {
	if work < 1 || work > MaxWorkFactor {
		return nil, exitcode.Errorf(exitcode.Usage, "%s: work factor %d is not between 1 and %d", card, work, MaxWorkFactor)
	}
	if passphrase.Len() == 0 {
		return nil, exitcode.Errorf(exitcode.Usage, "%s: an empty passphrase seals nothing", card)
	}
	text, err := card.Encode()
	if err != nil {
		return nil, err
	}
	defer text.Wipe()
	secret.Erased(func() { sealed, err = seal(text, passphrase, work) })
	return sealed, err
}

func seal(text, passphrase *secret.Bytes, work int) ([]byte, error) {
	exact := normalise(passphrase)
	defer exact.Wipe()
	recipient, err := age.NewScryptRecipient(exact.Text())
	if err != nil {
		return nil, err
	}
	recipient.SetWorkFactor(work)
	var sealed bytes.Buffer
	w, err := age.Encrypt(&sealed, recipient)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(text.Reveal()); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil { // writes the last chunk
		return nil, err
	}
	return sealed.Bytes(), nil
}

// Open decrypts a card file; name is the file's name for messages. A wrong
// passphrase ([ErrPassphrase]), a work factor over [MaxWorkFactor], a damaged
// file and a content that is not a card have different texts, all with status
// Refused. The share is only known to be
// good once a quorum.Reader has taken the card.
func Open(name string, sealed []byte, passphrase *secret.Bytes) (quorum.Card, error) {
	if passphrase.Len() == 0 {
		return quorum.Card{}, wrongPassphrase(name)
	}
	if err := checkWork(name, sealed); err != nil {
		return quorum.Card{}, err
	}
	var text *secret.Bytes
	var err error
	secret.Erased(func() { text, err = open(name, sealed, passphrase) })
	if err != nil {
		return quorum.Card{}, err
	}
	defer text.Wipe()
	return quorum.Decode(name, text)
}

// stanza is the line of an age file that says how it is sealed, its second one
// (C2SP.org/age, "scrypt recipient stanza").
var stanza = regexp.MustCompile(`\A[^\n]*\n-> scrypt [^ \n]+ ([0-9]+)\n`)

// checkWork refuses a card that costs more than any that this program makes, and leaves every
// other fault to age.
func checkWork(name string, sealed []byte) error {
	found := stanza.FindSubmatch(sealed)
	if found == nil {
		return nil
	}
	work, err := strconv.Atoi(string(found[1]))
	if err != nil || work <= MaxWorkFactor {
		return nil
	}
	return exitcode.Errorf(exitcode.Refused, "%s: sealed with scrypt work factor %d; at most %d is accepted",
		name, work, MaxWorkFactor).Hint("%s", hintOther)
}

func open(name string, sealed []byte, passphrase *secret.Bytes) (*secret.Bytes, error) {
	exact := normalise(passphrase)
	defer exact.Wipe()
	identity, err := age.NewScryptIdentity(exact.Text())
	if err != nil {
		return nil, err
	}
	identity.SetMaxWorkFactor(MaxWorkFactor)
	plain, err := age.Decrypt(bytes.NewReader(sealed), identity)
	if err != nil {
		return nil, explain(name, err)
	}
	page := secret.New(quorum.MaxCard + 1)
	defer page.Wipe()
	n, err := fill(page.Reveal(), plain)
	if err != nil {
		return nil, damaged(name)
	}
	return secret.Take(page.Reveal()[:n]), nil
}

// fill reads r into buf to its end, or until buf is full. It is not
// io.ReadFull, which hides how age reports a truncated file.
func fill(buf []byte, r io.Reader) (n int, err error) {
	for n < len(buf) && err == nil {
		var m int
		m, err = r.Read(buf[n:])
		n += m
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return n, err
}

// explain separates a wrong passphrase from everything else. Age's own words
// are left out: they quote the file.
func explain(name string, err error) error {
	var mismatch *age.NoIdentityMatchError
	if errors.As(err, &mismatch) && len(mismatch.StanzaTypes) == 1 && mismatch.StanzaTypes[0] == "scrypt" {
		return wrongPassphrase(name)
	}
	return damaged(name)
}

func wrongPassphrase(name string) error {
	return exitcode.Errorf(exitcode.Refused, "%s: %w", name, ErrPassphrase).
		Hint("type the passphrase of this card's holder again; if it is certainly right, the card is damaged: %s", hintOther)
}

func damaged(name string) error {
	return exitcode.Errorf(exitcode.Refused, "%s: damaged, or not an administrator card", name).Hint("%s", hintOther)
}
