package attest

import (
	"crypto/rsa"
	"slices"
	"time"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/kek"
	"byok/internal/stamp"
)

// KEK is a key exchange key that passed [Check], which alone can make one that
// is not empty.
type KEK struct {
	id        kek.ID
	key       rsa.PublicKey
	sum       fingerprint.Sum
	mark      kek.Mark
	attested  bool
	findings  []kek.Finding
	said      kek.Said
	kekFile   fingerprint.Sum
	worldFile fingerprint.Sum
	expires   time.Time
}

func (c *check) accepted(findings []kek.Finding) *KEK {
	return &KEK{
		id:        c.pair.KEK().KID,
		key:       *c.key,
		sum:       c.sum,
		mark:      c.pair.KEK().Mark,
		attested:  c.pair.KEK().Attestation != nil,
		findings:  findings,
		said:      *c.policy.Said,
		kekFile:   c.pair.KEKHash(),
		worldFile: c.pair.SecurityWorldHash(),
		expires:   c.pair.KEK().Expires,
	}
}

// ID returns the KEK's identifier, with its version.
func (k *KEK) ID() kek.ID { return k.id }

// PublicKey returns the key to wrap for: RSA of 2048, 3072 or 4096 bits,
// exponent 65537. Before it wraps, read modulus and exponent back from the
// object that was made of it.
func (k *KEK) PublicKey() *rsa.PublicKey { key := k.key; return &key }

// Fingerprint returns the SHA-256 of the KEK's SubjectPublicKeyInfo in DER.
func (k *KEK) Fingerprint() fingerprint.Sum { return k.sum }

// Attested reports whether an attestation has proved the KEK. If not, it was
// accepted on what the vault's owner said.
func (k *KEK) Attested() bool { return k.attested }

// Rehearsal reports whether the KEK is not for production: of a rehearsal, or
// of a test vault.
func (k *KEK) Rehearsal() bool { return k.mark != kek.Production }

// Valid refuses, with status Check, a KEK that has expired since it was accepted: no
// vault imports by it.
func (k *KEK) Valid(now time.Time) error {
	if k.expires.IsZero() || now.Before(k.expires) {
		return nil
	}
	return exitcode.Errorf(exitcode.Check, "the KEK %v expired at %s", k.id, stamp.Text(k.expires)).
		Hint("byok-online kek create makes another, whose packages come in the place of its own")
}

// Findings returns the result of every rule that applied, in the order of
// [Rules]. All of them hold.
func (k *KEK) Findings() []kek.Finding { return slices.Clone(k.findings) }

// Said returns what the vault's owner said over another channel, and by whom; it
// agrees with the KEK.
func (k *KEK) Said() kek.Said { return k.said }

// KEKPackageHash returns the SHA-256 of the KEK package, of the very bytes
// that the KEK was made from.
func (k *KEK) KEKPackageHash() fingerprint.Sum { return k.kekFile }

// SecurityWorldPackageHash returns the SHA-256 of the SecurityWorld package,
// of the very bytes that were checked.
func (k *KEK) SecurityWorldPackageHash() fingerprint.Sum { return k.worldFile }
