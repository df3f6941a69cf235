package transfer

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/kek"
	"byok/internal/printable"
	"byok/internal/stamp"
	"byok/internal/statement"
	"byok/internal/strictjson"
)

// Manifest ties a .byok file to the authorization that approved it. Its file
// is signed by the module's KML. What the authorization says of key, KEK and
// vault is not repeated.
type Manifest struct {
	Type           string        `json:"type"`
	Version        int           `json:"version"`
	Rehearsal      bool          `json:"rehearsal"`
	Name           string        `json:"name"` // of the key in the vault; see Names
	Blob           BlobFile      `json:"blob"`
	Authorization  Authorization `json:"authorization"`
	SubscriptionID string        `json:"subscription_id"` // UUID
	Module         string        `json:"module"`          // id of the module that signed
	Permissions    []string      `json:"permissions"`     // of the transfer copy: PKCS#11 attributes that were true
	Created        time.Time     `json:"created"`
	Generator      string        `json:"generator"` // tool and version; HSM name and firmware
}

// BlobFile names the .byok file, without a folder, and its SHA-256.
type BlobFile struct {
	File   string          `json:"file"`
	SHA256 fingerprint.Sum `json:"sha256"`
}

// Authorization names a pair of an authorization.
type Authorization struct {
	SHA256 fingerprint.Sum `json:"sha256"` // of the statement's bytes
	Number int             `json:"number"` // of the statement
	Pair   int             `json:"pair"`   // index of the pair, from 0
}

// ManifestType is the field type of a manifest.
const ManifestType = "byok-transfer-manifest"

const manifestVersion = 1

var (
	uuidShape      = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
	attributeShape = regexp.MustCompile(`^[A-Z][A-Z0-9_]*$`)
	moduleShape    = regexp.MustCompile(`^[0-9a-f]{32}$`)
)

// IsUUID reports whether s has the form of a subscription's id (RFC 9562,
// section 4).
func IsUUID(s string) bool { return uuidShape.MatchString(s) }

// ParseManifest decodes data, the content of the manifest file called name. It
// accepts only what [Manifest.Marshal] writes, to the byte. It checks no
// signature: nothing in a manifest is to be believed before [Package.Verify].
// The error has status Usage.
func ParseManifest(name string, data []byte) (Manifest, error) {
	if err := strictjson.Expect(name, data, MaxFile, ManifestType, manifestVersion); err != nil {
		return Manifest{}, exitcode.Mark(exitcode.Usage, err)
	}
	var m Manifest
	if err := strictjson.Unmarshal(name, data, MaxFile, &m); err != nil {
		return Manifest{}, exitcode.Mark(exitcode.Usage, err)
	}
	if err := m.check(); err != nil {
		return Manifest{}, exitcode.Errorf(exitcode.Usage, "%s: %w", name, err)
	}
	if err := strictjson.Same(name, data, m); err != nil {
		return Manifest{}, exitcode.Mark(exitcode.Usage, err)
	}
	return m, nil
}

// Marshal encodes m, with type and version filled in. The same manifest always
// gives the same bytes. It fails, naming the field, for a manifest that
// ParseManifest would refuse.
func (m Manifest) Marshal() ([]byte, error) {
	full := m
	full.Type, full.Version = ManifestType, manifestVersion
	if err := full.check(); err != nil {
		return nil, fmt.Errorf("transfer manifest: %w", err)
	}
	return strictjson.Marshal(full)
}

// check checks all that can be checked of a manifest without other files.
func (m Manifest) check() error {
	for _, part := range []func() error{m.checkNames, m.checkAuthorization, m.checkRecord} {
		if err := part(); err != nil {
			return err
		}
	}
	return nil
}

func missing(field string) error { return fmt.Errorf("field %s is missing", field) }

func (m Manifest) checkNames() error {
	if m.Name == "" {
		return missing("name")
	}
	if err := kek.CheckName(m.Name); err != nil {
		return fmt.Errorf("field name: %w", err)
	}
	switch {
	case m.Blob.File != filepath.Base(namesOf("KeyTransferPackage-"+m.Name).Blob):
		return fmt.Errorf("field blob.file: expected KeyTransferPackage-%s.byok", m.Name)
	case m.Blob.SHA256.IsZero():
		return missing("blob.sha256")
	}
	return nil
}

func (m Manifest) checkAuthorization() error {
	switch a := m.Authorization; {
	case a.SHA256.IsZero():
		return missing("authorization.sha256")
	case a.Number < 2:
		return errors.New("field authorization.number: expected the number of a statement, at least 2")
	case a.Pair < 0 || a.Pair >= statement.MaxPairs:
		return fmt.Errorf("field authorization.pair: expected 0 to %d", statement.MaxPairs-1)
	}
	return nil
}

func (m Manifest) checkRecord() error {
	switch {
	case !IsUUID(m.SubscriptionID):
		return errors.New("field subscription_id: expected a UUID")
	case !moduleShape.MatchString(m.Module):
		return errors.New("field module: expected 32 lower-case hex digits")
	case len(m.Permissions) == 0:
		return missing("permissions")
	}
	for i, p := range m.Permissions {
		if !attributeShape.MatchString(p) || slices.Contains(m.Permissions[:i], p) {
			return fmt.Errorf("field permissions: %.40q is not an attribute's name, or appears twice", p)
		}
	}
	if err := stamp.Check(m.Created); err != nil {
		return fmt.Errorf("field created: %w", err)
	}
	if err := printable.Check(m.Generator, maxGenerator); err != nil {
		return fmt.Errorf("field generator: %w", err)
	}
	return nil
}

// maxGenerator is the most bytes of a generator.
const maxGenerator = 255
