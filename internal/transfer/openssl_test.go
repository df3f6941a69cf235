package transfer

import (
	"os"
	"path/filepath"
	"testing"
)

// Both signatures of a package are checked as the documents tell an auditor to,
// from the files as they are.
func TestOpensslChecksAPackage(t *testing.T) {
	for _, folder := range vectors(t, "package/valid/*") {
		names := must[FileNames](t)(NamesFor(filepath.Join(folder, blobName)))
		m := must[Manifest](t)(ParseManifest(names.Manifest, read(t, names.Manifest)))
		signers := map[string]string{names.Signature: m.World.KNSOPublicKey}
		if _, err := os.Stat(names.Possession); err == nil {
			signers[names.Possession] = m.Key.PublicKey
		}
		for sig, signer := range signers {
			out := openssl(t, "dgst", "-sha256", "-verify", write(t, []byte(signer)), "-signature", sig, names.Manifest)
			if string(out) != "Verified OK\n" {
				t.Errorf("%s: %s", sig, out)
			}
		}
	}
}
