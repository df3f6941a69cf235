package byguard

import (
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/hsm/p11"
	"byok/internal/keys"
	"byok/internal/officer"
	"byok/internal/packing"
	"byok/internal/session"
	"byok/internal/statement"
	"byok/internal/testkit/rig"
)

// What is tried. Each function works on a token as the ceremony left it, and
// takes away what it made.

// look finds keys before anybody has logged in.
func look(s *somebody) {
	if s.pin != "" {
		rig.OK(s, s.Logout(s.Handle))
	}
	s.each(func(pkcs11.ObjectHandle, bool) { s.out.say("a key is found") })
	if s.pin != "" {
		rig.OK(s, s.Login(s.Handle, pkcs11.CKU_USER, s.pin))
	}
}

// logIn logs in with the PIN that somebody has, or with guesses.
func logIn(s *somebody) {
	if s.pin != "" {
		s.out.add(nil) // [Column.attack] has done it
		return
	}
	for _, guess := range []string{rig.UserPIN, rig.ToolPIN, s.r.Label, "0000"} {
		s.out.add(s.Login(s.Handle, pkcs11.CKU_USER, guess))
	}
}

// use has a key do what it is for.
func use(s *somebody) {
	s.each(func(key pkcs11.ObjectHandle, secret bool) {
		if secret {
			s.out.add(s.cipher(s.EncryptInit, s.Encrypt, pkcs11.CKM_AES_ECB, key))
			return
		}
		s.out.add(s.cipher(s.SignInit, s.Sign, pkcs11.CKM_ECDSA, key))
	})
}

// cipher begins an operation, and ends it: a session has one of a kind.
func (s *somebody) cipher(
	begin func(pkcs11.SessionHandle, []*pkcs11.Mechanism, pkcs11.ObjectHandle) error,
	end func(pkcs11.SessionHandle, []byte) ([]byte, error), mechanism uint, key pkcs11.ObjectHandle,
) error {
	if err := begin(s.Handle, []*pkcs11.Mechanism{pkcs11.NewMechanism(mechanism, nil)}, key); err != nil {
		return err
	}
	_, err := end(s.Handle, make([]byte, 32))
	return err
}

func read(s *somebody) {
	s.each(func(key pkcs11.ObjectHandle, _ bool) {
		_, err := s.GetAttributeValue(s.Handle, key, []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_VALUE, nil)})
		s.out.add(err)
	})
}

// weaker are the restrictions of a key, lifted one by one.
func weaker() []*pkcs11.Attribute {
	return []*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_SENSITIVE, false), pkcs11.NewAttribute(pkcs11.CKA_WRAP_WITH_TRUSTED, false),
		pkcs11.NewAttribute(pkcs11.CKA_PRIVATE, false),
	}
}

func setWeaker(s *somebody) {
	s.each(func(key pkcs11.ObjectHandle, _ bool) {
		for _, one := range weaker() {
			s.out.add(s.SetAttributeValue(s.Handle, key, []*pkcs11.Attribute{one}))
		}
	})
}

func copyWeaker(s *somebody) {
	s.each(func(key pkcs11.ObjectHandle, _ bool) {
		for _, one := range weaker() {
			_, err := s.CopyObject(s.Handle, key, []*pkcs11.Attribute{one, onToken(false)})
			s.out.add(err)
		}
	})
}

// makeTrusted makes a trusted key by each route.
func makeTrusted(s *somebody) {
	trusted := pkcs11.NewAttribute(pkcs11.CKA_TRUSTED, true)
	aes := []*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_VALUE_LEN, 32),
		pkcs11.NewAttribute(pkcs11.CKA_WRAP, true),
	}
	for _, place := range []bool{true, false} {
		_, err := s.CreateObject(s.Handle, s.wrappingRSA(onToken(place), trusted))
		s.out.add(err)
		_, err = s.GenerateKey(s.Handle, []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_AES_KEY_GEN, nil)},
			append(aes, onToken(place), trusted))
		s.out.add(err)
	}
	own, err := s.CreateObject(s.Handle, s.wrappingRSA(onToken(false)))
	if err != nil {
		s.out.add(err)
		return
	}
	s.out.add(s.SetAttributeValue(s.Handle, own, []*pkcs11.Attribute{trusted}))
	_, err = s.CopyObject(s.Handle, own, []*pkcs11.Attribute{onToken(false), trusted})
	s.out.add(err)
}

