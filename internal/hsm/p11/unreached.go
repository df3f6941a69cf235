package p11

import (
	"errors"

	"github.com/miekg/pkcs11"
)

// Unreached marks an error that the library may have given because it was
// refused a socket: [IsUnreached] reports it. A nil error stays nil.
func Unreached(err error) error {
	if err == nil {
		return nil
	}
	return unreached{err}
}

// Contact is [Unreached] for the error of a call in which a library may speak to
// the HSM for the first time, where the return value does not say more than that
// it failed, or is one of the vendor's own.
func Contact(err error) error {
	if Is(err, pkcs11.CKR_GENERAL_ERROR, pkcs11.CKR_FUNCTION_FAILED) || vendors(err) {
		return Unreached(err)
	}
	return err
}

// vendors reports whether err is a return value of a vendor's own
// (CKR_VENDOR_DEFINED and above: PKCS#11 v2.40, section 3.5).
func vendors(err error) bool {
	var ours ReturnCode
	var theirs pkcs11.Error
	return errors.As(err, &ours) && ours >= pkcs11.CKR_VENDOR_DEFINED ||
		errors.As(err, &theirs) && theirs >= pkcs11.CKR_VENDOR_DEFINED
}

type unreached struct{ error }

func (u unreached) Unwrap() error { return u.error }

// IsUnreached reports whether the HSM may not have been reached: err is marked by
// [Unreached], or is a return value by which a module says that the device is
// not there.
func IsUnreached(err error) bool {
	return errors.As(err, new(unreached)) || !errors.As(err, new(answering)) && Is(err,
		pkcs11.CKR_DEVICE_ERROR, pkcs11.CKR_DEVICE_MEMORY, pkcs11.CKR_DEVICE_REMOVED,
		pkcs11.CKR_TOKEN_NOT_PRESENT, pkcs11.CKR_TOKEN_NOT_RECOGNIZED)
}
