// Package preflight refuses, before anybody is asked for anything, what a
// command can find out by itself: without a person, a login or a network.
//
// A command begins with [Of] and [Facts.Pass], which goes through the checks of
// the table [Commands] and returns what they have read. It connects its module,
// calls [Facts.Ready], and only then asks. Do not check in a command what a row
// of the table can check: a card holder who was called in vain does not come a
// second time.
package preflight

import (
	"byok/internal/airgap"
	"byok/internal/cards"
	"byok/internal/command"
	"byok/internal/dialogue"
	"byok/internal/keys"
	"byok/internal/kmdata"
	"byok/internal/plan"
	"byok/internal/toolset"
	"byok/internal/world"
)

// Facts are what a command knows before it asks anybody. The fields of the
// second group are its request, which it fills in before [Facts.Pass].
type Facts struct {
	Run   *command.Run
	UI    *dialogue.UI
	Chain *kmdata.Chain // nil where the command needs no world
	Media []cards.Medium
	// Order is the key that the command is about, or the first of Orders.
	Order
	Orders []Order
	KEKs   []toolset.Pair // packages of the KEKs that keys go to
	Plan   *plan.Plan     // that names the keys, with --all
	// Restorable are the keys to be restored.
	Restorable []keys.Restorable
	// Generations are the keys to be made.
	Generations []keys.Generation

	Creation world.Creation
}

// Of begins with the options of a command.
func Of(r *command.Run) *Facts {
	return &Facts{Run: r, UI: dialogue.New(r, r.Bool("rehearsal")), Media: dialogue.CardMedia(r, "")}
}

// Check is a row of the table: it refuses what its name denies.
type Check struct {
	Name   string // what holds once it has passed
	refuse func(*Facts) error
}

// Pass goes through the checks of the command, in their order.
func (f *Facts) Pass() error {
	checks, found := Commands()[f.Run.Event.Command]
	if !found {
		panic("no checks are listed for " + f.Run.Event.Command)
	}
	for _, c := range checks {
		if err := c.refuse(f); err != nil {
			return err
		}
	}
	return nil
}

// Passed is [Of] and [Facts.Pass] for a command whose request is its options.
func Passed(r *command.Run) (*Facts, error) {
	f := Of(r)
	return f, f.Pass()
}

// Before refuses a step of a world that is not there, before a record of it is
// begun: a name with a slip in it is no order to make that folder.
func Before(r *command.Run, dir string) error {
	for _, c := range Commands()[r.Event.Command] {
		if c.Name == aWorld.Name && !kmdata.Exists(dir) {
			_, err := kmdata.Open(dir)
			return err
		}
	}
	return nil
}

