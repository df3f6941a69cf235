package session

import (
	"cmp"
	"crypto/rsa"
	"fmt"
	"slices"

	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/keywrap"
	"byok/internal/statement"
)

// What a guard rests on, as the token proves it.

// Guarding is what a session on a token with the traits does without.
func Guarding(t statement.Traits) hsm.Guarding {
	return hsm.Guarding{
		Untrusted:    t.Trusted != statement.TrustedBySO,
		Unrestricted: t.Trusted == statement.TrustedByNobody,
		Rights:       t.Rights,
	}
}

// trial is one thing that a guard rests on.
type trial struct {
	name string
	try  func() error
}

// trials are what each kind of guard rests on, besides the logins.
var trials = map[statement.Truster]func(*hsm.Session, Equipment) []trial{
	statement.TrustedBySO: func(token *hsm.Session, e Equipment) []trial {
		return []trial{
			{"the user makes no trusted key", func() error { return token.Prober().Trust() }},
			{"KM is frozen", func() error { return proveKM(token, e) }},
			{"KW is frozen", func() error { return proveKW(token, e) }},
			{"anchors are frozen", token.ProbeAnchors},
		}
	},
	statement.TrustedByTool: func(token *hsm.Session, e Equipment) []trial {
		return []trial{
			{"the user makes no trusted key", func() error { return token.Prober().Trust() }},
			{
				"KM wraps what only a trusted key may wrap, and no other key does",
				func() error { return ProveByTool(token, e) },
			},
		}
	},
}

// ProveGuard tries, as user, everything that the guard rests on: no trusted
// key can be made, copied with other uses, or changed; a key is wrapped for
// the vault as the service unwraps it.
func ProveGuard(token *hsm.Session, e Equipment) ([]statement.Finding, error) {
	var list []trial
	if of := trials[e.Guard.Traits().Trusted]; of != nil {
		list = of(token, e)
	}
	list = append(list, trial{"wrapping is what the vault unwraps", func() error { return token.ProbeOAEP(e.Form) }})
	var rows []statement.Finding
	for _, t := range list {
		if err := t.try(); err != nil {
			return rows, fmt.Errorf("%s: %w", t.name, err)
		}
		rows = append(rows, statement.Finding{Name: t.name, Outcome: heldOutcome})
	}
	rows[len(rows)-1].Detail = token.Prober().Wraps(e.Form)
	if e.Guard.Traits().Trusted == statement.TrustedByTool {
		rows = append(rows, unseen...)
	}
	return rows, nil
}

// unseen is what no probe sees where a vendor's tool trusts.
var unseen = []statement.Finding{
	{
		Name:    "no other object of the token is trusted",
		Outcome: "not answered",
		Detail:  "what other users of the token made is not seen",
	},
	{
		Name:    "the vendor's tool changes no attribute of a key",
		Outcome: "not answered",
		Detail:  "it is not called from here",
	},
}

// heldOutcome is the outcome of a trial whose restriction held.
const heldOutcome = "held"

func proveKM(token *hsm.Session, e Equipment) error {
	object, err := e.findKM(token)
	if err != nil {
		return err
	}
	return token.ProbeTrusted(object, hsm.KM)
}

// findKM finds KM, and reads its modulus back.
func (e Equipment) findKM(token *hsm.Session) (hsm.Object, error) {
	km, err := e.Set.KM.ModuleKey()
	if err != nil {
		return 0, err
	}
	return token.FindKM(e.kmLabel(), km)
}

func proveKW(token *hsm.Session, e Equipment) error {
	if e.Form == keywrap.OneCall {
		return nil
	}
	object, err := token.FindKW(statement.KWLabel(e.Module, e.Set.Cards.Number))
	if err != nil {
		return err
	}
	return token.ProbeTrusted(object, hsm.KW)
}

// ProveByTool proves, as user, that KM is trusted by what it wraps, and that no
// other key wraps that.
func ProveByTool(token *hsm.Session, e Equipment) error {
	km, err := e.findKM(token)
	if err != nil {
		return err
	}
	trusted, err := token.Prober().IsTrusted(km)
	if err != nil {
		return err
	}
	if !trusted {
		return notTrusted(token.Token, []string{e.kmLabel()})
	}
	return token.Prober().TrustedAlone(km)
}

// notTrusted says that the vendor's tool did not trust KM, or has taken that
// back.
func notTrusted(t hsm.Token, labels []string) error {
	return exitcode.Errorf(exitcode.Check,
		"%v does not trust KM (%s): its crypto officer has never trusted it, or has taken that back", t, Join(labels)).
		Hint("ask the officer why; if it is to go on, have that one object trusted again with the vendor's tool")
}

// WrapByKM wraps a key for a vault by way of KM: the token wraps it under KM,
// whose modulus it has just shown; of the blob that this very call returned,
// the first part is opened with KM's private half, and the AES key inside is
// encrypted for the KEK. No KEK is on the token. The AES key is the call's own,
// so it is never done in two steps, where it is KW.
func (s *Quorum) WrapByKM(key hsm.Key, kek *rsa.PublicKey) ([]byte, error) {
	if s.Module.Form != keywrap.OneCall {
		return nil, exitcode.Errorf(exitcode.Refused, "%s wraps in two steps: guard %s has no way to a vault there",
			s.Module.Token, s.Module.Guard)
	}
	blob, err := s.Backup(key)
	if err != nil && s.Module.Traits().Trusted == statement.TrustedByTool {
		err = cmp.Or(ProveByTool(s.HSM, s.equipment()), err) // the officer may have taken the trust back meanwhile
	}
	if err != nil {
		return nil, err
	}
	if len(blob) <= oaepSize {
		return nil, errBackup()
	}
	sealed, err := s.knso.reseal(blob[:oaepSize])(kek)
	if err != nil {
		return nil, err
	}
	return slices.Concat(sealed, blob[oaepSize:]), nil
}
