package isolation_test

import (
	"testing"

	"byok/internal/exitcode"
	"byok/internal/isolation"
	"byok/internal/session"
	"byok/internal/statement"
	"byok/internal/testkit/rig"
)

func TestMain(m *testing.M) { rig.Main(m) }

// TestProve: what a second process shows is a finding each; without an answer there is
// no guard. Where keys go by way of KM, session objects may be seen.
func TestProve(t *testing.T) {
	r := rig.NewWorld(t)
	rig.OK(t, r.Quorum(func(s *session.Quorum) error {
		prove := func(traits statement.Traits) ([]statement.Finding, error) {
			return isolation.Prove(s.Loaded, s.Token, traits, nil, rig.Secret(rig.UserPIN))
		}
		rows, err := prove(statement.GuardLogin.Traits())
		rig.OK(t, err)
		if len(rows) != 3 {
			t.Errorf("%+v", rows)
		}
		rows, err = prove(statement.GuardTrust.Traits()) // its SO PIN is not at hand
		r.Refused(t, err, exitcode.HSM, `token "test world" (serial SERIAL) does not isolate processes: `+
			"while the SO is logged in, another process trusts no key: not answered; "+
			"while the SO is logged in, another process reaches no private key: not answered; "+
			"another process finds no session object of this one: not answered",
			"byok-offline module check --module-path LIBRARY shows every finding")
		if len(rows) != 5 {
			t.Errorf("%+v", rows)
		}
		_, err = isolation.Prove(s.Loaded, s.Token, statement.GuardLogin.Traits(), nil, rig.Secret("wrong-pin"))
		if exitcode.Of(err) != exitcode.HSM {
			t.Errorf("%v", err)
		}
		return nil
	}))
}
