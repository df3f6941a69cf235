package rehearsal

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azkeys"

	"byok/internal/attest"
	"byok/internal/kek"
	"byok/internal/keykind"
	"byok/internal/toolset"
)

// attested is a key with its attestation.
func (r *running) attested(t *testing.T, name string) azkeys.KeyBundle {
	t.Helper()
	got, err := r.GetKeyAttestation(ctx, name, "", nil)
	must(t, err)
	if got.Attributes.Attestation == nil || *got.Attributes.Attestation.Version != "MRVL-1" {
		t.Fatalf("attestation %+v", got.Attributes)
	}
	return got.KeyBundle
}

// judge has package attest check a key as a rehearsal world would, whose
// holders know the key.
func (r *running) judge(t *testing.T, b azkeys.KeyBundle, now time.Time) (attest.Result, error) {
	t.Helper()
	a := b.Attributes.Attestation
	id, err := kek.ParseID(string(*b.Key.KID))
	must(t, err)
	world := toolset.SecurityWorldPackage{
		Suffix:                "REHEARSAL",
		Generation:            1,
		Mark:                  kek.Rehearsal,
		Service:               r.vault.Service,
		Cloud:                 "Rehearsal",
		Vault:                 id.Vault,
		Tenant:                r.vault.Tenant,
		PartitionCertificates: string(a.CertificatePEMFile),
		RehearsalRoot:         string(r.vault.AttestationRoot),
	}
	pair, err := toolset.NewPair(toolset.KEKPackage{
		Suffix:      "REHEARSAL",
		Generation:  1,
		Mark:        kek.Rehearsal,
		KID:         id,
		PublicKey:   publicPEM(t, b.Key),
		KTY:         string(*b.Key.Kty),
		KeyOps:      opNames(b.Key.KeyOps),
		Enabled:     *b.Attributes.Enabled,
		HSMPlatform: *b.Attributes.HSMPlatform,
		Created:     b.Attributes.Created.UTC(),
		Attestation: &toolset.Attestation{
			CertificatePEM: a.CertificatePEMFile,
			PrivateKey:     a.PrivateKeyAttestation,
			PublicKey:      a.PublicKeyAttestation,
			Version:        *a.Version,
		},
	}, world)
	must(t, err)
	sum, err := keykind.SPKIHash(public(t, b.Key))
	must(t, err)
	said, err := kek.ParseSaid(sum.String(), id.String(), true, "Dana Okafor")
	must(t, err)
	return attest.Check(pair, kek.Policy{Rehearsal: true, Said: &said, Now: now})
}

func TestAttestationOfAKEK(t *testing.T) {
	r := start(t, ManagedHSM)
	r.kek(t, "KEKforBYOK")
	b := r.attested(t, "KEKforBYOK")
	result, err := r.judge(t, b, time.Now())
	if err != nil || result.KEK == nil || !result.KEK.Attested() || !result.KEK.Rehearsal() {
		t.Fatalf("%v: %+v", err, result.Findings)
	}

	// The same from the same state after a restart, under the same root.
	root := r.vault.AttestationRoot
	r.stop()
	r = restart(t, r.dir, ManagedHSM)
	again := r.attested(t, "KEKforBYOK")
	if !bytes.Equal(root, r.vault.AttestationRoot) || !bytes.Equal(again.Attributes.Attestation.CertificatePEMFile, b.Attributes.Attestation.CertificatePEMFile) {
		t.Error("the HSM became another one")
	}

	// An attestation of one key does not pass for another.
	r.kek(t, "another-kek")
	other := r.attested(t, "another-kek")
	b.Attributes.Attestation = other.Attributes.Attestation
	result, err = r.judge(t, b, time.Now())
	if failed := failedRules(result); err == nil || fmt.Sprint(failed) != "[KEK-ATTEST-KEY KEK-ATTEST-ID]" {
		t.Errorf("another key's attestation: %v, %v", failed, err)
	}
}

func failedRules(v attest.Result) (rules []string) {
	for _, f := range v.Findings {
		if !f.OK {
			rules = append(rules, f.Rule)
		}
	}
	return rules
}

