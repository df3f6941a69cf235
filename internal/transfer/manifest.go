package transfer

import (
	"bytes"
	"crypto"
	"errors"
	"fmt"
	"time"

	"byok/internal/fingerprint"
	"byok/internal/kek"
	"byok/internal/keykind"
	"byok/internal/strictjson"
)

// Manifest says what a .byok file holds, for whom and by whom it was made. Its
// file is signed by KNSO and, but for AES keys, by the transferred key.
type Manifest struct {
	Rehearsal      bool        `json:"rehearsal"`
	Name           string      `json:"name"` // the friendly name, see Names
	Blob           BlobRecord  `json:"blob"`
	Key            Key         `json:"key"`
	KEK            KEKRecord   `json:"kek"`
	SubscriptionID string      `json:"subscription_id"` // UUID
	World          WorldRecord `json:"world"`
	Permissions    []string    `json:"permissions"` // PKCS#11 attributes, without CKA_, that are true for the transfer copy
	Created        time.Time   `json:"created"`     // UTC, whole seconds
	Generator      string      `json:"generator"`   // tool and version; HSM name and firmware
}

// BlobRecord names the .byok file (without a folder) and its SHA-256.
type BlobRecord struct {
	File   string          `json:"file"`
	SHA256 fingerprint.Sum `json:"sha256"`
}

// Key describes the transferred key. KeyOf fills in what its public key tells.
type Key struct {
	App        string   `json:"app"`       // digits, dashes, lower-case letters
	Ident      string   `json:"ident"`     // likewise; at most 80 characters together with App
	PlainName  string   `json:"plainname"` // one line of at most 127 bytes
	KTY        string   `json:"kty"`       // keykind.RSAHSM, keykind.ECHSM or keykind.OctHSM
	Crv        string   `json:"crv,omitzero"`
	Bits       int      `json:"bits"` // RSA modulus, EC field (256, 384, 521) or AES key
	PublicKey  string   `json:"public_key,omitzero"`
	Thumbprint string   `json:"thumbprint,omitzero"`
	CheckValue string   `json:"check_value,omitzero"` // AES only: AES-ECB of 16 zero bytes, 32 lower-case hex digits
	KeyOps     []string `json:"key_ops"`
}

// KEKRecord names the key exchange key, and whether its attestation was checked.
type KEKRecord struct {
	KID        kek.ID          `json:"kid"`
	Bits       int             `json:"bits"`
	SPKISHA256 fingerprint.Sum `json:"spki_sha256"`
	Attested   bool            `json:"attested"`
}

// WorldRecord names the security world and module. WorldOf makes one.
type WorldRecord struct {
	HKNSO         fingerprint.Sum `json:"hknso"` // SPKIHash of KNSO
	KNSOPublicKey string          `json:"knso_public_key"`
	ModuleSerial  string          `json:"module_serial"`
}

// The identity of a manifest file.
const (
	manifestType    = "byok-transfer-manifest"
	manifestVersion = 1
)

type manifestFile struct {
	Type    string `json:"type"`
	Version int    `json:"version"`
	Manifest
}

// KeyOf describes pub: KTY, Crv, Bits, PublicKey and Thumbprint.
func KeyOf(pub crypto.PublicKey) (Key, error) {
	text, err := keykind.MarshalPublicKey(pub)
	if err != nil {
		return Key{}, err
	}
	thumbprint, err := keykind.Thumbprint(pub)
	if err != nil {
		return Key{}, err
	}
	kind, err := keykind.Of(pub)
	return Key{
		KTY:        kind.KTY,
		Crv:        kind.Curve,
		Bits:       kind.Bits,
		PublicKey:  text,
		Thumbprint: thumbprint,
	}, err
}

// Public gives the key's public half. It fails for an AES key, which has none.
func (k Key) Public() (crypto.PublicKey, error) {
	if k.KTY == keykind.OctHSM {
		return nil, errors.New("an AES key has no public key")
	}
	return keykind.ParsePublicKey(k.PublicKey)
}

// WorldOf describes the security world whose signing key is knso.
func WorldOf(knso crypto.PublicKey, moduleSerial string) (WorldRecord, error) {
	text, err := keykind.MarshalPublicKey(knso)
	if err != nil {
		return WorldRecord{}, err
	}
	hash, err := keykind.SPKIHash(knso)
	return WorldRecord{HKNSO: hash, KNSOPublicKey: text, ModuleSerial: moduleSerial}, err
}

// ParseManifest decodes data, the content of the manifest file called name. It
// takes only what Marshal writes, to the byte. It does not check signatures:
// nothing in a manifest is to be believed before Package.Verify.
func ParseManifest(name string, data []byte) (Manifest, error) {
	var file manifestFile
	if err := strictjson.Unmarshal(name, data, MaxFile, &file); err != nil {
		return Manifest{}, err
	}
	if file.Type != manifestType || file.Version != manifestVersion {
		return Manifest{}, fmt.Errorf("%s: expected type %q, version %d", name, manifestType, manifestVersion)
	}
	if err := file.Manifest.check(); err != nil {
		return Manifest{}, fmt.Errorf("%s: %w", name, err)
	}
	// Last, because it cannot say what is wrong, only where.
	again, err := strictjson.Marshal(file)
	if err != nil {
		return Manifest{}, fmt.Errorf("%s: %w", name, err)
	}
	if !bytes.Equal(again, data) {
		return Manifest{}, fmt.Errorf("%s: line %d is not as byok-offline writes it: a field is missing, null, out of order or spaced otherwise", name, differingLine(data, again))
	}
	return file.Manifest, nil
}

// differingLine counts from 1.
func differingLine(a, b []byte) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return 1 + bytes.Count(a[:n], []byte("\n"))
}

// Marshal encodes m. The same manifest always gives the same bytes. It fails,
// naming the field, for a manifest that ParseManifest would refuse.
func (m Manifest) Marshal() ([]byte, error) {
	if err := m.check(); err != nil {
		return nil, fmt.Errorf("transfer manifest: %w", err)
	}
	return strictjson.Marshal(manifestFile{manifestType, manifestVersion, m})
}
