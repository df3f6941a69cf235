// Package publish makes the toolset of a vault's key exchange key: it reads the
// KEK and its attestation from the vault, binds the KEK package to the
// SecurityWorld package, and applies the rules that the disconnected
// workstation will apply.
//
// Call [Build], show its warnings, write [toolset.Pair.Zip], and have people
// carry the zip's hash and the KEK's fingerprint over another channel than the
// zip. What the rules find here decides nothing over there.
package publish

import (
	"context"
	"errors"
	"fmt"
	"time"

	"byok/internal/attest"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/kek"
	"byok/internal/keykind"
	"byok/internal/printable"
	"byok/internal/toolset"
	"byok/internal/vault"
	"byok/internal/vault/endpoint"
)

// longLife is how long a KEK may have left without a warning.
const longLife = 7 * 24 * time.Hour

// Vault is what making a toolset asks of a vault; [vault.Client] is one.
type Vault interface {
	Address() endpoint.Address
	// Key reads a key version; version "" is the current one.
	Key(ctx context.Context, name, version string) (vault.Key, error)
	// Attestation returns the HSM's statement about a key version, or vault.ErrNoAttestation.
	Attestation(ctx context.Context, name, version string) (vault.Attestation, error)
}

// Description is what the packages say beside the KEK.
type Description struct {
	Suffix     string // of the packages' names: 1 to 32 of A-Z and 0-9
	Generation int    // 1 to 9999
	Mark       kek.Mark
	Service    string // kek.ServiceVault or kek.ServiceManagedHSM; "" where nothing says so

	// For the record alone. Each may be empty.
	Cloud, Location, Tenant, Subscription string

	RehearsalRoot string // PEM of a rehearsal's attestation root
}

// Toolset is a new toolset.
type Toolset struct {
	Pair        toolset.Pair
	Fingerprint fingerprint.Sum // of the KEK: SHA-256 of its SubjectPublicKeyInfo
	Attested    bool            // the vault's HSM attests the KEK, and the attestation verifies
	Warnings    []string        // what people should know, a line each
}

// Build makes the toolset of the current version of the key called name. A key
// that the disconnected side would refuse has status Check, and the warnings
// say why. now is what dates are held against.
func Build(ctx context.Context, v Vault, name string, d Description, now time.Time) (Toolset, error) {
	key, err := v.Key(ctx, name, "")
	if err != nil {
		return Toolset{}, err
	}
	if err := checkKey(v, key, d.Mark, now); err != nil {
		return Toolset{}, err
	}
	attestation, err := attestationOf(ctx, v, key.ID)
	if err != nil {
		return Toolset{}, err
	}
	pair, err := pairOf(key, attestation, d)
	if err != nil {
		return Toolset{}, exitcode.Mark(exitcode.Usage, err)
	}
	return rehearse(pair, expiry(key, now), now)
}

// checkKey applies the rules of every KEK, so that a key that is none is named
// as such before anything else is asked.
func checkKey(v Vault, k vault.Key, mark kek.Mark, now time.Time) error {
	c := k.Candidate(v.Address())
	c.Mark = mark
	failed := kek.Failed(c.Check(now))
	if len(failed) == 0 {
		return nil
	}
	var all []error
	for _, f := range failed {
		all = append(all, fmt.Errorf("%v cannot be a KEK: %s: %s", k.ID, f.Rule, f.Detail))
	}
	return exitcode.Errorf(exitcode.Check, "%w", errors.Join(all...)).Hint("byok-online kek create")
}

// attestationOf returns the HSM's statement about the KEK, or nil where the
// service makes none.
func attestationOf(ctx context.Context, v Vault, id kek.ID) (*toolset.Attestation, error) {
	a, err := v.Attestation(ctx, id.Name, id.Version)
	if errors.Is(err, vault.ErrNoAttestation) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &toolset.Attestation{
		CertificatePEM: a.CertificatePEM,
		PrivateKey:     a.PrivateKey,
		PublicKey:      a.PublicKey,
		Version:        a.Version,
	}, nil
}

func pairOf(k vault.Key, attestation *toolset.Attestation, d Description) (toolset.Pair, error) {
	pem, err := keykind.MarshalPublicKey(k.PublicKey)
	if err != nil {
		return toolset.Pair{}, err
	}
	return toolset.NewPair(toolset.KEKPackage{
		Suffix:      d.Suffix,
		Generation:  d.Generation,
		Mark:        d.Mark,
		KID:         k.ID,
		PublicKey:   pem,
		KTY:         k.Kty,
		KeyOps:      k.Ops,
		Enabled:     k.Enabled,
		HSMPlatform: k.HSMPlatform,
		Created:     k.Created,
		NotBefore:   k.NotBefore,
		Expires:     k.Expires,
		Attestation: attestation,
	}, world(k.ID, attestation, d))
}

func world(id kek.ID, attestation *toolset.Attestation, d Description) toolset.SecurityWorldPackage {
	w := toolset.SecurityWorldPackage{
		Suffix:        d.Suffix,
		Generation:    d.Generation,
		Mark:          d.Mark,
		Service:       d.Service,
		Cloud:         d.Cloud,
		Vault:         id.Vault,
		Location:      d.Location,
		Tenant:        d.Tenant,
		Subscription:  d.Subscription,
		RehearsalRoot: d.RehearsalRoot,
	}
	if attestation != nil {
		w.Service, w.PartitionCertificates = kek.ServiceManagedHSM, string(attestation.CertificatePEM)
	}
	if w.Service == "" {
		w.Service = kek.ServiceVault
	}
	return w
}

// expiry warns of a KEK that lives longer than a ceremony takes.
func expiry(k vault.Key, now time.Time) []string {
	switch left := k.Expires.Sub(now); {
	case k.Expires.IsZero():
		return []string{fmt.Sprintf("KEK %v never expires; a KEK should live for hours", k.ID)}
	case left > longLife:
		return []string{fmt.Sprintf("KEK %v lives for %s; a KEK should live for hours", k.ID,
			printable.Count(int(left.Hours()/24), "more day"))}
	}
	return nil
}

// rehearse applies the rules of the disconnected side. One thing must be
// missing here, what the vault's owner says over another channel: the check then
// ends as Refused, after it has applied every rule.
func rehearse(pair toolset.Pair, warnings []string, now time.Time) (Toolset, error) {
	t := Toolset{Pair: pair, Attested: pair.KEK().Attestation != nil, Warnings: warnings}
	found, err := attest.Check(pair, kek.Policy{Rehearsal: pair.KEK().Mark != kek.Production, Now: now})
	t.Fingerprint = found.Fingerprint
	if exitcode.Of(err) == exitcode.Refused && !found.Fingerprint.IsZero() {
		if !t.Attested {
			t.Warnings = append(t.Warnings,
				"this vault attests nothing: people have to compare the KEK's fingerprint over a second channel")
		}
		return t, nil
	}
	for _, f := range kek.Failed(found.Findings) {
		t.Warnings = append(t.Warnings, f.Rule+": "+f.Detail)
	}
	return t, err
}
