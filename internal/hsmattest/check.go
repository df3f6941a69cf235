// Package hsmattest judges what an HSM, by its vendor's means, says of a key that
// was made in it.
//
// Use [Check] on the file that somebody attached. A file of a format whose rules
// are known here is verified, rule by rule, or refused; any other is recognised by
// its shape at most, and kept as it is: [Result.Verified] is false then, and
// nothing may rest on it. Nothing here reads a file, a clock, an HSM or a network.
//
// Verified is the attestation of the YubiHSM 2 (Yubico, "YubiHSM 2 User Guide",
// Core Concepts, Attestation): the certificate that the device makes of a key, the
// device's own, and the one of Yubico's that issued that, under a pinned root. It
// proves that the key was generated in that device and never imported. It does not
// prove under which wrap key the key may leave it: that is for the guard.
package hsmattest

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/kek"
	"byok/internal/keykind"
	"byok/internal/kmdata"
	"byok/internal/statement"
)

// The formats, as people see them.
const (
	FormatYubiHSM = "YubiHSM 2 attestation certificate"
	FormatNShield = "nShield attestation bundle"
	FormatPKCS7   = "PKCS #7, as Luna writes a public key confirmation"
	FormatX509    = "certificates that are not a YubiHSM 2's"
	FormatUnknown = "format that is not known here"
)

// Key is the key that an attestation is to be about.
type Key struct {
	Public crypto.PublicKey // nil for an AES key, of which no vendor here attests anything
	Serial string           // of the module, as its statement has it
	At     time.Time        // when the attestation must be valid
	Root   string           // PEM of a rehearsal's root; "" is the vendor's, which is pinned
}

// Result is what a check found.
type Result struct {
	SHA256   fingerprint.Sum // of the file
	Format   string
	Findings []kek.Finding // rule by rule; none for a format that is not verified
}

// Check judges an attestation. Its result says whether it was verified; what
// failed is in [Result.Err].
func Check(data []byte, k Key) Result {
	r := Result{SHA256: fingerprint.Of(data), Format: FormatOf(data)}
	switch {
	case r.Format == FormatYubiHSM && isP256K(k.Public):
		r.Format += " of a P-256K key" // crypto/x509 does not read a certificate of one
	case r.Format == FormatYubiHSM:
		r.Findings = newYubiHSM(data, k).findings()
	case r.Format == FormatX509:
		if _, err := readCertificates(data); err != nil {
			r.Findings = []kek.Finding{{Rule: RuleFormat, Detail: err.Error()}}
		}
	}
	return r
}

func isP256K(public crypto.PublicKey) bool {
	kind, err := keykind.Of(public)
	return err == nil && kind.Curve == "P-256K"
}

// Verified reports whether the attestation was verified and every rule held.
func (r Result) Verified() bool { return len(r.Findings) > 0 && len(kek.Failed(r.Findings)) == 0 }

// Err names the rules that do not hold, with status Check; nil where all do, and
// for a format that is not verified. Name is the file's, for the message.
func (r Result) Err(name string) error {
	failed := kek.Failed(r.Findings)
	if len(failed) == 0 {
		return nil
	}
	var all []string
	for _, f := range failed {
		all = append(all, f.Rule+": "+f.Detail)
	}
	return exitcode.Errorf(exitcode.Check, "%s: %s", name, strings.Join(all, "; ")).
		Hint("attach the attestation of this key by this device, or none")
}

// Statement is the result as an authorization records it.
func (r Result) Statement(root string) *statement.HSMAttestation {
	s := &statement.HSMAttestation{SHA256: r.SHA256, Format: r.Format, Root: root}
	for _, f := range r.Findings {
		s.Rules = append(s.Rules, statement.Rule{Rule: f.Rule, OK: f.OK, Detail: f.Detail})
	}
	return s
}

// Again judges the attestation of an approved key again, as of the time of its
// authorization, and holds the result to what the authorization says. The error
// has status Check.
func Again(data []byte, p statement.Pair, module *statement.Module, at time.Time) (Result, error) {
	r := Check(data, Key{Public: p.Public(), Serial: module.Token.Serial, At: at, Root: p.HSM.Root})
	switch {
	case r.SHA256 != p.HSM.SHA256:
		return r, exitcode.Errorf(exitcode.Check, "it is not the attestation that the quorum saw: SHA-256 %s, approved %s",
			r.SHA256, p.HSM.SHA256)
	case r.Verified() != p.HSM.Verified() && r.Err("") == nil:
		return r, exitcode.Errorf(exitcode.Check, "the authorization says %v, and the file is %s", p.HSM, r.Format)
	}
	return r, r.Err("the HSM's attestation")
}

// CheckSize refuses a file that is empty or larger than an attestation can be.
func CheckSize(data []byte) error {
	if len(data) == 0 || len(data) > kmdata.MaxHSMAttestation {
		return fmt.Errorf("%d bytes: an attestation has 1 to %d", len(data), kmdata.MaxHSMAttestation)
	}
	return nil
}

// pkcs7 is the beginning of the DER of a signed-data content type, after its
// outer length (RFC 5652, section 5.1).
var pkcs7 = []byte{0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02}

// FormatOf recognises a format by its shape, and returns one of the constants. What has Yubico's extensions in it
// is to be verified, however damaged it is.
func FormatOf(data []byte) string {
	text := bytes.TrimSpace(data)
	switch {
	case hasYubiHSM(data):
		return FormatYubiHSM
	case isNShield(text):
		return FormatNShield
	case bytes.HasPrefix(text, []byte("-----BEGIN PKCS7-----")), bytes.Contains(data[:min(len(data), 32)], pkcs7):
		return FormatPKCS7
	case bytes.HasPrefix(text, []byte("-----BEGIN CERTIFICATE-----")), isDER(data):
		return FormatX509
	}
	return FormatUnknown
}

// isNShield reports whether a JSON object has the fields that every bundle of
// nfkmattest has (Entrust, "nShield Key Attestation Verifier").
func isNShield(text []byte) bool {
	var fields map[string]any
	if json.Unmarshal(text, &fields) != nil {
		return false
	}
	for _, name := range []string{"pubkeydata", "kcmsg", "kcsig", "warrant"} {
		if _, found := fields[name]; !found {
			return false
		}
	}
	return true
}

func isDER(data []byte) bool {
	_, err := x509.ParseCertificates(data)
	return len(data) > 0 && err == nil
}

var errNoKey = errors.New("an AES key has no public half that a certificate could be of")
