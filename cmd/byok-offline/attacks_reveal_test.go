package main

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"runtime"
	"testing"
	"unsafe"

	"github.com/miekg/pkcs11"
)

// attack is one way to break what a token promises. It is tried on every
// object of the roles in on, or once on the token. On a key of the attacker's
// own, which nothing protects, the same calls must work, or the attack proves
// nothing; of those marked never, no key can be so treated at all.
type attack struct {
	group, name string
	on          []string
	never       bool
	breaking    bool // leaves the token damaged: tried last
	try         func(a *attacker, t *testing.T, o object, f *finding)
}

// Roles of objects.
func keptKeys() []string    { return []string{"RSA key", "EC key", "AES key"} }
func frozenKeys() []string  { return []string{"KM", "KW", "anchor"} }
func secretKeys() []string  { return []string{"KW", "AES key"} }
func privateKeys() []string { return []string{"KML", "RSA key", "EC key"} }
func keysOfValue() []string { return append([]string{"KW", "KML"}, keptKeys()...) }
func everyObject() []string { return append(keysOfValue(), "KM", "anchor", "public half") }

func rfc5649() []*pkcs11.Mechanism { return by(pkcs11.CKM_AES_KEY_WRAP_PAD, nil) } // in SoftHSM

func revealing() []attack {
	const group = "Reveal a key"
	return []attack{
		{group: group, name: "read its secret parts (C_GetAttributeValue)", on: keysOfValue(), try: readParts},
		{group: group, name: "wrap a key, decrypt the blob with the same key (Clulow 2003)", on: []string{"KW"},
			try: wrapThenDecrypt},
		{group: group, name: "unwrap a backup, or a key wrapped a moment ago, with a weaker template", on: []string{"KW"},
			try: unwrapWeaker},
		{group: group, name: "import the same blob again under conflicting attributes (CCS 2010)", on: []string{"KW"},
			try: unwrapConflicting},
		{group: group, name: "unwrap a backup with another key", on: []string{"AES key", theToken},
			try: unwrapWithAnother},
		{group: group, name: "derive from it", on: []string{"KW", "KML", "EC key"}, try: deriveFrom},
		{group: group, name: "derive a key of its parts (concatenate, XOR, extract)", on: secretKeys(), never: true,
			try: deriveParts},
		{group: group, name: "derive with a point that is not on the curve", on: []string{"KML", "EC key"}, never: true,
			try: deriveOffCurve},
	}
}

// secretParts are the attributes of a key that hold its value.
func secretParts(o object) []uint {
	if o.class == pkcs11.CKO_PRIVATE_KEY && o.kind == pkcs11.CKK_RSA {
		return []uint{pkcs11.CKA_PRIVATE_EXPONENT, pkcs11.CKA_PRIME_1, pkcs11.CKA_PRIME_2, pkcs11.CKA_EXPONENT_1,
			pkcs11.CKA_EXPONENT_2, pkcs11.CKA_COEFFICIENT}
	}
	return []uint{pkcs11.CKA_VALUE}
}

func readParts(a *attacker, _ *testing.T, o object, f *finding) {
	for _, part := range secretParts(o) {
		_, err := a.p.GetAttributeValue(a.h, o.handle, []*pkcs11.Attribute{attr(part, nil)})
		f.call("reading "+nameOf(part), err)
	}
}

// wrapThenDecrypt undoes RFC 5649 by hand, with the wrapping key for the
// block cipher. What is wrapped has a known value, so that there is no doubt.
func wrapThenDecrypt(a *attacker, t *testing.T, o object, f *finding) {
	victim := a.own(t, pkcs11.CKO_SECRET_KEY, pkcs11.CKK_AES)
	blob, err := a.p.WrapKey(a.h, rfc5649(), o.handle, victim.handle)
	a.must(t, err)
	opened, err := unwrapped(blob, func(block []byte) ([]byte, error) {
		if err := a.p.DecryptInit(a.h, by(pkcs11.CKM_AES_ECB, nil), o.handle); err != nil {
			return nil, err
		}
		return a.p.Decrypt(a.h, block)
	})
	if f.call("decrypting what it wrapped", err) && !bytes.Equal(opened, knownValue()) {
		t.Errorf("%v: decrypted, but to something else", o)
	}
}

