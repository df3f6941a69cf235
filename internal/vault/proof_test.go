package vault

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/transfer"
)

var update = flag.Bool("update", false, "write the proofs in testdata anew")

// TestProofVectors reads one proof of every kind from testdata/proof and finds
// those good that can be checked again.
func TestProofVectors(t *testing.T) {
	if *update {
		writeVectors(t)
	}
	files, _ := filepath.Glob("testdata/proof/*.json")
	if len(files) != 8 {
		t.Fatalf("%d proofs in testdata/proof, not 8", len(files))
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		p, err := ParseProof(file, data)
		if err != nil {
			t.Error(err)
			continue
		}
		again, err := p.Marshal()
		if err != nil || !bytes.Equal(again, data) {
			t.Errorf("%s: re-encoded differently (%v)", file, err)
		}
		err = p.Verify()
		if p.Method == MethodSign && err != nil {
			t.Errorf("%s: %v", file, err)
		}
		if p.Method == MethodSign {
			openssl(t, data, p.Digest())
		} else {
			check(t, err, exitcode.Check, "", "the proof holds no signature that could be checked again", "")
		}
	}
}

func vector(t *testing.T, name string) Proof {
	t.Helper()
	data, err := os.ReadFile("testdata/proof/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	p, err := ParseProof(name, data)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestProofVerifyRefuses(t *testing.T) {
	const wrong = "the signature does not belong to this challenge and this public key"
	const content = "the signature does not belong to this content and this public key"
	for name, c := range map[string]struct {
		vector string
		change func(*Proof)
		want   string
	}{
		"RSA challenge":    {"RSA", func(p *Proof) { p.Challenge[31] ^= 1 }, content},
		"RSA signature":    {"RSA", func(p *Proof) { p.Signature[0] ^= 1 }, content},
		"P-384 challenge":  {"P-384", func(p *Proof) { p.Challenge[0] ^= 1 }, wrong},
		"P-521 signature":  {"P-521", func(p *Proof) { p.Signature = nil }, wrong},
		"P-256K challenge": {"P-256K", func(p *Proof) { p.Challenge[0] ^= 1 }, content},
		"another curve":    {"P-384", func(p *Proof) { p.Algorithm = "ES512" }, wrong},
		"RSA as ES384":     {"RSA", func(p *Proof) { p.Algorithm = "ES384" }, wrong},
		"no algorithm":     {"RSA", func(p *Proof) { p.Algorithm = "none" }, "the algorithm does not sign"},
		"no public key":    {"RSA", func(p *Proof) { p.PublicKey = "" }, "public key: not a PEM block"},
	} {
		p := vector(t, c.vector)
		c.change(&p)
		if err := p.Verify(); err == nil || err.Error() != c.want || exitcode.Of(err) != exitcode.Check {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}

func TestParseProofRefuses(t *testing.T) {
	data, err := os.ReadFile("testdata/proof/P-256.json")
	if err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string][2]string{
		"p.json: not a byok-proof of version 1":                                {`"byok-proof"`, `"proof"`},
		"p.json: unknown field extra":                                          {`"version"`, `"extra": 1, "version"`},
		`p.json: field algorithm: "none" is no signature algorithm of a proof`: {`"ES256"`, `"none"`},
		"p.json: not in the spelling this program writes":                      {`"version": 1`, `"version":1`},
	} {
		_, err := ParseProof("p.json", []byte(strings.Replace(string(data), change[0], change[1], 1)))
		check(t, err, exitcode.Usage, "", want, "")
	}
}

func FuzzParseProof(f *testing.F) {
	files, _ := filepath.Glob("testdata/proof/*.json")
	if len(files) == 0 {
		f.Fatal("no seeds in testdata/proof")
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := ParseProof("p.json", data)
		if err != nil {
			return
		}
		if again, err := p.Marshal(); err != nil || !bytes.Equal(again, data) {
			t.Errorf("re-encoded as %s (%v)", again, err)
		}
		_ = p.Verify()
	})
}

// writeVectors makes testdata/proof with this run's keys.
func writeVectors(t *testing.T) {
	kid, err := transfer.ParseKeyID("https://contoso.vault.azure.net/keys/contoso/" + version1)
	if err != nil {
		t.Fatal(err)
	}
	challenge := []byte("0123456789abcdef0123456789abcdef")
	proofs := map[string]Proof{
		"decrypt":     {Method: MethodDecrypt, Algorithm: "RSA-OAEP-256", Ciphertext: make([]byte, 256)},
		"unwrap":      {Method: MethodUnwrap, Algorithm: "RSA-OAEP-256", Ciphertext: make([]byte, 256)},
		"check-value": {Method: MethodCheckValue, Algorithm: "A256CBC", CheckValue: "00112233445566778899aabbccddeeff"},
	}
	for name, alg := range algorithms {
		_, hash := signing(Key{Crv: curveOf(name)})
		digest := hash.New()
		digest.Write(challenge)
		signature := signer(name)(digest.Sum(nil), nil)
		if name != "RSA" {
			signature = derSignature(signature)
		}
		pem, err := transfer.MarshalPublicKey(public(name))
		if err != nil {
			t.Fatal(err)
		}
		proofs[name] = Proof{Method: MethodSign, Algorithm: alg, Signature: signature, PublicKey: pem}
	}
	for name, p := range proofs {
		p.Type, p.Version, p.Time, p.KID, p.Challenge = proofType, 1, noon, kid, challenge
		data, err := p.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile("testdata/proof/"+name+".json", data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
