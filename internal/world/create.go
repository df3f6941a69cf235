package world

import (
	"cmp"
	"slices"

	"byok/internal/cards"
	"byok/internal/durable"
	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/journal"
	"byok/internal/keyset"
	"byok/internal/kmdata"
	"byok/internal/locks"
	"byok/internal/pins"
	"byok/internal/quorum"
	"byok/internal/secret"
	"byok/internal/session"
	"byok/internal/statement"
	"byok/internal/twologins"
)

// Creation is everything that creating a world needs to know beforehand.
type Creation struct {
	session.Access
	CardOrder
	Label     string // of the token
	Suite     string
	Guard     statement.Guard // "" is trust, and no weaker one
	TwoLogins twologins.Order
	// VendorQuorum is a quorum of the vendor's own, as somebody states it by name.
	VendorQuorum string
	Rehearsal    bool
	Choice       TokenChoice
	UserPIN      func(token hsm.Token, keeps bool) (*secret.Bytes, error)
}

// creation carries a Creation through its steps.
type creation struct {
	Creation
	named   bool // the guard was asked for
	module  *module
	note    creationNote
	chain   *kmdata.Chain
	secret  *quorum.Secret
	present *secret.Bytes // SO PIN of a token that is adopted
	release func()
}

// creationNote is the journal's note: with it a second run goes on with the
// same cards, world keys and module.
type creationNote struct {
	Label     string                   `json:"label"`
	Rehearsal bool                     `json:"rehearsal"`
	Module    string                   `json:"module"`
	Cards     quorum.CardSet           `json:"cards,omitzero"`
	KNSO      statement.SealedKey      `json:"knso"`
	KM        statement.SealedKey      `json:"km"`
	Own       statement.OwnPassphrases `json:"own_passphrases,omitzero"`
	Dealt     bool                     `json:"dealt"`            // every card is on its medium
	Taken     bool                     `json:"taken"`            // the token may have the SO PIN of the cards
	Guard     statement.Guard          `json:"guard,omitzero"`   // "" is trust
	Refused   bool                     `json:"refused,omitzero"` // see module
}

const creationName = "world-create"

// set is the first card set of the world.
func (n creationNote) set() kmdata.Set { return kmdata.Set{Cards: n.Cards, KNSO: n.KNSO, KM: n.KM} }

// Check refuses what can be refused before anybody is asked for anything.
func (c Creation) Check() error {
	if err := statement.CheckLabel(c.Label); err != nil {
		return err
	}
	if c.Suite != statement.SuiteDefault && c.Suite != statement.SuiteOld {
		return exitcode.Errorf(exitcode.Usage, "cipher suite %q: expected %s (or %s, for an old runbook)",
			c.Suite, statement.SuiteDefault, statement.SuiteOld)
	}
	if err := c.checkGuard(); err != nil {
		return err
	}
	if err := c.CardOrder.Check(c.Rehearsal, c.Dir); err != nil {
		return err
	}
	note, pending, err := journal.Pending[creationNote](journal.Of(c.Dir), creationName)
	if err != nil {
		return err
	}
	if err := c.checkNew(note); err != nil || pending {
		return err
	}
	return cards.CheckBlank(c.Media)
}

// checkGuard: trust becomes trust-shared where the token is adopted, so that this
// one is not asked for.
func (c Creation) checkGuard() error {
	g := cmp.Or(c.Guard, statement.GuardTrust)
	shared := func(g statement.Guard) bool { return g == statement.GuardTrustShared }
	if known := slices.DeleteFunc(statement.Guards(), shared); !slices.Contains(known, g) {
		return exitcode.Errorf(exitcode.Usage, "--guard %s: expected one of %s", g, known)
	}
	if err := c.TwoLogins.Fits(g); err != nil {
		return err
	}
	if c.Choice.Initialize && (!g.Traits().SOPIN || c.TwoLogins.Rights) {
		return exitcode.Errorf(exitcode.Usage, "guard %s: the vendor's tool initialises the token", g).
			Hint("leave --initialize out")
	}
	return nil
}

// checkNew refuses a folder with a world that is not the interrupted run's.
func (c Creation) checkNew(note creationNote) error {
	if !kmdata.Exists(c.Dir) {
		return nil
	}
	chain, err := kmdata.Open(c.Dir)
	if err != nil {
		return err
	}
	if note.Dealt && chain.FirstHKNSO() == note.Cards.HKNSO {
		return nil
	}
	return exitcode.Errorf(exitcode.Refused, "%s: a security world already exists and is never overwritten",
		kmdata.WorldPath(c.Dir)).
		Hint("name another folder with --kmdata, or byok-offline world info")
}

// Create makes a security world: the library is accepted before it is loaded,
// the cards are dealt and read back, then the token is prepared and proved,
// and last the world file and the module statement are signed. An interrupted
// creation goes on with the cards that were dealt.
func Create(o Creation) (*kmdata.Chain, error) {
	named := o.Guard != ""
	o.Guard = cmp.Or(o.Guard, statement.GuardTrust)
	c := &creation{Creation: o, named: named, release: func() {}}
	c.module = &module{ui: o.UI, guard: o.Guard, vendor: o.VendorQuorum, two: o.TwoLogins}
	if err := c.Check(); err != nil {
		return nil, err
	}
	if err := durable.Folder(kmdata.Local(c.Dir), 0o700); err != nil {
		return nil, err
	}
	defer c.Close()
	if err := c.begin(); err != nil {
		return nil, err
	}
	if err := c.run(); err != nil {
		return nil, err
	}
	return c.chain, nil
}