// unwrapped undoes RFC 5649, sections 4.1 and 4.2, given the block cipher's
// decryption. SoftHSM's zeros behind the key are left.
func unwrapped(blob []byte, decrypt func(block []byte) ([]byte, error)) ([]byte, error) {
	n := len(blob)/8 - 1
	if len(blob)%8 != 0 || n < 2 {
		return nil, errors.New("no blob of RFC 5649")
	}
	register, rest := blob[:8], bytes.Clone(blob[8:])
	for step := 6 * n; step > 0; step-- {
		at := rest[(step-1)%n*8:][:8]
		count := binary.BigEndian.Uint64(register) ^ uint64(step)
		out, err := decrypt(append(binary.BigEndian.AppendUint64(nil, count), at...))
		if err != nil {
			return nil, err
		}
		register = out[:8]
		copy(at, out[8:])
	}
	length := int(binary.BigEndian.Uint32(register[4:]))
	if !bytes.Equal(register[:4], []byte{0xa6, 0x59, 0x59, 0xa6}) || length > len(rest) {
		return nil, errors.New("the integrity check of RFC 5649 fails")
	}
	return rest[:length], nil
}

// wrappedUnder gives true blobs of o: the backups, if it is the module key, and
// every key that it wraps now.
func (a *attacker) wrappedUnder(t testing.TB, o object) (blobs []blobOf) {
	t.Helper()
	victims := a.targets(t)
	if o.mine {
		victims = []object{a.own(t, pkcs11.CKO_SECRET_KEY, pkcs11.CKK_AES),
			a.own(t, pkcs11.CKO_PRIVATE_KEY, pkcs11.CKK_RSA), a.own(t, pkcs11.CKO_PRIVATE_KEY, pkcs11.CKK_EC)}
	} else {
		victims = append(victims, a.own(t, pkcs11.CKO_SECRET_KEY, pkcs11.CKK_AES))
		for _, b := range a.backups {
			blobs = append(blobs, blobOf{b.inner, object{class: pkcs11.CKO_SECRET_KEY, kind: pkcs11.CKK_GENERIC_SECRET}})
		}
	}
	for _, v := range victims {
		if data, err := a.p.WrapKey(a.h, rfc5649(), o.handle, v.handle); err == nil {
			blobs = append(blobs, blobOf{data, v})
		}
	}
	if len(blobs) == 0 {
		t.Fatalf("%v wraps nothing", o)
	}
	return blobs
}

type blobOf struct {
	data []byte
	key  object
}

func (b blobOf) as(class, kind uint, more ...*pkcs11.Attribute) []*pkcs11.Attribute {
	return append([]*pkcs11.Attribute{attr(pkcs11.CKA_CLASS, class), attr(pkcs11.CKA_KEY_TYPE, kind),
		attr(pkcs11.CKA_TOKEN, false)}, more...)
}

func unwrapWeaker(a *attacker, t *testing.T, o object, f *finding) {
	for _, b := range a.wrappedUnder(t, o) {
		_, err := a.p.UnwrapKey(a.h, rfc5649(), o.handle, b.data,
			b.as(b.key.class, b.key.kind, attr(pkcs11.CKA_SENSITIVE, false), attr(pkcs11.CKA_EXTRACTABLE, true)))
		f.call("unwrapping "+b.key.label, err)
	}
}

// unwrapConflicting asks for a twin that wraps and decrypts, and for a private
// key's bytes as a secret key's.
func unwrapConflicting(a *attacker, t *testing.T, o object, f *finding) {
	for _, b := range a.wrappedUnder(t, o) {
		kind := uint(pkcs11.CKK_GENERIC_SECRET)
		if b.key.kind == pkcs11.CKK_AES {
			kind = pkcs11.CKK_AES
		}
		_, err := a.p.UnwrapKey(a.h, rfc5649(), o.handle, b.data,
			b.as(pkcs11.CKO_SECRET_KEY, kind, attr(pkcs11.CKA_WRAP, true), attr(pkcs11.CKA_DECRYPT, true)))
		f.call("unwrapping "+b.key.label+" as a key that wraps and decrypts", err)
	}
}

// unwrapWithAnother tries a session copy of a key that may be given UNWRAP,
// and a key of known value; in practice, a blob that the key has made.
func unwrapWithAnother(a *attacker, t *testing.T, o object, f *finding) {
	key, blobs := a.own(t, pkcs11.CKO_SECRET_KEY, pkcs11.CKK_AES), [][]byte{}
	for _, b := range a.wrappedUnder(t, a.only(t, "KW")) {
		blobs = append(blobs, b.data)
	}
	if o.role != theToken {
		var err error
		key.handle, err = a.p.CopyObject(a.h, o.handle,
			[]*pkcs11.Attribute{attr(pkcs11.CKA_TOKEN, false), attr(pkcs11.CKA_UNWRAP, true)})
		a.must(t, err)
	}
	if o.mine {
		blobs = [][]byte{a.wrappedUnder(t, key)[0].data}
	}
	for _, blob := range blobs {
		_, err := a.p.UnwrapKey(a.h, rfc5649(), key.handle, blob,
			blobOf{}.as(pkcs11.CKO_SECRET_KEY, pkcs11.CKK_GENERIC_SECRET))
		f.call("unwrapping a backup", err)
	}
}

