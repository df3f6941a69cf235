package hsmattest_test

import (
	"crypto/ecdsa"
	"encoding/pem"
	"os"
	"strings"
	"testing"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"

	"byok/internal/hsmattest"
	"byok/internal/statement"
)

// TestFormats: what cannot be verified is recognised at most.
func TestFormats(t *testing.T) {
	data, k := chain(t, nil)
	mine := certificatesOf(data)
	block, _ := pem.Decode([]byte(k.Root))
	secp, err := secp256k1.GeneratePrivateKey()
	if err != nil {
		t.Fatal(err)
	}
	public := secp.PubKey().ToECDSA()
	for _, c := range []struct {
		name, data, want string
		public           *ecdsa.PublicKey
	}{
		{"an nShield bundle", `{"pubkeydata":"","kcmsg":"","kcsig":"","warrant":"","root":"KWARN-1"}`,
			hsmattest.FormatNShield, nil},
		{"JSON of something else", `{"pubkeydata":""}`, hsmattest.FormatUnknown, nil},
		{"PKCS #7 in PEM", "-----BEGIN PKCS7-----\nMIIB\n", hsmattest.FormatPKCS7, nil},
		{"PKCS #7 in DER", "\x30\x82\x01\x00\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02\xa0", hsmattest.FormatPKCS7, nil},
		{"a certificate of another maker", k.Root, hsmattest.FormatX509, nil},
		{"that in DER", string(block.Bytes), hsmattest.FormatX509, nil},
		{"anything", "\x00\x01", hsmattest.FormatUnknown, nil},
		{"a P-256K key's", string(mine[0]), hsmattest.FormatYubiHSM + " of a P-256K key", public},
	} {
		key := k
		if c.public != nil {
			key.Public = c.public
		}
		r := hsmattest.Check([]byte(c.data), key)
		if r.Format != c.want || r.Verified() || r.Err("f") != nil {
			t.Errorf("%s: %s, %v, %v", c.name, r.Format, r.Findings, r.Err("f"))
		}
		if s := r.Statement(""); s.Verified() || s.String() != c.want+": attached, not verified" {
			t.Errorf("%s: %v", c.name, s)
		}
	}
}

func TestCheckSize(t *testing.T) {
	for size, want := range map[int]string{
		0:               "0 bytes: an attestation has 1 to 262144",
		1:               "",
		256 << 10:       "",
		(256 << 10) + 1: "262145 bytes: an attestation has 1 to 262144",
	} {
		got := ""
		if err := hsmattest.CheckSize(make([]byte, size)); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%d: %s", size, got)
		}
	}
}

func TestCheckRoot(t *testing.T) {
	_, k := chain(t, nil)
	if err := hsmattest.CheckRoot(k.Root); err != nil {
		t.Error(err)
	}
	yubico, err := os.ReadFile("roots/yubico-yubihsm-root-2071.pem")
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"":                      "the rehearsal's root is not one certificate in PEM",
		k.Root + k.Root:         "the rehearsal's root is not one certificate in PEM",
		string(yubico):          "this root is pinned: it need not be given",
		string(yubico) + "more": "the rehearsal's root is not one certificate in PEM",
	} {
		if err := hsmattest.CheckRoot(text); err == nil || err.Error() != want {
			t.Errorf("%.40q: %v", text, err)
		}
	}
}

// TestAgain holds what is read later to what the quorum saw.
func TestAgain(t *testing.T) {
	data, k := chain(t, nil)
	identity, err := statement.IdentityOf(k.Public, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := hsmattest.Check(data, k)
	module := &statement.Module{Token: statement.Token{Serial: k.Serial}}
	pair := statement.Pair{Approval: statement.Approval{Identity: identity, HSM: r.Statement(k.Root)}}
	if again, err := hsmattest.Again(data, pair, module, k.At); err != nil || !again.Verified() {
		t.Error(err)
	}
	_, err = hsmattest.Again(append(data, '\n'), pair, module, k.At)
	if err == nil || !strings.HasPrefix(err.Error(), "it is not the attestation that the quorum saw: SHA-256 ") {
		t.Error(err)
	}
	module.Token.Serial = "1"
	_, err = hsmattest.Again(data, pair, module, k.At)
	want := "the HSM's attestation: HSM-KEY-SERIAL: the key's certificate is of device 30000001, and the module is 1"
	if err == nil || err.Error() != want {
		t.Error(err)
	}
	other := []byte("anything")
	pair.HSM = hsmattest.Check(other, k).Statement("")
	if _, err := hsmattest.Again(other, pair, module, k.At); err != nil {
		t.Error(err)
	}
	pair.HSM.Rules = r.Statement("").Rules
	_, err = hsmattest.Again(other, pair, module, k.At)
	want = "the authorization says format that is not known here: verified, and the file is format that is not known here"
	if err == nil || err.Error() != want {
		t.Error(err)
	}
}
