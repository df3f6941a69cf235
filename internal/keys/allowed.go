package keys

import (
	"byok/internal/exitcode"
	"byok/internal/kmdata"
)

// What may be done with a key, as far as kmdata says: each refuses what needs
// neither person nor token to be refused.

// Transferable refuses a key that no quorum can have wrapped as it is, and
// returns its file.
func Transferable(chain *kmdata.Chain, ident string) (*kmdata.Key, error) {
	k, err := present(chain, ident)
	if err == nil && k.Frozen {
		return nil, exitcode.Errorf(exitcode.Refused, "%s is frozen: it cannot be wrapped any more", k.Name()).
			Hint("retire it and restore it from its backup, which stays whole")
	}
	if err == nil {
		_, err = Followed(chain, k)
	}
	return k, err
}

// present refuses a key that was retired, and returns its file.
func present(chain *kmdata.Chain, ident string) (*kmdata.Key, error) {
	k, err := chain.Key(ident)
	if err != nil {
		return nil, err
	}
	retired, err := chain.Retired(ident)
	if err != nil {
		return nil, err
	}
	if retired != nil {
		return nil, exitcode.Errorf(exitcode.Refused, "%s was retired on %s, and is not on the HSM", k.Name(),
			retired.Created.Format("2006-01-02")).
			Hint("byok-offline key restore --ident %s --card DIR … brings it back from its backup", ident)
	}
	return k, nil
}

// Retirable refuses a key that was retired, unless that was cut short, and
// returns its file.
func Retirable(chain *kmdata.Chain, ident string) (*kmdata.Key, error) {
	if interrupted, err := pending[retirement](chain, retireVerb, ident); err != nil || interrupted {
		return unlessFailed(chain, ident, err)
	}
	return present(chain, ident)
}

func unlessFailed(chain *kmdata.Chain, ident string, failed error) (*kmdata.Key, error) {
	if failed != nil {
		return nil, failed
	}
	return chain.Key(ident)
}

// Freezable refuses a key that was retired, or is frozen already, unless that was
// cut short, and returns its file.
func Freezable(chain *kmdata.Chain, ident string) (*kmdata.Key, error) {
	if interrupted, err := pending[freezing](chain, freezeVerb, ident); err != nil || interrupted {
		return unlessFailed(chain, ident, err)
	}
	k, err := present(chain, ident)
	if err == nil && k.Frozen {
		return nil, exitcode.Errorf(exitcode.Refused, "%s is frozen already", k.Name())
	}
	return k, err
}