// readable is the template of a derived key that can be read.
func readable() []*pkcs11.Attribute {
	return []*pkcs11.Attribute{attr(pkcs11.CKA_CLASS, pkcs11.CKO_SECRET_KEY),
		attr(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_GENERIC_SECRET), attr(pkcs11.CKA_TOKEN, false),
		attr(pkcs11.CKA_SENSITIVE, false), attr(pkcs11.CKA_EXTRACTABLE, true), attr(pkcs11.CKA_VALUE_LEN, 16)}
}

func deriveFrom(a *attacker, _ *testing.T, o object, f *finding) {
	var pins runtime.Pinner
	defer pins.Unpin()
	m := by(pkcs11.CKM_AES_ECB_ENCRYPT_DATA, stringData(&pins, make([]byte, 16)))
	if o.kind == pkcs11.CKK_EC {
		m = by(pkcs11.CKM_ECDH1_DERIVE, pkcs11.NewECDH1DeriveParams(pkcs11.CKD_NULL, nil, a.point()))
	}
	_, err := a.p.DeriveKey(a.h, m, o.handle, readable())
	f.call("C_DeriveKey", err)
}

// stringData is CK_KEY_DERIVATION_STRING_DATA, a pointer and a length, which
// the binding has no type for.
func stringData(pins *runtime.Pinner, data []byte) []byte {
	pins.Pin(&data[0])
	param := binary.NativeEndian.AppendUint64(nil, uint64(uintptr(unsafe.Pointer(&data[0]))))
	return binary.NativeEndian.AppendUint64(param, uint64(len(data)))
}

// point is the attacker's own public point, uncompressed.
func (a *attacker) point() []byte { return a.ec.PublicKey().Bytes() }

// deriveParts tries every mechanism of the standard that cuts a key up. A
// session copy gets DERIVE where the token gives it.
func deriveParts(a *attacker, t *testing.T, o object, f *finding) {
	key := o.handle
	if o.role == "AES key" {
		var err error
		key, err = a.p.CopyObject(a.h, o.handle,
			[]*pkcs11.Attribute{attr(pkcs11.CKA_TOKEN, false), attr(pkcs11.CKA_DERIVE, true)})
		a.must(t, err)
	}
	var pins runtime.Pinner
	defer pins.Unpin()
	for _, m := range []uint{pkcs11.CKM_CONCATENATE_BASE_AND_KEY, pkcs11.CKM_CONCATENATE_BASE_AND_DATA,
		pkcs11.CKM_CONCATENATE_DATA_AND_BASE,
		pkcs11.CKM_XOR_BASE_AND_DATA, pkcs11.CKM_EXTRACT_KEY_FROM_KEY,
		pkcs11.CKM_SHA1_KEY_DERIVATION, pkcs11.CKM_SHA256_KEY_DERIVATION} {
		_, err := a.p.DeriveKey(a.h, by(m, stringData(&pins, make([]byte, 16))), key, readable())
		f.call("C_DeriveKey", err)
	}
}

// deriveOffCurve sends points that are not on P-256: with enough of them, each
// of a small order, what comes back would give the private key away.
func deriveOffCurve(a *attacker, t *testing.T, o object, f *finding) {
	key, err := a.p.CopyObject(a.h, o.handle,
		[]*pkcs11.Attribute{attr(pkcs11.CKA_TOKEN, false), attr(pkcs11.CKA_DERIVE, true)})
	a.must(t, err)
	derive := func(point []byte) error {
		_, err := a.p.DeriveKey(a.h,
			by(pkcs11.CKM_ECDH1_DERIVE, pkcs11.NewECDH1DeriveParams(pkcs11.CKD_NULL, nil, point)), key, readable())
		return err
	}
	a.must(t, derive(a.point())) // a good point works: it is the point that is refused
	random := make([]byte, 65)
	_, _ = rand.Read(random)
	random[0] = 4
	for _, point := range [][]byte{random, append(bytes.Clone(a.point()[:64]), a.point()[64]^1),
		append([]byte{4}, make([]byte, 64)...)} {
		f.call("C_DeriveKey with a point off the curve", derive(point))
	}
}

// only is the one object of a role that the token has.
func (a *attacker) only(t testing.TB, role string) object {
	t.Helper()
	for _, o := range a.targets(t) {
		if o.role == role {
			return o
		}
	}
	t.Fatalf("no %s on the token", role)
	return object{}
}
