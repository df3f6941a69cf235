package survey

import (
	"bytes"
	"cmp"
	"crypto"
	"crypto/aes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"strings"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/keykind"
	"byok/internal/keywrap"
)

// restrictions tries, as user, what must be refused.
func (s *survey) restrictions() {
	s.note(PropTrustedOnly, "a user cannot make a trusted key by any route", s.s.Prober().Trust())
	if s.trusted.any() {
		s.note(PropFrozen, "cannot be read, changed, or used except to wrap", s.eachTrusted(s.s.ProbeTrustedInPlace))
		s.note(PropCopied, "to session or token, as they are or with a use", s.eachTrusted(s.copied))
	}
	if s.trusted.kek != 0 {
		s.note(PropSession, "", s.sessionObject())
	}
	s.note(PropWrapTrusted, "wrapped under no key that is not trusted", s.eachTestKey(s.s.ProbeWrapWithTrusted))
	s.note(PropLater, "not set on a key that any key could wrap", s.s.Prober().RestrictedLater())
	s.note(PropDerive, "by no mechanism that is listed", s.eachTestKey(s.s.ProbeDerive))
	s.note(PropOneWay, "cannot be read or made weaker", s.eachTestKey(s.s.ProbeOneWay))
	s.note(PropCopy, "cannot be used, widened or copied", s.eachTestKey(func(k hsm.Key) error {
		reduced, err := s.s.Reduce(k)
		if err != nil {
			return err
		}
		defer s.s.DiscardCopy(reduced)
		return s.s.ProbeCopy(reduced)
	}))
}

// others names the mechanisms that the probes do not know.
func (s *survey) others() {
	derive, err := s.s.Prober().Unknown(pkcs11.CKF_DERIVE)
	s.noteOthers(PropOtherDerive, derive, err)
	wrap, err := s.s.Prober().Unknown(pkcs11.CKF_WRAP)
	s.noteOthers(PropOtherWrap, wrap, err)
	if p := s.property(PropWrapTrusted); p.Outcome == Enforced && len(wrap) > 0 {
		p.Detail += "; " + listed(wrap)
	}
}

func (s *survey) noteOthers(name string, unknown []uint, err error) {
	s.note(name, "none listed", err)
	if len(unknown) == 0 || err != nil {
		return
	}
	p := s.property(name)
	p.Outcome, p.Detail = NotKnown, listed(unknown)
}

func (s *survey) property(name string) *Property { return &s.properties[index(s.properties, name)] }

func listed(unknown []uint) string {
	numbers := make([]string, len(unknown))
	for i, m := range unknown {
		numbers[i] = fmt.Sprintf("0x%X", m)
	}
	return "listed and not tried: " + strings.Join(numbers, ", ")
}

// worst is the first error that shows a broken promise, or else the first.
func worst(errs ...error) error {
	for _, err := range errs {
		if errors.Is(err, hsm.ErrNotEnforced) {
			return err
		}
	}
	return cmp.Or(errs...)
}

// eachTestKey tries something with a fresh key of each kind: a probe that
// succeeds against a module leaves the key weaker.
func (s *survey) eachTestKey(try func(hsm.Key) error) error {
	var errs []error
	for _, name := range []string{"P-256", "AES-256"} {
		errs = append(errs, s.withTestKey(name, try))
	}
	return worst(errs...)
}

func (s *survey) withTestKey(name string, try func(hsm.Key) error) error {
	kind, err := keykind.Parse(name)
	if err != nil {
		return err
	}
	key, err := s.s.Generate(hsm.Spec{Kind: kind}, testKey, hsm.TokenObject)
	if err != nil {
		return err
	}
	return cmp.Or(try(key), s.s.DestroyKey(key))
}

