package toolset

import (
	"crypto/rsa"
	"errors"
	"fmt"
	"regexp"
	"time"

	"byok/internal/kek"
	"byok/internal/keykind"
	"byok/internal/printable"
	"byok/internal/stamp"
)

var suffixShape = regexp.MustCompile(`^[A-Z0-9]{1,32}$`)

// maxGeneration bounds the number at the end of a package's name.
const maxGeneration = 9999

// maxText is the most bytes a field of free text may have.
const maxText = 256

// check finds the first field that no program of this project would write.
// Whether their values are acceptable is for attest.Check to decide.
func (p KEKPackage) check() error {
	if err := checkHead(p.Suffix, p.Generation, p.Mark); err != nil {
		return err
	}
	if err := p.checkKey(); err != nil {
		return err
	}
	if err := p.checkClaims(); err != nil {
		return err
	}
	if err := p.checkTimes(); err != nil {
		return err
	}
	return p.checkAttestation()
}

func (p SecurityWorldPackage) check() error {
	if err := checkHead(p.Suffix, p.Generation, p.Mark); err != nil {
		return err
	}
	if err := p.checkService(); err != nil {
		return err
	}
	for _, field := range []struct{ name, text string }{
		{"cloud", p.Cloud},
		{"location", p.Location},
		{"tenant", p.Tenant},
		{"subscription", p.Subscription},
	} {
		if err := checkText(field.name, field.text); err != nil {
			return err
		}
	}
	return nil
}

// CheckSuffix refuses what cannot be the suffix of a toolset's packages, as NA
// is in BYOK-KEK-pkg-NA-1.
func CheckSuffix(suffix string) error {
	if !suffixShape.MatchString(suffix) {
		return errors.New("expected 1 to 32 capital letters and digits")
	}
	return nil
}

func checkHead(suffix string, generation int, mark kek.Mark) error {
	if err := CheckSuffix(suffix); err != nil {
		return inField("suffix", err)
	}
	if generation < 1 || generation > maxGeneration {
		return fmt.Errorf("field generation: expected a number from 1 to %d", maxGeneration)
	}
	return inField("mark", mark.Check())
}

func inField(name string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("field %s: %w", name, err)
}

func (p KEKPackage) checkKey() error {
	if p.KID.IsZero() {
		return errors.New("field kid: missing")
	}
	if err := p.KID.Check(); err != nil {
		return inField("kid", err)
	}
	key, err := keykind.ParsePublicKey(p.PublicKey)
	if err != nil {
		return inField("public_key", err)
	}
	if _, ok := key.(*rsa.PublicKey); !ok {
		return errors.New("field public_key: not an RSA key, and a KEK is one")
	}
	return nil
}

func (p KEKPackage) checkClaims() error {
	switch {
	case p.SecurityWorld.IsZero():
		return errors.New("field security_world: missing")
	case p.KTY == "":
		return errors.New("field kty: empty or missing")
	case len(p.KeyOps) == 0:
		return errors.New("field key_ops: empty or missing")
	}
	for _, op := range p.KeyOps {
		if err := checkText("key_ops", op); err != nil {
			return err
		}
	}
	if err := checkText("kty", p.KTY); err != nil {
		return err
	}
	return checkText("hsm_platform", p.HSMPlatform)
}

func (p KEKPackage) checkTimes() error {
	if err := stamp.Check(p.Created); err != nil {
		return inField("created", err)
	}
	for _, field := range []struct {
		name string
		time time.Time
	}{{"not_before", p.NotBefore}, {"expires", p.Expires}} {
		if field.time.IsZero() {
			continue
		}
		if err := stamp.Check(field.time); err != nil {
			return inField(field.name, err)
		}
	}
	if !p.Expires.IsZero() && !p.Expires.After(p.Created) {
		return errors.New("field expires: not after created")
	}
	return nil
}

func (p KEKPackage) checkAttestation() error {
	a := p.Attestation
	switch {
	case a == nil:
		return nil
	case len(a.CertificatePEM) == 0:
		return errors.New("field attestation.certificatePemFile: empty or missing")
	case len(a.PrivateKey) == 0:
		return errors.New("field attestation.privateKeyAttestation: empty or missing")
	case a.Version == "":
		return errors.New("field attestation.version: empty or missing")
	}
	return checkText("attestation.version", a.Version)
}

func (p SecurityWorldPackage) checkService() error {
	switch {
	case p.Service != kek.ServiceVault && p.Service != kek.ServiceManagedHSM:
		return fmt.Errorf("field service: expected %q or %q", kek.ServiceVault, kek.ServiceManagedHSM)
	case p.Service == kek.ServiceVault && p.PartitionCertificates != "":
		return errors.New("field partition_certificates: a vault has none")
	case p.Mark != kek.Rehearsal && p.RehearsalRoot != "":
		return errors.New("field rehearsal_root: only a rehearsal brings its own root")
	}
	vault, err := kek.ParseVault(p.Vault)
	switch {
	case err != nil:
		return inField("vault", err)
	case vault != p.Vault:
		return fmt.Errorf("field vault: the usual spelling is %q", vault)
	}
	return nil
}

// checkText keeps what is printed later on one line of a terminal.
func checkText(field, s string) error {
	if s == "" {
		return nil
	}
	return inField(field, printable.Check(s, maxText))
}
