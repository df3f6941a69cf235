package survey

import (
	"errors"
	"fmt"

	"byok/internal/hsm"
	"byok/internal/secret"
)

// lockout gives wrong SO PINs until the token warns that it will lock, three at
// most, and then the right one, which starts the count again.
func (s *survey) lockout() {
	wrong := secret.Take([]byte("not-the-right-one"))
	defer wrong.Wipe()
	tries, locks := 0, false
	for ; tries < 3 && !locks; tries++ {
		err := s.tryPIN(wrong)
		if err == nil {
			s.note(PropTrustedBySO, "", fmt.Errorf("%w: a wrong SO PIN was accepted", hsm.ErrNotEnforced))
			return
		}
		locks = hsm.IsLocked(err) || s.aboutToLock()
	}
	err := s.setUserPIN()
	switch {
	case locks, hsm.IsLocked(err):
		err = nil
	case err == nil:
		err = errors.New("three wrong SO PINs did not lock it: only the length of the SO PIN guards it")
	}
	s.note(PropLockout, fmt.Sprintf("after %d wrong tries the token says so", tries), err)
}

func (s *survey) tryPIN(pin *secret.Bytes) error {
	session, err := s.m.Open(s.token)
	if err != nil {
		return err
	}
	defer session.Close()
	return session.Login(hsm.RoleSO, pin)
}

func (s *survey) aboutToLock() bool {
	now, err := s.m.Token(s.token.ID())
	if err != nil {
		return false
	}
	state := now.PINState(hsm.RoleSO)
	return state == hsm.PINFinal || state == hsm.PINLocked
}
