package main

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"errors"

	"github.com/miekg/pkcs11"

	"byok/internal/hsm/p11"
)

// bench is an open session and what the trials leave to one another.
type bench struct {
	*p11.Session
	ctx  *pkcs11.Ctx
	slot uint
	km   *rsa.PrivateKey
	kept map[string]p11.Object
	half map[string]crypto.PublicKey
	// blobs are what the keys became under KM.
	blobs map[string][]byte
}

func newBench(ctx *pkcs11.Ctx, wrapper p11.Wrapper) (*bench, error) {
	slots, err := ctx.GetSlotList(true)
	if err != nil {
		return nil, err
	}
	if len(slots) != 1 {
		return nil, errors.New("expected one token")
	}
	handle, err := ctx.OpenSession(slots[0], pkcs11.CKF_SERIAL_SESSION|pkcs11.CKF_RW_SESSION)
	if err != nil {
		return nil, err
	}
	km, err := rsa.GenerateKey(rand.Reader, 3072)
	return &bench{
		Session: &p11.Session{Ctx: ctx, Native: wrapper, Handle: handle},
		ctx:     ctx,
		slot:    slots[0],
		km:      km,
		kept:    map[string]p11.Object{},
		half:    map[string]crypto.PublicKey{},
		blobs:   map[string][]byte{},
	}, err
}

// keep remembers an object that was made.
func (b *bench) keep(name string, o p11.Object, err error) error {
	if err == nil {
		b.kept[name] = o
	}
	return err
}

func truth(attribute uint, value bool) *pkcs11.Attribute {
	return pkcs11.NewAttribute(attribute, value)
}
