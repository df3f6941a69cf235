package toolset

import (
	"crypto/rsa"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode"

	"byok/internal/fingerprint"
	"byok/internal/transfer"
)

var suffixShape = regexp.MustCompile(`^[A-Z0-9]{1,32}$`)

// maxGeneration bounds the number at the end of a package's name.
const maxGeneration = 9999

// maxText is the most bytes a field of free text may have.
const maxText = 256

// check finds the first field that no program of this project would write.
// Whether the fields are good is for attest.Check.
func (p KEKPackage) check() error {
	return firstError(
		func() error { return checkHead(p.Type, KEKType, p.Version, p.Suffix, p.Generation) },
		func() error { return checkKID(p.KID) },
		func() error { return checkPublicKey(p.PublicKey) },
		p.checkClaims,
		p.checkTimes,
		p.checkAttestation,
	)
}

func (p SecurityWorldPackage) check() error {
	return firstError(
		func() error { return checkHead(p.Type, SecurityWorldType, p.Version, p.Suffix, p.Generation) },
		p.checkService,
		func() error { return checkVault(p.Vault) },
		func() error { return checkText("cloud", p.Cloud) },
		func() error { return checkText("location", p.Location) },
		func() error { return checkText("tenant", p.Tenant) },
		func() error { return checkText("subscription", p.Subscription) },
	)
}

func checkHead(kind, wanted string, version int, suffix string, generation int) error {
	switch {
	case kind != wanted:
		return fmt.Errorf("field type: expected %q", wanted)
	case version != Version:
		return fmt.Errorf("field version: %d where %d is expected; another release may read it", version, Version)
	case !suffixShape.MatchString(suffix):
		return errors.New("field suffix: expected 1 to 32 capital letters and digits")
	case generation < 1 || generation > maxGeneration:
		return fmt.Errorf("field generation: expected a number from 1 to %d", maxGeneration)
	}
	return nil
}

func checkKID(kid transfer.KeyID) error {
	again, err := transfer.ParseKeyID(kid.String())
	switch {
	case kid == transfer.KeyID{}:
		return errors.New("field kid: missing")
	case err != nil:
		return fmt.Errorf("field kid: %w", err)
	case again != kid:
		return fmt.Errorf("field kid: the usual spelling is %q", again)
	}
	return nil
}

func checkPublicKey(text string) error {
	key, err := transfer.ParsePublicKey(text)
	if err != nil {
		return fmt.Errorf("field public_key: %w", err)
	}
	if _, ok := key.(*rsa.PublicKey); !ok {
		return errors.New("field public_key: not an RSA key, and a KEK is one")
	}
	if again, err := transfer.MarshalPublicKey(key); err != nil || again != text {
		return errors.New("field public_key: not spelled as openssl pkey -pubout does")
	}
	return nil
}

func (p KEKPackage) checkClaims() error {
	switch {
	case p.SecurityWorld == fingerprint.Sum{}:
		return errors.New("field security_world: missing")
	case len(p.KeyOps) == 0:
		return errors.New("field key_ops: empty or missing")
	}
	for _, op := range p.KeyOps {
		if err := checkText("key_ops", op); err != nil {
			return err
		}
	}
	return checkText("hsm_platform", p.HSMPlatform)
}

func (p KEKPackage) checkTimes() error {
	switch {
	case p.Created.IsZero():
		return errors.New("field created: missing")
	case !isWholeUTC(p.Created):
		return errors.New("field created: not in UTC, or not in whole seconds")
	case p.Expires.IsZero():
		return nil
	case !isWholeUTC(p.Expires):
		return errors.New("field expires: not in UTC, or not in whole seconds")
	case !p.Expires.After(p.Created):
		return errors.New("field expires: not after created")
	}
	return nil
}

// isWholeUTC also refuses the years that RFC 3339 cannot hold.
func isWholeUTC(t time.Time) bool {
	return t.Location() == time.UTC && t.Nanosecond() == 0 && t.Year() >= 1 && t.Year() <= 9999
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
	case p.Service != ServiceVault && p.Service != ServiceManagedHSM:
		return fmt.Errorf("field service: expected %q or %q", ServiceVault, ServiceManagedHSM)
	case p.Service == ServiceVault && p.PartitionCertificates != "":
		return errors.New("field partition_certificates: a vault has none")
	case !p.Rehearsal && p.RehearsalRoot != "":
		return errors.New("field rehearsal_root: only a rehearsal brings its own root")
	}
	return nil
}

// checkVault holds the vault to the spelling it has in a key identifier.
func checkVault(vault string) error {
	kid, err := transfer.ParseKeyID(vault + "/keys/any/" + strings.Repeat("0", 32))
	switch {
	case err != nil:
		return errors.New("field vault: expected https://<host> without a path")
	case kid.Vault != vault:
		return fmt.Errorf("field vault: the usual spelling is %q", kid.Vault)
	}
	return nil
}

// checkText keeps what is printed later on one line of a terminal.
func checkText(field, s string) error {
	if len(s) > maxText {
		return fmt.Errorf("field %s: more than %d bytes", field, maxText)
	}
	if strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return fmt.Errorf("field %s: a character that cannot be printed", field)
	}
	return nil
}
