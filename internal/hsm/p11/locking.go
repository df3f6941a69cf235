package p11

import "github.com/miekg/pkcs11"

// CannotLock reports whether err is a return value by which C_Initialize refuses
// to be called by several threads (PKCS#11 v2.40, section 5.4), or arguments that
// say so.
func CannotLock(err error) bool {
	return Is(err, pkcs11.CKR_CANT_LOCK, pkcs11.CKR_NEED_TO_CREATE_THREADS, pkcs11.CKR_ARGUMENTS_BAD)
}