// wrapping tries the operations of a transfer and of a recovery.
func (s *survey) wrapping() {
	mechanism, err := s.keyWrap()
	s.note(PropKeyWrap, mechanism, err)
	s.note(PropOAEP, "opened in software", s.oaep())
	if w, complete := s.vault(); complete {
		s.note(PropForVault, wrapped, s.eachTestKey(s.transfer(w)))
	} else if s.trusted.kek != 0 {
		s.property(PropForVault).Detail = noInner
	}
	if w, complete := s.backup(); complete {
		s.note(PropRestore, restored, s.eachTestKey(s.restore(w)))
	} else if s.trusted.km != 0 {
		s.property(PropRestore).Detail = noInner
	}
	s.note(PropOneCall, "offered, and used", s.twoSteps())
}

// oaep tries RSA-OAEP alone, or inside the call that is used.
func (s *survey) oaep() error {
	if s.form == keywrap.OneCall {
		return s.s.ProbeOAEP(s.form)
	}
	return s.s.Prober().OAEP()
}

// noInner is why keys are wrapped under no trusted RSA key in two steps.
const noInner = "needs a trusted AES key"

// What is said of a transfer and of a recovery that went well.
const (
	wrapped  = "as in a package; opened in software"
	restored = "to a session object, which proved possession, and to the token"
)

// underLogin does the same as where nobody but the quorum logs in: the user makes
// what wraps, and no key is restricted.
func (s *survey) underLogin() {
	s.s.Guarding = hsm.Guarding{Untrusted: true, Unrestricted: true}
	defer func() { s.s.Guarding = hsm.Guarding{} }()
	w, err := s.ownWrapping(s.s.TrustKEK(&s.kek.PublicKey, s.form))
	if err == nil {
		err = s.eachTestKey(s.transfer(w))
	}
	s.note(PropLoginVault, wrapped, err)
	w, err = s.ownWrapping(s.s.SessionKM(&s.km.PublicKey, s.form))
	if err == nil {
		err = s.eachTestKey(s.restore(w))
	}
	s.note(PropLoginBack, restored, err)
}

func (s *survey) ownWrapping(outer hsm.Object, err error) (hsm.Wrapping, error) {
	w := hsm.Wrapping{Form: s.form, Outer: outer}
	if err == nil && s.form == keywrap.TwoSteps {
		w.Inner, err = s.s.TransferKey()
	}
	return w, err
}

// twoSteps says why the two-step form is used.
func (s *survey) twoSteps() error {
	switch {
	case s.form == keywrap.OneCall:
		return nil
	case s.m.LeaksInOneCall():
		return errors.New("this library shows the AES key of the call to other processes: " +
			"the two-step form is used, which gives the same blob")
	}
	return errors.New("not offered: the two-step form is used, which gives the same blob")
}

// keyWrap says which mechanism wraps, and what it puts behind a private key.
func (s *survey) keyWrap() (string, error) {
	wrap, err := s.s.KeyWrap()
	if err != nil {
		return "", err
	}
	pads, err := s.s.ZeroPads()
	switch {
	case hsm.Gone(err):
		return "", err
	case err != nil:
		return fmt.Sprintf("%v; zero bytes after the key: %s", wrap, s.reason(err)), nil
	case pads:
		return fmt.Sprintf("%v, with up to seven zero bytes after the key", wrap), nil
	}
	return wrap.String(), nil
}

// transfer wraps a key for the test KEK, opens the blob in software, and
// compares what comes out with what the token shows of the key.
func (s *survey) transfer(w hsm.Wrapping) func(hsm.Key) error {
	return func(key hsm.Key) error {
		blob, err := s.s.Wrap(w, key)
		if err != nil {
			return err
		}
		clearText, err := s.open(s.kek, blob)
		if err != nil {
			return err
		}
		defer clear(clearText)
		if !s.sameKey(key, clearText) {
			return exitcode.Errorf(exitcode.HSM, "%v wrapped a different key than it was asked to", s.token)
		}
		return nil
	}
}

