package vault

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"byok/internal/exitcode"
	"byok/internal/keykind"
	"byok/internal/proof"
	"byok/internal/rehearsal"
	"byok/internal/testkit/auditor"
	"byok/internal/testkit/serve"
	"byok/internal/transfer"
	"byok/internal/vault/endpoint"
)

// practice starts a rehearsal vault of its own and returns a client of it.
func practice(t *testing.T, service string) *Client {
	t.Helper()
	open, _ := serve.Rehearsal(t, rehearsal.Config{Service: service})
	address, err := endpoint.Parse(open.URL, endpoint.Allow{Rehearsal: true})
	if err != nil {
		t.Fatal(err)
	}
	c, err := New(address, open.Credential(), Options{HTTP: open.HTTP()})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// run has openssl do something with data.
func run(t *testing.T, data []byte, args ...string) []byte {
	t.Helper()
	cmd := exec.Command("openssl", args...)
	var stderr bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(data), &stderr
	out, err := cmd.Output()
	if errors.Is(err, exec.ErrNotFound) {
		t.Fatal("install openssl: it makes the packages")
	}
	if err != nil {
		t.Fatalf("openssl %s: %v %s", strings.Join(args, " "), err, stderr.String())
	}
	return out
}

// wrap makes a .byok of plaintext with openssl alone, as people without an
// HSM do (CKM_RSA_AES_KEY_WRAP: OAEP with SHA-1, then RFC 5649).
func wrap(t *testing.T, kek Key, plaintext []byte) []byte {
	t.Helper()
	pem, err := keykind.MarshalPublicKey(kek.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "kek.pem")
	if err := os.WriteFile(file, []byte(pem), 0o600); err != nil {
		t.Fatal(err)
	}
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	sealed := run(t, key, "pkeyutl", "-encrypt", "-pubin", "-inkey", file, "-pkeyopt", "rsa_padding_mode:oaep", "-pkeyopt", "rsa_oaep_md:sha1")
	wrapped := run(t, plaintext, "enc", "-id-aes256-wrap-pad", "-K", hex.EncodeToString(key), "-iv", "A65959A6")
	data, err := transfer.Blob{KEK: kek.ID, Generator: "openssl", Ciphertext: append(sealed, wrapped...)}.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// fresh makes a key of this kind with openssl: its import, and its plaintext.
func fresh(t *testing.T, kind string) (Import, []byte) {
	t.Helper()
	p := Import{Name: "contoso-" + kind}
	if kind == "AES" {
		plain := make([]byte, 32)
		_, _ = rand.Read(plain)
		block, _ := aes.NewCipher(plain)
		p.Ops = []string{"encrypt", "decrypt"}
		p.Expected = Expected{Kty: keykind.OctHSM, Bits: 256, CheckValue: make([]byte, 16)}
		block.Encrypt(p.Expected.CheckValue, p.Expected.CheckValue)
		return p, plain
	}
	args := []string{"genpkey", "-outform", "DER", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"}
	if kind != "RSA" {
		curve := map[string]string{"P-256": "P-256", "P-384": "P-384", "P-521": "P-521", "P-256K": "secp256k1"}[kind]
		args = []string{"genpkey", "-outform", "DER", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:" + curve}
	}
	plain := run(t, run(t, nil, args...), "pkcs8", "-topk8", "-nocrypt", "-inform", "DER", "-outform", "DER")
	pub, err := keykind.ParsePublicKey(string(run(t, plain, "pkey", "-inform", "DER", "-pubout")))
	if err != nil {
		t.Fatal(err)
	}
	key, err := keykind.Of(pub)
	if err != nil {
		t.Fatal(err)
	}
	p.Ops = []string{"sign", "verify"}
	p.Expected = Expected{Kty: key.KTY, Crv: key.Curve, Bits: key.Bits, PublicKey: pub}
	return p, plain
}

// TestRehearsal goes the whole way against a vault that really unwraps, with
// packages that openssl made.
func TestRehearsal(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	c := practice(t, rehearsal.ManagedHSM)
	kek, err := c.CreateKEK(ctx, "KEKforBYOK", 2048, time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	hash, err := keykind.SPKIHash(kek.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.CheckKEK(ctx, kek.ID, hash); err != nil {
		t.Error(err)
	}
	if a, err := c.Attestation(ctx, kek.ID.Name, kek.ID.Version); err != nil || a.Version == "" || !bytes.Contains(a.CertificatePEM, []byte("BEGIN CERTIFICATE")) || len(a.PrivateKey) == 0 {
		t.Errorf("%+v, %v", a, err)
	}
	for kind := range kinds() {
		t.Run(kind, func(t *testing.T) {
			p, plain := fresh(t, kind)
			p.Blob = wrap(t, kek, plain)
			first, err := c.Import(ctx, p)
			if err != nil || first.Already {
				t.Fatalf("%+v, %v", first, err)
			}
			second, err := c.Import(ctx, p)
			if err != nil || !second.Already || second.Key.ID != first.Key.ID {
				t.Errorf("%+v, %v", second, err)
			}
			p.ForceNewVersion = true
			third, err := c.Import(ctx, p)
			if err != nil || third.Already || third.Key.ID == first.Key.ID {
				t.Errorf("%+v, %v", third, err)
			}
			got, err := c.Prove(ctx, first.Key, p.Expected)
			if err != nil {
				t.Fatal(err)
			}
			if got.Method == proof.MethodSign {
				data, err := got.Marshal()
				if err != nil {
					t.Fatal(err)
				}
				auditor.Check(t, data, got.Digest())
			}
		})
	}
}

func TestRehearsalProvesRSAByDecrypting(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	c := practice(t, rehearsal.Vault)
	kek, err := c.CreateKEK(ctx, "KEKforBYOK", 3072, time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	for _, ops := range [][]string{{"encrypt", "decrypt"}, {"wrapKey", "unwrapKey"}} {
		p, plain := fresh(t, "RSA")
		p.Name, p.Ops, p.Blob = p.Name+ops[0], ops, wrap(t, kek, plain)
		got, err := c.Import(ctx, p)
		if err != nil {
			t.Fatal(err)
		}
		if proved, err := c.Prove(ctx, got.Key, p.Expected); err != nil || proved.Method != ops[1] {
			t.Errorf("%+v, %v", proved, err)
		}
	}
	if _, err := c.Attestation(ctx, kek.ID.Name, ""); !errors.Is(err, ErrNoAttestation) {
		t.Errorf("a Premium vault attests: %v", err)
	}
}

func TestRehearsalRefusals(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	c := practice(t, rehearsal.ManagedHSM)
	kek, err := c.CreateKEK(ctx, "KEKforBYOK", 2048, time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	p, plain := fresh(t, "P-256")
	p.Blob = wrap(t, kek, plain)
	wrong := p
	wrong.Expected.Crv, wrong.Name = "P-384", "wrong-curve"
	if _, err := c.Import(ctx, wrong); exitcode.Of(err) != exitcode.Vault || exitcode.HintOf(err) == "" {
		t.Errorf("%v (%s)", err, exitcode.HintOf(err))
	}
	wrong = p
	wrong.Blob, wrong.Name = wrap(t, kek, []byte("this is no PKCS#8 at all")), "no-pkcs8"
	if _, err := c.Import(ctx, wrong); exitcode.Of(err) != exitcode.Vault || exitcode.HintOf(err) == "" {
		t.Errorf("%v (%s)", err, exitcode.HintOf(err))
	}
	if _, err := c.CreateKEK(ctx, "KEKforBYOK", 2048, time.Now().Add(time.Hour)); exitcode.Of(err) != exitcode.Refused {
		t.Error(err)
	}
	if gone, err := c.DeleteKEK(ctx, "KEKforBYOK"); err != nil || gone.PurgeAt.IsZero() {
		t.Errorf("%+v, %v", gone, err)
	}
	if _, err := c.CheckKEK(ctx, kek.ID, [32]byte{}); exitcode.Of(err) != exitcode.Check {
		t.Error(err)
	}
	if d, held, err := c.Deleted(ctx, "KEKforBYOK"); err != nil || !held || d.DeletedAt.IsZero() {
		t.Errorf("%+v, %v, %v", d, held, err)
	}
	_, err = c.CreateKEK(ctx, "KEKforBYOK", 2048, time.Now().Add(time.Hour))
	if exitcode.Of(err) != exitcode.Vault || !strings.HasPrefix(err.Error(), "create KEK KEKforBYOK: a deleted key holds this name: Key KEKforBYOK is currently in a deleted but recoverable state, and its name cannot be reused; in this state, the key can only be recovered or purged (Conflict/ObjectIsDeletedButRecoverable, request ") {
		t.Error(err)
	}
	if err := c.Recover(ctx, "KEKforBYOK"); err != nil {
		t.Error(err)
	}
	if _, err := c.CheckKEK(ctx, kek.ID, [32]byte{}); err != nil {
		t.Error(err)
	}
	if _, held, err := c.Deleted(ctx, "KEKforBYOK"); err != nil || held {
		t.Errorf("%v, %v", held, err)
	}
}
