package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"byok/internal/attest"
	"byok/internal/command"
	"byok/internal/durable"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/term"
	"byok/internal/toolset"
	"byok/internal/transfer"
	"byok/internal/vault"
)

// longLife is how long a KEK may have left without a word about it.
const longLife = 7 * 24 * time.Hour

// buildToolset makes the toolset of a KEK in a live vault. What the
// disconnected workstation will check is checked here before anything is written.
func buildToolset(r *command.Run) (command.Result, error) {
	if err := r.NoArgs(); err != nil {
		return nil, err
	}
	for _, flag := range []string{"kek", "suffix", "out"} {
		if _, err := r.Required(flag); err != nil {
			return nil, err
		}
	}
	c, err := connect(r)
	if err != nil {
		return nil, err
	}
	kek, sw, err := c.packages(r)
	if err != nil {
		return nil, err
	}
	sum, err := checkPackages(r, kek, sw)
	if err != nil {
		return nil, err
	}
	return writeToolset(r, kek, sw, sum)
}

// packages reads the KEK and describes it and its vault. That the vault
// answered with a key of its own is the client's to check.
func (c *connection) packages(r *command.Run) (kek toolset.KEKPackage, sw toolset.SecurityWorldPackage, err error) {
	key, err := c.Key(r.Context.Context, r.String("kek"), "")
	if err != nil {
		return kek, sw, err
	}
	if why := unfit(key, r.Bool("test-vault")); why != "" {
		return kek, sw, exitcode.Hint(exitcode.Errorf(exitcode.Check, "%v is no KEK: %s", key.ID, why), "byok-online kek create")
	}
	pem, err := transfer.MarshalPublicKey(key.PublicKey)
	if err != nil {
		return kek, sw, err
	}
	warnExpiry(r, key)
	kek = toolset.KEKPackage{
		Type: toolset.KEKType, Version: toolset.Version, Suffix: r.String("suffix"), Generation: r.Int("generation"), Rehearsal: c.rehearsal != nil,
		KID: key.ID, PublicKey: pem, KeyOps: key.Ops, HSMPlatform: key.HSMPlatform, Created: key.Created, Expires: key.Expires,
	}
	if kek.Attestation, err = c.attestation(r.Context.Context, key.ID); err != nil {
		return kek, sw, err
	}
	sw = c.describe(r, kek)
	data, err := sw.Marshal()
	kek.SecurityWorld = fingerprint.Of(data)
	return kek, sw, exitcode.Mark(exitcode.Usage, err)
}

// unfit says what the service would hold against a KEK at the very end, when
// the key is uploaded; a test vault may keep its keys in software.
func unfit(k vault.Key, test bool) string {
	now := time.Now()
	switch {
	case k.Kty != "RSA-HSM" && !(test && k.Kty == "RSA"):
		return "its type is " + k.Kty + " where RSA-HSM is expected"
	case !k.InHSM() && !test:
		return "the vault does not keep it in an HSM"
	case k.Bits != 2048 && k.Bits != 3072 && k.Bits != 4096:
		return fmt.Sprintf("it has %d bits where 2048, 3072 or 4096 are expected", k.Bits)
	case !slices.Equal(k.Ops, []string{"import"}):
		return "its operations are " + strings.Join(k.Ops, ", ") + " instead of import alone"
	case !k.Enabled:
		return "it is disabled"
	case !k.NotBefore.IsZero() && now.Before(k.NotBefore):
		return "it is not valid before " + timeText(k.NotBefore)
	case !k.Expires.IsZero() && !now.Before(k.Expires):
		return "it expired on " + timeText(k.Expires)
	}
	return ""
}

func warnExpiry(r *command.Run, key vault.Key) {
	switch left := time.Until(key.Expires); {
	case key.Expires.IsZero():
		r.Console.Warning("KEK %v never expires; a KEK should live for hours", key.ID)
	case left > longLife:
		r.Console.Warning("KEK %v lives for %d more days; a KEK should live for hours", key.ID, int(left.Hours()/24))
	}
}

// attestation is the HSM's statement on the KEK, or nil where the service makes none.
func (c *connection) attestation(ctx context.Context, kid transfer.KeyID) (*toolset.Attestation, error) {
	a, err := c.Attestation(ctx, kid.Name, kid.Version)
	if errors.Is(err, vault.ErrNoAttestation) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &toolset.Attestation{CertificatePEM: a.CertificatePEM, PrivateKey: a.PrivateKey, PublicKey: a.PublicKey, Version: a.Version}, nil
}

