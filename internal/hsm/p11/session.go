package p11

import (
	"fmt"

	"github.com/miekg/pkcs11"
)

// Object is a handle of an object, valid while its session is open and, if it
// is private, while the login lasts. 0 stands for none.
type Object = pkcs11.ObjectHandle

// Wrapper is C_WrapKey. The binding's asks for the length first, and NSS softoken
// answers too little then.
type Wrapper interface {
	WrapKey(h pkcs11.SessionHandle, m *pkcs11.Mechanism, outer, key Object) ([]byte, error)
}

// Session is an open session. Its maker opens and closes it.
type Session struct {
	Ctx    *pkcs11.Ctx
	Handle pkcs11.SessionHandle
	Native Wrapper      // for [Session.Wrap]; may be nil where nothing is wrapped
	Token  fmt.Stringer // for messages
	// Omitted remembers, by the name of an object, which optional attributes
	// its last making left out. It may be shared between sessions of a token.
	Omitted map[string][]uint

	leftOut []string
}

// Find returns the objects that match every attribute given.
func (s *Session) Find(match ...*pkcs11.Attribute) ([]Object, error) {
	if err := s.Ctx.FindObjectsInit(s.Handle, match); err != nil {
		return nil, Fail("C_FindObjectsInit", err)
	}
	var all []Object
	for {
		some, _, err := s.Ctx.FindObjects(s.Handle, 64)
		if err != nil {
			_ = s.Ctx.FindObjectsFinal(s.Handle)
			return nil, Fail("C_FindObjects", err)
		}
		if len(some) == 0 {
			return all, s.endFind()
		}
		all = append(all, some...)
	}
}

func (s *Session) endFind() error {
	if err := s.Ctx.FindObjectsFinal(s.Handle); err != nil {
		return Fail("C_FindObjectsFinal", err)
	}
	return nil
}

// DestroyAll destroys every object that matches, and returns how many there
// were. name is for messages.
func (s *Session) DestroyAll(name string, match ...*pkcs11.Attribute) (int, error) {
	objects, err := s.Find(match...)
	if err != nil {
		return 0, err
	}
	for i, o := range objects {
		if err := s.Destroy(name, o); err != nil {
			return i, err
		}
	}
	return len(objects), nil
}

// Destroy destroys an object. name is for messages.
func (s *Session) Destroy(name string, o Object) error {
	if err := s.Ctx.DestroyObject(s.Handle, o); err != nil {
		return Fail("C_DestroyObject of "+name, s.Answered(err))
	}
	return nil
}

// Discard destroys a session object that is no longer needed, without a word
// if that fails: it is gone with the session anyway. 0 stands for none.
func (s *Session) Discard(o Object) {
	if o != 0 {
		_ = s.Ctx.DestroyObject(s.Handle, o)
	}
}

// Checked destroys what was made but does not show what it should: err says so.
func (s *Session) Checked(o Object, err error) (Object, error) {
	if err != nil {
		s.Discard(o)
		return 0, err
	}
	return o, nil
}

func (s *Session) made(o Object, err error) (Object, error) { return o, s.Answered(err) }

// Create is C_CreateObject.
func (s *Session) Create(template []*pkcs11.Attribute) (Object, error) {
	return s.made(s.Ctx.CreateObject(s.Handle, template))
}

// Copy is C_CopyObject.
func (s *Session) Copy(o Object, template []*pkcs11.Attribute) (Object, error) {
	return s.made(s.Ctx.CopyObject(s.Handle, o, template))
}

// Set is C_SetAttributeValue.
func (s *Session) Set(o Object, template []*pkcs11.Attribute) error {
	return s.Answered(s.Ctx.SetAttributeValue(s.Handle, o, template))
}

// Generate is C_GenerateKey.
func (s *Session) Generate(mechanism uint, template []*pkcs11.Attribute) (Object, error) {
	return s.made(s.Ctx.GenerateKey(s.Handle, Mechanism(mechanism), template))
}

// GeneratePair is C_GenerateKeyPair: the public half, then the private one.
func (s *Session) GeneratePair(mechanism uint, public, private []*pkcs11.Attribute) (half, key Object, err error) {
	half, key, err = s.Ctx.GenerateKeyPair(s.Handle, Mechanism(mechanism), public, private)
	return half, key, s.Answered(err)
}

// Wrap is C_WrapKey of o under outer. m is one mechanism, as the binding has it.
func (s *Session) Wrap(m []*pkcs11.Mechanism, outer, o Object) ([]byte, error) {
	blob, err := s.Native.WrapKey(s.Handle, m[0], outer, o)
	if Is(err, pkcs11.CKR_CRYPTOKI_NOT_INITIALIZED) {
		blob, err = s.wrapByBinding(m, outer, o)
	}
	return blob, s.Answered(err)
}

// wrapByBinding wraps where only the binding's library is initialised: p11-kit
// gives each who loads it one of its own. The binding does not put AES-GCM's
// parameters around an IV.
func (s *Session) wrapByBinding(m []*pkcs11.Mechanism, outer, o Object) ([]byte, error) {
	if m[0].Mechanism == pkcs11.CKM_AES_GCM {
		return nil, pkcs11.Error(pkcs11.CKR_FUNCTION_NOT_SUPPORTED)
	}
	return s.Ctx.WrapKey(s.Handle, m, outer, o)
}

// Unwrap is C_UnwrapKey of blob by outer.
func (s *Session) Unwrap(m []*pkcs11.Mechanism, outer Object, blob []byte, t []*pkcs11.Attribute) (Object, error) {
	return s.made(s.Ctx.UnwrapKey(s.Handle, m, outer, blob, t))
}
