package kmdata

import (
	"crypto/ecdsa"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"byok/internal/durable"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/printable"
	"byok/internal/stamp"
	"byok/internal/statement"
	"byok/internal/strictjson"
)

// Types of the files that KML signs.
const (
	TypeKey     = "byok-key"
	TypeRetired = "byok-retired"

	signedVersion = 1
)

// Signed is what every file that KML signs carries.
type Signed struct {
	Type      string          `json:"type"`
	Version   int             `json:"version"`
	World     fingerprint.Sum `json:"world"` // the first hknso
	Rehearsal bool            `json:"rehearsal"`
	Module    string          `json:"module"` // whose KML signed it
	Created   time.Time       `json:"created"`
}

// Key is a key file: local/key_simple_<ident>, or the wrapped copy for one KEK,
// local/key_xferacld_<ident>_<number>-<index>. The operator's module signs it,
// so a quorum takes nothing in it for a fact.
type Key struct {
	Signed
	App       string `json:"app"`
	Ident     string `json:"ident"`
	PlainName string `json:"plainname"`
	statement.Identity
	Permissions []string `json:"permissions"` // PKCS#11 attributes that were true, without CKA_
	Origin      string   `json:"origin"`      // as the newest statement said when the file was written
	Frozen      bool     `json:"frozen"`      // the original on the token is not EXTRACTABLE
	// Backup is the key wrapped under KM, base64: the part for KM's private
	// half, then the part under the AES key. Key files of app simple have it.
	Backup  string `json:"backup,omitzero"`
	CardSet int    `json:"card_set,omitzero"` // the set whose KM wrapped the backup
	// Replaces is the key that this one follows, in files of app simple. Where a
	// quorum has signed the key's origin, that decides: see [Chain.Replaces].
	Replaces *statement.Replaced `json:"replaces,omitzero"`
	// Copy is the wrapped copy of app xferacld.
	Copy *Copy `json:"copy,omitzero"`
}

// Copy is a transfer copy, wrapped for the KEK of its authorization.
type Copy struct {
	Authorization fingerprint.Sum `json:"authorization_sha256"`
	Number        int             `json:"authorization_number"`
	Index         int             `json:"pair"` // from 0
	Ciphertext    []byte          `json:"ciphertext"`
	// Possession is the key's proof of possession over the authorization, none
	// for AES: see keykind.PossessionText.
	Possession []byte `json:"possession,omitempty"`
}

// Retired is local/retired_key_simple_<ident>: the key's objects were
// destroyed. Its key file stays, and with it the backup.
type Retired struct {
	Signed
	Ident string `json:"ident"`
	// The key.
	statement.Identity
	Destroyed int `json:"objects_destroyed"`
}

// Name is the key file's name. For app simple it is the key's label too.
func (k *Key) Name() string {
	if k.Copy != nil {
		return TransferName(k.Ident, k.Copy.Number, k.Copy.Index)
	}
	return KeyName(k.App, k.Ident)
}

// KeyPath is the path of the file of a key of app simple.
func (c *Chain) KeyPath(ident string) string { return c.path(KeyName(Simple, ident)) }

// RetiredPath is the path of the record that a key was destroyed.
func (c *Chain) RetiredPath(ident string) string { return c.path(RetiredName(ident)) }

func (c *Chain) path(name string) string { return filepath.Join(Local(c.dir), name) }

// Key reads and verifies the file of the key ident.
func (c *Chain) Key(ident string) (*Key, error) {
	if err := statement.CheckIdent(ident); err != nil {
		return nil, err
	}
	path := c.KeyPath(ident)
	k, err := c.readKey(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, c.absent(path, ident)
	}
	return k, err
}

