package attest

import (
	"bytes"
	"crypto/rsa"
	"encoding/binary"
	"fmt"
	"math/big"
	"slices"

	"byok/internal/kek"
	"byok/internal/printable"
)

// AttributeType is the number of an attribute: PKCS#11's (OASIS PKCS#11 v3.1,
// CKA_…) where it has one, the vendor's otherwise.
type AttributeType uint32

// The attributes that the rules look at, and those a rehearsal states besides.
const (
	AttrClass            AttributeType = 0x0000 // 2 public key, 3 private key
	AttrToken            AttributeType = 0x0001
	AttrPrivate          AttributeType = 0x0002
	AttrLabel            AttributeType = 0x0003
	AttrTrusted          AttributeType = 0x0086
	AttrKeyType          AttributeType = 0x0100 // 0 RSA
	AttrID               AttributeType = 0x0102 // "/keys/<name>/<version>", zero bytes up to 128
	AttrSensitive        AttributeType = 0x0103
	AttrEncrypt          AttributeType = 0x0104
	AttrDecrypt          AttributeType = 0x0105
	AttrWrap             AttributeType = 0x0106
	AttrUnwrap           AttributeType = 0x0107
	AttrSign             AttributeType = 0x0108
	AttrSignRecover      AttributeType = 0x0109
	AttrVerify           AttributeType = 0x010a
	AttrVerifyRecover    AttributeType = 0x010b
	AttrDerive           AttributeType = 0x010c
	AttrModulus          AttributeType = 0x0120
	AttrModulusBits      AttributeType = 0x0121
	AttrPublicExponent   AttributeType = 0x0122
	AttrExtractable      AttributeType = 0x0162
	AttrLocal            AttributeType = 0x0163 // generated on the HSM
	AttrNeverExtractable AttributeType = 0x0164
	AttrAlwaysSensitive  AttributeType = 0x0165
	AttrModifiable       AttributeType = 0x0170
	AttrDestroyable      AttributeType = 0x0172
	AttrWrapWithTrusted  AttributeType = 0x0210
)

// Values of Class and KeyType.
const (
	classPublic  = 2
	classPrivate = 3
	typeRSA      = 0
)

// idSize is the length to which the HSM fills an id with zero bytes.
const idSize = 128

var attributeNames = map[AttributeType]string{
	AttrClass:            "class",
	AttrKeyType:          "key type",
	AttrID:               "id",
	AttrLabel:            "label",
	AttrToken:            "token",
	AttrPrivate:          "private",
	AttrTrusted:          "trusted",
	AttrModulus:          "modulus",
	AttrModulusBits:      "modulus bits",
	AttrPublicExponent:   "public exponent",
	AttrSensitive:        "sensitive",
	AttrAlwaysSensitive:  "always sensitive",
	AttrExtractable:      "extractable",
	AttrNeverExtractable: "never extractable",
	AttrLocal:            "local",
	AttrEncrypt:          "encrypt",
	AttrDecrypt:          "decrypt",
	AttrWrap:             "wrap",
	AttrUnwrap:           "unwrap",
	AttrSign:             "sign",
	AttrSignRecover:      "sign recover",
	AttrVerify:           "verify",
	AttrVerifyRecover:    "verify recover",
	AttrDerive:           "derive",
	AttrModifiable:       "modifiable",
	AttrDestroyable:      "destroyable",
	AttrWrapWithTrusted:  "wrap with trusted",
}

// String returns the number, behind the name of the attributes that are known.
func (t AttributeType) String() string {
	if name := attributeNames[t]; name != "" {
		return fmt.Sprintf("%s (0x%04x)", name, uint32(t))
	}
	return fmt.Sprintf("0x%04x", uint32(t))
}

// value finds an attribute.
func (o Object) value(t AttributeType) ([]byte, error) {
	i := slices.IndexFunc(o.Attributes, func(a Attribute) bool { return a.Type == t })
	if i < 0 {
		return nil, fmt.Errorf("%s is not stated", t)
	}
	return o.Attributes[i].Value, nil
}

// number reads an attribute of at most 8 bytes as an unsigned number.
func (o Object) number(t AttributeType) (uint64, error) {
	v, err := o.value(t)
	if err != nil {
		return 0, err
	}
	if len(v) == 0 || len(v) > 8 {
		return 0, fmt.Errorf("%s has %s", t, printable.Count(len(v), "byte"))
	}
	return binary.BigEndian.Uint64(append(make([]byte, 8-len(v)), v...)), nil
}

