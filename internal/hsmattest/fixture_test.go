package hsmattest_test

import (
	"crypto/x509"
	"encoding/pem"
	"testing"
	"time"

	"byok/internal/hsmattest"
	"byok/internal/testkit/yubichain"
)

var now = time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)

// chain makes an attestation of a new EC key by device 30000001.
func chain(t *testing.T, change func(*yubichain.Chain)) (data []byte, k hsmattest.Key) {
	t.Helper()
	c := yubichain.New(30000001)
	public, err := yubichain.NewPublic()
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(c)
	}
	if data, err = c.Attest(public); err != nil {
		t.Fatal(err)
	}
	return data, hsmattest.Key{Public: public, Serial: "30000001", At: now, Root: c.Root()}
}

// certificatesOf are those of an attestation, one PEM each.
func certificatesOf(data []byte) (list [][]byte) {
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		list = append(list, pem.EncodeToMemory(block))
	}
	return list
}

// first is the first certificate of an attestation.
func first(t *testing.T, data []byte) *x509.Certificate {
	t.Helper()
	block, _ := pem.Decode(data)
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
