package secondproc

import (
	"crypto/rand"
	"crypto/rsa"
	"math/big"
	"sync"

	"github.com/miekg/pkcs11"

	"byok/internal/hsm/p11"
	"byok/internal/secret"
)

// place says where an object is made.
type place bool

const (
	inSession place = false
	onToken   place = true
)

func (p place) String() string {
	if p == onToken {
		return "on the token"
	}
	return "in the session"
}

// route is one way to a trusted key. Without trust it makes the same calls for
// an ordinary one: the control.
type route struct {
	name string
	take func(m *maker, where place, trust bool) (p11.Object, error)
}

// routes is the table of ways that PKCS#11 offers.
var routes = []route{
	{"an AES key created", func(m *maker, where place, trust bool) (p11.Object, error) {
		return m.create(m.aes(where, trust, pkcs11.NewAttribute(pkcs11.CKA_VALUE, random(32))))
	}},
	{"an AES key generated", func(m *maker, where place, trust bool) (p11.Object, error) {
		return m.generate(m.aes(where, trust, pkcs11.NewAttribute(pkcs11.CKA_VALUE_LEN, 32)))
	}},
	{"an RSA public key created", func(m *maker, where place, trust bool) (p11.Object, error) {
		return m.create(m.rsa(where, trust))
	}},
	{"an AES key trusted afterwards", func(m *maker, where place, trust bool) (p11.Object, error) {
		return m.changed(where, trust, m.plainAES)
	}},
	{"an RSA public key trusted afterwards", func(m *maker, where place, trust bool) (p11.Object, error) {
		return m.changed(where, trust, m.plainRSA)
	}},
	{"an AES key trusted in a copy", func(m *maker, where place, trust bool) (p11.Object, error) {
		return m.copied(where, trust, m.plainAES)
	}},
	{"an RSA public key trusted in a copy", func(m *maker, where place, trust bool) (p11.Object, error) {
		return m.copied(where, trust, m.plainRSA)
	}},
}

// maker makes objects of one run, all with its label.
type maker struct {
	*raw
	label   string
	modulus func() *big.Int
	made    []p11.Object
}

func newMaker(r *raw, label string) *maker {
	return &maker{raw: r, label: label, modulus: sync.OnceValue(freshModulus)}
}

// freshModulus returns the modulus of an RSA-2048 key whose private half is
// erased at once: what a crash leaves on the token is of use to no one.
func freshModulus() (n *big.Int) {
	secret.Erased(func() {
		if key, err := rsa.GenerateKey(rand.Reader, 2048); err == nil { // never fails for this size (crypto/rsa)
			n = new(big.Int).Set(key.N)
		}
	})
	return n
}

// random returns n random bytes.
func random(n int) []byte {
	value := make([]byte, n)
	_, _ = rand.Read(value) // never fails (crypto/rand)
	return value
}

// template is common to all objects made: they can do one thing, wrap.
func (m *maker) template(where place, trust bool, more ...*pkcs11.Attribute) []*pkcs11.Attribute {
	list := append(more,
		pkcs11.NewAttribute(pkcs11.CKA_TOKEN, bool(where)),
		pkcs11.NewAttribute(pkcs11.CKA_PRIVATE, false),
		pkcs11.NewAttribute(pkcs11.CKA_LABEL, m.label),
		pkcs11.NewAttribute(pkcs11.CKA_ID, random(16)),
		pkcs11.NewAttribute(pkcs11.CKA_WRAP, true))
	if trust {
		list = append(list, pkcs11.NewAttribute(pkcs11.CKA_TRUSTED, true))
	}
	return list
}

func (m *maker) aes(where place, trust bool, value *pkcs11.Attribute) []*pkcs11.Attribute {
	return m.template(where, trust, value,
		pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_SECRET_KEY),
		pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_AES))
}

func (m *maker) rsa(where place, trust bool) []*pkcs11.Attribute {
	return m.template(where, trust,
		pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_PUBLIC_KEY),
		pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_RSA),
		pkcs11.NewAttribute(pkcs11.CKA_MODULUS, m.modulus().Bytes()),
		pkcs11.NewAttribute(pkcs11.CKA_PUBLIC_EXPONENT, big.NewInt(65537).Bytes()))
}

func (m *maker) create(template []*pkcs11.Attribute) (p11.Object, error) {
	return m.keep(m.Create(template))
}

func (m *maker) generate(template []*pkcs11.Attribute) (p11.Object, error) {
	return m.keep(m.Generate(pkcs11.CKM_AES_KEY_GEN, template))
}

func (m *maker) plainAES(where place) (p11.Object, error) {
	return m.generate(m.aes(where, false, pkcs11.NewAttribute(pkcs11.CKA_VALUE_LEN, 32)))
}

func (m *maker) plainRSA(where place) (p11.Object, error) {
	return m.create(m.rsa(where, false))
}

// making makes an ordinary object.
type making func(place) (p11.Object, error)

// changed sets TRUSTED of an ordinary object, or its label as a control.
func (m *maker) changed(where place, trust bool, plain making) (p11.Object, error) {
	o, err := plain(where)
	if err != nil {
		return 0, err
	}
	return o, m.Set(o, m.change(trust))
}

// copied copies an ordinary object to the same place, with TRUSTED or, as a
// control, with a label.
func (m *maker) copied(where place, trust bool, plain making) (p11.Object, error) {
	o, err := plain(where)
	if err != nil {
		return 0, err
	}
	template := append(m.change(trust), pkcs11.NewAttribute(pkcs11.CKA_TOKEN, bool(where)))
	return m.keep(m.Copy(o, template))
}

func (m *maker) change(trust bool) []*pkcs11.Attribute {
	if trust {
		return []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_TRUSTED, true)}
	}
	return []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_LABEL, m.label)}
}

// keep notes an object that was made.
func (m *maker) keep(o p11.Object, err error) (p11.Object, error) {
	if err == nil {
		m.made = append(m.made, o)
	}
	return o, err
}

// discard destroys what was made. What cannot be destroyed is left to the
// parent, which knows the label.
func (m *maker) discard() {
	for _, o := range m.made {
		m.Discard(o)
	}
	m.made = nil
}
