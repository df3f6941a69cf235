package keykind

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"encoding/asn1"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"byok/internal/exitcode"
)

// curveAlias is JOSE's and OpenSSL's name for P-256K. Clients have stored keys
// in vaults under it, in small and capital letters.
const curveAlias = "secp256k1"

// curveNames are other names of the curves: SEC 2's, X9.62's and NIST's.
var curveNames = map[string][]string{
	"P-256":  {"secp256r1", "prime256v1", "P-256"},
	"P-384":  {"secp384r1", "P-384"},
	"P-521":  {"secp521r1", "P-521"},
	"P-256K": {curveAlias, "P-256K"},
}

// Parse returns the kind with the name that [Kind.String] gives, without
// regard to case. secp256k1 is P-256K. The error has the status Usage.
func Parse(name string) (Kind, error) {
	k, found := find(func(k Kind) bool { return strings.EqualFold(k.String(), canonical(name)) })
	if !found {
		return Kind{}, exitcode.Errorf(exitcode.Usage, "key kind %.40q: expected %s", name,
			alternatives(names(table)))
	}
	return k, nil
}

// Lookup returns the kind of a type, a size and a curve: bits for RSA and AES,
// the curve's name for EC. For EC, bits may be 0, or must be the curve's. The
// error has the status Usage and lists what is possible.
func Lookup(typ Type, bits int, curve string) (Kind, error) {
	switch typ {
	case RSA, AES:
		return lookupSize(typ, bits, curve)
	case EC:
		return lookupCurve(bits, curve)
	}
	return Kind{}, exitcode.Errorf(exitcode.Usage, "key type %.40q: expected RSA, EC or AES", string(typ))
}

func lookupSize(typ Type, bits int, curve string) (Kind, error) {
	if curve != "" {
		return Kind{}, exitcode.Errorf(exitcode.Usage, "%s key: a curve belongs to EC keys only", typ)
	}
	k, found := find(func(k Kind) bool { return k.Type == typ && k.Bits == bits })
	if !found {
		return Kind{}, exitcode.Errorf(exitcode.Usage, "%s key of %d bits: expected %s", typ, bits,
			alternatives(sizes(typ)))
	}
	return k, nil
}

func lookupCurve(bits int, curve string) (Kind, error) {
	k, err := byCurve(curve)
	if err != nil {
		return Kind{}, exitcode.Mark(exitcode.Usage, err)
	}
	if bits != 0 && bits != k.Bits {
		return Kind{}, exitcode.Errorf(exitcode.Usage, "EC key of %d bits: %s has %d", bits, k.Curve, k.Bits)
	}
	return k, nil
}

func byCurve(name string) (Kind, error) {
	k, found := find(func(k Kind) bool { return k.Type == EC && strings.EqualFold(k.Curve, canonical(name)) })
	if !found {
		return Kind{}, fmt.Errorf("EC curve %.40q: expected %s", name, alternatives(names(ofType(EC))))
	}
	return k, nil
}

// ForJWK returns the kinds that a key of the service's type kty and curve crv
// can be: one for EC-HSM, one a size for RSA-HSM and oct-HSM, whose crv is
// empty. It accepts secp256k1 for P-256K, as old clients have stored it.
func ForJWK(kty, crv string) ([]Kind, error) {
	found := slices.DeleteFunc(All(), func(k Kind) bool { return k.KTY != kty })
	switch {
	case len(found) == 0:
		return nil, fmt.Errorf("kty %.40q: expected %s, %s or %s", kty, RSAHSM, ECHSM, OctHSM)
	case kty != ECHSM && crv != "":
		return nil, fmt.Errorf("kty %s: a crv belongs to %s only", kty, ECHSM)
	case kty != ECHSM:
		return found, nil
	}
	k, err := byCurve(crv)
	if err != nil {
		return nil, err
	}
	return []Kind{k}, nil
}

// ForECParams returns the kind of an EC key with the CKA_EC_PARAMS der: the
// object identifier of a named curve, or its name as a PrintableString or a
// UTF8String (PKCS#11 v3.0, section 6.3.3: curveName), such as "secp256r1".
func ForECParams(der []byte) (Kind, error) {
	k, found := find(func(k Kind) bool { return k.Type == EC && (bytes.Equal(k.ECParams(), der) || k.hasName(der)) })
	if !found {
		return Kind{}, fmt.Errorf("EC parameters %.40x: expected the identifier of %s", der,
			alternatives(names(ofType(EC))))
	}
	return k, nil
}

// hasName reports whether der is one of the curve's names, in DER or bare.
func (k Kind) hasName(der []byte) bool {
	name := string(der)
	var inner string
	if rest, err := asn1.Unmarshal(der, &inner); err == nil && len(rest) == 0 {
		name = inner
	}
	return slices.ContainsFunc(curveNames[k.Curve], func(n string) bool { return strings.EqualFold(n, name) })
}

// Of returns the kind of a public key. It fails for a key that the service
// does not import and for one that is not valid, as [MarshalSPKI] does.
func Of(pub crypto.PublicKey) (Kind, error) {
	switch key := pub.(type) {
	case *rsa.PublicKey:
		return ofRSA(key)
	case *ecdsa.PublicKey:
		return ofEC(key)
	}
	return Kind{}, fmt.Errorf("public key of type %T: %s", pub, imported())
}

// imported ends the messages about public keys of another kind.
func imported() string {
	return fmt.Sprintf("the service imports RSA of %s bits and EC on %s", alternatives(sizes(RSA)),
		alternatives(names(ofType(EC))))
}

func find(match func(Kind) bool) (Kind, bool) {
	i := slices.IndexFunc(table, match)
	if i < 0 {
		return Kind{}, false
	}
	return table[i], true
}

func ofType(typ Type) []Kind {
	return slices.DeleteFunc(All(), func(k Kind) bool { return k.Type != typ })
}

func canonical(name string) string {
	if strings.EqualFold(name, curveAlias) {
		return "P-256K"
	}
	return name
}

func names(kinds []Kind) []string {
	list := make([]string, len(kinds))
	for i, k := range kinds {
		list[i] = k.String()
	}
	return list
}

func sizes(typ Type) []string {
	var list []string
	for _, k := range ofType(typ) {
		list = append(list, strconv.Itoa(k.Bits))
	}
	return list
}

// alternatives joins a list in words: "a, b or c".
func alternatives(list []string) string {
	last := len(list) - 1
	return strings.Join(list[:last], ", ") + " or " + list[last]
}
