package statement

import (
	"errors"
	"fmt"
	"slices"

	"byok/internal/fingerprint"
	"byok/internal/kek"
	"byok/internal/keykind"
)

// MaxPairs is the most pairs of key and KEK that one authorization holds.
const MaxPairs = 50

// Authorization is the statement that a quorum approved keys for KEKs.
type Authorization struct {
	Header
	Module string          `json:"module"`
	KML    fingerprint.Sum `json:"kml_sha256"` // SHA-256 of KML's SubjectPublicKeyInfo
	Guard  Guard           `json:"guard"`
	// List is the SHA-256 of the whole list that the holders approved; it is
	// longer than Pairs where a session signs several authorizations.
	List  fingerprint.Sum `json:"list_sha256"`
	Pairs []Pair          `json:"pairs"`
}

// Pair is one key approved for one KEK, under one name, with these operations.
type Pair struct {
	Approval
	// Wrapped is the SHA-256 of the wrapped copy: the ciphertext of the .byok.
	Wrapped fingerprint.Sum `json:"wrapped_sha256"`
}

// Approval is what the holders see and approve of a pair before it is wrapped.
type Approval struct {
	Ident     string `json:"ident"`
	PlainName string `json:"plainname"`
	Identity         // the key
	Origin    string `json:"origin"`
	Restored  bool   `json:"restored"`
	// Replaces is the key whose place this one takes in the vault, as the next
	// version of the same name. Without it the name must be free there.
	Replaces *Replaced `json:"replaces,omitzero"`
	// HSM is what the HSM's vendor attests of the key, where that was attached.
	HSM    *HSMAttestation `json:"hsm_attestation,omitzero"`
	KEK    KEK             `json:"kek"`
	Target Target          `json:"target"`
}

// KEK is the key exchange key as the quorum accepted it.
type KEK struct {
	KID         kek.ID          `json:"kid"` // with its version
	Bits        int             `json:"bits"`
	Exponent    int             `json:"exponent"`
	Fingerprint fingerprint.Sum `json:"spki_sha256"`
	// Attested reports whether an attestation proved it. Otherwise only the
	// owner's word supports it, which is never enough for a Managed HSM's KEK.
	Attested bool `json:"attested"`
	// Attestation is what the check of the KEK found, rule by rule.
	Attestation []Rule `json:"attestation"`
	// Said is what the vault's owner said over another channel, and who that is.
	Said         kek.Said        `json:"said"`
	Package      fingerprint.Sum `json:"kek_package_sha256"`
	WorldPackage fingerprint.Sum `json:"world_package_sha256"`
}

