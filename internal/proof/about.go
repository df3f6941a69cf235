package proof

import (
	"errors"
	"strings"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/statement"
)

// Signed reports whether the proof holds a signature that anyone can check
// again. Without one it is this program's word.
func (p Proof) Signed() bool { return p.Method == MethodSign }

// Authorization returns the SHA-256 of the authorization that the challenge
// names: zero for another vendor's package, and for an AES key, which gets no
// challenge.
func (p Proof) Authorization() fingerprint.Sum {
	c, err := parseChallenge([]byte(p.Challenge))
	if err != nil {
		return fingerprint.Sum{}
	}
	return c.Authorization
}

// About fails, with status Check, unless the proof is about the key that a
// quorum approved, in the vault and under the name that it approved:
// authorization is the SHA-256 of the statement that holds the pair. It checks no
// signature.
func (p Proof) About(pair statement.Pair, authorization fingerprint.Sum) error {
	var err error
	switch at := pair.Target; {
	case p.KID.Vault != at.Vault || !strings.EqualFold(p.KID.Name, at.Name):
		return exitcode.Errorf(exitcode.Check, "it is about %v, and %s in %s was approved", p.KID, at.Name, at.Vault)
	case p.CheckValue != pair.CheckValue:
		err = errors.New("it is about another check value than the one that was approved")
	case p.PublicKey != pair.PublicKey:
		err = errors.New("it is about another public key than the one that was approved")
	case !pair.Secret() && p.Authorization() != authorization:
		err = errors.New("its challenge is for another authorization")
	}
	return exitcode.Mark(exitcode.Check, err)
}

// Check is [Proof.About], and [Proof.Verify] for a proof with a signature. A nil
// error of a proof without one, see [Proof.Signed], means that it contradicts
// nothing. The error has the status Check.
func (p Proof) Check(pair statement.Pair, authorization fingerprint.Sum) error {
	if err := p.About(pair, authorization); err != nil || !p.Signed() {
		return err
	}
	return p.Verify()
}
