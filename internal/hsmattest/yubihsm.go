package hsmattest

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"strings"

	"byok/internal/kek"
	"byok/internal/keykind"
)

// The extensions of an attestation, in Yubico's arc (Yubico, "YubiHSM OIDs"). The
// device's own certificate has the first two alone.
var (
	arc          = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 41482, 4}
	serial       = append(arc[:len(arc):len(arc)], 2) // INTEGER
	origin       = append(arc[:len(arc):len(arc)], 3) // BIT STRING, a byte
	capabilities = append(arc[:len(arc):len(arc)], 5) // BIT STRING, eight bytes, bit 0 last
)

// arcDER is how the extensions' identifiers begin in DER.
var arcDER = []byte{0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0xc4, 0x0a, 0x04}

// generated is the whole origin of a key that was generated in the device. Others
// are 0x02, imported, and 0x10, imported under wrap, which stand beside it too.
const generated = 0x01

// uses are the capabilities that a key of a world may have. Keys that sign
// certificates are not among them: one could attest what no device holds.
var uses = map[int]string{
	5: "sign-pkcs", 6: "sign-pss", 7: "sign-ecdsa", 8: "sign-eddsa",
	9: "decrypt-pkcs", 10: "decrypt-oaep", 11: "derive-ecdh",
	16: "exportable-under-wrap",
}

// yubiHSM is an attestation of a YubiHSM 2 on its way through the rules. Without
// an error of reading, chain has the key's certificate, the device's, the CA's.
type yubiHSM struct {
	key     Key
	chain   []*x509.Certificate
	root    *x509.Certificate // nil where none fits
	reading error
}

func newYubiHSM(data []byte, k Key) *yubiHSM {
	y := &yubiHSM{key: k}
	roots, err := rootsOf(k.Root)
	if err != nil {
		y.reading = err
		return y
	}
	list, err := readCertificates(data)
	if err != nil {
		y.reading = err
		return y
	}
	y.chain, y.root, y.reading = inOrder(list, roots)
	return y
}

func (y *yubiHSM) findings() []kek.Finding {
	apply := map[string]func() (string, error){
		RuleFormat: y.format,
		RuleChain:  y.whenRead(y.checkChain),
		RuleDates:  y.whenRead(y.checkDates),
		RuleSerial: y.whenRead(y.checkSerial),
		RuleSame:   y.whenRead(y.checkSame),
		RuleOrigin: y.whenRead(y.checkOrigin),
		RuleUses:   y.whenRead(y.checkUses),
	}
	var steps []kek.Step
	for _, rule := range Rules() {
		steps = append(steps, kek.Step{Rule: rule, Apply: apply[rule]})
	}
	return kek.Follow(steps)
}

// whenRead leaves a rule out where the certificates could not be read.
func (y *yubiHSM) whenRead(apply func() (string, error)) func() (string, error) {
	return func() (string, error) {
		if y.reading != nil {
			return "", errors.New("not checked: the certificates cannot be read")
		}
		return apply()
	}
}

func (y *yubiHSM) format() (string, error) {
	if y.reading != nil {
		return "", y.reading
	}
	return "certificates of the key, of the device, and of the CA that issued that", nil
}

func (y *yubiHSM) checkSame() (string, error) {
	if y.key.Public == nil {
		return "", errNoKey
	}
	if !keykind.SamePublicKey(y.key.Public, y.chain[0].PublicKey) {
		return "", errors.New("the attestation is of another key")
	}
	return "the public key is the key's", nil
}

func (y *yubiHSM) checkSerial() (string, error) {
	want, ok := new(big.Int).SetString(y.key.Serial, 10)
	if !ok {
		return "", fmt.Errorf("the module's serial number %.40q is not a YubiHSM's", y.key.Serial)
	}
	for i, what := range []string{"the key's certificate", "the device's certificate"} {
		var is *big.Int
		if err := extension(y.chain[i], serial, &is); err != nil {
			return "", fmt.Errorf("%s: serial number: %w", what, err)
		}
		if is.Cmp(want) != 0 {
			return "", fmt.Errorf("%s is of device %d, and the module is %s", what, is, y.key.Serial)
		}
	}
	return "device " + y.key.Serial, nil
}

func (y *yubiHSM) checkOrigin() (string, error) {
	bits, err := bitString(y.chain[0], origin, 1)
	if err != nil {
		return "", fmt.Errorf("origin: %w", err)
	}
	if bits[0] != generated {
		return "", fmt.Errorf("origin 0x%02x: the key, or an export of it, was imported; expected 0x%02x, generated",
			bits[0], generated)
	}
	return "generated in the device, never imported", nil
}

func (y *yubiHSM) checkUses() (string, error) {
	bits, err := bitString(y.chain[0], capabilities, 8)
	if err != nil {
		return "", fmt.Errorf("capabilities: %w", err)
	}
	var all []string
	mask := new(big.Int).SetBytes(bits)
	for bit := range 8 * len(bits) {
		if mask.Bit(bit) == 0 {
			continue
		}
		use, known := uses[bit]
		if !known {
			return "", fmt.Errorf("capability %d is not one of a key that signs, decrypts or agrees on keys", bit)
		}
		all = append(all, use)
	}
	if len(all) == 0 {
		return "none", nil
	}
	return strings.Join(all, ", "), nil
}

// extension decodes an extension of a certificate, which must be there once, to
// its end.
func extension(c *x509.Certificate, id asn1.ObjectIdentifier, into any) error {
	for _, e := range c.Extensions {
		if !e.Id.Equal(id) {
			continue
		}
		rest, err := asn1.Unmarshal(e.Value, into)
		if err != nil || len(rest) > 0 {
			return errors.New("its extension cannot be read")
		}
		return nil
	}
	return errors.New("its extension is missing")
}

// bitString decodes an extension that is a string of whole bytes.
func bitString(c *x509.Certificate, id asn1.ObjectIdentifier, size int) ([]byte, error) {
	var bits asn1.BitString
	if err := extension(c, id, &bits); err != nil {
		return nil, err
	}
	if len(bits.Bytes) != size || bits.BitLength != 8*size {
		return nil, fmt.Errorf("%d bits: expected %d", bits.BitLength, 8*size)
	}
	return bits.Bytes, nil
}

// has reports whether a certificate has an extension.
func has(c *x509.Certificate, id asn1.ObjectIdentifier) bool {
	for _, e := range c.Extensions {
		if e.Id.Equal(id) {
			return true
		}
	}
	return false
}

// hasYubiHSM reports whether data has Yubico's extensions in it, in DER or PEM.
func hasYubiHSM(data []byte) bool {
	for _, der := range append(blocks(data), data) {
		if bytes.Contains(der, arcDER) {
			return true
		}
	}
	return false
}
