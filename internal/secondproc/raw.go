package secondproc

import (
	"errors"
	"strings"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/hsm/p11"
)

// LabelPrefix begins the label of every object that the experiments make. One
// that a crash has left protects nothing and may be destroyed.
const LabelPrefix = "byok-second-process-"

// raw is a read-write session of this process's own, beside those of package
// hsm: login and token are the same, the calls are not judged.
type raw struct{ *p11.Session }

// connect opens a session with the token in slot of a library that package hsm
// has loaded. The library stays initialised when it is closed.
func connect(library string, slot uint) (*raw, error) {
	ctx := pkcs11.New(library)
	if ctx == nil {
		return nil, errors.New("the dynamic linker refused " + library)
	}
	h, err := ctx.OpenSession(slot, pkcs11.CKF_SERIAL_SESSION|pkcs11.CKF_RW_SESSION)
	if p11.Is(err, pkcs11.CKR_CRYPTOKI_NOT_INITIALIZED) { // p11-kit gives each who loads it a library of its own
		if err = ctx.Initialize(); err == nil {
			h, err = ctx.OpenSession(slot, pkcs11.CKF_SERIAL_SESSION|pkcs11.CKF_RW_SESSION)
		}
	}
	if err != nil {
		ctx.Destroy()
		return nil, named("C_OpenSession", err)
	}
	return &raw{&p11.Session{Ctx: ctx, Handle: h}}, nil
}

// close ends the session and with it its session objects.
func (r *raw) close() {
	_ = r.Ctx.CloseSession(r.Handle)
	r.Ctx.Destroy()
}

// value returns an attribute of an object, or nil if it has none.
func (r *raw) value(o p11.Object, attribute uint) []byte {
	list, err := r.Ctx.GetAttributeValue(r.Handle, o, []*pkcs11.Attribute{pkcs11.NewAttribute(attribute, nil)})
	if err != nil {
		return nil
	}
	return list[0].Value
}

// trusted reports whether the token shows the object as trusted.
func (r *raw) trusted(o p11.Object) bool {
	value := r.value(o, pkcs11.CKA_TRUSTED)
	return len(value) > 0 && value[0] != 0
}

// sweep destroys the token objects of this and of interrupted runs that the
// present role can see.
func (r *raw) sweep() error {
	objects, err := r.Find(pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true))
	if err != nil {
		return left("the objects on the token cannot be listed: C_FindObjects", err)
	}
	for _, o := range objects {
		labels, err := r.Attributes(o, pkcs11.CKA_LABEL)
		if gone(err) {
			continue
		}
		if err != nil {
			return left("an object's label cannot be read: C_GetAttributeValue", err)
		}
		label := string(labels[0])
		if !strings.HasPrefix(label, LabelPrefix) {
			continue
		}
		if err := r.Ctx.DestroyObject(r.Handle, o); err != nil && !gone(err) {
			return left(label+" cannot be destroyed: C_DestroyObject", err)
		}
	}
	return nil
}

// gone reports whether an object went with another: on YubiHSM 2 the halves of a
// pair are one.
func gone(err error) bool { return p11.Is(err, pkcs11.CKR_OBJECT_HANDLE_INVALID) }

// left says that objects may be left on the token.
func left(what string, err error) error {
	return exitcode.Mark(exitcode.HSM, exitcode.Hint(named(what, err),
		"remove objects labelled %s… with the HSM vendor's tool; they protect nothing", LabelPrefix))
}

// code returns the PKCS#11 return value in err: CKR_OK for nil, and
// CKR_GENERAL_ERROR for an error that holds none.
func code(err error) uint {
	value := p11.ReturnCode(pkcs11.CKR_GENERAL_ERROR)
	if err == nil {
		value = pkcs11.CKR_OK
	}
	_ = errors.As(p11.Named(err), &value)
	return uint(value)
}

// named puts a return value into the standard's words.
func named(what string, err error) error {
	return errors.New(what + ": " + p11.ReturnCode(code(err)).Error())
}
