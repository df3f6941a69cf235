package transfer

import (
	"crypto"
	"errors"
	"fmt"
	"regexp"
	"slices"

	"byok/internal/keykind"
)

var (
	uuidShape      = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
	attributeShape = regexp.MustCompile(`^[A-Z][A-Z_]*$`)
)

func missing(field string) error { return fmt.Errorf("field %s is missing", field) }

// check holds everything a manifest can be held to without other files.
func (m Manifest) check() error {
	for _, part := range []func() error{m.checkNames, m.Key.check, m.KEK.check, m.World.check, m.checkRecord} {
		if err := part(); err != nil {
			return err
		}
	}
	return nil
}

func (m Manifest) checkNames() error {
	names, err := Names(m.Name)
	switch {
	case m.Name == "":
		return missing("name")
	case err != nil:
		return fmt.Errorf("field name: %w", err)
	case m.Blob.File != names.Blob:
		return fmt.Errorf("field blob.file: expected %q", names.Blob)
	case m.Blob.SHA256.IsZero():
		return missing("blob.sha256")
	}
	return nil
}

// IsUUID tells whether s has the form of a subscription's id (RFC 9562, section 4).
func IsUUID(s string) bool { return uuidShape.MatchString(s) }

func (m Manifest) checkRecord() error {
	_, offset := m.Created.Zone()
	switch {
	case m.SubscriptionID == "":
		return missing("subscription_id")
	case !IsUUID(m.SubscriptionID):
		return errors.New("field subscription_id: expected a UUID")
	case len(m.Permissions) == 0:
		return missing("permissions")
	case m.Created.IsZero():
		return missing("created")
	case offset != 0 || m.Created.Nanosecond() != 0:
		return errors.New("field created: expected UTC and whole seconds")
	case m.Generator == "":
		return missing("generator")
	case !printable(m.Generator, 255):
		return errors.New("field generator: expected one line of at most 255 bytes")
	}
	return checkList("permissions", m.Permissions, attributeShape.MatchString)
}

// checkList fails for a value that is not allowed and for one that comes twice.
func checkList(field string, values []string, allowed func(string) bool) error {
	for i, value := range values {
		if !allowed(value) {
			return fmt.Errorf("field %s: %.40q is not allowed", field, value)
		}
		if slices.Contains(values[:i], value) {
			return fmt.Errorf("field %s: %q appears twice", field, value)
		}
	}
	return nil
}

func (k KEKRecord) check() error {
	if k.KID.IsZero() {
		return missing("kek.kid")
	}
	if err := k.KID.Check(); err != nil {
		return fmt.Errorf("field kek.kid: %w", err)
	}
	if _, err := keykind.Lookup(keykind.RSA, k.Bits, ""); err != nil {
		return fmt.Errorf("field kek.bits: %v", err)
	}
	if k.SPKISHA256.IsZero() {
		return missing("kek.spki_sha256")
	}
	return nil
}

func (w WorldRecord) check() error {
	knso, err := parseField("world.knso_public_key", w.KNSOPublicKey)
	if err != nil {
		return err
	}
	hash, err := keykind.SPKIHash(knso)
	switch {
	case err != nil:
		return fmt.Errorf("field world.knso_public_key: %w", err)
	case w.HKNSO != hash:
		return errors.New("field world.hknso: it is not the SHA-256 of world.knso_public_key")
	case w.ModuleSerial == "":
		return missing("world.module_serial")
	case !printable(w.ModuleSerial, 64):
		return errors.New("field world.module_serial: expected one line of at most 64 bytes")
	}
	return nil
}

// parseField reads a public key.
func parseField(field, text string) (crypto.PublicKey, error) {
	if text == "" {
		return nil, missing(field)
	}
	pub, err := keykind.ParsePublicKey(text)
	if err != nil {
		return nil, fmt.Errorf("field %s: %w", field, err)
	}
	return pub, nil
}

func (k Key) check() error {
	switch {
	case k.App == "":
		return missing("key.app")
	case k.Ident == "":
		return missing("key.ident")
	case keykind.CheckIdentOf(k.App, k.Ident) != nil:
		return errors.New("fields key.app and key.ident: expected digits, dashes and lower-case letters, together at most 80")
	case k.PlainName == "":
		return missing("key.plainname")
	case !printable(k.PlainName, 127):
		return errors.New("field key.plainname: expected one line of at most 127 bytes")
	}
	if err := k.checkMaterial(); err != nil {
		return err
	}
	if len(k.KeyOps) == 0 {
		return missing("key.key_ops")
	}
	return checkList("key.key_ops", k.KeyOps, func(op string) bool { return slices.Contains(keykind.KeyOps(k.KTY), op) })
}

func (k Key) checkMaterial() error {
	switch k.KTY {
	case keykind.RSAHSM, keykind.ECHSM:
		return k.checkAsymmetric()
	case keykind.OctHSM:
		return k.checkAES()
	}
	return fmt.Errorf("field key.kty: expected %s, %s or %s", keykind.RSAHSM, keykind.ECHSM, keykind.OctHSM)
}

func (k Key) checkAES() error {
	switch {
	case k.Crv != "" || k.PublicKey != "" || k.Thumbprint != "":
		return fmt.Errorf("field key.kty: %s has no crv, public_key or thumbprint", keykind.OctHSM)
	case !isAES(k.Bits):
		return errors.New("field key.bits: expected 128, 192 or 256")
	case len(k.CheckValue) != 32 || !hexDigits.MatchString(k.CheckValue):
		return errors.New("field key.check_value: expected 32 lower-case hex digits")
	}
	return nil
}

func isAES(bits int) bool {
	_, err := keykind.Lookup(keykind.AES, bits, "")
	return err == nil
}

func (k Key) checkAsymmetric() error {
	pub, err := parseField("key.public_key", k.PublicKey)
	if err != nil {
		return err
	}
	is, err := KeyOf(pub)
	switch {
	case err != nil:
		return fmt.Errorf("field key.public_key: %w", err)
	case k.KTY != is.KTY:
		return fmt.Errorf("field key.kty: the public key is %s", is.KTY)
	case is.Crv == "" && k.Crv != "":
		return fmt.Errorf("field key.crv: an %s key has none", keykind.RSAHSM)
	case k.Crv != is.Crv:
		return fmt.Errorf("field key.crv: expected %q", is.Crv)
	case k.Bits != is.Bits:
		return fmt.Errorf("field key.bits: the public key has %d", is.Bits)
	case k.Thumbprint != is.Thumbprint:
		return fmt.Errorf("field key.thumbprint: the public key has %s", is.Thumbprint)
	case k.CheckValue != "":
		return fmt.Errorf("field key.check_value: only %s has one", keykind.OctHSM)
	}
	return nil
}
