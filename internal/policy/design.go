package policy

import (
	"slices"

	"github.com/miekg/pkcs11"

	"byok/internal/hsm/p11"
	"byok/internal/hsm/templates"
	"byok/internal/policy/token"
)

// The rows of the table of templates.
const (
	RowKM             = "KM"
	RowKEK            = "KEK"
	RowAnchor         = "anchor"
	RowKWMade         = "KW, as generated"
	RowKWFrozen       = "KW, as frozen"
	RowTransferKey    = "transfer key"
	RowECKey          = "EC key"
	RowRSAKey         = "RSA key"
	RowAESKey         = "AES key"
	RowOperatorsKey   = "EC key made without a quorum"
	RowECHalf         = "public half of an EC key"
	RowRSAHalf        = "public half of an RSA key"
	RowKML            = "KML"
	RowReducedPrivate = "transfer copy"
	RowReducedSecret  = "transfer copy of an AES key"
	RowUnwrapping     = "AES key that unwraps a backup"
)

// Row is what one kind of object is made with.
type Row struct {
	Name     string
	Template p11.Template
	// Mechanism is the only one of ALLOWED_MECHANISMS. OnlyUse stands for the
	// one that the form uses.
	Mechanism uint
}

// OnlyUse is the mechanism with which the form of a module uses a key.
const OnlyUse = p11.NoMechanism - 1

// Table is every template of a world.
type Table []Row

// shippedTable is the table of the program, as it is built in.
func shippedTable() Table {
	const free = p11.NoMechanism
	session, kept := p11.SessionObject, p11.TokenObject
	return Table{
		{RowKM, templates.TrustedRSA(kept), OnlyUse},
		{RowKEK, templates.TrustedRSA(session), OnlyUse},
		{RowAnchor, templates.Anchor(), free},
		{RowKWMade, templates.TrustedAES(), OnlyUse},
		{RowKWFrozen, templates.FrozenKW(), free},
		{RowTransferKey, templates.TransferKey(), OnlyUse},
		{RowECKey, templates.PrivateKey(session, false), free},
		{RowRSAKey, templates.PrivateKey(session, true), free},
		{RowAESKey, templates.SecretKey(session), free},
		{RowOperatorsKey, templates.PrivateKey(kept, false), free},
		{RowECHalf, templates.PublicKey(session, false), free},
		{RowRSAHalf, templates.PublicKey(session, true), free},
		{RowKML, templates.ModuleSigningKey(), free},
		{RowReducedPrivate, templates.Reduced(false), free},
		{RowReducedSecret, templates.Reduced(true), free},
		{RowUnwrapping, templates.Unwrapping(), free},
	}
}

// Get returns the row of a name.
func (t Table) Get(name string) Row {
	return t[slices.IndexFunc(t, func(r Row) bool { return r.Name == name })]
}

// With returns the table with other attributes in one row.
func (t Table) With(name string, changed ...p11.Attribute) Table {
	return t.change(name, func(p p11.Template) p11.Template { return p.With(changed...) })
}

// Without returns the table without some attributes of one row.
func (t Table) Without(name string, types ...uint) Table {
	return t.change(name, func(p p11.Template) p11.Template { return p.Without(types...) })
}

// WithAnyMechanism returns the table without ALLOWED_MECHANISMS in one row.
func (t Table) WithAnyMechanism(name string) Table {
	out := slices.Clone(t)
	for i := range out {
		if out[i].Name == name {
			out[i].Mechanism = p11.NoMechanism
		}
	}
	return out
}

func (t Table) change(name string, f func(p11.Template) p11.Template) Table {
	out := slices.Clone(t)
	for i := range out {
		if out[i].Name == name {
			out[i].Template = f(out[i].Template)
		}
	}
	return out
}

// Design is a ceremony: templates, lifetimes, and what the quorum goes by.
type Design struct {
	Name  string
	Table Table
	Guard Guard

	// The following are flaws. All are false in what ships.

	// SharedTransferKey: one transfer key serves every pair of a session.
	SharedTransferKey bool
	// FindsAgain: the key is found by its label after it proved possession.
	FindsAgain bool
	// RestoresAsQuorum: whatever a backup holds is then of origin quorum.
	RestoresAsQuorum bool
	// OriginByAttributes: a key is of origin quorum if it shows these.
	OriginByAttributes token.Attrs
	// KeepsKW: a card replacement makes a new KM and leaves KW.
	KeepsKW bool
	// ForeignTrusted: an adopted token holds a trusted key of known value.
	ForeignTrusted bool
}

// Guard is a row of the table of guards.
type Guard struct {
	Name string
	// Route is how a key is wrapped for the vault.
	Route Route
	// Anchors: the token anchors the chain of statements.
	Anchors bool
}

// Route is the way of a key into a package.
type Route int

// The routes: the SO trusts the KEK in the quorum's session, or the token wraps
// under KM and the AES key of that blob is encrypted for the KEK.
const (
	ByKEK Route = iota
	ByKM
)

// Guards lists the guards that the model knows. Login and login-shared are not
// among them: their keys are not on the token while the attacker is.
func Guards() []Guard {
	return []Guard{{"trust", ByKEK, true}, {"trust-shared", ByKEK, true}, {"trust-by-tool", ByKM, false}}
}

// Offers reports whether a guard works on a module: the route by KM exists in
// one call alone.
func (g Guard) Offers(m token.Module) bool { return g.Route == ByKEK || m.OneCall }

// Shipped is the program as it is built in.
func Shipped(g Guard) Design { return Design{Name: "as shipped", Table: shippedTable(), Guard: g} }

// mechanism is the entry of ALLOWED_MECHANISMS of a row on a module.
func (r Row) mechanism(m token.Module) uint {
	switch {
	case r.Mechanism != OnlyUse || !m.KeepsToAllowed:
		return p11.NoMechanism
	case r.Name == RowKWMade || r.Name == RowTransferKey:
		return p11.KWP
	case m.OneCall:
		return pkcs11.CKM_RSA_AES_KEY_WRAP
	}
	return pkcs11.CKM_RSA_PKCS_OAEP
}
