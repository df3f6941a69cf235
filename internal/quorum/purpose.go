package quorum

import (
	"fmt"
	"regexp"
	"slices"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
)

// Context says what a key or a PIN is derived for, besides its purpose. It
// keeps what belongs to one world, card set or module from opening another's.
type Context struct {
	HKNSO  fingerprint.Sum // of the card set
	Set    int             // the card set's number
	Module string          // the module's id, 32 lower-case hex digits, or "" where the purpose has none
}

// Context returns the context of the set, for purposes that have no module.
func (s CardSet) Context() Context { return Context{HKNSO: s.HKNSO, Set: s.Number} }

// For returns the context for a purpose of one module, by the module's id: 32
// lower-case hex digits.
func (c Context) For(module string) Context {
	c.Module = module
	return c
}

// Purpose is the one use that a derived PIN or key has.
type Purpose string

// The purposes. Each is used for one thing; another thing takes another
// purpose, and one that is given up is never used again.
const (
	PurposeSOPIN       Purpose = "so-pin"        // the PIN of a module's security officer
	PurposeUserPIN     Purpose = "user-pin"      // the PIN of a module's user, where the quorum holds it
	PurposeSealKNSO    Purpose = "seal-knso"     // the key that seals KNSO's private half
	PurposeSealKM      Purpose = "seal-km"       // the key that seals KM's private half
	PurposeSealSOPIN   Purpose = "seal-so-pin"   // the key that seals a module's SO PIN which is not derived
	PurposeSealUserPIN Purpose = "seal-user-pin" // the key that seals a module's user PIN which is not derived
)

// product is what comes of a purpose.
type product string

const (
	makesPIN product = "a PIN"
	makesKey product = "a key"
)

// use is a row of the table of purposes.
type use struct {
	purpose Purpose
	makes   product
	module  bool   // the context names a module
	of      string // what the PIN is, or what the key seals, in messages
}

var uses = []use{
	{PurposeSOPIN, makesPIN, true, "the SO PIN"},
	{PurposeUserPIN, makesPIN, true, "the user PIN"},
	{PurposeSealKNSO, makesKey, false, "KNSO's private half"},
	{PurposeSealKM, makesKey, false, "KM's private half"},
	{PurposeSealSOPIN, makesKey, true, "the SO PIN"},
	{PurposeSealUserPIN, makesKey, true, "the user PIN"},
}

func (p Purpose) use() (use, bool) {
	i := slices.IndexFunc(uses, func(u use) bool { return u.purpose == p })
	if i < 0 {
		return use{}, false
	}
	return uses[i], true
}

var moduleID = regexp.MustCompile(`^[0-9a-f]{32}$`)

// check refuses, as a fault of the caller, a purpose that is not in the table,
// one that makes something else, and a context that does not fit it.
func (p Purpose) check(c Context, makes product) error {
	row, known := p.use()
	switch {
	case !known:
		return exitcode.Errorf(exitcode.Failed, "purpose %q is not in the table of purposes", string(p))
	case row.makes != makes:
		return exitcode.Errorf(exitcode.Failed, "purpose %s makes %s, not %s", p, row.makes, makes)
	case c.HKNSO == (fingerprint.Sum{}) || c.Set < 1:
		return exitcode.Errorf(exitcode.Failed, "purpose %s: the context names no card set", p)
	case row.module && !moduleID.MatchString(c.Module):
		return exitcode.Errorf(exitcode.Failed, "purpose %s: the context names no module of 32 hex digits", p)
	case !row.module && c.Module != "":
		return exitcode.Errorf(exitcode.Failed, "purpose %s: the context names a module", p)
	}
	return nil
}

// info is the info string of HKDF: the compact JSON array of the purpose,
// hknso in hex, the card set's number and the module's id, such as
// ["so-pin","3f…",1,"09…"]. Once checked, no part of it needs escaping.
func (c Context) info(p Purpose) string {
	return fmt.Sprintf(`["%s","%s",%d,"%s"]`, p, c.HKNSO, c.Set, c.Module)
}
