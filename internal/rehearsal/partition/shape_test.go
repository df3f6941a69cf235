package partition

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"
)

// certificatesOf lists the root and the four certificates.
func certificatesOf(t *testing.T, h HSM) (list []*x509.Certificate) {
	t.Helper()
	for rest := slices.Concat(h.Root, h.Certificates); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return list
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, c)
	}
}

// TestShape: nobody takes one of these certificates for a real HSM's, and each
// is good for ten years from now.
func TestShape(t *testing.T) {
	h, err := New()
	if err != nil {
		t.Fatal(err)
	}
	list := certificatesOf(t, h)
	serials := map[string]bool{}
	for _, c := range list {
		if !slices.Equal(c.Subject.Organization, []string{"REHEARSAL"}) || !strings.Contains(c.Subject.CommonName, "REHEARSAL") {
			t.Errorf("subject %s", c.Subject)
		}
		now := time.Now()
		if c.NotBefore.After(now) || c.NotAfter.Before(now.AddDate(9, 11, 0)) {
			t.Errorf("%s is valid from %v to %v", c.Subject, c.NotBefore, c.NotAfter)
		}
		serials[c.SerialNumber.String()] = true
	}
	if len(serials) != len(list) {
		t.Errorf("%d serial numbers of %d certificates", len(serials), len(list))
	}
	for _, i := range []int{0, 3} {
		if c := list[i]; !c.IsCA || c.KeyUsage&x509.KeyUsageCertSign == 0 {
			t.Errorf("%s is no CA", c.Subject)
		}
	}
	other, err := New()
	if err != nil {
		t.Fatal(err)
	}
	again := certificatesOf(t, other)
	if a, b := list[2].Subject.CommonName, again[2].Subject.CommonName; a == b {
		t.Errorf("two partitions are called %s", a)
	}
	if list[1].SerialNumber.Cmp(again[1].SerialNumber) == 0 {
		t.Errorf("two HSMs have the serial number %v", list[1].SerialNumber)
	}
}

// TestKeysFail: a partition is whole, or there is none.
func TestKeysFail(t *testing.T) {
	no := errors.New("no key")
	tiny := &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: big.NewInt(3 * 5), E: 3}, D: big.NewInt(3)}
	good, err := newKey()
	if err != nil {
		t.Fatal(err)
	}
	for n := range 4 {
		for name, bad := range map[string]keyMaker{
			"none": func() (*rsa.PrivateKey, error) { return nil, no },
			"tiny": func() (*rsa.PrivateKey, error) { return tiny, nil },
		} {
			left := n
			h, err := made(func() (*rsa.PrivateKey, error) {
				if left--; left < 0 {
					return bad()
				}
				return good, nil
			})
			if name == "tiny" && n == 3 {
				continue // the partition's own key signs nothing here
			}
			if err == nil || name == "none" && !errors.Is(err, no) || h.Key != nil || h.Root != nil {
				t.Errorf("%s, key %d: %v", name, n+1, err)
			}
		}
	}
}
