package renewal

import (
	"context"

	"byok/internal/approval"
	"byok/internal/exitcode"
	"byok/internal/printable"
	"byok/internal/register"
	"byok/internal/stamp"
	"byok/internal/vault"
)

// State is how a key exchange key stands.
type State string

// The states.
const (
	Open    State = "open"      // the vault has it: more can be imported with it
	Closed  State = "closed"    // the record says when, and the vault no longer has it
	Found   State = "gone"      // the vault no longer has it, and the record does not say since when
	Again   State = "REOPENED"  // the record says that it was closed, and the vault has it
	Unknown State = "not known" // the vault was not asked, or did not say
)

// Exchange is how one KEK of a register stands.
type Exchange struct {
	*register.KEK
	State  State
	Detail string
	Err    error // of Again alone
}

// exchanges looks for every KEK that a package of the register was made for.
func (r Renewer) exchanges(ctx context.Context, c *Collection, down map[string]bool) (all []Exchange) {
	for _, k := range c.Register.KEKs {
		p, read := c.packageFor(k)
		if !read || r.Vault != "" && k.KID.Vault != r.Vault {
			continue
		}
		e := Exchange{KEK: k, State: Unknown}
		if ctx.Err() == nil && !down[k.KID.Vault] {
			r.look(ctx, &e, p)
		}
		all = append(all, e)
	}
	return all
}

// look looks for a KEK in its vault, in any version: a key that was closed has
// none.
func (r Renewer) look(ctx context.Context, e *Exchange, p approval.Package) {
	v, err := r.Open(p)
	if err != nil {
		e.Detail = err.Error()
		return
	}
	k, err := v.Key(ctx, e.KID.Name, "")
	switch closed := e.Closed; {
	case notFound(err) && closed.IsZero():
		e.State, e.Detail = Found, "no longer in the vault; the record does not say who deleted it"
	case notFound(err):
		e.State, e.Detail = Closed, "on "+stamp.Text(closed)
	case err != nil:
		e.Detail = err.Error()
	case !closed.IsZero():
		e.State, e.Detail = Again, "closed on "+stamp.Text(closed)+", and the vault has it again"
		e.Err = exitcode.Errorf(exitcode.Check, "KEK %v: it was %s", e.KID, e.Detail).
			Hint("find out who recovered it, and close it again: byok-online kek delete --vault %s --name %s",
				printable.Quote(e.KID.Vault), e.KID.Name)
	default:
		e.State, e.Detail = Open, open(k)
	}
}

// open says until when an open KEK can be used.
func open(k vault.Key) string {
	switch {
	case k.Expires.IsZero():
		return "it never expires"
	case k.Expires.Before(stamp.Now()):
		return "expired on " + stamp.Text(k.Expires)
	}
	return "until " + stamp.Text(k.Expires)
}
