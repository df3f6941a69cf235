package keys

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"byok/internal/attest"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/hsm"
	"byok/internal/hsmattest"
	"byok/internal/keykind"
	"byok/internal/kmdata"
	"byok/internal/session"
	"byok/internal/statement"
)

// Transfer asks the quorum to approve one key for one KEK.
type Transfer struct {
	Ident  string
	KEK    *attest.KEK // only a check makes one
	Target statement.Target
	// Attestation is what the HSM's vendor attests of the key.
	Attestation hsmattest.Attached
}

// Check refuses what needs neither person nor token to be refused, and
// returns the key's file.
func (t Transfer) Check(chain *kmdata.Chain) (*kmdata.Key, error) {
	k, err := Transferable(chain, t.Ident)
	if err != nil {
		return nil, err
	}
	if err := t.Attestation.Check(chain.Rehearsal()); err != nil {
		return nil, err
	}
	return k, session.Mixed(chain, "the KEK package", t.KEK.Rehearsal())
}

// pair is one transfer on its way through the session.
type pair struct {
	Transfer
	file     *kmdata.Key
	approval statement.Approval
	kek      hsm.Object
	transfer hsm.Object
	wrapped  []byte
	copy     *kmdata.Key
	key      hsm.Key
}

// Approve has the quorum approve keys for KEKs, wraps each key, and returns
// the files of the wrapped copies.
//
// What is asked is shown again, now verified, and one holder types the first
// word of the list's hash. KEKs and transfer keys are session objects that the
// security officer trusts; one transfer key serves one key and one KEK. Each
// key is found once; the handle that proves possession of the key that was
// shown is the handle that is copied, wrapped, and signs the authorization.
// Files are written when that statement is durable. With the session every
// object that could wrap for a vault ends.
func (s Quorum) Approve(list []Transfer) ([]*kmdata.Key, error) {
	if err := s.Current(); err != nil {
		return nil, err
	}
	pairs, err := s.pairs(list)
	if err != nil {
		return nil, err
	}
	sum, err := s.approve(pairs)
	if err != nil {
		return nil, err
	}
	var files []*kmdata.Key
	for batch := range slices.Chunk(pairs, statement.MaxPairs) {
		if err := s.authorize(batch, sum); err != nil {
			return files, s.End(err)
		}
		for _, p := range batch {
			files = append(files, p.copy)
		}
	}
	return files, s.Finish()
}

// pairs reads from the token, as user, what each key is, and how the token
// would wrap it. What key files say the operator signed.
func (s Quorum) pairs(list []Transfer) ([]*pair, error) {
	var pairs []*pair
	err := s.AsUser(func() error {
		find, _, err := s.finders(len(list))
		if err != nil {
			return err
		}
		for _, t := range list {
			p, err := s.pair(t, find)
			if err != nil {
				return err
			}
			pairs = append(pairs, p)
		}
		return s.warnOfPadding(pairs)
	})
	return pairs, err
}

func (s Quorum) pair(t Transfer, find func(label string) (hsm.Key, error)) (*pair, error) {
	file, err := t.Check(s.Chain)
	if err != nil {
		return nil, err
	}
	key, err := find(file.Name())
	if err != nil {
		return nil, err
	}
	identity, err := session.IdentityOf(s.HSM, key)
	if err != nil {
		return nil, err
	}
	if identity.Secret() && identity.Bits == 0 {
		identity.Bits = file.Identity.Bits // SoftHSM forgets the size; the check value says which key it is
	}
	if !identity.Secret() { // a check value has proved itself
		if err := s.HSM.Proves(key, session.Wanted(identity)); err != nil {
			return nil, err
		}
	}
	if !identity.Same(file.Identity) {
		return nil, exitcode.Errorf(exitcode.Check, "%s on %v is not the key that its file describes", file.Name(), s.Token).
			Hint("byok-offline world check shows what differs")
	}
	return s.described(t, file, key, identity)
}

// described is a pair as the holders will see it.
func (s Quorum) described(t Transfer, file *kmdata.Key, key hsm.Key, identity statement.Identity) (*pair, error) {
	replaces, err := Followed(s.Chain, file)
	if err != nil {
		return nil, err
	}
	attested, err := t.Attestation.Judge(identity, s.Module)
	if err != nil {
		return nil, err
	}
	origin, restored := s.Chain.OriginOf(t.Ident, identity, s.Module.Module)
	return &pair{Transfer: t, file: file, key: key, approval: statement.Approval{
		Ident: t.Ident, PlainName: file.PlainName, Identity: identity, Origin: origin, Restored: restored,
		Replaces: replaces, HSM: attested, KEK: recordKEK(t.KEK), Target: t.Target,
	}}, nil
}

// recordKEK is the KEK as an authorization records it.
func recordKEK(k *attest.KEK) statement.KEK {
	public := k.PublicKey()
	record := statement.KEK{
		KID:          k.ID(),
		Bits:         public.N.BitLen(),
		Exponent:     public.E,
		Fingerprint:  k.Fingerprint(),
		Attested:     k.Attested(),
		Said:         k.Said(),
		Package:      k.KEKPackageHash(),
		WorldPackage: k.SecurityWorldPackageHash(),
	}
	for _, f := range k.Findings() {
		record.Attestation = append(record.Attestation, statement.Rule{Rule: f.Rule, OK: f.OK, Detail: f.Detail})
	}
	return record
}

