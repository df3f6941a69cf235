package proof

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/kek"
	"byok/internal/keykind"
	"byok/internal/testkit/auditor"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
)

var update = flag.Bool("update", false, "write the proofs in testdata again")

// The moment and the key version of every test.
var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

const version1 = "11111111111111111111111111111111"

func contoso() kek.ID {
	return kek.ID{Vault: "https://contoso.vault.azure.net", Name: "contoso", Version: version1}
}

// keys are made once: RSA takes its time.
var keys = sync.OnceValue(func() map[string]crypto.Signer {
	out := map[string]crypto.Signer{}
	out["RSA"], _ = rsa.GenerateKey(rand.Reader, 2048)
	for _, curve := range []elliptic.Curve{elliptic.P256(), elliptic.P384(), elliptic.P521()} {
		out[curve.Params().Name], _ = ecdsa.GenerateKey(curve, rand.Reader)
	}
	k, _ := secp256k1.GeneratePrivateKey()
	out["P-256K"] = k.ToECDSA()
	return out
})

var algorithms = map[string]string{
	"RSA": "RS256", "P-256": "ES256", "P-384": "ES384", "P-521": "ES512", "P-256K": "ES256K",
}

// signed returns the proof that the key would give.
func signed(t *testing.T, name string) Proof {
	t.Helper()
	key := keys()[name]
	p := New(contoso(), kek.Production, noon)
	if err := p.Pose(key.Public(), fingerprint.Of([]byte("authorization")), make([]byte, NonceSize)); err != nil {
		t.Fatal(err)
	}
	kind, err := keykind.Of(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	digest := kind.Digest.New()
	digest.Write(p.Text())
	p.Method, p.Algorithm = MethodSign, Algorithm(kind)
	if p.Signature, err = key.Sign(rand.Reader, digest.Sum(nil), kind.Digest); err != nil {
		t.Fatal(err)
	}
	return p
}

// TestSigned makes a proof with every kind of key, of which openssl is the judge.
func TestSigned(t *testing.T) {
	for name, alg := range algorithms {
		p := signed(t, name)
		if err := p.Verify(); err != nil || p.Algorithm != alg {
			t.Errorf("%s: %s, %v", name, p.Algorithm, err)
		}
		data, err := p.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		auditor.Check(t, data, p.Digest())
		if again, err := Parse(name, data); err != nil || !reflect.DeepEqual(again, p) {
			t.Errorf("%s: read as %+v, %v", name, again, err)
		}
	}
}

func TestPoseRefuses(t *testing.T) {
	p := New(contoso(), kek.Production, noon)
	refused(t, p.Pose("no key", fingerprint.Sum{}, nil), exitcode.Check,
		"public key of type string: the service imports RSA of 2048, 3072 or 4096 bits and EC on P-256, P-384, P-521 or P-256K")
	refused(t, p.Pose(keys()["P-256"].Public(), fingerprint.Sum{}, []byte{1}), exitcode.Usage,
		"a nonce of 1 bytes: 32 are required")
}

// TestNoncesAreFresh: without an auditor's nonce no two challenges are alike.
func TestNoncesAreFresh(t *testing.T) {
	first, second := New(contoso(), kek.Test, noon), New(contoso(), kek.Test, noon)
	for _, p := range []*Proof{&first, &second} {
		if err := p.Pose(keys()["P-256"].Public(), fingerprint.Sum{}, nil); err != nil {
			t.Fatal(err)
		}
	}
	if first.Challenge == second.Challenge {
		t.Errorf("both are %s", first.Challenge)
	}
}

func refused(t *testing.T, err error, code exitcode.Code, want string) {
	t.Helper()
	if err == nil || err.Error() != want || exitcode.Of(err) != code {
		t.Errorf("status %d: %v, want %d: %s", exitcode.Of(err), err, code, want)
	}
}

// TestProofVectors reads one proof of every kind from testdata and finds
// those good that can be checked again.
func TestProofVectors(t *testing.T) {
	if *update {
		writeVectors(t)
	}
	files, _ := filepath.Glob("testdata/*.json")
	if len(files) != 8 {
		t.Fatalf("%d proofs in testdata, not 8", len(files))
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		p, err := Parse(file, data)
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
			auditor.Check(t, data, p.Digest())
		} else {
			refused(t, err, exitcode.Check, "the proof holds no signature that could be checked again")
		}
	}
}