// wrapUnderAES wraps under a key that somebody generates, and could use to
// decipher.
func wrapUnderAES(s *somebody) {
	under, err := s.GenerateKey(s.Handle, []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_AES_KEY_GEN, nil)},
		[]*pkcs11.Attribute{
			onToken(s.rights), pkcs11.NewAttribute(pkcs11.CKA_VALUE_LEN, 32), pkcs11.NewAttribute(pkcs11.CKA_WRAP, !s.rights),
			pkcs11.NewAttribute(pkcs11.CKA_DECRYPT, true),
		})
	s.each(func(key pkcs11.ObjectHandle, _ bool) {
		rig.OK(s, err)
		s.out.add(s.wrapAES(under, key))
	})
	if err == nil {
		rig.OK(s, s.DestroyObject(s.Handle, under))
	}
}

// wrapUnderRSA wraps under an own RSA key, and opens what comes. A module may
// refuse the key that wraps already.
func wrapUnderRSA(s *somebody) {
	s.each(func(key pkcs11.ObjectHandle, secret bool) {
		under, err := s.CreateObject(s.Handle, s.wrappingRSA(onToken(s.rights)))
		if s.rights && err != nil {
			s.out.add(err)
			return
		}
		rig.OK(s, err)
		s.inClear(s.wrapUnder(key, secret, under))
		rig.OK(s, s.DestroyObject(s.Handle, under))
	})
}

// inClear says that a key is in somebody's hands.
func (s *somebody) inClear(blob []byte, oneCall bool) {
	if s.opens(blob, oneCall) {
		s.out.say(gained)
	}
}

// gained is what an attack is for.
const gained = "in clear"

// wrapUnderKM makes a backup, which K cards open.
func wrapUnderKM(s *somebody) {
	s.on("byok-km-", func(km pkcs11.ObjectHandle) {
		s.each(func(key pkcs11.ObjectHandle, secret bool) { s.inClear(s.wrapUnder(key, secret, km)) })
	})
}

// keyWraps are the numbers of AES key wrap with padding: the standard's, Luna's and
// CloudHSM's.
var keyWraps = []uint{pkcs11.CKM_AES_KEY_WRAP_PAD, 0x80000171, 0x8000216F}

// wrapAES wraps a key by the first mechanism that the module has.
func (s *somebody) wrapAES(under, key pkcs11.ObjectHandle) (err error) {
	for _, number := range keyWraps {
		_, err = s.WrapKey(s.Handle, []*pkcs11.Mechanism{pkcs11.NewMechanism(number, nil)}, under, key)
		if !p11.Is(err, pkcs11.CKR_MECHANISM_INVALID) {
			return err
		}
	}
	return err
}

// misuse has KM and KW do anything but wrap.
func misuse(s *somebody) {
	s.on("byok-km-", func(km pkcs11.ObjectHandle) {
		s.out.add(s.cipher(s.EncryptInit, s.Encrypt, pkcs11.CKM_RSA_PKCS, km))
	})
	s.on("byok-kw-", func(kw pkcs11.ObjectHandle) {
		s.out.add(s.cipher(s.DecryptInit, s.Decrypt, pkcs11.CKM_AES_ECB, kw))
		_, err := s.UnwrapKey(
			s.Handle,
			[]*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_AES_KEY_WRAP_PAD, nil)},
			kw,
			make([]byte, 40),
			[]*pkcs11.Attribute{
				pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_SECRET_KEY),
				pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_GENERIC_SECRET), onToken(false),
			},
		)
		s.out.add(err)
	})
}

// setPIN sets the user PIN without the security officer.
func setPIN(s *somebody) { s.out.add(s.InitPIN(s.Handle, "a PIN of somebody's own")) }

// logInAsSO logs in as security officer with what somebody knows or guesses.
func logInAsSO(s *somebody) { s.out.add(s.asSO(func() {})) }

// asSO runs f in a session of the security officer's.
func (s *somebody) asSO(f func()) error {
	if s.pin != "" {
		rig.OK(s, s.Logout(s.Handle))
		defer func() { rig.OK(s, s.Login(s.Handle, pkcs11.CKU_USER, s.pin)) }()
	}
	guess := s.officer
	if guess == "" {
		guess = s.pin + "-so"
	}
	if err := s.Login(s.Handle, pkcs11.CKU_SO, guess); err != nil {
		return err
	}
	f()
	return s.Logout(s.Handle)
}

