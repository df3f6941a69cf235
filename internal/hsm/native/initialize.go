package native

import (
	"github.com/miekg/pkcs11"

	"byok/internal/hsm/p11"
)

// Initialize is C_Initialize of the library, which p has open as well. A library
// that cannot lock will do, since this program makes one call after the other,
// though not always in the same thread: alone reports that no two threads may call
// it at a time. That a library is initialised already is not an error.
func (l *Library) Initialize(p *pkcs11.Ctx) (alone bool, err error) {
	err = p.Initialize()
	switch {
	case p11.Is(err, pkcs11.CKR_CRYPTOKI_ALREADY_INITIALIZED):
		return false, nil
	case p11.CannotLock(err) && l.initializeAlone() == nil:
		return true, nil
	}
	return false, err
}