// Rule is a rule of the KEK's check and what it found.
type Rule struct {
	Rule   string `json:"rule"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
}

// Target is what the key must be in the vault, and nothing else.
type Target struct {
	Vault         string          `json:"vault"` // URL
	Name          string          `json:"name"`
	KeyOps        []string        `json:"key_ops"`
	Exportable    bool            `json:"exportable"`
	ReleasePolicy fingerprint.Sum `json:"release_policy_sha256,omitzero"` // of the policy's bytes
}

// Same reports whether two targets are the same.
func (t Target) Same(o Target) bool {
	return t.Vault == o.Vault && t.Name == o.Name && slices.Equal(t.KeyOps, o.KeyOps) &&
		t.Exportable == o.Exportable && t.ReleasePolicy == o.ReleasePolicy
}

func (a *Authorization) check() error {
	if err := CheckModuleID(a.Module); err != nil {
		return err
	}
	if err := a.Guard.check(); err != nil {
		return err
	}
	switch {
	case a.KML.IsZero():
		return errors.New("field kml_sha256 is missing")
	case a.List.IsZero():
		return errors.New("field list_sha256 is missing")
	case len(a.Pairs) == 0 || len(a.Pairs) > MaxPairs:
		return fmt.Errorf("field pairs: expected 1 to %d", MaxPairs)
	}
	for i, p := range a.Pairs {
		if err := a.checkPair(i, p); err != nil {
			return fmt.Errorf("pair %d: %w", i+1, err)
		}
	}
	return nil
}

func (a *Authorization) checkPair(i int, p Pair) error {
	if err := p.check(); err != nil {
		return err
	}
	if slices.ContainsFunc(a.Pairs[:i], func(o Pair) bool { return o.Wrapped == p.Wrapped }) {
		return errors.New("field wrapped_sha256: two pairs have the same wrapped copy")
	}
	if a.Rehearsal && !kek.IsLoopback(kek.HostOf(p.KEK.KID.Vault)) {
		return errors.New("field kek.kid: a rehearsal's vault must be on this computer")
	}
	if !a.Rehearsal && p.HSM != nil && p.HSM.Root != "" {
		return errors.New("field hsm_attestation.root: only a rehearsal has a root of its own")
	}
	return nil
}

func (p Pair) check() error {
	if p.Wrapped.IsZero() {
		return errors.New("field wrapped_sha256 is missing")
	}
	return p.Approval.check()
}

func (p Approval) check() error {
	if err := CheckIdent(p.Ident); err != nil {
		return fmt.Errorf("field ident: %w", err)
	}
	if err := CheckPlainName(p.PlainName); err != nil {
		return err
	}
	if err := CheckOrigin(p.Origin); err != nil {
		return err
	}
	if err := p.Identity.Check(); err != nil {
		return err
	}
	if err := p.Replaces.Check(p.Ident, p.Identity); err != nil {
		return err
	}
	if err := p.HSM.check(); err != nil {
		return err
	}
	if err := p.KEK.check(); err != nil {
		return err
	}
	return p.Target.check(p.Identity, p.KEK.KID)
}

func (k KEK) check() error {
	if _, err := keykind.Lookup(keykind.RSA, k.Bits, ""); err != nil {
		return fmt.Errorf("field kek.bits: %w", err)
	}
	switch {
	case k.Exponent != 65537:
		return errors.New("field kek.exponent: expected 65537")
	case k.Fingerprint.IsZero():
		return errors.New("field kek.spki_sha256 is missing")
	case k.Package.IsZero() || k.WorldPackage.IsZero():
		return errors.New("field kek: the hash of a package is missing")
	case !k.Attested && kek.IsManagedHSM(kek.HostOf(k.KID.Vault)):
		return errors.New("field kek.attested: a Managed HSM's KEK needs an attestation")
	}
	for _, r := range k.Attestation {
		if !r.OK {
			return fmt.Errorf("field kek.attestation: the rule %.40q failed", r.Rule)
		}
	}
	if err := k.Said.Compare(k.KID, k.Fingerprint); err != nil {
		return fmt.Errorf("field kek.said: %w", err)
	}
	return nil
}

func (t Target) check(key Identity, kid kek.ID) error {
	kind, err := key.Kind()
	if err != nil {
		return err
	}
	if err := kek.CheckName(t.Name); err != nil {
		return fmt.Errorf("field target.name: %w", err)
	}
	switch {
	case t.Vault != kid.Vault:
		return fmt.Errorf("field target.vault: expected %s, where the KEK is", kid.Vault)
	case len(t.KeyOps) == 0:
		return errors.New("field target.key_ops is missing")
	case t.Exportable && t.ReleasePolicy.IsZero():
		return errors.New("field target.exportable: an exportable key needs a release policy")
	case !t.Exportable && !t.ReleasePolicy.IsZero():
		return errors.New("field target.release_policy_sha256: only an exportable key has one")
	}
	for i, op := range t.KeyOps {
		if !slices.Contains(kind.KeyOps(), op) || slices.Contains(t.KeyOps[:i], op) {
			return fmt.Errorf("field target.key_ops: %.20q is not allowed, or appears twice", op)
		}
	}
	return nil
}