func vector(t *testing.T, name string) Proof {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	p, err := Parse(name, data)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestProofVerifyRefuses(t *testing.T) {
	const content = "the signature does not belong to this content and this public key"
	for _, c := range []struct {
		name, vector string
		change       func(*Proof)
		want         string
	}{
		{"RSA challenge", "RSA", func(p *Proof) { p.Challenge += " " }, content},
		{"RSA signature", "RSA", func(p *Proof) { p.Signature[0] ^= 1 }, content},
		{"P-384 challenge", "P-384", func(p *Proof) { p.Challenge = "{}" }, content},
		{"P-521 signature", "P-521", func(p *Proof) { p.Signature = nil }, content},
		{"P-256K challenge", "P-256K", func(p *Proof) { p.Challenge = "" }, content},
		{"another curve", "P-384", func(p *Proof) { p.Algorithm = "ES512" },
			`the algorithm of a P-384 key is ES384, but the proof has "ES512"`},
		{"RSA as ES384", "RSA", func(p *Proof) { p.Algorithm = "ES384" },
			`the algorithm of a RSA-2048 key is RS256, but the proof has "ES384"`},
		{"no algorithm", "RSA", func(p *Proof) { p.Algorithm = "none" },
			`the algorithm of a RSA-2048 key is RS256, but the proof has "none"`},
		{"no public key", "RSA", func(p *Proof) { p.PublicKey = "" }, "public key: not a PEM block"},
		{"no signature to check", "decrypt", func(*Proof) {}, "the proof holds no signature that could be checked again"},
	} {
		p := vector(t, c.vector)
		c.change(&p)
		if err := p.Verify(); err == nil || err.Error() != c.want || exitcode.Of(err) != exitcode.Check {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	data, err := os.ReadFile("testdata/P-256.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, old, new, want string }{
		{"type", `"byok-proof"`, `"proof"`, `p.json: type is "proof", expected "byok-proof"`},
		{"version", `"version": 2`, `"version": 3`, "p.json: version 3 of byok-proof, written by a later release; this one reads version 2"},
		{"unknown field", `"version": 2`, `"extra": 1, "version": 2`, "p.json: unknown field extra"},
		{"spacing", `"version": 2`, `"version":2`,
			"p.json: line 3 differs from what the program writes: a field is missing, null, out of order or spaced differently"},
		{"mark", `"production"`, `"Production"`, `p.json: field mark: expected "production", "rehearsal" or "test"`},
		{"method", `"method": "sign"`, `"method": "verify"`, `p.json: field method: "verify" is not a method of a proof`},
		{"algorithm", `"ES256"`, `"none"`, `p.json: field algorithm: "none" is not a signature algorithm of a proof`},
		{"no time", `"time": "2026-01-02T12:00:00Z",` + "\n  \"kid", `"time": "0001-01-01T00:00:00Z",` + "\n  \"kid", "p.json: field time: a time is missing"},
		{"another time", `"time": "2026-01-02T12:00:00Z",` + "\n  \"kid", `"time": "2026-01-02T12:00:01Z",` + "\n  \"kid",
			"p.json: field challenge: it is for https://contoso.vault.azure.net/keys/contoso/" + version1 + " at 2026-01-02T12:00:00Z"},
		{"another key", `"kid": "https://contoso.vault`, `"kid": "https://fabrikam.vault`,
			"p.json: field challenge: it is for https://contoso.vault.azure.net/keys/contoso/" + version1 + " at 2026-01-02T12:00:00Z"},
		{"challenge", `byok-challenge`, `byok-proof`, `p.json: field challenge: type is "byok-proof", expected "byok-challenge"`},
		{"short nonce", `nonce\": \"00`, `nonce\": \"`, "p.json: field challenge: field nonce: expected 64 lower-case hex digits"},
		{"capitals", `nonce\": \"00`, `nonce\": \"AA`, "p.json: field challenge: field nonce: expected 64 lower-case hex digits"},
		{"challenge spelled otherwise", `\"nonce\": `, `\"nonce\":`,
			"p.json: field challenge: line 4 differs from what the program writes: a field is missing, null, out of order or spaced differently"},
	} {
		changed := strings.Replace(string(data), c.old, c.new, 1)
		if changed == string(data) {
			t.Fatalf("%s: nothing changed in\n%s", c.name, data)
		}
		_, err := Parse("p.json", []byte(changed))
		refused(t, err, exitcode.Usage, c.want)
	}
}

func TestParseChallengeRefuses(t *testing.T) {
	id := contoso()
	good, err := newChallenge(id, fingerprint.Of(nil), make([]byte, NonceSize), noon)
	if err != nil {
		t.Fatal(err)
	}
	if c, err := parseChallenge(good); err != nil || c.Authorization != fingerprint.Of(nil) || c.KID != id {
		t.Errorf("%+v, %v", c, err)
	}
	for _, c := range []struct{ name, old, new, want string }{
		{"no time", `"2026-01-02T12:00:00Z"`, `"0001-01-01T00:00:00Z"`, "field challenge: field time: a time is missing"},
		{"no key", `"` + id.String() + `"`, `null`,
			"field challenge: line 6 differs from what the program writes: a field is missing, null, out of order or spaced differently"},
	} {
		_, err := parseChallenge([]byte(strings.Replace(string(good), c.old, c.new, 1)))
		if err == nil || err.Error() != c.want {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
	}
	_, err = newChallenge(id, fingerprint.Sum{}, []byte{1}, noon)
	refused(t, err, exitcode.Usage, "a nonce of 1 bytes: 32 are required")
}

func FuzzParse(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.json")
	if len(files) == 0 {
		f.Fatal("no seeds in testdata")
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := Parse("p.json", data)
		if err != nil {
			return
		}
		if again, err := p.Marshal(); err != nil || !bytes.Equal(again, data) {
			t.Errorf("re-encoded as %s (%v)", again, err)
		}
		_ = p.Verify()
	})
}

// writeVectors makes testdata with this run's keys.
func writeVectors(t *testing.T) {
	challenge := signed(t, "RSA").Challenge
	proofs := map[string]Proof{
		"decrypt": {
			Method:     MethodDecrypt,
			Algorithm:  "RSA-OAEP-256",
			Challenge:  challenge,
			Ciphertext: make([]byte, 256),
		},
		"unwrap": {
			Method:     MethodUnwrap,
			Algorithm:  "RSA-OAEP-256",
			Challenge:  challenge,
			Ciphertext: make([]byte, 256),
		},
		"check-value": {Method: MethodCheckValue, Algorithm: "A256CBC", CheckValue: "00112233445566778899aabbccddeeff"},
	}
	for name := range algorithms {
		proofs[name] = signed(t, name)
	}
	for name, p := range proofs {
		p.Type, p.Version, p.Mark, p.Time, p.KID = Type, proofVersion, kek.Production, noon, contoso()
		data, err := p.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile("testdata/"+name+".json", data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
