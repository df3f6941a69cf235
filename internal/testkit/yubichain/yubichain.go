// Package yubichain makes attestations as a YubiHSM 2 makes them, under a root of
// its own: a root, a CA, a device, and the device's certificate of a key.
//
// It is for tests. Change the fields of a [Chain] before [Chain.Attest] to make
// what a device never makes.
package yubichain

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"math/big"
	"time"
)

// The origins of a key (Yubico, "Object Origin").
const (
	Generated       = 0x01
	Imported        = 0x02
	ImportedWrapped = 0x10
)

// Capabilities that keys of a world have: sign-ecdsa and exportable-under-wrap.
const Capabilities = 1<<7 | 1<<16

// Chain is what attests a key.
type Chain struct {
	Serial       int64 // of the device, in its own certificate
	KeySerial    int64 // in the key's
	Origin       byte
	Capabilities uint64
	From, To     time.Time
	DeviceIsKey  bool // the device's certificate has an origin, as an attested key's
	NotACA       bool // the device's certificate may issue none
	LeaveOut     asn1.ObjectIdentifier
	Behind       []byte // behind the value of each extension
	OriginBytes  int    // size of the origin; 0 is 1

	root, ca, device link
}

// link is a certificate with its private key.
type link struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// New makes a chain for a device; each has a root of its own.
func New(serial int64) *Chain {
	return &Chain{
		Serial: serial, KeySerial: serial, Origin: Generated, Capabilities: Capabilities,
		From: time.Date(2017, 1, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2071, 10, 5, 0, 0, 0, 0, time.UTC),
	}
}

// NewPublic makes the public half of a new P-256 key.
func NewPublic() (*ecdsa.PublicKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	return &key.PublicKey, nil
}

// Root is the root's certificate in PEM; it is made with the first attestation.
func (c *Chain) Root() string {
	if c.root.cert == nil {
		return ""
	}
	return string(encode(c.root.cert))
}

// Attest makes the attestation of a key: its certificate, the device's, and the
// CA's, in PEM.
func (c *Chain) Attest(public crypto.PublicKey) ([]byte, error) {
	if err := c.make(); err != nil {
		return nil, err
	}
	leaf := &x509.Certificate{
		SerialNumber:    big.NewInt(4),
		Subject:         pkix.Name{CommonName: "YubiHSM Attestation id:0x0101"},
		ExtraExtensions: c.extensions(c.KeySerial, true),
	}
	cert, err := c.issue(leaf, c.device, public)
	if err != nil {
		return nil, err
	}
	return bytes.Join([][]byte{encode(cert), encode(c.device.cert), encode(c.ca.cert)}, nil), nil
}

// make makes what is above the key, once.
func (c *Chain) make() (err error) {
	if c.root.cert != nil {
		return nil
	}
	ca := x509.Certificate{BasicConstraintsValid: true, IsCA: true, KeyUsage: x509.KeyUsageCertSign}
	root, sub := ca, ca
	root.SerialNumber, root.Subject = big.NewInt(1), pkix.Name{CommonName: "Specimen YubiHSM Root CA"}
	sub.SerialNumber, sub.Subject = big.NewInt(2), pkix.Name{CommonName: "Specimen YubiHSM Sub-CA"}
	device := x509.Certificate{
		SerialNumber:          big.NewInt(3),
		Subject:               pkix.Name{CommonName: fmt.Sprintf("YubiHSM Attestation (%d)", c.Serial)},
		BasicConstraintsValid: true,
		IsCA:                  !c.NotACA,
		ExtraExtensions:       c.extensions(c.Serial, c.DeviceIsKey),
	}
	if c.root, err = c.link(&root, link{}); err != nil {
		return err
	}
	if c.ca, err = c.link(&sub, c.root); err != nil {
		return err
	}
	c.device, err = c.link(&device, c.ca)
	return err
}

// link issues a certificate of a new key; without a parent, by itself.
func (c *Chain) link(template *x509.Certificate, parent link) (link, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return link{}, err
	}
	if parent.cert == nil {
		parent = link{template, key}
	}
	cert, err := c.issue(template, parent, &key.PublicKey)
	return link{cert, key}, err
}

func (c *Chain) issue(template *x509.Certificate, parent link, public crypto.PublicKey) (*x509.Certificate, error) {
	template.NotBefore, template.NotAfter = c.From, c.To
	der, err := x509.CreateCertificate(rand.Reader, template, parent.cert, public, parent.key)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// extensions are those of Yubico's arc; a device's own certificate has the first
// two.
func (c *Chain) extensions(serial int64, ofKey bool) (list []pkix.Extension) {
	arc := func(n int) asn1.ObjectIdentifier { return asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 41482, 4, n} }
	add := func(n int, value any) {
		der, err := asn1.Marshal(value)
		if err == nil && !arc(n).Equal(c.LeaveOut) {
			list = append(list, pkix.Extension{Id: arc(n), Value: append(der, c.Behind...)})
		}
	}
	add(1, []byte{2, 4, 0})
	add(2, big.NewInt(serial))
	if !ofKey {
		return list
	}
	add(3, bits(uint64(c.Origin), max(c.OriginBytes, 1)))
	add(4, bits(1, 2))
	add(5, bits(c.Capabilities, 8))
	add(6, 0x0101)
	return list
}

// bits is a BIT STRING of whole bytes.
func bits(value uint64, size int) asn1.BitString {
	raw := new(big.Int).SetUint64(value).FillBytes(make([]byte, size))
	return asn1.BitString{Bytes: raw, BitLength: 8 * size}
}

func encode(c *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
}
