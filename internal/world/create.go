package world

import (
	"os"
	"slices"

	"byok/internal/cards"
	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/journal"
	"byok/internal/kmdata"
	"byok/internal/library"
	"byok/internal/quorum"
	"byok/internal/secret"
	"byok/internal/session"
)

// Creation is everything that creating a world needs to know beforehand.
type Creation struct {
	session.Access
	CardOrder
	Label     string // of the token
	Suite     string
	Rehearsal bool
	Choice    TokenChoice
	UserPIN   func(token hsm.Token, keeps bool) (*secret.Bytes, error)
}

// CardOrder is a card set to be dealt.
type CardOrder struct {
	Quorum  quorum.Quorum
	Holders []string
	Media   []cards.Medium
	Work    int // scrypt work factor
}

// Check refuses what can be refused before anybody is asked for anything.
func (o CardOrder) Check(rehearsal bool, kmdata string) error {
	if len(o.Media) != o.Quorum.N || len(o.Holders) != o.Quorum.N {
		return exitcode.Errorf(exitcode.Usage, "quorum %v needs %d cards and holders; %d cards and %d holders were given",
			o.Quorum, o.Quorum.N, len(o.Media), len(o.Holders))
	}
	if _, err := quorum.CheckHolders(o.Holders); err != nil {
		return err
	}
	return cards.CheckPlaces(o.Media, kmdata, rehearsal)
}

// TokenChoice says what to do with an initialised token of the creation's
// label; its zero value is to take a free token.
type TokenChoice struct {
	Adopt      bool // keep it: its SO PIN is changed, or sealed where the token refuses that
	Initialize bool // destroy what is on it
	SOPIN      func(token hsm.Token) (*secret.Bytes, error)
	Confirm    func(token hsm.Token) error // of Initialize
}

// creation carries a Creation through its steps.
type creation struct {
	Creation
	library library.Identity
	hsm     *hsm.Module
	module  *module
	note    creationNote
	chain   *kmdata.Chain
	secret  *quorum.Secret
}

// creationNote is the journal's note: with it a second run goes on with the
// same cards, world keys and module.
type creationNote struct {
	Label     string           `json:"label"`
	Rehearsal bool             `json:"rehearsal"`
	Module    string           `json:"module"`
	Cards     quorum.CardSet   `json:"cards,omitzero"`
	KNSO      kmdata.SealedKey `json:"knso"`
	KM        kmdata.SealedKey `json:"km"`
	Dealt     bool             `json:"dealt"` // every card is on its medium
}

const creationName = "world-create"

// Check refuses what can be refused before anybody is asked for anything.
func (c Creation) Check() error {
	if err := kmdata.CheckLabel(c.Label); err != nil {
		return err
	}
	if c.Suite != kmdata.SuiteDefault && c.Suite != kmdata.SuiteOld {
		return exitcode.Errorf(
			exitcode.Usage,
			"cipher suite %q: %s is expected (or %s, for an old runbook)",
			c.Suite,
			kmdata.SuiteDefault,
			kmdata.SuiteOld,
		)
	}
	_, pending, err := journal.Pending[creationNote](journal.Of(c.Dir), creationName)
	if err != nil {
		return err
	}
	if kmdata.Exists(c.Dir) && !pending {
		return exitcode.Errorf(exitcode.Refused, "%s: there is a security world already, and it is never overwritten",
			kmdata.WorldPath(c.Dir)).
			Hint("name another folder with --kmdata, or byok-offline world info")
	}
	return c.CardOrder.Check(c.Rehearsal, c.Dir)
}

