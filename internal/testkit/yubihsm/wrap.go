package yubihsm

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/binary"

	"byok/internal/keywrap"
	"byok/internal/testkit/yubihsm/wire"
)

// exportable finds a wrap key and a target that it may export.
func (c *call) exportable(wrapKind Type, wrapID uint16, kind Type, id uint16) (wrap, target *object, err error) {
	wrap, err = c.usable(wrapKind, wrapID, wire.CanExportWrapped)
	if err != nil {
		return nil, nil, err
	}
	target, err = c.usable(kind, id, wire.ExportableUnderWrap)
	if err != nil {
		return nil, nil, err
	}
	if !target.capabilities.Within(wrap.delegated) {
		return nil, nil, wire.InsufficientPermissions
	}
	return wrap, target, nil
}

// exportWrapped answers a nonce and the object under AES-CCM.
func (c *call) exportWrapped() ([]byte, error) {
	wrapID, kind, id := c.in.Uint16(), Type(c.in.Byte()), c.in.Uint16()
	if c.in.More() {
		c.in.Byte() // whether an Ed25519 key has its seed
	}
	if err := c.in.Done(); err != nil {
		return nil, err
	}
	wrap, target, err := c.exportable(WrapKey, wrapID, kind, id)
	if err != nil {
		return nil, err
	}
	key, ok := wrap.value.([]byte)
	if !ok {
		return nil, wire.InvalidData
	}
	return ccmSeal(key, target.serial(wrap.algorithm))
}

func (c *call) importWrapped() ([]byte, error) {
	wrapID, data := c.in.Uint16(), c.in.Rest()
	wrap, err := c.usable(WrapKey, wrapID, wire.CanImportWrapped)
	if err != nil {
		return nil, err
	}
	key, ok := wrap.value.([]byte)
	if !ok {
		return nil, wire.InvalidData
	}
	plain, err := ccmOpen(key, data)
	if err != nil {
		return nil, err
	}
	return c.recreate(wrap, plain)
}

// getRSAWrapped wraps the bare key: PKCS #8 of a private key, an AES key as it is.
func (c *call) getRSAWrapped() ([]byte, error) {
	return c.underRSA(func(target, _ *object) ([]byte, error) {
		if target.kind != AsymmetricKey && target.kind != SymmetricKey {
			return nil, wire.InvalidData
		}
		if key, ok := target.value.([]byte); ok {
			return key, nil
		}
		return x509.MarshalPKCS8PrivateKey(target.value)
	})
}

// exportRSAWrapped wraps the whole object.
func (c *call) exportRSAWrapped() ([]byte, error) {
	return c.underRSA(func(target, wrap *object) ([]byte, error) { return target.serial(wrap.algorithm), nil })
}

// underRSA answers RSA-OAEP of a fresh AES key, and under that key AES key wrap
// with padding of what plain makes of the target.
func (c *call) underRSA(plain func(target, wrap *object) ([]byte, error)) ([]byte, error) {
	wrapID, kind, id, aesAlgorithm := c.in.Uint16(), Type(c.in.Byte()), c.in.Uint16(), Algorithm(c.in.Byte())
	options, err := c.oaep(c.in.Byte(), c.in.Byte(), c.in.Rest())
	if err != nil {
		return nil, err
	}
	wrap, target, err := c.exportable(PublicWrapKey, wrapID, kind, id)
	if err != nil {
		return nil, err
	}
	public, ok := wrap.value.(*rsa.PublicKey)
	if !ok {
		return nil, wire.InvalidData
	}
	data, err := plain(target, wrap)
	if err != nil {
		return nil, wire.InvalidData
	}
	return sealRSA(public, options, aesAlgorithm, data)
}

func sealRSA(public *rsa.PublicKey, options *rsa.OAEPOptions, a Algorithm, data []byte) ([]byte, error) {
	key, err := newSecret(a, SymmetricKey)
	if err != nil {
		return nil, err
	}
	first, err := rsa.EncryptOAEPWithOptions(rand.Reader, public, key, options)
	if err != nil {
		return nil, wire.InvalidData
	}
	second, err := keywrap.Wrap(key, data)
	return append(first, second...), err
}

// oaep makes the options of two algorithms and the digest of the label.
func (c *call) oaep(hash, mask byte, label []byte) (*rsa.OAEPOptions, error) {
	options := &rsa.OAEPOptions{Hash: oaepHashes[Algorithm(hash)], MGFHash: mgfHashes[Algorithm(mask)]}
	if c.in.Done() != nil {
		return nil, wire.WrongLength
	}
	if options.Hash == 0 || options.MGFHash == 0 || !emptyLabel(options.Hash, label) {
		return nil, wire.InvalidData
	}
	return options, nil
}

