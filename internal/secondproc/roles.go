package secondproc

import (
	"byok/internal/hsm"
	"byok/internal/hsm/p11"
	"byok/internal/secret"
)

// roles logs this process in and out. A login belongs to the token and to all
// sessions of a process.
type roles interface {
	Login(hsm.Role, *secret.Bytes) error
	Logout() error
	Close()
}

// sameSession logs in by the session that makes the objects, on a token that
// allows one session at a time.
type sameSession struct {
	module *hsm.Module
	token  hsm.Token
	*raw
}

func (s sameSession) Login(role hsm.Role, pin *secret.Bytes) error {
	return s.module.Login(s.Handle, s.token, role, pin)
}

func (s sameSession) Logout() error {
	if err := s.Ctx.Logout(s.Handle); err != nil {
		return p11.Fail("C_Logout on "+s.token.String(), err)
	}
	return nil
}

// Close does nothing: the session is closed by whoever makes objects in it.
func (sameSession) Close() {}
