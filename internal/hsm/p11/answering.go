package p11

import "github.com/miekg/pkcs11"

// answering is the failure of one call to a device that goes on answering.
type answering struct{ error }

func (a answering) Unwrap() error { return a.error }

// Answered marks the failure of a call that blames the device, where the session
// still answers: the device is not lost then, and [Gone] and [IsUnreached] report
// false. yubihsm-pkcs11 says CKR_DEVICE_ERROR of a command that its device refuses,
// and CKR_DEVICE_MEMORY of a full log. Other errors, and nil, stay as they are.
func (s *Session) Answered(err error) error {
	if !Is(err, pkcs11.CKR_DEVICE_ERROR, pkcs11.CKR_DEVICE_MEMORY) {
		return err
	}
	if _, lost := s.Ctx.GetSessionInfo(s.Handle); lost != nil {
		return err
	}
	return answering{err}
}
