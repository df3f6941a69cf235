package secondproc

import (
	"github.com/miekg/pkcs11"

	"byok/internal/hsm/p11"
	"byok/internal/secret"
)

// The attempts to reach a private key, and the control of those to find a
// session object.
const (
	foundByLabel  = "a private key found by its label"
	foundPrivate  = "a private object found"
	signed        = "a signature made with a private key"
	generated     = "a private key generated"
	sessionObject = "a session object found"
)

// p256 is the object identifier of the curve P-256 in DER (RFC 5480, section 2.1.1.1).
var p256 = []byte{0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07}

// control does with the user PIN, and without trusting anything, all that the
// second process will be expected to fail at. It leaves a private key on the
// token, for the attempts to reach it; the parent destroys it.
func (c *child) control(_ order, pin *secret.Bytes) error {
	return c.within(pin, func() error {
		if err := c.report(login, true, nil); err != nil {
			return err
		}
		if err := c.tryRoutes(false); err != nil {
			return err
		}
		if err := c.lookForOwn(); err != nil {
			return err
		}
		key, err := c.generatePair()
		if err != nil {
			return c.reportAll(err, foundByLabel, foundPrivate, signed, generated)
		}
		c.key = key
		return c.tryPrivate()
	})
}

// reportAll says that attempts could not be made because of err.
func (c *child) reportAll(err error, names ...string) error {
	for _, name := range names {
		if err := c.report(name, false, err); err != nil {
			return err
		}
	}
	return nil
}

// lookForOwn finds a session object of the second process itself.
func (c *child) lookForOwn() error {
	defer c.discard()
	_, err := c.plainAES(inSession)
	if err != nil {
		_, err = c.plainRSA(inSession)
	}
	if err != nil {
		return c.report(sessionObject, false, err)
	}
	found, err := c.Find(pkcs11.NewAttribute(pkcs11.CKA_LABEL, c.label))
	return c.report(sessionObject, len(found) > 0, err)
}

// generatePair makes a private key on the token and returns its handle.
func (c *child) generatePair() (p11.Object, error) {
	id := random(16)
	naming := func(more ...*pkcs11.Attribute) []*pkcs11.Attribute {
		return append(more,
			pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true),
			pkcs11.NewAttribute(pkcs11.CKA_LABEL, c.label),
			pkcs11.NewAttribute(pkcs11.CKA_ID, id))
	}
	_, private, err := c.GeneratePair(pkcs11.CKM_EC_KEY_PAIR_GEN,
		naming(pkcs11.NewAttribute(pkcs11.CKA_VERIFY, true), pkcs11.NewAttribute(pkcs11.CKA_EC_PARAMS, p256)),
		naming(pkcs11.NewAttribute(pkcs11.CKA_SIGN, true), pkcs11.NewAttribute(pkcs11.CKA_PRIVATE, true)))
	return private, err
}

// private tries to reach private keys, as the session is.
func (c *child) private(_ order, pin *secret.Bytes) error { return c.within(pin, c.tryPrivate) }

// tryPrivate looks for the control's key, uses it by the handle that it had
// while the user was logged in, and makes another private key.
func (c *child) tryPrivate() error {
	label := pkcs11.NewAttribute(pkcs11.CKA_LABEL, c.label)
	keys, err := c.Find(label, pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_PRIVATE_KEY))
	if err := c.report(foundByLabel, len(keys) > 0, err); err != nil {
		return err
	}
	objects, err := c.Find(pkcs11.NewAttribute(pkcs11.CKA_PRIVATE, true))
	if err := c.report(foundPrivate, len(objects) > 0, err); err != nil {
		return err
	}
	key := c.key
	if len(keys) > 0 {
		key = keys[0]
	}
	err = c.sign(key)
	if err := c.report(signed, err == nil, err); err != nil {
		return err
	}
	defer c.discard()
	_, err = c.generate(privateAES(c.label, inSession))
	if p11.TemplateRefused(err) { // a token without session objects
		_, err = c.generate(privateAES(c.label, onToken))
	}
	return c.report(generated, err == nil, err)
}

// privateAES is the template of a key that is there only after login.
func privateAES(label string, where place) []*pkcs11.Attribute {
	return []*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_SECRET_KEY),
		pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_AES),
		pkcs11.NewAttribute(pkcs11.CKA_VALUE_LEN, 32),
		pkcs11.NewAttribute(pkcs11.CKA_TOKEN, bool(where)),
		pkcs11.NewAttribute(pkcs11.CKA_PRIVATE, true),
		pkcs11.NewAttribute(pkcs11.CKA_LABEL, label),
	}
}

// sign signs random bytes of a digest's length.
func (c *child) sign(key p11.Object) error {
	if err := c.Ctx.SignInit(c.Handle, p11.Mechanism(pkcs11.CKM_ECDSA), key); err != nil {
		return err
	}
	_, err := c.Ctx.Sign(c.Handle, random(32))
	return err
}
