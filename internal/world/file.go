package world

import (
	"crypto"
	"crypto/ecdsa"
	"encoding/base64"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"byok/internal/durable"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/quorum"
	"byok/internal/strictjson"
	"byok/internal/transfer"
)

// MaxFile is the most bytes a world or key file may have. 64 card holders take 15 KiB.
const MaxFile = 128 << 10

const (
	fileType    = "byok-world"
	keyFileType = "byok-key"
)

// Suites. Both make the same world: an EC P-256 signing key (128-bit strength)
// and an AES-256 module key.
const (
	SuiteDefault = "DLf3072s256mRijndael"
	SuiteOld     = "DLf1024s160mRijndael"
)

// Module is the HSM as it was when the world was made.
type Module struct {
	Library      string `json:"library"` // path of the PKCS#11 library
	Manufacturer string `json:"manufacturer"`
	Model        string `json:"model"`
	Firmware     string `json:"firmware"`
	Serial       string `json:"serial"`
}

// SigningKey is KNSO: its public half, and its private half wrapped under KM
// (RFC 5649 of the PKCS#8 key, base64).
type SigningKey struct {
	PublicKey string `json:"public_key"`
	Blob      string `json:"blob"`
}

// File is the world file, local/world; KNSO's signature over it is local/world.sig.
type File struct {
	Type       string          `json:"type"`
	Version    int             `json:"version"`
	Rehearsal  bool            `json:"rehearsal"`
	Label      string          `json:"label"`
	Module     Module          `json:"module"`
	Suite      string          `json:"cipher_suite"`
	Cards      quorum.CardSet  `json:"cards"`
	SOPIN      string          `json:"so_pin,omitempty"` // of an adopted token, sealed under the world secret
	CheckValue string          `json:"km_check_value"`   // first 3 bytes of AES-ECB of the zero block, hex (PKCS#11 v2.40, section 4.10.2)
	KNSO       SigningKey      `json:"knso"`
	HKNSO      fingerprint.Sum `json:"hknso"` // SHA-256 of KNSO's SubjectPublicKeyInfo
	Created    time.Time       `json:"created"`
}

// World is a security world as kmdata describes it.
type World struct {
	File
	dir   string // kmdata
	knso  *ecdsa.PublicKey
	state CardState
}

// Open reads and verifies the world file of a kmdata folder. What it names,
// its HKNSO, is to be compared with what was written down at its creation.
func Open(kmdata string) (*World, error) {
	path := filepath.Join(local(kmdata), "world")
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, exitcode.Hint(exitcode.Errorf(exitcode.Usage, "%s: there is no security world", path),
			"byok-offline world create, or name its folder with --kmdata")
	}
	if err != nil {
		return nil, err
	}
	return parse(kmdata, path, data)
}

// OpenFile reads and verifies a world or key file by its path: the key is nil
// for a world file. A key file is verified with the world file beside it.
func OpenFile(path string) (*World, *KeyFile, error) {
	dir := filepath.Dir(absolute(path))
	if filepath.Base(dir) != "local" {
		return nil, nil, exitcode.Errorf(exitcode.Usage, "%s: is not in the local folder of a kmdata, beside its world file", path)
	}
	if name := filepath.Base(path); name != "world" && !strings.HasPrefix(name, "key_") || strings.HasSuffix(name, ".sig") {
		return nil, nil, exitcode.Errorf(exitcode.Usage, "%s: is neither a world file nor a key file", path)
	}
	w, err := Open(filepath.Dir(dir))
	if err != nil || filepath.Base(path) == "world" {
		return w, nil, err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, err
	}
	k, err := w.parseKey(path, data)
	return w, &k, err
}

func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

func parse(kmdata, path string, data []byte) (*World, error) {
	w := &World{dir: kmdata}
	if err := strictjson.Unmarshal(path, data, MaxFile, &w.File); err != nil {
		return nil, exitcode.Mark(exitcode.Usage, err)
	}
	if w.Type != fileType || w.Version != 1 {
		return nil, exitcode.Errorf(exitcode.Usage, "%s: is %q version %d, %q version 1 is expected", path, w.Type, w.Version, fileType)
	}
	if err := w.Cards.Check(); err != nil {
		return nil, exitcode.Mark(exitcode.Check, err)
	}
	if err := w.checkSigningKey(path); err != nil {
		return nil, err
	}
	if err := verifyFile(w.knso, path, data); err != nil {
		return nil, err
	}
	return w, w.loadState()
}

