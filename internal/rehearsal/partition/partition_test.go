package partition

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"reflect"
	"strings"
	"testing"
)

// TestHSM: the certificates are those of the real one's shape, and what Encode
// writes is read as the same.
func TestHSM(t *testing.T) {
	h, err := New()
	if err != nil {
		t.Fatal(err)
	}
	back, err := Read(h.Encode())
	if err != nil || !reflect.DeepEqual(back.Key.D, h.Key.D) || !bytes.Equal(back.Root, h.Root) ||
		!bytes.Equal(back.Certificates, h.Certificates) {
		t.Errorf("read as another, %v", err)
	}
	var chain []*x509.Certificate
	for rest := append(bytes.Clone(h.Root), h.Certificates...); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(c.Subject.String(), "REHEARSAL") || c.SerialNumber.Sign() <= 0 {
			t.Errorf("%s, serial number %s", c.Subject, c.SerialNumber)
		}
		chain = append(chain, c)
	}
	if len(chain) != 5 {
		t.Fatalf("%d certificates", len(chain))
	}
	root, hsm, byHSM, pool, byPool := chain[0], chain[1], chain[2], chain[3], chain[4]
	if hsm.Version != 1 || byHSM.Version != 3 {
		t.Errorf("versions %d and %d", hsm.Version, byHSM.Version)
	}
	for _, c := range []*x509.Certificate{byHSM, byPool} {
		if !h.Key.PublicKey.Equal(c.PublicKey) {
			t.Errorf("%s is not for the partition's key", c.Subject)
		}
	}
	for _, link := range []struct{ child, parent *x509.Certificate }{{hsm, root}, {byHSM, hsm}, {byPool, pool}} {
		if err := link.parent.CheckSignature(link.child.SignatureAlgorithm, link.child.RawTBSCertificate, link.child.Signature); err != nil {
			t.Errorf("%s under %s: %v", link.child.Subject, link.parent.Subject, err)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	h, err := New()
	if err != nil {
		t.Fatal(err)
	}
	key := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: []byte("x")})
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"no PEM":        {[]byte("x"), "no partition key in it"},
		"another block": {h.Root, "no partition key in it"},
		"no key":        {key, "the partition key cannot be read"},
		"no root":       {bytes.Replace(h.Encode(), h.Root, nil, 1), "expected a root and four certificates"},
		"key alone":     {bytes.ReplaceAll(h.Encode(), []byte("CERTIFICATE"), []byte("X")), "expected a root and four certificates"},
	} {
		if _, err := Read(c.data); err == nil || err.Error() != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}
