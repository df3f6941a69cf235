package world

import (
	"crypto"
	"encoding/hex"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"byok/internal/attest"
	"byok/internal/fingerprint"
	"byok/internal/toolset"
	"byok/internal/transfer"
)

// vaultKEK is a vault's key exchange key, made by openssl.
type vaultKEK struct {
	*attest.KEK
	private string // path
}

// newKEK has openssl make a KEK, and has people accept its fingerprint: a vault attests nothing.
func newKEK(t *testing.T, rehearsal bool, name string) vaultKEK {
	t.Helper()
	private := filepath.Join(t.TempDir(), "kek.pem")
	openssl(t, "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", private)
	public := string(openssl(t, "pkey", "-in", private, "-pubout"))
	sum := must[[32]byte](t)(transfer.SPKIHash(must[crypto.PublicKey](t)(transfer.ParsePublicKey(public))))
	vault := "https://contoso.vault.azure.net"
	if rehearsal {
		vault = "https://localhost:8443"
	}
	sw := toolset.SecurityWorldPackage{
		Type: toolset.SecurityWorldType, Version: toolset.Version, Suffix: "CONTOSO", Generation: 1, Rehearsal: rehearsal,
		Service: toolset.ServiceVault, Cloud: "AzurePublic", Vault: vault,
	}
	swBytes := must[[]byte](t)(sw.Marshal())
	kek := toolset.KEKPackage{
		Type: toolset.KEKType, Version: toolset.Version, Suffix: "CONTOSO", Generation: 1, Rehearsal: rehearsal,
		KID: transfer.KeyID{Vault: vault, Name: name, Version: strings.Repeat("0a", 16)}, PublicKey: public, KeyOps: []string{"import"},
		HSMPlatform: "2", Created: now(), SecurityWorld: fingerprint.Of(swBytes),
	}
	verdict := must[attest.Verdict](t)(attest.Check(kek, sw, swBytes, attest.Policy{Rehearsal: rehearsal, Accepted: []fingerprint.Sum{sum}, Now: time.Now()}))
	return vaultKEK{verdict.KEK, private}
}

// open opens a blob as the vault does, with nothing but openssl.
func (k vaultKEK) open(t *testing.T, blob []byte) []byte {
	t.Helper()
	outer, inner := blob[:256], blob[256:]
	aes := openssl(t, "pkeyutl", "-decrypt", "-inkey", k.private, "-in", write(t, outer),
		"-pkeyopt", "rsa_padding_mode:oaep", "-pkeyopt", "rsa_oaep_md:sha1", "-pkeyopt", "rsa_mgf1_md:sha1")
	return unwrapped(t, hex.EncodeToString(aes), inner)
}
