//go:build linux

package ceremonytest

import (
	"bytes"
	"cmp"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"byok/internal/kek"
	"byok/internal/specimen"
	"byok/internal/toolset"
)

// makeKEK has openssl make a KEK, and writes packages for it as a Premium vault
// gives them, without attestation: DIR [rehearsal]. It sets $KEK to the KEK's
// fingerprint as openssl and SHA-256 give it, and $KID to its identifier.
func makeKEK(ts *testscript.TestScript, args []string) {
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o755))
	private := filepath.Join(dir, "kek.pem")
	_, err := openssl(nil, "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", private)
	ts.Check(err)
	public, err := openssl(nil, "pkey", "-in", private, "-pubout")
	ts.Check(err)
	der, err := openssl(nil, "pkey", "-in", private, "-pubout", "-outform", "DER")
	ts.Check(err)
	digest := sha256.Sum256(der)
	ts.Setenv("KEK", hex.EncodeToString(digest[:]))
	vault, mark := "https://contoso.vault.azure.net", kek.Production
	if len(args) > 1 {
		vault, mark = "https://localhost:8443", kek.Rehearsal
	}
	ts.Setenv("KID", vault+kekPath)
	ts.Check(writePackages(dir, string(public), vault, mark))
}

const kekPath = "/keys/KEKforBYOK/0123456789abcdef0123456789abcdef"

func writePackages(dir, public, vault string, mark kek.Mark) error {
	kid, err := kek.ParseID(vault + kekPath)
	if err != nil {
		return err
	}
	now := time.Now().UTC().Truncate(time.Second)
	pair, err := toolset.NewPair(toolset.KEKPackage{
		Suffix:      "CONTOSO",
		Generation:  1,
		Mark:        mark,
		KID:         kid,
		PublicKey:   public,
		KTY:         "RSA-HSM",
		KeyOps:      []string{"import"},
		Enabled:     true,
		HSMPlatform: "1",
		Created:     now,
		Expires:     now.Add(time.Hour),
	}, toolset.SecurityWorldPackage{
		Suffix:     "CONTOSO",
		Generation: 1,
		Mark:       mark,
		Service:    kek.ServiceVault,
		Cloud:      "AzurePublic",
		Vault:      kid.Vault,
	})
	if err != nil {
		return err
	}
	kekFile, err := pair.KEK().Marshal()
	world, worldErr := pair.SecurityWorld().Marshal()
	return errors.Join(err, worldErr,
		os.WriteFile(filepath.Join(dir, toolset.KEKName("CONTOSO", 1)), kekFile, 0o644),
		os.WriteFile(filepath.Join(dir, toolset.SecurityWorldName("CONTOSO", 1)), world, 0o644))
}

// production makes a package of production in software: DIR NAME. It sets
// $PRODUCTION to the hknso of its world.
func production(ts *testscript.TestScript, args []string) {
	world, err := specimen.NewWorld()
	ts.Check(err)
	defer func() { ts.Check(world.Close()) }()
	kid, err := kek.ParseID("https://contoso.vault.azure.net" + kekPath)
	ts.Check(err)
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	ts.Check(err)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ts.Check(err)
	pack, err := world.Package(specimen.KEK{ID: kid, Public: &private.PublicKey}, args[1], key)
	ts.Check(err)
	_, err = specimen.Write(ts.MkAbs(args[0]), pack)
	ts.Check(err)
	hknso, err := world.HKNSO(false)
	ts.Check(err)
	ts.Setenv("PRODUCTION", hknso.String())
}

// manifest and pair are what the judge reads of a package; it does not use the
// program's own reader.
type manifest struct {
	Authorization struct {
		SHA256 string `json:"sha256"`
		Pair   int    `json:"pair"`
	} `json:"authorization"`
	Blob struct {
		SHA256 string `json:"sha256"`
	} `json:"blob"`
}

type pair struct {
	Type       string `json:"key_type"`
	Bits       int    `json:"bits"`
	PublicKey  string `json:"public_key"`
	CheckValue string `json:"check_value"`
	Wrapped    string `json:"wrapped_sha256"`
}

// opened has openssl judge a transfer package, which it can do alone: every
// signature from the world file down, the unwrapping of the .byok, and that
// what comes out is the key that was approved. DIR NAME KEKDIR, where KEKDIR is
// ” if no one has the KEK's private half. With ! before it, openssl must find
// a fault.
func opened(ts *testscript.TestScript, neg bool, args []string) {
	work, err := os.MkdirTemp(ts.Getenv("WORK"), "judge")
	ts.Check(err)
	defer os.RemoveAll(work)
	j := judge{work: work, base: filepath.Join(ts.MkAbs(args[0]), "KeyTransferPackage-"+args[1])}
	if args[2] != "" {
		j.kek = filepath.Join(ts.MkAbs(args[2]), "kek.pem")
	}
	switch err := j.opens(); {
	case neg && err == nil:
		ts.Fatalf("openssl finds no fault")
	case neg:
		ts.Logf("openssl finds: %v", err)
	default:
		ts.Check(err)
	}
}

// judge is openssl at work on one package.
type judge struct {
	work, base, kek string
	manifest
	pair
}

func (j judge) opens() error {
	blob, err := os.ReadFile(j.base + ".byok")
	if err != nil {
		return err
	}
	if err := j.signed(); err != nil {
		return err
	}
	text, err := os.ReadFile(j.base + ".manifest.json")
	if err == nil {
		err = json.Unmarshal(text, &j.manifest)
	}
	if err != nil {
		return err
	}
	if hash(blob) != j.Blob.SHA256 {
		return errors.New("the manifest has another SHA-256 than the .byok")
	}
	if err := j.approved(); err != nil || j.kek == "" {
		return err
	}
	return j.unwraps(blob)
}