// begin asks for everything that the run needs, before any card is written.
func (c *creation) begin() (err error) {
	if err := c.module.load(c.Library, c.Rehearsal); err != nil {
		return err
	}
	note, _, err := journal.Pending[creationNote](journal.Of(c.Dir), creationName)
	if err != nil {
		return err
	}
	if err := c.pick(note); err != nil {
		return err
	}
	release, err := locks.Hold(c.Dir, c.module.library, c.module.token)
	if err != nil {
		return err
	}
	c.release = release
	pin := func() (*secret.Bytes, error) { return c.UserPIN(c.module.token, c.keepsUserPIN()) }
	if err := c.module.ask(pin); err != nil {
		return err
	}
	return c.resume(note)
}

// resume takes up the note of an interrupted run of the same creation, and has
// its cards read again. If they were not all dealt, undo removes those that are
// there, and the token is looked at first.
func (c *creation) resume(old creationNote) (err error) {
	if !old.Dealt {
		return c.checkTaken()
	}
	if err := c.same(old); err != nil {
		return err
	}
	c.note = old
	c.note.Guard = c.Guard
	c.secret, err = cards.Reread(old.Cards, c.Media, c.UI)
	return err
}

// same refuses to go on with another creation than the interrupted one.
func (c *creation) same(old creationNote) error {
	names, err := quorum.CheckHolders(c.Holders)
	if err != nil {
		return err
	}
	if old.Label == c.Label && old.Rehearsal == c.Rehearsal &&
		(cmp.Or(old.Guard, statement.GuardTrust) == c.Guard || !kmdata.Exists(c.Dir)) &&
		old.Cards.Quorum == c.Quorum && slices.Equal(old.Cards.Holders, names) {
		return nil
	}
	return exitcode.Errorf(exitcode.Refused,
		"an interrupted creation in %s asked for label %q, guard %s, quorum %v and the holders %q",
		c.Dir, old.Label, cmp.Or(old.Guard, statement.GuardTrust), old.Cards.Quorum, old.Cards.Holders).
		Hint("run that command again, or use another --kmdata and blank cards")
}

func (c *creation) run() error {
	before, err := journal.Run(journal.Of(c.Dir), journal.Operation[creationNote]{
		Name: creationName,
		Done: c.done,
		Keep: func(n creationNote) bool { return n.Dealt }, // the token may depend on the cards
		Undo: func(n creationNote) error { return cards.RemoveAll(n.Cards, c.Media) },
		Check: func() error {
			if c.note.Dealt {
				return nil
			}
			return cards.CheckBlank(c.Media)
		},
		Do: c.do,
	}, c.note)
	if err != nil || !before {
		return err
	}
	return c.anchorAgain()
}

// done reports whether an interrupted run had signed everything.
func (c *creation) done(old creationNote) (bool, error) {
	if !old.Dealt || !kmdata.Exists(c.Dir) {
		return false, nil
	}
	chain, err := kmdata.Open(c.Dir)
	if err != nil {
		return false, err
	}
	c.chain = chain
	return len(chain.Modules()) > 0, nil
}

// anchorAgain sets the anchor that an interrupted run may not have set.
func (c *creation) anchorAgain() (err error) {
	m, set := c.chain.Modules()[0], c.chain.Set()
	c.module.guard = m.Guard
	if !session.Anchors(m.Guard) {
		return nil
	}
	if c.module.pin, err = pins.SO.Current(c.secret, set.Cards, m); err != nil {
		return err
	}
	return c.module.anchor(c.chain.Last(), set)
}

func (c *creation) do(note *creationNote, save func() error) error {
	if !note.Dealt {
		if err := c.deal(note, save); err != nil {
			return err
		}
	}
	return goOn(c.build(note, save))
}

// build makes the world of the cards that were dealt.
func (c *creation) build(note *creationNote, save func() error) error {
	signer, err := session.NewKNSO(c.secret, note.set())
	if err != nil {
		return err
	}
	if err := c.prepare(note, save); err != nil {
		return err
	}
	return c.sign(signer, note)
}

// goOn says that a second run continues with the same cards.
func goOn(err error) error {
	if err == nil || exitcode.HintOf(err) != "" {
		return err
	}
	return exitcode.Hint(err, "run the same command again: it continues with the cards that were dealt")
}

// deal makes the world's keys and secret, and deals the cards.
func (c *creation) deal(note *creationNote, save func() error) error {
	keys, err := keyset.New()
	if err != nil {
		return err
	}
	defer keys.Wipe()
	issue, err := quorum.New(c.Quorum, c.Holders, keys.HKNSO, c.Rehearsal)
	if err != nil {
		return err
	}
	defer issue.WipeCards()
	c.secret = issue.Secret
	*note = creationNote{Label: c.Label, Rehearsal: c.Rehearsal, Module: statement.NewModuleID(), Cards: issue.Set}
	note.Guard = c.Guard
	if note.KNSO, note.KM, err = keys.Seal(issue.Secret, issue.Set); err != nil {
		return err
	}
	if err := save(); err != nil {
		return err
	}
	dealt, err := cards.Deal(issue, c.Label, c.Media, c.Work, c.UI)
	if err != nil {
		return err
	}
	note.Own, note.Dealt = ownPassphrases(dealt), true
	return save()
}

// Close wipes what the creation holds in memory, unloads the library and frees
// the locks.
func (c *creation) Close() {
	c.secret.Wipe()
	c.present.Wipe()
	c.module.Close()
	c.release()
}
