//go:build linux

package ceremonytest

import (
	"bytes"
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

	"byok/internal/fingerprint"
	"byok/internal/toolset"
	"byok/internal/transfer"
)

// kek has openssl make a KEK, and writes packages for it as a Premium vault
// gives them, without attestation: DIR [rehearsal]. It sets $KEK to the KEK's
// fingerprint as openssl and SHA-256 give it.
func kek(ts *testscript.TestScript, args []string) {
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
	ts.Check(writePackages(dir, string(public), len(args) > 1))
}

func writePackages(dir, public string, rehearsal bool) error {
	kid, err := transfer.ParseKeyID("https://contoso.vault.azure.net/keys/KEKforBYOK/0123456789abcdef0123456789abcdef")
	if err != nil {
		return err
	}
	sw := toolset.SecurityWorldPackage{
		Type: toolset.SecurityWorldType, Version: toolset.Version, Suffix: "CONTOSO", Generation: 1, Rehearsal: rehearsal,
		Service: toolset.ServiceVault, Cloud: "AzurePublic", Vault: kid.Vault,
	}
	world, err := sw.Marshal()
	if err != nil {
		return err
	}
	now := time.Now().UTC().Truncate(time.Second)
	kek, err := toolset.KEKPackage{
		Type: toolset.KEKType, Version: toolset.Version, Suffix: "CONTOSO", Generation: 1, Rehearsal: rehearsal, KID: kid, PublicKey: public,
		KeyOps: []string{"import"}, HSMPlatform: "1", Created: now, Expires: now.Add(time.Hour), SecurityWorld: fingerprint.Of(world),
	}.Marshal()
	return errors.Join(err,
		os.WriteFile(filepath.Join(dir, toolset.KEKName("CONTOSO", 1)), kek, 0o644),
		os.WriteFile(filepath.Join(dir, toolset.SecurityWorldName("CONTOSO", 1)), world, 0o644))
}

// manifest is what the judge reads of a manifest; it does not use our own reader.
type manifest struct {
	Key struct {
		KTY        string `json:"kty"`
		Bits       int    `json:"bits"`
		PublicKey  string `json:"public_key"`
		CheckValue string `json:"check_value"`
	} `json:"key"`
	World struct {
		Public string `json:"knso_public_key"`
	} `json:"world"`
	Blob struct {
		SHA256 string `json:"sha256"`
	} `json:"blob"`
}

// opened has openssl judge a transfer package, which it can do alone: both
// signatures of the manifest, the unwrapping of the .byok, and that what comes
// out is the manifest's key. DIR NAME KEKDIR, where KEKDIR is ” if nobody has
// the KEK's private half. With ! before it, openssl must find a fault.
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
}

func (j judge) opens() error {
	text, err := os.ReadFile(j.base + ".manifest.json")
	if err == nil {
		err = json.Unmarshal(text, &j.manifest)
	}
	if err != nil {
		return err
	}
	blob, err := os.ReadFile(j.base + ".byok")
	if err != nil {
		return err
	}
	if digest := sha256.Sum256(blob); hex.EncodeToString(digest[:]) != j.Blob.SHA256 {
		return errors.New("the manifest has another SHA-256 than the .byok")
	}
	if err := j.signatures(); err != nil || j.kek == "" {
		return err
	}
	return j.unwraps(blob)
}

// signatures are KNSO's and, unless the key is AES, the transferred key's own.
func (j judge) signatures() error {
	if err := j.signature(".manifest.sig", j.World.Public); err != nil {
		return err
	}
	if j.Key.KTY == "oct-HSM" {
		if exists(j.base + ".pop.sig") {
			return errors.New("an AES key has a proof of possession")
		}
		return nil
	}
	return j.signature(".pop.sig", j.Key.PublicKey)
}

func (j judge) signature(extension, public string) error {
	key := filepath.Join(j.work, "public.pem")
	if err := os.WriteFile(key, []byte(public), 0o600); err != nil {
		return err
	}
	out, err := openssl(nil, "dgst", "-sha256", "-verify", key, "-signature", j.base+extension, j.base+".manifest.json")
	if err == nil && string(out) != "Verified OK\n" {
		err = fmt.Errorf("openssl dgst -verify of %s: %s", extension, out)
	}
	return err
}

// unwraps opens the blob: RSA-OAEP of an AES-256 key with SHA-1, then RFC 5649.
func (j judge) unwraps(blob []byte) error {
	size, ciphertext, err := j.ciphertext(blob)
	if err != nil {
		return err
	}
	wrapping, err := openssl(ciphertext[:size], "pkeyutl", "-decrypt", "-inkey", j.kek, "-pkeyopt", "rsa_padding_mode:oaep", "-pkeyopt", "rsa_oaep_md:sha1")
	if err != nil {
		return err
	}
	key, err := openssl(ciphertext[size:], "enc", "-d", "-id-aes256-wrap-pad", "-iv", "A65959A6", "-K", hex.EncodeToString(wrapping))
	if err != nil {
		return err
	}
	if j.Key.KTY == "oct-HSM" {
		return j.isSecret(key)
	}
	public, err := openssl(key, "pkey", "-inform", "DER", "-pubout")
	if err == nil && string(public) != j.Key.PublicKey {
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
	if len(key)*8 != j.Key.Bits {
		return fmt.Errorf("the unwrapped key has %d bits, the manifest says %d", len(key)*8, j.Key.Bits)
	}
	value, err := openssl(make([]byte, 16), "enc", fmt.Sprintf("-aes-%d-ecb", j.Key.Bits), "-nopad", "-K", hex.EncodeToString(key))
	if err == nil && hex.EncodeToString(value) != j.Key.CheckValue {
		err = errors.New("the unwrapped key has another check value than the manifest")
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