// authorize wraps up to fifty pairs, signs their authorization, and writes
// the copies.
func (s Quorum) authorize(pairs []*pair, list fingerprint.Sum) error {
	for _, p := range pairs {
		if err := p.KEK.Valid(time.Now()); err != nil { // a session of many keys lasts
			return fmt.Errorf("%s: %w", p.Ident, err)
		}
	}
	defer s.dropAll(pairs)
	if err := s.trustAll(pairs); err != nil {
		return err
	}
	return s.AsUser(func() error {
		if err := s.wrapAll(pairs); err != nil {
			return err
		}
		return s.signAll(pairs, list)
	})
}

func (s Quorum) wrapAll(pairs []*pair) error {
	if err := s.ExactlyTrusted(); err != nil {
		return err
	}
	_, again, err := s.finders(len(pairs))
	if err != nil {
		return err
	}
	for _, p := range pairs {
		if p.key, err = again(p.key); err != nil {
			return fmt.Errorf("%s: %w", p.Ident, err)
		}
		if err := s.wrap(p); err != nil {
			return fmt.Errorf("%s: %w", p.Ident, err)
		}
		if s.Wrapped != nil {
			s.Wrapped(p.Ident)
		}
	}
	return s.ExactlyTrusted()
}

// wrap does everything with the one handle by which the key was found.
func (s Quorum) wrap(p *pair) error {
	if err := s.HSM.Proves(p.key, session.Wanted(p.approval.Identity)); err != nil {
		return exitcode.Hint(
			err,
			"the key was exchanged while the card holders looked: stop, and keep kmdata for the auditor",
		)
	}
	reduced, err := s.reduce(p.key)
	if err != nil {
		return err
	}
	defer s.HSM.DiscardCopy(reduced)
	permissions, err := s.HSM.Permissions(reduced)
	if err != nil {
		return err
	}
	if p.wrapped, err = s.forVault(p, reduced); err != nil {
		return err
	}
	if err := s.stillThere(p); err != nil {
		return err
	}
	p.copy = &kmdata.Key{
		Signed: s.Chain.NewSigned(kmdata.TypeKey, s.Module.Module), App: kmdata.Transfer, Ident: p.Ident,
		PlainName: p.approval.PlainName, Identity: p.approval.Identity, Permissions: permissions, Origin: p.approval.Origin,
	}
	return nil
}

// stillThere has the key prove itself once more where it was wrapped without a
// copy of this process's own: a key that was destroyed meanwhile, and another put
// in its place, does not come back.
func (s Quorum) stillThere(p *pair) error {
	if !s.Module.Traits().Rights {
		return nil
	}
	return s.HSM.Proves(p.key, session.Wanted(p.approval.Identity))
}

// forVault wraps a key for the pair's KEK, by the route of the guard.
func (s Quorum) forVault(p *pair, key hsm.Key) ([]byte, error) {
	if s.Module.Traits().ByKM {
		return s.WrapByKM(key, p.KEK.PublicKey())
	}
	return s.HSM.Wrap(hsm.Wrapping{Form: s.Module.Form, Outer: p.kek, Inner: p.transfer}, key)
}

// reduce makes the transfer copy and tries to wrap it under untrusted keys. A
// module without C_CopyObject wraps the key itself: the bytes are the same.
func (s Quorum) reduce(key hsm.Key) (hsm.Key, error) {
	reduced, err := s.HSM.Reduce(key)
	if errors.Is(err, hsm.ErrNoCopy) {
		s.UI().Warn(fmt.Sprintf("%v copies no keys: the key is wrapped without a copy of reduced permissions", s.Token))
		return key, s.HSM.ProbeWrapWithTrustedAgain(key)
	}
	if err != nil {
		return key, err
	}
	return reduced, s.HSM.ProbeWrapWithTrustedAgain(reduced)
}

// signAll signs the authorization: each key proves possession over its hash,
// then KNSO signs, and only when that is durable are the copies written.
func (s Quorum) signAll(pairs []*pair, list fingerprint.Sum) error {
	a, err := s.authorization(pairs, list)
	if err != nil {
		return err
	}
	if err := s.keepAttestations(pairs); err != nil {
		return err
	}
	if err := s.Next(a); err != nil {
		return err
	}
	data, err := statement.Encode(a)
	if err != nil {
		return err
	}
	sum := fingerprint.Of(data)
	for i, p := range pairs {
		p.copy.Copy = &kmdata.Copy{Authorization: sum, Number: a.Number, Index: i, Ciphertext: p.wrapped}
		if p.approval.Identity.Secret() {
			continue
		}
		text := keykind.PossessionText(keykind.PurposeTransfer, sum)
		if p.copy.Copy.Possession, err = s.HSM.SignPossession(p.key, text); err != nil {
			return err
		}
	}
	if _, err := s.Append(a, nil); err != nil {
		return err
	}
	for _, p := range pairs {
		if err := s.Chain.WriteKey(p.copy, s.KML()); err != nil {
			return err
		}
	}
	return nil
}