// Create makes a security world: the library is accepted before it is loaded,
// the cards are dealt and read back, then the token is prepared and proved,
// and last the world file and the module statement are signed. An interrupted
// creation goes on with the cards that were dealt.
func Create(o Creation) (*kmdata.Chain, error) {
	c := &creation{Creation: o}
	if err := c.Check(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(kmdata.Local(c.Dir), 0o700); err != nil {
		return nil, err
	}
	if err := c.load(); err != nil {
		return nil, err
	}
	defer c.hsm.Close()
	defer c.Wipe()
	if err := c.choose(); err != nil {
		return nil, err
	}
	if err := c.resume(); err != nil {
		return nil, err
	}
	_, err := journal.Run(journal.Of(c.Dir), journal.Operation[creationNote]{
		Name: creationName,
		Done: c.done,
		Undo: c.undo,
		Check: func() error {
			if c.note.Dealt {
				return nil
			}
			return cards.CheckBlank(c.Media)
		},
		Do: c.do,
	}, c.note)
	return c.chain, err
}

// load has the library accepted, and loads it.
func (c *creation) load() (err error) {
	if c.library, err = session.Accept(c.Library, c.Rehearsal, nil, c.UI); err != nil {
		return err
	}
	c.hsm, err = hsm.Load(c.library.Path)
	return err
}

// resume takes up the note of an interrupted run of the same creation. Its
// cards are read again; if they were not all dealt, what is there is removed.
func (c *creation) resume() error {
	old, pending, err := journal.Pending[creationNote](journal.Of(c.Dir), creationName)
	if err != nil || !pending {
		return err
	}
	if err := c.same(old); err != nil {
		return err
	}
	if !old.Dealt {
		return nil // undo removes the cards
	}
	c.note = old
	c.secret, err = cards.Reread(old.Cards, c.Media, c.UI)
	return err
}

// same refuses to go on with another creation than the interrupted one.
func (c *creation) same(old creationNote) error {
	names, err := quorum.CheckHolders(c.Holders)
	if err != nil {
		return err
	}
	if old.Label == c.Label && old.Rehearsal == c.Rehearsal && old.Cards.Quorum == c.Quorum &&
		slices.Equal(old.Cards.Holders, names) {
		return nil
	}
	const what = "an interrupted creation in %s asked for label %q, quorum %v and the holders %q"
	return exitcode.Errorf(exitcode.Refused, what,
		c.Dir, old.Label, old.Cards.Quorum, old.Cards.Holders).
		Hint("run the same command as then, or use another --kmdata and blank cards")
}

// done reports whether an interrupted run had signed everything.
func (c *creation) done(old creationNote) (bool, error) {
	if !kmdata.Exists(c.Dir) {
		return false, nil
	}
	chain, err := kmdata.Open(c.Dir)
	if err != nil {
		return false, err
	}
	c.chain = chain
	return len(chain.Modules()) > 0, nil
}

// undo removes cards that nothing depends on yet. Once all are dealt, the
// token may depend on them: they stay, and the next run goes on with them.
func (c *creation) undo(note creationNote) error {
	if note.Dealt {
		return nil
	}
	return cards.RemoveAll(note.Cards, c.Media)
}

func (c *creation) do(note *creationNote, save func() error) error {
	if !note.Dealt {
		if err := c.deal(note, save); err != nil {
			return err
		}
	}
	set := kmdata.Set{Cards: note.Cards, KNSO: note.KNSO, KM: note.KM}
	signer, err := session.NewKNSO(c.secret, set)
	if err != nil {
		return err
	}
	if err := c.prepare(set, note.Module); err != nil {
		return goOn(err)
	}
	return goOn(c.sign(signer, set))
}

// goOn says that a second run goes on with the same cards.
func goOn(err error) error {
	if err == nil || exitcode.HintOf(err) != "" {
		return err
	}
	return exitcode.Hint(err, "run the same command again: it goes on with the cards that were dealt")
}

// deal makes the world's keys and secret, and deals the cards.
func (c *creation) deal(note *creationNote, save func() error) error {
	keys, err := session.NewKeySet()
	if err != nil {
		return err
	}
	defer keys.Wipe()
	issue, err := quorum.New(c.Quorum, c.Holders, keys.HKNSO, c.Rehearsal)
	if err != nil {
		return err
	}
	defer wipeCards(issue)
	c.secret = issue.Secret
	*note = creationNote{Label: c.Label, Rehearsal: c.Rehearsal, Module: newModuleID(), Cards: issue.Set}
	if note.KNSO, note.KM, err = keys.Seal(issue.Secret, issue.Set); err != nil {
		return err
	}
	if err := save(); err != nil {
		return err
	}
	if _, err := cards.Deal(issue, c.Label, c.Media, c.Work, c.UI); err != nil {
		return err
	}
	note.Dealt = true
	return save()
}

// wipeCards wipes the cards of an issue and keeps its secret.
func wipeCards(issue *quorum.Issue) {
	for _, card := range issue.Cards {
		card.Wipe()
	}
}

// sign signs the world file and the module statement, and anchors them.
func (c *creation) sign(signer session.KNSO, set kmdata.Set) error {
	if !kmdata.Exists(c.Dir) {
		w := &kmdata.World{
			Label: c.Label, Suite: c.Suite, Guard: c.module.guard, Cards: set.Cards, KNSO: set.KNSO, KM: set.KM,
		}
		head, err := c.Log.Head()
		if err != nil {
			return err
		}
		kmdata.First(w, kmdata.Session{Log: head, Program: c.Program, Present: all(set.Cards)})
		if c.chain, err = kmdata.Create(c.Dir, w, signer); err != nil {
			return err
		}
		session.SayStatement(c.UI, c.chain.Last())
	}
	chain, err := kmdata.Open(c.Dir)
	if err != nil {
		return err
	}
	c.chain = chain
	return c.join(signer, set)
}

// join signs the module statement and anchors it.
func (c *creation) join(signer session.KNSO, set kmdata.Set) error {
	head, err := c.Log.Head()
	if err != nil {
		return err
	}
	statement := c.module.statement(set.Cards)
	c.chain.Next(statement, kmdata.Session{Log: head, Program: c.Program, Present: all(set.Cards)})
	entry, err := c.chain.Append(statement, signer, nil)
	if err != nil {
		return err
	}
	session.SayStatement(c.UI, entry)
	return c.module.anchor(entry, set)
}

// all lists every card of a set: all were there when they were dealt.
func all(set quorum.CardSet) []kmdata.CardHolder {
	list := make([]kmdata.CardHolder, 0, len(set.Holders))
	for i, holder := range set.Holders {
		list = append(list, kmdata.CardHolder{Index: i + 1, Holder: holder})
	}
	return list
}

// Wipe wipes what the creation holds in memory.
func (c *creation) Wipe() {
	c.secret.Wipe()
	if c.module != nil {
		c.module.Wipe()
		c.module.user.Wipe()
	}
}
