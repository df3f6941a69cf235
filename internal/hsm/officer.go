package hsm

import (
	"crypto/rsa"
	"fmt"
	"math/big"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/secret"
)

// CreateModuleKey puts the module key, AES-256 of the given value, on the
// token as a trusted wrapping key, and reads its attributes back.
func (so *SecurityOfficer) CreateModuleKey(label string, value *secret.Bytes) error {
	t := moduleKeyTemplate()
	o, err := so.p.CreateObject(so.h, t.raw(append(naming(label, newID()),
		pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_SECRET_KEY),
		pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_AES),
		pkcs11.NewAttribute(pkcs11.CKA_VALUE, value.Reveal()))...))
	if err != nil {
		return fail("C_CreateObject of the module key "+label+" as a trusted key", err)
	}
	return so.shows(o, label, t)
}

// GenerateTransferKey makes a fresh AES-256 transfer key on the token.
func (so *SecurityOfficer) GenerateTransferKey(label string) error {
	t := transferKeyTemplate()
	o, err := so.p.GenerateKey(so.h, mechanism(pkcs11.CKM_AES_KEY_GEN),
		t.raw(append(naming(label, newID()), pkcs11.NewAttribute(pkcs11.CKA_VALUE_LEN, 32))...))
	if err != nil {
		return fail("C_GenerateKey of the transfer key "+label, err)
	}
	return so.shows(o, label, t)
}

// TrustKEK puts the vault's KEK on the token as a trusted wrapping key, and
// reads back both its attributes and its modulus and exponent.
func (so *SecurityOfficer) TrustKEK(label string, kek *rsa.PublicKey) error {
	t := kekTemplate()
	o, err := so.p.CreateObject(so.h, t.raw(append(naming(label, newID()),
		pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_PUBLIC_KEY),
		pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_RSA),
		pkcs11.NewAttribute(pkcs11.CKA_MODULUS, kek.N.Bytes()),
		pkcs11.NewAttribute(pkcs11.CKA_PUBLIC_EXPONENT, big.NewInt(int64(kek.E)).Bytes()))...))
	if err != nil {
		return fail("C_CreateObject of the KEK "+label+" as a trusted key", err)
	}
	if err := so.shows(o, label, t); err != nil {
		return err
	}
	stored, err := so.publicKey(o)
	if err != nil {
		return err
	}
	if !kek.Equal(stored) {
		return exitcode.Errorf(exitcode.HSM, "%v shows another public key for %s than it was given", so.Token, label)
	}
	return nil
}

// shows compares an object's attributes as the token gives them back with
// what was asked for.
func (s *session) shows(o Object, label string, t Template) error {
	for _, a := range t {
		got, err := s.flag(o, a.Type)
		if err != nil {
			return fmt.Errorf("reading CKA_%s of %s: %w", a.Name, label, err)
		}
		if got != a.Value {
			return exitcode.Errorf(exitcode.HSM, "%v shows CKA_%s=%t on %s, %t was asked for (%s)", s.Token, a.Name, got, label, a.Value, a.Why)
		}
	}
	return nil
}

func mechanism(m uint) []*pkcs11.Mechanism { return []*pkcs11.Mechanism{pkcs11.NewMechanism(m, nil)} }