// TestAttestationOfOtherKeys: a key from outside, one that may leave, one that
// does more than import.
func TestAttestationOfOtherKeys(t *testing.T) {
	r := start(t, ManagedHSM)
	exchange := r.kek(t, "KEKforBYOK")
	der, _ := newPKCS8(t, rsaBits("2048")...)
	_, err := r.imports("imported", "RSA-HSM", "", wrap(t, exchange, der, wrapping{}), nil)
	must(t, err)
	r.key(t, "exportable", azkeys.CreateKeyParameters{Kty: to.Ptr(azkeys.KeyTypeRSAHSM), KeyOps: ops("unwrapKey"),
		KeyAttributes: &azkeys.KeyAttributes{Exportable: to.Ptr(true)}, ReleasePolicy: &azkeys.KeyReleasePolicy{EncodedPolicy: []byte("{}")}})
	for name, want := range map[string][]string{
		"imported":   {kek.RuleOps, attest.RuleSensitive, attest.RuleExtractable, attest.RuleLocal, attest.RuleUsage},
		"exportable": {kek.RuleOps, attest.RuleExtractable},
	} {
		result, err := r.judge(t, r.attested(t, name), time.Now())
		if got := failedRules(result); err == nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

func TestAttestationRefusals(t *testing.T) {
	hsm, vault := start(t, ManagedHSM), start(t, Vault)
	vault.kek(t, "KEKforBYOK")
	_, err := vault.GetKeyAttestation(ctx, "KEKforBYOK", "", nil)
	same(t, "a Premium vault", err, "400 NotSupported: Key attestation is supported by Managed HSM only")
	hsm.key(t, "ec", azkeys.CreateKeyParameters{Kty: to.Ptr(azkeys.KeyTypeECHSM)})
	_, err = hsm.GetKeyAttestation(ctx, "ec", "", nil)
	same(t, "an EC key", err, "400 NotSupported: The rehearsal vault attests RSA keys only")
	_, err = hsm.UpdateKey(ctx, "ec", "", azkeys.UpdateKeyParameters{KeyAttributes: &azkeys.KeyAttributes{Enabled: to.Ptr(false)}}, nil)
	must(t, err)
	_, err = hsm.GetKeyAttestation(ctx, "ec", "", nil)
	same(t, "a disabled key", err, "403 Forbidden/KeyDisabled: Operation get is not allowed on a disabled key.")
	_, err = hsm.GetKeyAttestation(ctx, "none", "", nil)
	if !strings.HasPrefix(answer(err), "404 KeyNotFound: ") {
		t.Errorf("no key: %s", answer(err))
	}
}

// TestChain reads the certificates with openssl: versions, names, order, one
// key in both of the partition's, and what its signature holds.
func TestChain(t *testing.T) {
	r := start(t, ManagedHSM)
	r.kek(t, "KEKforBYOK")
	a := r.attested(t, "KEKforBYOK").Attributes.Attestation
	var certificates []string
	for rest := a.CertificatePEMFile; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		certificates = append(certificates, string(pem.EncodeToMemory(block)))
	}
	if len(certificates) != 4 || strings.Join(certificates, "") != string(a.CertificatePEMFile) {
		t.Fatalf("%d certificates", len(certificates))
	}
	look := func(certificate string, options ...string) string {
		return string(openssl(t, []byte(certificate), append([]string{"x509", "-noout"}, options...)...))
	}
	for i, version := range []string{"Version: 1 (0x0)", "Version: 3 (0x2)", "Version: 3 (0x2)", "Version: 3 (0x2)"} {
		if !strings.Contains(look(certificates[i], "-text"), version) || !strings.Contains(look(certificates[i], "-subject"), "REHEARSAL") {
			t.Errorf("certificate %d is not of %s, or %s", i, version, look(certificates[i], "-subject"))
		}
	}
	root := string(r.vault.AttestationRoot)
	if !strings.Contains(look(root, "-subject"), "REHEARSAL") {
		t.Errorf("root %s", look(root, "-subject"))
	}
	// The link from the HSM is left to attest.Check: openssl, too, refuses
	// version 1 as an issuer.
	for i, issuer := range map[int]string{0: root, 2: certificates[2], 3: certificates[2]} {
		openssl(t, []byte(certificates[i]), "verify", "-partial_chain", "-trusted", file(t, "issuer.pem", []byte(issuer)))
	}
	if look(certificates[1], "-pubkey") != look(certificates[3], "-pubkey") || look(certificates[1], "-subject") != look(certificates[3], "-subject") {
		t.Error("the partition's certificates differ")
	}

	blob := a.PrivateKeyAttestation
	body, signature := blob[:len(blob)-256], blob[len(blob)-256:]
	recovered := openssl(t, signature, "pkeyutl", "-verifyrecover", "-certin", "-inkey", file(t, "partition.pem", []byte(certificates[1])))
	if digest := sha256.Sum256(body); !bytes.Equal(recovered, digest[:]) {
		t.Errorf("the signature holds %x, not the bare SHA-256 %x", recovered, digest)
	}
}

func TestDamagedChain(t *testing.T) {
	whole, err := testChain()
	must(t, err)
	key := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: []byte("damaged")})
	good := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(whole.Key)})
	for want, data := range map[string][]byte{
		"no partition key in it":                []byte("damaged"),
		"the partition key cannot be read":      key,
		"expected a root and four certificates": append(bytes.Clone(good), whole.Certificates...),
	} {
		dir := t.TempDir()
		must(t, os.WriteFile(filepath.Join(dir, "attestation-private.pem"), data, 0o600))
		err := Serve(ctx, Config{State: dir, Listen: "127.0.0.1:0"}, nil)
		if full := filepath.Join(dir, "attestation-private.pem") + ": " + want; err == nil || err.Error() != full {
			t.Errorf("%v, want %s", err, full)
		}
	}
}
