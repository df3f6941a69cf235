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

type unreached struct{ error }

func (u unreached) Unwrap() error { return u.error }

// IsUnreached reports whether the HSM may not have been reached: err is marked by
// [Unreached], or is a return value by which a module says that the device is
// not there.
func IsUnreached(err error) bool {
	return errors.As(err, new(unreached)) || Is(err,
		pkcs11.CKR_DEVICE_ERROR, pkcs11.CKR_DEVICE_MEMORY, pkcs11.CKR_DEVICE_REMOVED,
		pkcs11.CKR_TOKEN_NOT_PRESENT, pkcs11.CKR_TOKEN_NOT_RECOGNIZED)
}
