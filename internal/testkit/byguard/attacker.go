package byguard

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha1" // of RSA-OAEP
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/hsm/p11"
	"byok/internal/keys"
	"byok/internal/keywrap"
	"byok/internal/session"
	"byok/internal/testkit/rig"
)

// somebody works on the token of a world with what their column says they have.
type somebody struct {
	*rig.Attacker
	*Column
	r   *rig.Rig
	own *rsa.PrivateKey
	out outcome
}

// outcome gathers what the token answered, each return code once.
type outcome []string

// done is the outcome of a call that did what was asked.
const done = "done"

func (o *outcome) add(err error) {
	code := done
	if err != nil {
		code = codeOf(err)
	}
	o.say(code)
}

func (o *outcome) say(what string) {
	if !slices.Contains(*o, what) {
		*o = append(*o, what)
	}
}

func (o outcome) String() string { return strings.Join(slices.Sorted(slices.Values(o)), ", ") }

func codeOf(err error) string {
	var code pkcs11.Error
	if errors.As(err, &code) {
		return hsm.ReturnCode(code).Error()
	}
	return err.Error()
}

func statusOf(code exitcode.Code) string { return fmt.Sprintf(" (status %d)", code) }

// ownKey is the RSA key of everybody who attacks.
var ownKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

// attack lets somebody try one thing, logged in where they can be.
func (c *Column) attack(t testing.TB, r *rig.Rig, try func(*somebody)) string {
	t.Helper()
	own, err := ownKey()
	rig.OK(t, err)
	s := &somebody{Column: c, r: r, own: own}
	r.Attack(t, r.Label, c.pin, func(a *rig.Attacker) {
		s.Attacker = a
		try(s)
	})
	return s.out.String()
}

// quorum runs f before the card holders.
func (c *Column) quorum(r *rig.Rig, f func(s keys.Quorum) error) error {
	return r.Quorum(func(s *session.Quorum) error { return f(keys.Quorum{Quorum: s}) })
}

// each tries something on every key of the world that is found.
func (s *somebody) each(try func(key pkcs11.ObjectHandle, secret bool)) {
	found := 0
	for _, ident := range idents() {
		secret := ident == "aes"
		class := map[bool]uint{true: pkcs11.CKO_SECRET_KEY, false: pkcs11.CKO_PRIVATE_KEY}[secret]
		for _, key := range s.Find("key_simple_"+ident, pkcs11.NewAttribute(pkcs11.CKA_CLASS, class)) {
			found++
			try(key, secret)
		}
	}
	if found == 0 {
		s.out.say(noKey)
	}
}

// on tries something on the world's object with a label's beginning.
func (s *somebody) on(prefix string, try func(o pkcs11.ObjectHandle)) {
	found := 0
	for _, o := range s.Find("") {
		shown, err := s.GetAttributeValue(
			s.Handle,
			o,
			[]*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_LABEL, nil)},
		)
		if err == nil && strings.HasPrefix(string(shown[0].Value), prefix) {
			found++
			try(o)
		}
	}
	if found == 0 {
		s.out.say(none)
	}
}

// wrappingRSA is somebody's own RSA key as a public key that wraps.
func (s *somebody) wrappingRSA(more ...*pkcs11.Attribute) []*pkcs11.Attribute {
	if s.rights {
		more = append(more, pkcs11.NewAttribute(pkcs11.CKA_VALUE, s.own.N.Bytes()))
	}
	return append([]*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_PUBLIC_KEY),
		pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_RSA),
		pkcs11.NewAttribute(pkcs11.CKA_MODULUS, s.own.N.Bytes()),
		pkcs11.NewAttribute(pkcs11.CKA_PUBLIC_EXPONENT, []byte{1, 0, 1}),
		pkcs11.NewAttribute(pkcs11.CKA_LABEL, ownLabel), pkcs11.NewAttribute(pkcs11.CKA_ID, []byte(ownLabel)),
		pkcs11.NewAttribute(pkcs11.CKA_PRIVATE, false), pkcs11.NewAttribute(pkcs11.CKA_WRAP, true),
	}, more...)
}

const ownLabel = "somebody's own"

func onToken(yes bool) *pkcs11.Attribute { return pkcs11.NewAttribute(pkcs11.CKA_TOKEN, yes) }

// wrapUnder wraps a key under an RSA key, in every way that the token offers. In
// one call, or an AES key by OAEP, the result opens with the private half.
func (s *somebody) wrapUnder(
	key pkcs11.ObjectHandle,
	secret bool,
	rsaKey pkcs11.ObjectHandle,
) (blob []byte, oneCall bool) {
	blob, err := s.WrapKey(s.Handle, p11.RSAAES(), rsaKey, key)
	if !errors.Is(err, pkcs11.Error(pkcs11.CKR_MECHANISM_INVALID)) {
		s.out.add(err)
		return blob, true
	}
	if !secret { // too long for RSA alone
		return nil, false
	}
	oaep := pkcs11.NewOAEPParams(pkcs11.CKM_SHA_1, pkcs11.CKG_MGF1_SHA1, pkcs11.CKZ_DATA_SPECIFIED, nil)
	blob, err = s.WrapKey(
		s.Handle,
		[]*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_RSA_PKCS_OAEP, oaep)},
		rsaKey,
		key,
	)
	s.out.add(err)
	return blob, false
}

// opens reports whether somebody opens what was wrapped.
func (s *somebody) opens(blob []byte, oneCall bool) bool {
	size := s.own.Size()
	if len(blob) < size {
		return false
	}
	first, err := s.own.Decrypt(nil, blob[:size], &rsa.OAEPOptions{Hash: crypto.SHA1})
	if err != nil || !oneCall {
		return err == nil
	}
	_, err = keywrap.Unwrap(first, blob[size:])
	return err == nil
}
