package world

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/hsm"
	"byok/internal/strictjson"
	"byok/internal/transfer"
)

// KEKBinding says which KEK a transfer copy was made for.
type KEKBinding struct {
	KID         transfer.KeyID  `json:"kid"`
	Bits        int             `json:"bits"`
	Fingerprint fingerprint.Sum `json:"spki_sha256"`
	Attested    bool            `json:"attested"`
}

// KeyFile is local/key_<app>_<ident>; KNSO's signature over it has .sig behind it.
type KeyFile struct {
	Type        string          `json:"type"`
	Version     int             `json:"version"`
	Rehearsal   bool            `json:"rehearsal"`
	App         string          `json:"app"`
	Ident       string          `json:"ident"`
	PlainName   string          `json:"plainname"`
	KeyType     string          `json:"key_type"`              // RSA, EC or AES
	Bits        int             `json:"bits"`                  // modulus, field or key size
	Curve       string          `json:"curve,omitempty"`       // EC: P-256, P-384, P-521, P-256K
	PublicKey   string          `json:"public_key,omitempty"`  // PEM; none for AES
	CheckValue  string          `json:"check_value,omitempty"` // AES: AES-ECB of the zero block, 32 hex digits
	Permissions []string        `json:"permissions"`           // PKCS#11 attributes that were true, without CKA_
	Serial      string          `json:"module_serial"`
	HKNSO       fingerprint.Sum `json:"hknso"`
	CardSet     int             `json:"card_set,omitzero"` // simple: the card set whose KM wrapped the blob
	Blob        string          `json:"km_blob,omitempty"` // simple: the key wrapped under KM, RFC 5649, base64
	KEK         *KEKBinding     `json:"kek,omitempty"`     // xferacld: what the copy may be wrapped for
	Created     time.Time       `json:"created"`
}

// Name is the key file's name, and the label of its key on the token.
func (k KeyFile) Name() string { return keyName(k.App, k.Ident) }

// Spec is the key as it would be generated again.
func (k KeyFile) Spec() hsm.KeySpec {
	return hsm.KeySpec{Type: k.KeyType, Bits: k.Bits, Curve: k.Curve}
}

// path returns the path of a key file of this world.
func (w *World) path(app, ident string) string {
	return filepath.Join(local(w.dir), keyName(app, ident))
}

// Path returns where a key's file lies.
func (w *World) Path(k KeyFile) string { return w.path(k.App, k.Ident) }

// Key reads and verifies the file of a key of this world.
func (w *World) Key(app, ident string) (KeyFile, error) {
	if err := CheckIdent(ident); err != nil {
		return KeyFile{}, err
	}
	path := w.path(app, ident)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return KeyFile{}, w.noKey(app, ident)
	}
	if err != nil {
		return KeyFile{}, err
	}
	return w.parseKey(path, data)
}

func (w *World) noKey(app, ident string) error {
	err := exitcode.Errorf(exitcode.Usage, "%s: there is no such key in this world", w.path(app, ident))
	if app == Transfer {
		return exitcode.Hint(err, "byok-offline acl modify --ident %s -k KEKPKG -w SWPKG --card DIR …", ident)
	}
	return exitcode.Hint(err, "byok-offline key generate --ident %s", ident)
}

func (w *World) parseKey(path string, data []byte) (KeyFile, error) {
	var k KeyFile
	if err := strictjson.Unmarshal(path, data, MaxFile, &k); err != nil {
		return k, exitcode.Mark(exitcode.Usage, err)
	}
	if k.Type != keyFileType || k.Version != 1 {
		return k, exitcode.Errorf(exitcode.Usage, "%s: is %q version %d, %q version 1 is expected", path, k.Type, k.Version, keyFileType)
	}
	if err := verifyFile(w.knso, path, data); err != nil {
		return k, err
	}
	if k.HKNSO != w.HKNSO || k.Rehearsal != w.Rehearsal {
		return k, exitcode.Errorf(exitcode.Check, "%s: belongs to another security world (hknso %v)", path, k.HKNSO)
	}
	if name, _, _ := strings.Cut(filepath.Base(path), "."); k.Name() != name { // behind a dot: when it was put aside
		return k, exitcode.Errorf(exitcode.Check, "%s: says it is %s: the file was renamed", path, k.Name())
	}
	return k, nil
}

// newKeyFile describes key as it stands on the token.
func (op *Operator) newKeyFile(app, ident string, key hsm.Key) (KeyFile, error) {
	w := op.world
	k := KeyFile{
		Type: keyFileType, Version: 1, Rehearsal: w.Rehearsal, App: app, Ident: ident,
		Serial: op.user.Token.Serial, HKNSO: w.HKNSO, Created: now(),
	}
	var err error
	if k.Permissions, err = op.user.Permissions(key); err != nil {
		return k, err
	}
	if key.Secret {
		k.KeyType, k.Bits = "AES", key.Bits
		if app == Transfer { // SoftHSM forgets an unwrapped key's CKA_VALUE_LEN, and copies have none
			original, err := w.Key(Simple, ident)
			if err != nil {
				return k, err
			}
			k.Bits = original.Bits
		}
		k.CheckValue, err = op.checkValue(app, ident, key)
		return k, err
	}
	described, err := transfer.KeyOf(key.Public)
	k.KeyType, k.Bits, k.Curve, k.PublicKey = keyTypeOf(described.KTY), described.Bits, described.Crv, described.PublicKey
	return k, err
}

func keyTypeOf(kty string) string {
	if kty == transfer.RSAHSM {
		return "RSA"
	}
	return "EC"
}

func now() time.Time { return time.Now().UTC().Truncate(time.Second) }
