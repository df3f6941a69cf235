package secondproc

import (
	"errors"
	"strings"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/hsm"
)

// LabelPrefix begins the label of every object that the experiments make. One
// that a crash has left protects nothing and may be destroyed.
const LabelPrefix = "byok-second-process-"

// raw is a read-write session of this process's own, beside those of package
// hsm: login and token are the same, the calls are not judged.
type raw struct {
	p *pkcs11.Ctx
	h pkcs11.SessionHandle
}

// connect opens a session with the token in slot of a library that package hsm
// has loaded. The library stays initialised when it is closed.
func connect(library string, slot uint) (*raw, error) {
	p := pkcs11.New(library)
	if p == nil {
		return nil, errors.New("the dynamic linker refused " + library)
	}
	err := p.Initialize()
	if err != nil && code(err) != pkcs11.CKR_CRYPTOKI_ALREADY_INITIALIZED {
		p.Destroy()
		return nil, named("C_Initialize", err)
	}
	h, err := p.OpenSession(slot, pkcs11.CKF_SERIAL_SESSION|pkcs11.CKF_RW_SESSION)
	if err != nil {
		p.Destroy()
		return nil, named("C_OpenSession", err)
	}
	return &raw{p, h}, nil
}

// close ends the session and with it its session objects.
func (r *raw) close() {
	_ = r.p.CloseSession(r.h)
	r.p.Destroy()
}

// find returns the objects that match every attribute given.
func (r *raw) find(match ...*pkcs11.Attribute) ([]pkcs11.ObjectHandle, error) {
	if err := r.p.FindObjectsInit(r.h, match); err != nil {
		return nil, err
	}
	var all []pkcs11.ObjectHandle
	for {
		some, _, err := r.p.FindObjects(r.h, 64)
		if err != nil || len(some) == 0 {
			return all, errors.Join(err, r.p.FindObjectsFinal(r.h))
		}
		all = append(all, some...)
	}
}

// trusted reports whether the token shows the object as trusted.
func (r *raw) trusted(o pkcs11.ObjectHandle) bool {
	list, err := r.p.GetAttributeValue(r.h, o, []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_TRUSTED, nil)})
	return err == nil && len(list[0].Value) > 0 && list[0].Value[0] != 0
}

// sweep destroys the token objects of this and of interrupted runs that the
// present role can see.
func (r *raw) sweep() error {
	objects, err := r.find(pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true))
	if err != nil {
		return left("the objects on the token cannot be listed: C_FindObjects", err)
	}
	for _, o := range objects {
		label := r.label(o)
		if !strings.HasPrefix(label, LabelPrefix) {
			continue
		}
		if err := r.p.DestroyObject(r.h, o); err != nil {
			return left(label+" cannot be destroyed: C_DestroyObject", err)
		}
	}
	return nil
}

// label returns an object's label, or "".
func (r *raw) label(o pkcs11.ObjectHandle) string {
	list, err := r.p.GetAttributeValue(r.h, o, []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_LABEL, nil)})
	if err != nil {
		return ""
	}
	return string(list[0].Value)
}

// left says that objects may be left on the token.
func left(what string, err error) error {
	return exitcode.Mark(exitcode.HSM, exitcode.Hint(named(what, err),
		"remove objects labelled %s… with the HSM vendor's tool; they protect nothing", LabelPrefix))
}

// code returns the PKCS#11 return value in err: 0 for nil.
func code(err error) uint {
	var value pkcs11.Error
	if errors.As(err, &value) {
		return uint(value)
	}
	if err != nil {
		return pkcs11.CKR_GENERAL_ERROR
	}
	return pkcs11.CKR_OK
}

// named puts a return value into the standard's words.
func named(what string, err error) error {
	return errors.New(what + ": " + hsm.ReturnCode(code(err)).Error())
}
