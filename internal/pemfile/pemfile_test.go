package pemfile_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"

	"byok/internal/pemfile"
)

// one is a certificate in PEM.
func one(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func TestCertificates(t *testing.T) {
	c := one(t)
	const foreign, unread = "text that is not a certificate in PEM", "certificate 1 cannot be read"
	for _, test := range []struct {
		name, text, err string
		n               int
	}{
		{"none", " \n", "", 0},
		{"one", c, "", 1},
		{"two, and white space", "\n" + c + "\n\n" + one(t), "", 2},
		{"text before", "a\n" + c, foreign, 0},
		{"text after", c + "a", foreign, 0},
		{"a beginning before", "-----BEGIN CERTIFICATE-----\n" + c, foreign, 0},
		{"another type", strings.ReplaceAll(c, "CERTIFICATE", "PUBLIC KEY"), foreign, 0},
		{"a header", strings.Replace(c, "-----\n", "-----\nA: b\n\n", 1), foreign, 0},
		{"no certificate in it", "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n", unread, 0},
	} {
		list, err := pemfile.Certificates([]byte(test.text))
		if err == nil && test.err != "" || err != nil && err.Error() != test.err || len(list) != test.n {
			t.Errorf("%s: %d, %v", test.name, len(list), err)
		}
	}
}