func (w *World) checkSigningKey(path string) error {
	public, err := transfer.ParsePublicKey(w.KNSO.PublicKey)
	if err != nil {
		return exitcode.Errorf(exitcode.Usage, "%s: field knso.public_key: %w", path, err)
	}
	ec, ok := public.(*ecdsa.PublicKey)
	if !ok {
		return exitcode.Errorf(exitcode.Usage, "%s: field knso.public_key: an EC key is expected", path)
	}
	hash, err := transfer.SPKIHash(public)
	if err != nil {
		return err
	}
	if fingerprint.Sum(hash) != w.HKNSO {
		return exitcode.Errorf(exitcode.Check, "%s: hknso is not the hash of the world signing key: the file was altered", path)
	}
	w.knso = ec
	return nil
}

// verifyFile checks KNSO's signature beside the file at path.
func verifyFile(knso crypto.PublicKey, path string, data []byte) error {
	sig, err := os.ReadFile(path + ".sig")
	if errors.Is(err, fs.ErrNotExist) {
		return exitcode.Errorf(exitcode.Check, "%s: its signature %s is missing", path, filepath.Base(path)+".sig")
	}
	if err != nil {
		return err
	}
	if err := transfer.VerifySignature(knso, data, sig); err != nil {
		return exitcode.Errorf(exitcode.Check, "%s: the world signing key did not sign this content: the file was altered", path)
	}
	return nil
}

// signer signs with KNSO; an open Operator is one.
type signer interface {
	signWithKNSO(message []byte) ([]byte, error)
}

// pair is a file and KNSO's signature of it, to be committed together. The
// file is the head: it exists only if its signature does.
type pair struct {
	path string
	max  int // bytes that its reader takes
	set  *durable.Set
	file *durable.File
	sig  *durable.File
}

// reserve opens both outputs before anything irreversible is done.
func reserve(path string) (*pair, error) {
	p := &pair{path: path, max: MaxFile, set: durable.NewSet()}
	var err error
	if p.file, err = p.set.Create(path, 0o600); err == nil {
		p.sig, err = p.set.Create(path+".sig", 0o600)
	}
	if err != nil {
		p.set.Discard()
		return nil, err
	}
	return p, nil
}

// encode refuses what its reader would refuse.
func (p *pair) encode(v any) ([]byte, error) {
	data, err := strictjson.Marshal(v)
	if err == nil && len(data) > p.max {
		err = exitcode.Errorf(exitcode.Refused, "%s: would have %d bytes, more than the %d such a file may have", p.path, len(data), p.max)
	}
	return data, err
}

// commit encodes v, signs it, verifies the signature and gives both files their names.
func (p *pair) commit(v any, s signer, knso crypto.PublicKey) error {
	data, err := p.encode(v)
	if err != nil {
		return err
	}
	sig, err := s.signWithKNSO(data)
	if err != nil {
		return err
	}
	if err := transfer.VerifySignature(knso, data, sig); err != nil {
		return exitcode.Errorf(exitcode.HSM, "%s: the token's signature does not verify: %w", p.path, err)
	}
	if _, err := p.file.Write(data); err != nil {
		return err
	}
	if _, err := p.sig.Write(sig); err != nil {
		return err
	}
	return p.set.Commit()
}

// putAside gives a file and its signature a new name, path.when, to make room
// for a newer one. The signature's copy comes first, so that at every point a
// file under either name has its signature beside it.
func putAside(path string, when time.Time) error {
	aside := path + "." + when.Format("20060102T150405Z")
	for ; exists(aside); aside = path + "." + when.Format("20060102T150405Z") {
		when = when.Add(time.Second)
	}
	sig, err := os.ReadFile(path + ".sig")
	if err != nil {
		return err
	}
	if !exists(aside + ".sig") {
		if err := durable.WriteFile(aside+".sig", sig, 0o600); err != nil {
			return err
		}
	}
	if err := durable.Rename(path, aside); err != nil {
		return err
	}
	return durable.Remove(path + ".sig")
}

func encodeBlob(b []byte) string { return base64.StdEncoding.EncodeToString(b) }