// trustAsSO makes an own key trusted, as security officer, and wraps under it.
func trustAsSO(s *somebody) {
	var err error
	login := s.asSO(func() {
		_, err = s.CreateObject(s.Handle, s.wrappingRSA(onToken(true), pkcs11.NewAttribute(pkcs11.CKA_TRUSTED, true)))
	})
	if login != nil {
		s.out.add(login)
		return
	}
	rig.OK(s, err)
	s.wrapUnderOwn()
}

// wrapUnderOwn wraps every key under the own key on the token, which is trusted.
func (s *somebody) wrapUnderOwn() {
	s.each(func(key pkcs11.ObjectHandle, secret bool) {
		s.inClear(s.wrapUnder(key, secret, s.One(ownLabel, pkcs11.CKO_PUBLIC_KEY)))
	})
}

// trustByTool has the crypto officer trust an own key, and wraps under it.
func trustByTool(s *somebody) {
	if !s.Guard.Traits().ByKM {
		s.out.say(noTool)
		return
	}
	_, err := s.CreateObject(s.Handle, s.wrappingRSA(onToken(true)))
	rig.OK(s, err)
	rig.OK(s, s.r.Trust(officer.Order{Object: officer.Object{ID: []byte(ownLabel)}}))
	s.wrapUnderOwn()
}

// exchange puts another key in the place of one, and has the quorum approve it.
func exchange(c *Column, t testing.TB, r *rig.Rig) string {
	out := c.attack(t, r, func(s *somebody) {
		s.each(func(key pkcs11.ObjectHandle, secret bool) {
			if !secret {
				return
			}
			rig.OK(s, s.DestroyObject(s.Handle, key))
			s.make("key_simple_aes")
		})
	})
	if out != "" {
		return out
	}
	return said(r, c.quorum(r, func(s keys.Quorum) error {
		k := rig.NewKEK(t, "KEK1")
		target := statement.Target{Vault: k.ID().Vault, Name: "AES", KeyOps: rig.Kind(t, "AES-256").KeyOps()}
		_, err := s.Approve([]keys.Transfer{{Ident: "aes", KEK: k.KEK, Target: target}})
		return err
	}))
}

// make makes an AES key that looks like one of the world's.
func (s *somebody) make(label string) {
	template := []*pkcs11.Attribute{
		onToken(true), pkcs11.NewAttribute(pkcs11.CKA_LABEL, label), pkcs11.NewAttribute(pkcs11.CKA_VALUE_LEN, 32),
		pkcs11.NewAttribute(pkcs11.CKA_SENSITIVE, true), pkcs11.NewAttribute(pkcs11.CKA_EXTRACTABLE, true),
		pkcs11.NewAttribute(pkcs11.CKA_PRIVATE, true), pkcs11.NewAttribute(pkcs11.CKA_ENCRYPT, true),
	}
	if s.Guard.Traits().Trusted != statement.TrustedByNobody {
		template = append(template, pkcs11.NewAttribute(pkcs11.CKA_WRAP_WITH_TRUSTED, true))
	}
	_, err := s.GenerateKey(s.Handle, []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_AES_KEY_GEN, nil)}, template)
	rig.OK(s, err)
}

// pack has the program package a key that no quorum approved.
func pack(_ *Column, t testing.TB, r *rig.Rig) string {
	r.Folders = r.Folders[:1] // where cards are needed, one is there
	defer func(all []string) { r.Folders = all }(r.Folders[:3])
	return said(r, r.Operator(func(o *session.Operator) error {
		_, err := keys.Operator{Operator: o}.Packer().Pack([]packing.Request{{
			Ident: "ec", SubscriptionID: "00000000-0000-0000-0000-000000000000", Dir: t.TempDir(), Generator: "test",
		}}, nil)
		return err
	}))
}

// oneCard begins a quorum session with one card of the two that are needed.
func oneCard(_ *Column, _ testing.TB, r *rig.Rig) string {
	return said(r, r.QuorumOf(r.Folders[:1], func(*session.Quorum) error { return nil }))
}

// next is what the next quorum session says.
func next(c *Column, _ testing.TB, r *rig.Rig) string {
	return said(r, c.quorum(r, func(keys.Quorum) error { return nil }))
}