// absent says that there is no key file at path, or that there was one: a run
// that ended while it was replaced has put it aside.
func (c *Chain) absent(path, ident string) error {
	aside, err := c.names(KeyName(Simple, ident)+".", "Z")
	if err != nil {
		return err
	}
	if n := len(aside); n > 0 {
		from := c.path(aside[n-1])
		return exitcode.Errorf(exitcode.Check, "%s: it is missing, and %s was put aside for it", path, from).
			Hint("cp %s %s && cp %s %s", printable.Quote(from), printable.Quote(path),
				printable.Quote(SignaturePath(from)), printable.Quote(SignaturePath(path)))
	}
	return exitcode.Errorf(exitcode.Usage, "%s: there is no such key in this world", path).
		Hint("byok-offline key generate --ident %s", ident)
}

// Keys reads and verifies the file of every key of app simple, in the order
// of their names.
func (c *Chain) Keys() ([]*Key, error) { return c.keys(KeyName(Simple, "")) }

// Copies reads and verifies the transfer copies of ident, newest last.
func (c *Chain) Copies(ident string) ([]*Key, error) {
	if err := statement.CheckIdent(ident); err != nil {
		return nil, err
	}
	return c.keys(KeyName(Transfer, ident) + "_")
}

func (c *Chain) keys(prefix string) ([]*Key, error) {
	names, err := c.names(prefix, "")
	if err != nil {
		return nil, err
	}
	keys := make([]*Key, 0, len(names))
	for _, name := range names {
		k, err := c.readKey(c.path(name))
		if err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	return keys, nil
}

// KeyFile reads and verifies the key file at path, in the local folder.
func (c *Chain) KeyFile(path string) (*Key, error) { return c.readKey(path) }

// KeyNames lists the names of the key files of app simple, verified or not.
func (c *Chain) KeyNames() ([]string, error) {
	return c.names(KeyName(Simple, ""), "")
}

// names lists the files in the local folder whose names have the prefix, and
// behind it either the suffix at the end or, where that is empty, no dot, as
// the files in force have. They are sorted.
func (c *Chain) names(prefix, suffix string) ([]string, error) {
	all, err := c.all()
	if err != nil {
		return nil, err
	}
	var names []string
	from, _ := slices.BinarySearch(all, prefix)
	for _, name := range all[from:] {
		rest, found := strings.CutPrefix(name, prefix)
		if !found {
			break
		}
		if rest != "" && strings.HasSuffix(rest, suffix) && (suffix != "" || !strings.Contains(rest, ".")) {
			names = append(names, name)
		}
	}
	return names, nil
}

// all lists the local folder, sorted.
func (c *Chain) all() ([]string, error) {
	if c.listed != nil {
		return c.listed, nil
	}
	entries, err := os.ReadDir(Local(c.dir))
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names, err
}

func (c *Chain) readKey(path string) (*Key, error) {
	var k Key
	if err := c.readSigned(path, TypeKey, &k, &k.Signed); err != nil {
		return nil, err
	}
	if err := k.check(); err != nil {
		return nil, exitcode.Errorf(exitcode.Check, "%s: %w", path, err)
	}
	if k.Name() != filepath.Base(path) {
		return nil, exitcode.Errorf(exitcode.Check, "%s: it says that it is %s: the file was renamed", path, k.Name())
	}
	return &k, nil
}

// Retired reads and verifies the record that the key ident was destroyed. The
// record is nil where there is none.
func (c *Chain) Retired(ident string) (*Retired, error) {
	if err := statement.CheckIdent(ident); err != nil {
		return nil, err
	}
	var r Retired
	path := c.RetiredPath(ident)
	err := c.readSigned(path, TypeRetired, &r, &r.Signed)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if err := r.check(); err != nil {
		return nil, exitcode.Errorf(exitcode.Check, "%s: %w", path, err)
	}
	if r.Ident != ident {
		return nil, exitcode.Errorf(exitcode.Check, "%s: it is about the key %s: the file was renamed", path, r.Ident)
	}
	return &r, nil
}

// readSigned decodes the file at path into v, whose Signed part is s, and
// verifies the signature by the KML of the module that it names.
func (c *Chain) readSigned(path, want string, v any, s *Signed) error {
	data, err := durable.ReadFile(path, MaxFile)
	if err != nil {
		return exitcode.Mark(exitcode.Check, err)
	}
	if err := strictjson.Expect(path, data, MaxFile, want, signedVersion); err != nil {
		return exitcode.Mark(exitcode.Check, err)
	}
	if err := strictjson.Exact(path, data, MaxFile, v); err != nil {
		return exitcode.Mark(exitcode.Check, err)
	}
	if s.World != c.FirstHKNSO() {
		return exitcode.Errorf(exitcode.Check, "%s: it belongs to another security world (hknso %.8s)", path, s.World)
	}
	if s.Rehearsal != c.Rehearsal() {
		return exitcode.Errorf(exitcode.Check, "%s: its rehearsal mark is not the world's", path)
	}
	signer, err := c.kml(s.Module)
	if err != nil {
		return exitcode.Errorf(exitcode.Check, "%s: %w", path, err)
	}
	sig, err := readSignature(path, SignaturePath(path))
	if err != nil {
		return err
	}
	return verify(signer, path, SignaturePath(path), data, sig)
}

// kml is the KML that the statements certify for a module, struck off or not:
// what it signed before stays readable.
func (c *Chain) kml(module string) (*ecdsa.PublicKey, error) {
	for _, e := range slices.Backward(c.index.world) {
		if m, ok := e.Statement.(*statement.Module); ok && m.Module == module && m.KML != "" {
			return m.Signer()
		}
	}
	return nil, fmt.Errorf("no statement of this world certifies the module %.32q", module)
}

func (k *Key) check() error {
	if err := k.checkSigned(); err != nil {
		return err
	}
	if err := statement.CheckIdent(k.Ident); err != nil {
		return fmt.Errorf("field ident: %w", err)
	}
	if err := statement.CheckOrigin(k.Origin); err != nil {
		return err
	}
	if err := k.checkApp(); err != nil {
		return err
	}
	if err := statement.CheckPlainName(k.PlainName); err != nil {
		return err
	}
	if err := k.Identity.Check(); err != nil {
		return err
	}
	if err := k.Replaces.Check(k.Ident, k.Identity); err != nil {
		return err
	}
	return k.checkCopy()
}

// checkApp holds what is wrapped in the file to its app.
func (k *Key) checkApp() error {
	switch {
	case k.App == Simple && (k.Backup == "" || k.CardSet < 1 || k.Copy != nil):
		return errors.New("a key of app simple has a backup, its card set, and nothing else wrapped")
	case k.App == Transfer && (k.Backup != "" || k.Copy == nil):
		return errors.New("a key of app xferacld has a wrapped copy and no backup")
	case k.App == Transfer && k.Replaces != nil:
		return errors.New("field replaces: only a key of app simple follows another")
	case k.App != Simple && k.App != Transfer:
		return fmt.Errorf("field app: expected %s or %s", Simple, Transfer)
	}
	return nil
}

func (k *Key) checkCopy() error {
	switch c := k.Copy; {
	case c == nil:
	case c.Authorization.IsZero() || c.Number < 2 || c.Index < 0 || c.Index >= statement.MaxPairs:
		return errors.New("field copy: expected an authorization, its number and a pair")
	case len(c.Ciphertext) == 0:
		return errors.New("field copy.ciphertext is missing")
	case k.Secret() != (len(c.Possession) == 0):
		return errors.New("field copy.possession: every key but an AES key proves possession")
	}
	return nil
}

func (r *Retired) check() error {
	if err := r.checkSigned(); err != nil {
		return err
	}
	if err := statement.CheckIdent(r.Ident); err != nil {
		return fmt.Errorf("field ident: %w", err)
	}
	return r.Identity.Check()
}

func (s *Signed) checkSigned() error {
	if err := stamp.Check(s.Created); err != nil {
		return fmt.Errorf("field created: %w", err)
	}
	return statement.CheckModuleID(s.Module)
}
