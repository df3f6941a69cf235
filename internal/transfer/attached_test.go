package transfer_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/hsmattest"
	"byok/internal/keykind"
	"byok/internal/kmdata"
	"byok/internal/statement"
	"byok/internal/testkit/softworld"
	"byok/internal/transfer"
)

// attachment is what a vendor says of a key, in a format that no one here verifies.
const attachment = "what the vendor says"

// attached writes the package of a key, which the quorum approved with the
// attestation or without, and returns the path of the .byok and its world.
func attached(t *testing.T, with bool) (string, *kmdata.Chain) {
	t.Helper()
	w := must(softworld.New(t.TempDir(), softworld.Options{}))(t)
	key := must(softworld.NewKey(must(keykind.Parse("P-256"))(t)))(t)
	exchange := must(softworld.NewKEK("https://contoso.vault.azure.net"))(t)
	copies := must(w.Transfer(softworld.Request{Ident: "key", Key: key, KEK: exchange, Change: func(a *statement.Approval) {
		if with {
			a.HSM = hsmattest.Check([]byte(attachment), hsmattest.Key{}).Statement("")
		}
	}}))(t)
	if with {
		if err := w.Chain.WriteHSMAttestation([]byte(attachment)); err != nil {
			t.Fatal(err)
		}
	}
	p := must(transfer.Make(w.Chain, transfer.Request{
		Copy: copies[0], SubscriptionID: "00000000-0000-0000-0000-000000000000", Generator: "test",
	}, w.KML[w.Module()]))(t)
	return must(p.Write(t.TempDir()))(t)[0], w.Chain
}

// TestAttestationInAPackage: the attestation that a quorum saw is a part of the
// package, and no other one is.
func TestAttestationInAPackage(t *testing.T) {
	for _, c := range []struct {
		name string
		with bool
		put  string // "" removes the file
		want string // after the file's name
	}{
		{"as approved", true, attachment, ""},
		{"swapped", true, "swapped", "it is not the attestation that the quorum saw: SHA-256 " +
			fingerprint.Of([]byte("swapped")).String() + ", approved " + fingerprint.Of([]byte(attachment)).String()},
		{"missing", true, "", "it is missing: the quorum approved the key with it"},
		{"planted", false, attachment, "the quorum approved the key without an attestation, so this file must not exist"},
		{"none", false, "", ""},
	} {
		path, chain := attached(t, c.with)
		file := strings.TrimSuffix(path, ".byok") + ".hsm-attestation"
		if c.put == "" {
			_ = os.Remove(file)
		} else if err := os.WriteFile(file, []byte(c.put), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := verified(path, chain.HKNSO())
		got := ""
		if err != nil {
			got = strings.TrimPrefix(err.Error(), file+": ")
		}
		if got != c.want || err != nil && exitcode.Of(err) != exitcode.Check {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestAttestationIsNotThere: without the file that was approved no package is made.
func TestAttestationIsNotThere(t *testing.T) {
	_, chain := attached(t, true)
	copies := must(chain.Copies("key"))(t)
	path := chain.HSMAttestationPath(fingerprint.Of([]byte(attachment)))
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	_, err := transfer.Make(chain, transfer.Request{
		Copy: copies[0], SubscriptionID: "00000000-0000-0000-0000-000000000000", Generator: "test",
	}, nil)
	if exitcode.Of(err) != exitcode.Check || err.Error() != filepath.Clean(path)+": no such file" {
		t.Errorf("%v", err)
	}
}
