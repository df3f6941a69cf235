package yubihsm

import (
	"byok/internal/testkit/yubihsm/scp03"
	"byok/internal/testkit/yubihsm/wire"
	"crypto/rand"
	"encoding/binary"
)

// header reads what most creating commands begin with: ID, label, domains,
// capabilities, algorithm.
func (c *call) header() header {
	return header{
		id:           c.in.Uint16(),
		label:        c.in.Label(),
		domains:      c.in.Uint16(),
		capabilities: c.in.Capabilities(),
		algorithm:    Algorithm(c.in.Byte()),
	}
}

// delegatingHeader reads a header with delegated capabilities behind it.
func (c *call) delegatingHeader() header {
	h := c.header()
	h.delegated = c.in.Capabilities()
	return h
}

// create keeps a new object, if the authentication key may bestow what it is to
// have, and answers its ID.
func (c *call) create(kind Type, h header, origin byte, value any) ([]byte, error) {
	if h.domains&^c.by.domains != 0 || !(h.capabilities | h.delegated).Within(c.by.delegated) {
		return nil, wire.InsufficientPermissions
	}
	if h.domains == 0 {
		return nil, wire.InvalidData
	}
	store := &c.device.store
	if len(store.objects) >= maxObjects {
		return nil, wire.StorageFailed
	}
	if h.id == 0 {
		h.id = store.freeID(kind)
	}
	if store.objects[name{kind, h.id}] != nil {
		return nil, wire.ObjectExists
	}
	store.put(&object{header: h, kind: kind, origin: origin, value: value})
	c.used = [2]uint16{h.id, c.used[0]}
	return binary.BigEndian.AppendUint16(nil, h.id), nil
}

// freeID is a random ID that no object of the type has.
func (s *store) freeID(kind Type) uint16 {
	for {
		var b [2]byte
		if _, err := rand.Read(b[:]); err != nil { // never, since Go 1.24
			panic(err)
		}
		id := binary.BigEndian.Uint16(b[:])
		if id != 0 && id != 0xffff && s.objects[name{kind, id}] == nil {
			return id
		}
	}
}

func (c *call) putOpaque() ([]byte, error) {
	h, data := c.header(), c.in.Rest()
	if len(data) == 0 || c.in.Done() != nil {
		return nil, wire.WrongLength
	}
	if h.algorithm != OpaqueData && h.algorithm != OpaqueCertificate {
		return nil, wire.InvalidData
	}
	return c.create(Opaque, h, imported, append([]byte(nil), data...))
}

func (c *call) getOpaque() ([]byte, error) {
	o, err := c.object(Opaque, c.in.Uint16())
	if err := c.in.Done(); err != nil {
		return nil, err
	}
	if err != nil {
		return nil, err
	}
	data, _ := o.value.([]byte)
	return data, nil
}

func (c *call) putAuthentication() ([]byte, error) {
	h := c.delegatingHeader()
	secret, err := c.secret(h.algorithm)
	if err != nil {
		return nil, err
	}
	return c.create(AuthenticationKey, h, imported, secret)
}

// secret reads the two keys of an authentication key.
func (c *call) secret(a Algorithm) (out scp03.Keys, err error) {
	copy(out.Enc[:], c.in.Take(scp03.KeySize))
	copy(out.MAC[:], c.in.Take(scp03.KeySize))
	if err := c.in.Done(); err != nil {
		return out, err
	}
	if a != AES128Login {
		return out, wire.InvalidData
	}
	return out, nil
}

// changeAuthentication gives the session's own key another secret.
func (c *call) changeAuthentication() ([]byte, error) {
	id, algorithm := c.in.Uint16(), Algorithm(c.in.Byte())
	secret, err := c.secret(algorithm)
	if err != nil {
		return nil, err
	}
	if id != c.by.id {
		return nil, wire.InsufficientPermissions
	}
	key, err := c.object(AuthenticationKey, id)
	if err != nil {
		return nil, err
	}
	key.value = secret
	return binary.BigEndian.AppendUint16(nil, id), nil
}