func (c *connection) describe(r *command.Run, kek toolset.KEKPackage) toolset.SecurityWorldPackage {
	sw := toolset.SecurityWorldPackage{
		Type: toolset.SecurityWorldType, Version: toolset.Version, Suffix: kek.Suffix, Generation: kek.Generation, Rehearsal: kek.Rehearsal,
		Service: c.Address().Service(), Cloud: c.cloud.Name, Vault: kek.KID.Vault,
		Location: r.String("location"), Tenant: r.String("tenant"), Subscription: r.String("subscription-id"),
	}
	if c.rehearsal != nil {
		sw.Service, sw.Tenant, sw.RehearsalRoot = c.rehearsal.Service, c.rehearsal.Tenant, string(c.rehearsal.AttestationRoot)
	}
	if kek.Attestation != nil {
		sw.Service, sw.PartitionCertificates = toolset.ServiceManagedHSM, string(kek.Attestation.CertificatePEM)
	}
	if sw.Service == "" {
		sw.Service = toolset.ServiceVault
	}
	return sw
}

// checkPackages applies the rules of byok-offline verify, and returns the
// KEK's fingerprint. Only one thing may be missing here: that people accept
// the KEK of a vault that attests nothing. They do that over there.
func checkPackages(r *command.Run, kek toolset.KEKPackage, sw toolset.SecurityWorldPackage) (fingerprint.Sum, error) {
	data, err := sw.Marshal()
	if err != nil {
		return fingerprint.Sum{}, err
	}
	verdict, err := attest.Check(kek, sw, data, attest.Policy{Rehearsal: kek.Rehearsal, Now: time.Now()})
	if kek.Attestation == nil && exitcode.Of(err) == exitcode.Refused {
		r.Console.Warning("this vault attests nothing: people have to compare the KEK's fingerprint over a second channel")
		return verdict.Fingerprint, nil
	}
	for _, f := range verdict.Findings {
		if !f.OK {
			r.Console.Warning("%s: %s", f.Rule, f.Detail)
		}
	}
	return verdict.Fingerprint, err
}

func writeToolset(r *command.Run, kek toolset.KEKPackage, sw toolset.SecurityWorldPackage, kekSum fingerprint.Sum) (command.Result, error) {
	data, err := toolset.Zip(kek, sw)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(r.String("out"), toolset.ZipName(kek.Suffix))
	if err := durable.WriteFile(path, data, 0o644); err != nil {
		return nil, err
	}
	sum := fingerprint.Of(data)
	r.Event.AddOutput(path, sum)
	r.Event.AddNote("KEK", kek.KID.String())
	return toolsetView{
		Path: path, SHA256: sum, Words: sum.Words(), KID: kek.KID, Attested: kek.Attestation != nil,
		KEKFingerprint: kekSum, KEKWords: kekSum.Words(), Rehearsal: kek.Rehearsal,
	}, nil
}

// toolsetView is a new toolset and the hash to publish by another way.
type toolsetView struct {
	Path           string          `json:"path"`
	SHA256         fingerprint.Sum `json:"sha256"`
	Words          []string        `json:"words"`
	KID            transfer.KeyID  `json:"kid"`
	Attested       bool            `json:"attested"`
	KEKFingerprint fingerprint.Sum `json:"kek_spki_sha256"`
	KEKWords       []string        `json:"kek_words"`
	Rehearsal      bool            `json:"rehearsal"`
}

func (v toolsetView) Print(w io.Writer) error {
	rows := [][]string{{"toolset", v.Path}, {"SHA-256", v.SHA256.Groups()}}
	for _, row := range v.SHA256.Rows() {
		rows = append(rows, []string{"", row})
	}
	rows = append(rows, []string{"KEK", v.KID.String()}, []string{"attested", attested(v.Attested)}, []string{"KEK fingerprint", v.KEKFingerprint.Groups()})
	for _, row := range v.KEKFingerprint.Rows() {
		rows = append(rows, []string{"", row})
	}
	return term.Table(w, rows)
}

func attested(b bool) string {
	if b {
		return "yes, and the attestation verifies"
	}
	return "no: compare the KEK's fingerprint over a second channel"
}
