package kmdata

import (
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/statement"
)

// Certificate is what proves one authorization to a stranger who knows an
// hknso of the world: the world file, every card replacement, the statement of
// the module, and the authorization. Only [Certifier.Certify] and [Chain.Certificate]
// make one.
//
// It is a part of the chain. The statements that it leaves out are not seen:
// neither a later one that replaces the cards, nor those that give a key its
// origin. For these the authorization is the quorum's word.
type Certificate struct{ chain Chain }

// Certificate returns the certificate of the authorization with the number. It
// is refused once the cards that signed it were replaced: what they signed no
// longer counts.
func (c *Chain) Certificate(number int) (*Certificate, error) {
	at, a, err := c.Authorization(number)
	if err != nil {
		return nil, err
	}
	if set := c.Set(); set.Since() > number {
		return nil, exitcode.Errorf(exitcode.Refused, "%v was signed by cards that statement %d has replaced",
			at, set.Since()).
			Hint("byok-offline acl modify asks the new card holders to approve the key")
	}
	cert := &Certificate{Chain{dir: c.dir, partial: true}}
	var module Entry
	for _, e := range c.index.world {
		if e.Number() > number {
			break
		}
		if s, ok := e.Statement.(*statement.Module); !ok {
			cert.chain.add(e)
		} else if s.Module == a.Module {
			module = e
		}
	}
	cert.chain.add(module)
	cert.chain.add(at)
	return cert, nil
}

// Under verifies the certificate under an hknso that a person knows: it must
// be that of one of the card sets, from which the replacements lead to the set
// that signed the authorization. A person may know an earlier one; one that
// came after the certificate was made refuses it, since the cards that signed
// it no longer count. Status Check.
//
// The error does not say what the hknso would have been: whoever reads it there
// could only compare the package with itself.
func (c *Certificate) Under(hknso fingerprint.Sum) error {
	for _, set := range c.chain.Sets() {
		if set.Cards.HKNSO == hknso && !hknso.IsZero() {
			return nil
		}
	}
	return exitcode.Errorf(exitcode.Check,
		"%s: the world's hknso is not the one named: it is another world, or its cards were replaced since",
		c.chain.entries[0].Path)
}

// Entries lists the statements: the world file, card replacements, the
// module's, the authorization.
func (c *Certificate) Entries() []Entry { return c.chain.entries }

// World is the world file.
func (c *Certificate) World() *statement.World { return c.chain.World() }

// First is the hknso of the world's first card set.
func (c *Certificate) First() fingerprint.Sum { return c.chain.FirstHKNSO() }

// Current is the hknso of the card set that signed the authorization.
func (c *Certificate) Current() fingerprint.Sum { return c.chain.HKNSO() }

// Module is the statement of the module that the authorization names.
func (c *Certificate) Module() *statement.Module {
	m, _ := c.chain.entries[len(c.chain.entries)-2].Statement.(*statement.Module) // as Certifier.Certify made sure
	return m
}

// Authorization is the authorization with its bytes.
func (c *Certificate) Authorization() (Entry, *statement.Authorization) {
	e := c.chain.Last()
	a, _ := e.Statement.(*statement.Authorization)
	return e, a
}