func hash(data []byte) string {
	digest := sha256.Sum256(data)
	return hex.EncodeToString(digest[:])
}

// signed follows the signatures of a world whose cards were never replaced:
// KNSO of the world file, what it signs, and KML of the module's statement.
func (j judge) signed() error {
	knso, err := j.key("world", "knso", "public_key")
	if err != nil {
		return err
	}
	for _, name := range []string{"world", "module", "authorization"} {
		if err := j.signature(knso, "sha256", j.base+"."+name+".sig", j.base+"."+name+".json"); err != nil {
			return err
		}
	}
	kml, err := j.key("module", "kml")
	if err != nil {
		return err
	}
	return j.signature(kml, "sha256", j.base+".manifest.sig", j.base+".manifest.json")
}

// key is a public key in one of the package's files.
func (j judge) key(name string, path ...string) (string, error) {
	data, err := os.ReadFile(j.base + "." + name + ".json")
	if err != nil {
		return "", err
	}
	return field(data, strings.Join(path, "."))
}

// approved finds the pair that the manifest names, and holds the proof of
// possession to its key.
func (j *judge) approved() error {
	text, err := os.ReadFile(j.base + ".authorization.json")
	if err != nil {
		return err
	}
	var authorization struct{ Pairs []pair }
	if err := json.Unmarshal(text, &authorization); err != nil {
		return err
	}
	if hash(text) != j.Authorization.SHA256 || j.Authorization.Pair >= len(authorization.Pairs) {
		return errors.New("the manifest names another authorization")
	}
	j.pair = authorization.Pairs[j.Authorization.Pair]
	if j.Type == "AES" {
		if exists(j.base + ".pop.sig") {
			return errors.New("an AES key has a proof of possession")
		}
		return nil
	}
	said := filepath.Join(j.work, "said")
	statement := "byok proof of possession v1\ntransfer authorization\n" + hash(text) + "\n"
	if err := os.WriteFile(said, []byte(statement), 0o600); err != nil {
		return err
	}
	digest := map[int]string{384: "sha384", 521: "sha512"}[j.Bits]
	return j.signature(j.PublicKey, cmp.Or(digest, "sha256"), j.base+".pop.sig", said)
}

func (j judge) signature(public, digest, signature, file string) error {
	key := filepath.Join(j.work, "public.pem")
	if err := os.WriteFile(key, []byte(public), 0o600); err != nil {
		return err
	}
	out, err := openssl(nil, "dgst", "-"+digest, "-verify", key, "-signature", signature, file)
	if err == nil && string(out) != "Verified OK\n" {
		err = fmt.Errorf("openssl dgst -verify of %s: %s", file, out)
	}
	return err
}

// unwraps opens the blob: RSA-OAEP of an AES-256 key with SHA-1, then RFC 5649.
func (j judge) unwraps(blob []byte) error {
	size, ciphertext, err := j.ciphertext(blob)
	if err != nil {
		return err
	}
	if hash(ciphertext) != j.Wrapped {
		return errors.New("another ciphertext than the approved one")
	}
	wrapping, err := openssl(ciphertext[:size], "pkeyutl", "-decrypt", "-inkey", j.kek, "-pkeyopt", "rsa_padding_mode:oaep", "-pkeyopt", "rsa_oaep_md:sha1")
	if err != nil {
		return err
	}
	key, err := openssl(ciphertext[size:], "enc", "-d", "-id-aes256-wrap-pad", "-iv", "A65959A6", "-K", hex.EncodeToString(wrapping))
	if err != nil {
		return err
	}
	if j.Type == "AES" {
		return j.isSecret(key)
	}
	public, err := openssl(key, "pkey", "-inform", "DER", "-pubout")
	if err == nil && string(public) != j.PublicKey {
		err = fmt.Errorf("the unwrapped key's public half is\n%s", public)
	}
	return err
}

func (j judge) ciphertext(blob []byte) (size int, ciphertext []byte, err error) {
	text, err := field(blob, "ciphertext")
	if err != nil {
		return 0, nil, err
	}
	if ciphertext, err = base64.RawURLEncoding.DecodeString(text); err != nil {
		return 0, nil, err
	}
	modulus, err := openssl(nil, "rsa", "-in", j.kek, "-noout", "-modulus")
	return len(strings.TrimPrefix(strings.TrimSpace(string(modulus)), "Modulus=")) / 2, ciphertext, err
}

// isSecret compares the AES encryption of the zero block.
func (j judge) isSecret(key []byte) error {
	if len(key)*8 != j.Bits {
		return fmt.Errorf("the unwrapped key has %d bits, %d were approved", len(key)*8, j.Bits)
	}
	value, err := openssl(make([]byte, 16), "enc", fmt.Sprintf("-aes-%d-ecb", j.Bits), "-nopad", "-K", hex.EncodeToString(key))
	if err == nil && hex.EncodeToString(value) != j.CheckValue {
		err = errors.New("the unwrapped key has another check value than the approved one")
	}
	return err
}

// openssl runs it with input on its standard input.
func openssl(input []byte, args ...string) ([]byte, error) {
	cmd := exec.Command("openssl", args...)
	cmd.Stdin = bytes.NewReader(input)
	var out, messages bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &messages
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("openssl %s (which judges these tests: apt-get install openssl): %w\n%s", args[0], err, &messages)
	}
	return out.Bytes(), nil
}
