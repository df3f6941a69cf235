package main

import (
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"byok/internal/attest"
	"byok/internal/fingerprint"
	"byok/internal/kek"
	"byok/internal/keykind"
	"byok/internal/rehearsal/partition"
	"byok/internal/stamp"
	"byok/internal/toolset"
)

// vaultKEK is a KEK of a rehearsal's Managed HSM, which takes keys of every type,
// as the two packages of a toolset, and with its private half.
type vaultKEK struct {
	private *rsa.PrivateKey
	id      kek.ID
	sum     fingerprint.Sum
	pair    toolset.Pair
	flags   string // packages, and what the vault's owner says of the KEK
}

// newVaultKEK writes the packages of a KEK of 2048 bits into dir.
func newVaultKEK(t testing.TB, dir, name string) vaultKEK {
	t.Helper()
	k := vaultKEK{private: mustDo(vaultKey())(t)}
	k.sum = mustDo(keykind.SPKIHash(&k.private.PublicKey))(t)
	k.id = mustDo(kek.ParseID("https://localhost:8443/keys/" + name + "/" + strings.Repeat("0a", 16)))(t)
	hsm := mustDo(vaultHSM())(t)
	world := mustDo(toolset.SecurityWorldPackage{
		Type: toolset.SecurityWorldType, Version: toolset.Version, Suffix: "TEST", Generation: 1, Mark: kek.Rehearsal,
		Service: kek.ServiceManagedHSM, Cloud: "AzurePublic", Vault: k.id.Vault,
		PartitionCertificates: string(hsm.Certificates), RehearsalRoot: string(hsm.Root),
	}.Marshal())(t)
	claims := attest.NewClaims(attest.Firmware2, k.id, &k.private.PublicKey, []string{kek.OpImport})
	pkg := mustDo(toolset.KEKPackage{
		Type: toolset.KEKType, Version: toolset.Version, Suffix: "TEST", Generation: 1, Mark: kek.Rehearsal,
		KID: k.id, PublicKey: mustDo(keykind.MarshalPublicKey(&k.private.PublicKey))(t), KTY: "RSA-HSM",
		KeyOps: []string{"import"}, Enabled: true, HSMPlatform: "2", Created: stamp.Now(),
		SecurityWorld: fingerprint.Of(world),
		Attestation: &toolset.Attestation{
			CertificatePEM: hsm.Certificates, PrivateKey: mustDo(attest.Sign(claims, hsm.Key))(t), Version: "MRVL-1",
		},
	}.Marshal())(t)
	kekFile := toolset.File{Name: filepath.Join(dir, toolset.KEKName("TEST", 1)), Data: pkg}
	worldFile := toolset.File{Name: filepath.Join(dir, toolset.SecurityWorldName("TEST", 1)), Data: world}
	mustWrite(t, kekFile.Name, pkg)
	mustWrite(t, worldFile.Name, world)
	k.pair = mustDo(toolset.ParsePair(kekFile, worldFile))(t)
	k.flags = fmt.Sprintf("-k %s -w %s %s", kekFile.Name, worldFile.Name, k.said())
	return k
}

// vaultKey is the private half of every KEK of a test run.
var vaultKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

// vaultHSM is the HSM that attests every KEK of a test run.
var vaultHSM = sync.OnceValues(partition.New)

// said are the flags for what the vault's owner says of the KEK.
func (k vaultKEK) said() string {
	return fmt.Sprintf("--fingerprint %v --kid %v --import-only --said-by Olga", k.sum, k.id)
}
