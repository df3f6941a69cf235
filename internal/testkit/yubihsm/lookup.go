package yubihsm

import (
	"byok/internal/testkit/yubihsm/wire"
	"encoding/binary"
)

// The filters of LIST OBJECTS.
const (
	byID byte = 1 + iota
	byType
	byDomains
	byCapabilities
	byAlgorithm
	byLabel
)

// list answers LIST OBJECTS: ID, type and sequence of each object that passes
// every filter.
func (c *call) list() ([]byte, error) {
	objects := c.device.store.sorted(c.by.domains)
	for c.in.More() {
		keep, err := c.filter()
		if err != nil {
			return nil, err
		}
		var kept []*object
		for _, o := range objects {
			if keep(o) {
				kept = append(kept, o)
			}
		}
		objects = kept
	}
	var out []byte
	for _, o := range objects {
		out = binary.BigEndian.AppendUint16(out, o.id)
		out = append(out, byte(o.kind), o.sequence)
	}
	return out, c.in.Done()
}

// filter reads one filter.
func (c *call) filter() (func(*object) bool, error) {
	switch c.in.Byte() {
	case byID:
		id := c.in.Uint16()
		return func(o *object) bool { return o.id == id }, nil
	case byType:
		kind := Type(c.in.Byte())
		return func(o *object) bool { return o.kind == kind }, nil
	case byDomains:
		domains := c.in.Uint16()
		return func(o *object) bool { return o.domains&domains != 0 }, nil
	case byCapabilities:
		some := c.in.Capabilities()
		return func(o *object) bool { return o.capabilities&some != 0 }, nil
	case byAlgorithm:
		a := Algorithm(c.in.Byte())
		return func(o *object) bool { return o.algorithm == a }, nil
	case byLabel:
		label := c.in.Label()
		return func(o *object) bool { return o.label == label }, nil
	default:
		return nil, wire.InvalidData
	}
}

func (c *call) objectInfo() ([]byte, error) {
	id, kind := c.in.Uint16(), Type(c.in.Byte())
	if err := c.in.Done(); err != nil {
		return nil, err
	}
	o, err := c.object(kind, id)
	if err != nil {
		return nil, err
	}
	return o.info(), nil
}

// publicKey answers GET PUBLIC KEY. Without a type an asymmetric key is meant.
func (c *call) publicKey() ([]byte, error) {
	id, kind := c.in.Uint16(), AsymmetricKey
	if c.in.More() {
		kind = Type(c.in.Byte())
	}
	if err := c.in.Done(); err != nil {
		return nil, err
	}
	o, err := c.object(kind, id)
	if err != nil {
		return nil, err
	}
	return o.public()
}

// deleting is the capability that deleting an object of a type needs.
var deleting = map[Type]wire.Capability{
	Opaque:            wire.CanDeleteOpaque,
	AuthenticationKey: wire.CanDeleteAuthenticationKey,
	AsymmetricKey:     wire.CanDeleteAsymmetricKey,
	WrapKey:           wire.CanDeleteWrapKey,
	SymmetricKey:      wire.CanDeleteSymmetricKey,
	PublicWrapKey:     wire.CanDeletePublicWrapKey,
}

func (c *call) remove() ([]byte, error) {
	id, kind := c.in.Uint16(), Type(c.in.Byte())
	if err := c.in.Done(); err != nil {
		return nil, err
	}
	o, err := c.object(kind, id)
	if err != nil {
		return nil, err
	}
	if !deleting[kind].Within(c.by.capabilities) {
		return nil, wire.InsufficientPermissions
	}
	delete(c.device.store.objects, name{o.kind, o.id})
	return nil, nil
}
