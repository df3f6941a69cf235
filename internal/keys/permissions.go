package keys

import (
	"byok/internal/kmdata"
	"byok/internal/session"
)

// Recorded is the permissions of a key as they were recorded for a module:
// where it was generated, by its file; where it was restored, by the statement.
func Recorded(chain *kmdata.Chain, k *kmdata.Key, module string) []string {
	o, found := chain.OriginOn(k.Ident, module)
	if found && o.Restored && o.Identity.Same(k.Identity) && !k.Frozen {
		return o.Attributes
	}
	return k.Permissions
}

// Permissions reads what a key may do on the token now, and what was recorded.
func (o Operator) Permissions(ident string) (live, recorded []string, err error) {
	k, err := o.Chain.Key(ident)
	if err != nil {
		return nil, nil, err
	}
	key, err := o.User.FindKey(k.Name())
	if err != nil {
		return nil, nil, err
	}
	if err := o.User.Proves(key, session.Wanted(k.Identity)); err != nil {
		return nil, nil, err
	}
	live, err = o.User.Permissions(key)
	return live, Recorded(o.Chain, k, o.Module.Module), err
}
