package hsm

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
)

// ckrActionProhibited is PKCS#11 v3.0's CKR_ACTION_PROHIBITED, which
// miekg/pkcs11 leaves without a name. SoftHSM gives it for an attribute of an
// object that is not modifiable.
const ckrActionProhibited = pkcs11.Error(0x1B)

// fail says what the token was asked to do and how it refused, status 4.
func fail(what string, err error) error {
	return exitcode.Errorf(exitcode.HSM, "%s: %w", what, named(err))
}

// ReturnCode is a PKCS#11 return value that prints by its name in the
// standard, such as "CKR_PIN_INCORRECT".
type ReturnCode uint

func (c ReturnCode) Error() string {
	if pkcs11.Error(c) == ckrActionProhibited {
		return "CKR_ACTION_PROHIBITED"
	}
	text := pkcs11.Error(c).Error() // "pkcs11: 0xA0: CKR_PIN_INCORRECT"
	name := text[strings.LastIndex(text, ":")+1:]
	if name = strings.TrimSpace(name); strings.HasPrefix(name, "CKR_") {
		return name
	}
	return fmt.Sprintf("return code 0x%08X", uint(c))
}

// named replaces miekg/pkcs11's spelling of a return value by ours.
func named(err error) error {
	var code pkcs11.Error
	if errors.As(err, &code) {
		return ReturnCode(code)
	}
	return err
}

// is tells whether err is the return value code.
func is(err error, code uint) bool {
	var got pkcs11.Error
	if errors.As(err, &got) {
		return uint(got) == code
	}
	var ours ReturnCode
	return errors.As(err, &ours) && uint(ours) == code
}

// ErrNotEnforced is wrapped by the errors of the Probe methods when the token
// let a restriction be undone: it promises what it does not keep. Other errors
// of theirs say what the token has not at all. Test with errors.Is.
var ErrNotEnforced = errors.New("does not hold its restrictions")

func notEnforced(t Token, format string, args ...any) error {
	return exitcode.Hint(exitcode.Errorf(exitcode.HSM, "%v %w: %s", t, ErrNotEnforced, fmt.Sprintf(format, args...)),
		"use another module: byok-offline module check says what it lacks")
}

// refused judges a try that must fail: nil if the token has refused it. A
// device or a session that is gone has refused nothing.
func refused(t Token, err error, format string, args ...any) error {
	switch {
	case err == nil:
		return notEnforced(t, format, args...)
	case gone(err):
		return fail("a probe of "+t.String()+" got no answer", err)
	}
	return nil
}

// gone tells a return value that says nothing but that the call got nowhere.
func gone(err error) bool {
	return slices.ContainsFunc([]uint{
		pkcs11.CKR_HOST_MEMORY, pkcs11.CKR_DEVICE_ERROR, pkcs11.CKR_DEVICE_MEMORY, pkcs11.CKR_DEVICE_REMOVED, pkcs11.CKR_TOKEN_NOT_PRESENT,
		pkcs11.CKR_SESSION_CLOSED, pkcs11.CKR_SESSION_HANDLE_INVALID, pkcs11.CKR_CRYPTOKI_NOT_INITIALIZED,
	}, func(code uint) bool { return is(err, code) })
}