// require fails unless every attribute is stated and has the value wanted.
func (o Object) require(wanted bool, types ...AttributeType) error {
	for _, t := range types {
		n, err := o.number(t)
		switch {
		case err != nil:
			return err
		case n > 1:
			return fmt.Errorf("%s is %d, neither true nor false", t, n)
		case (n == 1) != wanted:
			return fmt.Errorf("%s is %v", t, !wanted)
		}
	}
	return nil
}

// is returns an error unless the object is an RSA key of a class.
func (o Object) is(class uint64) error {
	got, err := o.number(AttrClass)
	if err != nil {
		return err
	}
	if got != class {
		return fmt.Errorf("%s is %d, expected %d", AttrClass, got, class)
	}
	if got, err = o.number(AttrKeyType); err != nil {
		return err
	}
	if got != typeRSA {
		return fmt.Errorf("%s is %d, not RSA", AttrKeyType, got)
	}
	return nil
}

// id returns the key's path in its vault: "/keys/<name>/<version>".
func (o Object) id() (string, error) {
	v, err := o.value(AttrID)
	return string(bytes.TrimRight(v, "\x00")), err
}

// publicKey returns modulus and exponent as a key.
func (o Object) publicKey() (*rsa.PublicKey, error) {
	n, err := o.value(AttrModulus)
	if err != nil {
		return nil, err
	}
	e, err := o.number(AttrPublicExponent)
	if err != nil {
		return nil, err
	}
	if e > 1<<31-1 {
		return nil, fmt.Errorf("%s has more than 31 bits", AttrPublicExponent)
	}
	return &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(e)}, nil
}

// NewClaims returns the claims for a private RSA key that was generated on the
// HSM, is sensitive and not extractable, and can do what its key_ops say. It is what
// a rehearsal vault signs: the attributes, their order and lengths are those
// of a Managed HSM.
func NewClaims(layout Layout, id kek.ID, pub *rsa.PublicKey, keyOps []string) Claims {
	can := func(ops ...string) []byte {
		return flag(slices.ContainsFunc(ops, func(op string) bool { return slices.Contains(keyOps, op) }))
	}
	yes, no := flag(true), flag(false)
	o := Object{Handle: 212, Attributes: []Attribute{
		{AttrClass, []byte{classPrivate}},
		{AttrKeyType, []byte{typeRSA}},
		{AttrToken, yes},
		{AttrPrivate, yes},
		{AttrEncrypt, no},
		{AttrDecrypt, can("decrypt")},
		{AttrWrap, no},
		{AttrUnwrap, can("unwrapKey", kek.OpImport)},
		{AttrSign, can("sign")},
		{AttrVerify, no},
		{AttrLocal, yes},
		{AttrSensitive, yes},
		{AttrExtractable, no},
		{AttrLabel, fill("customer_key")},
		{AttrID, fill(id.Path())},
		{AttrModulus, pub.N.Bytes()},
		{AttrModulusBits, binary.BigEndian.AppendUint32(nil, uint32(pub.N.BitLen()))},
		{AttrPublicExponent, big.NewInt(int64(pub.E)).Bytes()},
		{AttrTrusted, no},
		{AttrWrapWithTrusted, no},
		{AttrModifiable, yes},
		{AttrSignRecover, no},
		{AttrVerifyRecover, no},
		{AttrDerive, no},
		{AttrAlwaysSensitive, yes},
		{AttrNeverExtractable, yes},
		{AttrDestroyable, yes},
	}}
	o.Size = uint32(len(o.append(nil)))
	c := Claims{Layout: layout, Objects: []Object{o}}
	if layout == Firmware2 {
		c.Lead, c.Tail = binary.BigEndian.AppendUint32(nil, o.Size), make([]byte, 280)
	} else {
		c.Flags, c.Info, c.Lead = 3, Info{Version: 1, Flags: 3}, make([]byte, 16)
	}
	return c
}

func flag(v bool) []byte {
	if v {
		return []byte{1}
	}
	return []byte{0}
}

func fill(s string) []byte {
	return append([]byte(s), make([]byte, max(0, idSize-len(s)))...)
}