// putRSAWrapped takes what the new object is to be, and its bare key wrapped.
func (c *call) putRSAWrapped() ([]byte, error) {
	wrapID, kind := c.in.Uint16(), Type(c.in.Byte())
	h := c.header()
	plain, wrap, err := c.openRSA(wrapID)
	if err != nil {
		return nil, err
	}
	if !h.capabilities.Within(wrap.delegated) {
		return nil, wire.InsufficientPermissions
	}
	value, err := bare(h.algorithm, kind, plain)
	if err != nil {
		return nil, err
	}
	id, err := c.create(kind, h, imported|wrapped, value)
	if err != nil {
		return nil, err
	}
	return append([]byte{byte(kind)}, id...), nil
}

// bare makes a key of what getRSAWrapped wraps.
func bare(a Algorithm, kind Type, plain []byte) (any, error) {
	if kind == SymmetricKey {
		return secretOf(a, kind, plain)
	}
	key, err := x509.ParsePKCS8PrivateKey(plain)
	if err != nil || kind != AsymmetricKey {
		return nil, wire.InvalidData
	}
	switch key := key.(type) {
	case *rsa.PrivateKey:
		if key.N.BitLen() == rsaBits[a] {
			return key, nil
		}
	case *ecdsa.PrivateKey:
		if key.Curve == curves[a] {
			return key, nil
		}
	}
	return nil, wire.InvalidData
}

func (c *call) importRSAWrapped() ([]byte, error) {
	plain, wrap, err := c.openRSA(c.in.Uint16())
	if err != nil {
		return nil, err
	}
	return c.recreate(wrap, plain)
}

// openRSA reads algorithms, wrapped bytes and the digest of the label, and
// unwraps them.
func (c *call) openRSA(wrapID uint16) (plain []byte, wrap *object, err error) {
	wrap, err = c.usable(WrapKey, wrapID, wire.CanImportWrapped)
	if err != nil {
		return nil, nil, err
	}
	private, ok := wrap.value.(*rsa.PrivateKey)
	if !ok {
		return nil, nil, wire.InvalidData
	}
	hash, mask := c.in.Byte(), c.in.Byte()
	data, label := splitLabel(Algorithm(hash), c.in.Rest())
	options, err := c.oaep(hash, mask, label)
	if err != nil {
		return nil, nil, err
	}
	plain, err = openParts(private, options, data)
	return plain, wrap, err
}

// splitLabel takes the digest of the label off the end.
func splitLabel(a Algorithm, data []byte) (front, label []byte) {
	hash, known := oaepHashes[a]
	if !known || len(data) < hash.Size() {
		return data, nil
	}
	at := len(data) - hash.Size()
	return data[:at], data[at:]
}

func openParts(private *rsa.PrivateKey, options crypto.DecrypterOpts, data []byte) ([]byte, error) {
	if len(data) < private.Size() {
		return nil, wire.WrongLength
	}
	key, err := private.Decrypt(nil, data[:private.Size()], options)
	if err != nil {
		return nil, wire.InvalidData
	}
	return orInvalid(keywrap.Unwrap(key, data[private.Size():]))
}

// serial is an object as it stands below a wrapping, in the layout of Yubico's
// yubihsm-wrap: the wrap key's algorithm, the object's properties, its value.
func (o *object) serial(a Algorithm) []byte {
	out := binary.BigEndian.AppendUint64([]byte{byte(a)}, uint64(o.capabilities))
	out = binary.BigEndian.AppendUint16(out, o.id)
	out = binary.BigEndian.AppendUint16(out, uint16(o.size()))
	out = binary.BigEndian.AppendUint16(out, o.domains)
	out = append(out, byte(o.kind), byte(o.algorithm), o.sequence, o.origin)
	out = append(out, padded(o.label)...)
	return append(out, o.plain()...)
}

// recreate makes the object that serial wrote, of those types that hold a key
// and delegate nothing, and opaque ones.
func (c *call) recreate(wrap *object, plain []byte) ([]byte, error) {
	in := wire.NewReader(plain)
	in.Byte() // the wrap key's algorithm
	h := header{capabilities: in.Capabilities(), id: in.Uint16()}
	in.Uint16() // the size
	h.domains = in.Uint16()
	kind := Type(in.Byte())
	h.algorithm = Algorithm(in.Byte())
	in.Byte() // the sequence
	origin := in.Byte()
	h.label = in.Label()
	value, err := valueOf(h.algorithm, kind, in.Rest())
	if err != nil {
		return nil, err
	}
	if !h.capabilities.Within(wrap.delegated) {
		return nil, wire.InsufficientPermissions
	}
	id, err := c.create(kind, h, origin|wrapped, value)
	if err != nil {
		return nil, err
	}
	return append([]byte{byte(kind)}, id...), nil
}

// bareSize is the size in bytes of what pairOf takes.
func bareSize(a Algorithm) int {
	if curve := curves[a]; curve != nil {
		return (curve.Params().BitSize + 7) / 8
	}
	return rsaBits[a] / 8
}

func valueOf(a Algorithm, kind Type, plain []byte) (any, error) {
	switch kind {
	case AsymmetricKey:
		return pairOf(a, plain[:min(len(plain), bareSize(a))])
	case SymmetricKey:
		return secretOf(a, kind, plain)
	case Opaque:
		return append([]byte(nil), plain...), nil
	default:
		return nil, wire.InvalidData
	}
}
