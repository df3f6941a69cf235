package attest

import (
	"bytes"
	"crypto/rsa"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"
	"unicode/utf16"

	"byok/internal/exitcode"
	"byok/internal/kek"
	"byok/internal/keykind"
	"byok/internal/strictjson"
	"byok/internal/toolset"
)

// MaxFile is the most bytes the JSON of an attestation may have.
const MaxFile = 1 << 20

// CheckFile applies the attestation's rules to any private RSA key, against the
// vendor's pinned roots, from the JSON that az keyvault key get-attestation
// writes (the attestation alone) or GetKeyAttestation answers (the whole key).
// RuleKey and RuleID apply only to the latter, where the file says which key
// it is of. The rules that make a key a KEK are not applied, and the result has
// no KEK. The file may be in UTF-16 or have a byte order mark, as Windows
// PowerShell writes it. The error has the status Usage if the file cannot be
// read, and Check if a rule does not hold at the time now.
func CheckFile(file string, data []byte, now time.Time) (Result, error) {
	a, k, err := parseFile(file, data)
	if err != nil {
		return Result{}, exitcode.Mark(exitcode.Usage, err)
	}
	e := &evidence{now: now, roots: pinnedRoots, subject: k}
	r := Result{Findings: sorted(kek.Follow(e.steps(a)))}
	r.Facts = e.key.facts()
	if pub, err := e.key.publicKey(); err == nil {
		r.Fingerprint, _ = keykind.SPKIHash(pub) // zero for a key that is none
	}
	if failed := kek.Failed(r.Findings); len(failed) > 0 {
		return r, exitcode.Errorf(exitcode.Check, "%s: the attestation is refused by %s", file,
			strings.Join(names(failed), ", "))
	}
	return r, nil
}

// utf8Of returns text in UTF-8 without a byte order mark. What is in no
// encoding that it knows stays as it is, for the decoder to refuse.
func utf8Of(data []byte) []byte {
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(data, []byte("\xff\xfe")):
		order = binary.LittleEndian
	case bytes.HasPrefix(data, []byte("\xfe\xff")):
		order = binary.BigEndian
	default:
		return bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	}
	units := make([]uint16, 0, len(data)/2)
	for at := 2; at+1 < len(data); at += 2 {
		units = append(units, order.Uint16(data[at:]))
	}
	return []byte(string(utf16.Decode(units)))
}

// parseFile finds the attestation at the depth it has, as Microsoft's script
// does: inside attributes.attestation, inside attestation, or bare. Fields
// that are not used are the service's to add.
func parseFile(file string, data []byte) (toolset.Attestation, *attestedKey, error) {
	var top map[string]any
	if len(data) > MaxFile {
		return toolset.Attestation{}, nil, fmt.Errorf("%s: %d bytes, more than the %d such a file may have", file,
			len(data), MaxFile)
	}
	if err := strictjson.Unmarshal(file, utf8Of(data), MaxFile, &top); err != nil {
		return toolset.Attestation{}, nil, err
	}
	at := top
	for _, field := range []string{"attributes", "attestation"} {
		if inner, ok := at[field].(map[string]any); ok {
			at = inner
		}
	}
	a, err := readAttestation(at)
	if err != nil {
		return a, nil, fmt.Errorf("%s: field %w", file, err)
	}
	inner, ok := top["key"].(map[string]any)
	if !ok {
		return a, nil, nil
	}
	k, err := readKey(inner)
	if err != nil {
		return a, nil, fmt.Errorf("%s: field key.%w", file, err)
	}
	return a, k, nil
}

func readAttestation(fields map[string]any) (a toolset.Attestation, err error) {
	version, ok := fields["version"].(string)
	if !ok {
		return a, errors.New("version: missing; this is not an attestation")
	}
	a.Version = version
	if a.CertificatePEM, err = base64Field(fields, "certificatePemFile"); err != nil {
		return a, err
	}
	if a.PrivateKey, err = base64Field(fields, "privateKeyAttestation"); err != nil {
		return a, err
	}
	if fields["publicKeyAttestation"] != nil {
		a.PublicKey, err = base64Field(fields, "publicKeyAttestation")
	}
	return a, err
}

// readKey reads the JSON Web Key of the file (RFC 7518, section 6.3.1).
func readKey(fields map[string]any) (*attestedKey, error) {
	if kty, _ := fields["kty"].(string); kty != keykind.RSAHSM && kty != string(keykind.RSA) {
		return nil, fmt.Errorf("kty: %s, and only RSA keys are checked", name(kty))
	}
	text, _ := fields["kid"].(string)
	id, err := kek.ParseID(text)
	if err != nil {
		return nil, fmt.Errorf("kid: %w", err)
	}
	n, err := base64Field(fields, "n")
	if err != nil {
		return nil, err
	}
	e, err := base64Field(fields, "e")
	if err != nil {
		return nil, err
	}
	if len(e) > 4 {
		return nil, errors.New("e: more than 32 bits")
	}
	return &attestedKey{id, &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())}}, nil
}

// base64Field takes both alphabets of RFC 4648, padded or not: the service
// writes base64url without padding, the Azure CLI base64 with it.
func base64Field(fields map[string]any, field string) ([]byte, error) {
	text, ok := fields[field].(string)
	if !ok || text == "" {
		return nil, fmt.Errorf("%s: missing, or not text", field)
	}
	text = strings.TrimRight(strings.NewReplacer("-", "+", "_", "/").Replace(text), "=")
	data, err := base64.RawStdEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("%s: not base64", field)
	}
	return data, nil
}