// open opens a blob of either form.
func (s *survey) open(private *rsa.PrivateKey, blob []byte) ([]byte, error) {
	at := min(len(blob), private.Size())
	key, err := rsa.DecryptOAEP(sha1.New(), nil, private, blob[:at], nil)
	if err != nil || len(key) != 32 {
		return nil, exitcode.Errorf(exitcode.HSM, "%v did not wrap an AES-256 key with RSA-OAEP and SHA-1 in front", s.token)
	}
	defer clear(key)
	opened, err := keywrap.Unwrap(key, blob[at:])
	if err != nil {
		return nil, exitcode.Errorf(exitcode.HSM, "%v did not wrap the key as in RFC 5649", s.token)
	}
	return opened, nil
}

// sameKey reports whether a worthless test key in clear is the key on the
// token, by its check value or its public key.
func (s *survey) sameKey(key hsm.Key, clearText []byte) bool {
	if key.Public == nil {
		want, err := s.s.CheckValue(key)
		return err == nil && bytes.Equal(want, checkValue(clearText))
	}
	public, err := publicOf(clearText)
	return err == nil && keykind.SamePublicKey(public, key.Public)
}

// checkValue is the zero block under an AES key, as [hsm.Session.CheckValue].
func checkValue(key []byte) []byte {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil
	}
	value := make([]byte, aes.BlockSize)
	block.Encrypt(value, value)
	return value
}

// publicOf reads a PKCS#8 private key (RFC 5958), behind which SoftHSM 2.6.1
// wraps up to seven zero bytes.
func publicOf(clearText []byte) (crypto.PublicKey, error) {
	var der asn1.RawValue
	rest, err := asn1.Unmarshal(clearText, &der)
	if err != nil || len(bytes.Trim(rest, "\x00")) > 0 || len(rest) > 7 {
		return nil, errors.New("not one PKCS#8 key")
	}
	key, err := x509.ParsePKCS8PrivateKey(der.FullBytes)
	if err != nil {
		return nil, err
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, errors.New("not a signing key")
	}
	return signer.Public(), nil
}

// restore backs a key up, restores it to a session object that must prove
// possession, and copies that to the token or, where the module copies no keys,
// restores it there.
func (s *survey) restore(w hsm.Wrapping) func(hsm.Key) error {
	return func(key hsm.Key) error {
		identity, err := s.identity(key)
		if err != nil {
			return err
		}
		blob, err := s.s.Wrap(w, key)
		if err != nil {
			return err
		}
		at := min(len(blob), s.km.Size())
		backup := hsm.Backup{Kind: key.Kind, Public: key.Public, Seal: s.seal(blob[:at]), Inner: blob[at:]}
		restored, err := s.s.Restore(backup)
		if err != nil {
			return err
		}
		if err := s.s.Proves(restored, identity); err != nil {
			return err
		}
		kept, err := s.s.Persist(restored, testKey)
		if errors.Is(err, hsm.ErrNoCopy) {
			backup.Label = testKey
			kept, err = s.s.Restore(backup)
		}
		if err != nil {
			return err
		}
		return cmp.Or(s.s.Proves(kept, identity), s.s.DestroyKey(kept))
	}
}

func (s *survey) identity(key hsm.Key) (hsm.Identity, error) {
	if key.Public != nil {
		return hsm.Identity{Public: key.Public}, nil
	}
	value, err := s.s.CheckValue(key)
	return hsm.Identity{CheckValue: value}, err
}

// seal opens a backup's first part and encrypts the AES key again.
func (s *survey) seal(outer []byte) hsm.Seal {
	return func(public *rsa.PublicKey) ([]byte, error) {
		key, err := rsa.DecryptOAEP(sha1.New(), nil, s.km, outer, nil)
		if err != nil {
			return nil, exitcode.Errorf(exitcode.HSM, "%v did not wrap with RSA-OAEP and SHA-1 for the backup", s.token)
		}
		defer clear(key)
		return rsa.EncryptOAEP(sha1.New(), rand.Reader, public, key, nil)
	}
}