// The checks.
var (
	optionsAlone = Check{"no word belongs to no option", func(f *Facts) error { return f.Run.NoArgs() }}
	clock        = Check{"the clock is not behind what was made before", (*Facts).clock}
	aWorld       = Check{"the world is there, and verifies", (*Facts).world}

	cardsGiven   = Check{"cards are given", func(f *Facts) error { return dialogue.CheckCards(f.Run, "") }}
	enough       = Check{"as many cards as the quorum, each in its holder's hand", (*Facts).enough}
	readable     = Check{"the cards are this world's, readable and different", (*Facts).readable}
	cardsIfGiven = Check{"the cards that are given would do", (*Facts).ifGiven}
	toCheck      = Check{"the cards that are given are this world's", (*Facts).toCheck}
	aCard        = Check{"the card is there", (*Facts).card}

	anIdent    = Check{"the identifier is one", (*Facts).ident}
	known      = Check{"the key is there", ofKey((*kmdata.Chain).Key)}
	inUse      = Check{"the key is in use, and can be wrapped", ofKey(keys.Transferable)}
	retirable  = Check{"the key is in use", ofKey(keys.Retirable)}
	freezable  = Check{"the key is in use, and not frozen", ofKey(keys.Freezable)}
	someKeys   = Check{"keys are named", (*Facts).orders}
	aName      = Check{"a single key has a name", (*Facts).nameGiven}
	toMake     = Check{"keys to be made are named", (*Facts).generations}
	newKeys    = Check{"the keys can be made", (*Facts).newKeys}
	alone      = Check{"the operator can back the key up, where no quorum is to", (*Facts).alone}
	named      = Check{"keys are named, or all are meant", (*Facts).named}
	restorable = Check{"there is a backup of each key", (*Facts).restorable}
	aModule    = Check{"the module is there", (*Facts).module}
	someKEKs   = Check{"the KEKs can be accepted", (*Facts).keks}
	allPairs   = Check{"each key has a KEK that it goes to, and a name", (*Facts).pairs}
	attested   = Check{"the HSM's attestation, if given, is of the key and a module", (*Facts).attested}
	fits       = Check{"the vault takes keys of this type", (*Facts).fits}
	aTarget    = Check{"the key can be so in the vault", (*Facts).target}
	notBefore  = Check{"the same was not approved before", (*Facts).before}
	saidBefore = Check{"what was approved before is said", (*Facts).sayBefore}
	kekIfGiven = Check{"the KEK packages, if given, can be read", (*Facts).keksIfGiven}
	toPack     = Check{"packages are asked for", (*Facts).packages}
	aFolder    = Check{"the output folder is there, and can be written to", (*Facts).folder}
	approved   = Check{"a quorum approved the key", (*Facts).approved}
	aNewWorld  = Check{"a world can be made", (*Facts).newWorld}
	aToolset   = Check{"the toolset can be read", (*Facts).toolset}
	secrets    = Check{"the files with secrets are there", (*Facts).secretFiles}
	unplugged  = apart(airgap.Folder)
)

// Commands are the checks of each command that asks anybody for anything.
func Commands() map[string][]Check {
	quorum := []Check{cardsGiven, aWorld, clock, secrets, enough, readable}
	return map[string][]Check{
		"world create":        {optionsAlone, clock, secrets, aNewWorld, unplugged},
		"world check":         {optionsAlone, aWorld, clock, secrets, toCheck},
		"world recover":       rows(one(optionsAlone), quorum),
		"world replace-cards": rows(one(optionsAlone), quorum[:4], one(readable)), // which set is in force shows later
		"world reset-pin":     rows(one(optionsAlone), quorum),
		"world change-pin":    {optionsAlone, aWorld, clock, secrets},
		"card passphrase":     {optionsAlone, aCard},
		"toolset install":     {aToolset},
		"module accept":       rows(one(optionsAlone), quorum),
		"module strike-off":   rows(one(optionsAlone), quorum, one(aModule)),
		"key generate":        {toMake, aWorld, clock, secrets, newKeys, alone, cardsIfGiven},
		"key restore":         rows(one(optionsAlone, named), quorum[:3], one(restorable), quorum[3:]),
		"key retire":          {anIdent, aWorld, clock, secrets, retirable, cardsIfGiven},
		"key freeze":          rows(one(anIdent), quorum[:3], one(freezable, restorable), quorum[3:]),
		"acl modify": rows(one(someKeys, aName), quorum[:3], each(inUse, attested), one(someKEKs, allPairs),
			each(fits, aTarget, notBefore), one(saidBefore), quorum[3:], one(unplugged)),
		"acl print": {anIdent, aWorld, clock, secrets, known, cardsIfGiven},
		"package": rows(one(someKeys, aWorld, clock), each(known), one(kekIfGiven, toPack), each(aFolder, approved),
			one(secrets, cardsIfGiven, unplugged)),
		"ceremony bundle": {optionsAlone, aWorld, clock, secrets},
		"ceremony seal":   {optionsAlone, aWorld, clock, secrets, cardsIfGiven},
	}
}

func one(list ...Check) []Check { return list }

func rows(parts ...[]Check) (all []Check) {
	for _, part := range parts {
		all = append(all, part...)
	}
	return all
}
