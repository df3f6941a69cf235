package hsmattest

import (
	"byok/internal/exitcode"
	"byok/internal/stamp"
	"byok/internal/statement"
)

// Attached is what an HSM's vendor attests of a key, as somebody attached it;
// the zero value is none.
type Attached struct {
	File string // its name, for messages
	Data []byte
	Root string // PEM of the root in place of the vendor's; rehearsals only
}

// Check refuses what no authorization can carry.
func (a Attached) Check(rehearsal bool) error {
	switch {
	case a.Root != "" && !rehearsal:
		return exitcode.Errorf(exitcode.Refused,
			"--hsm-attestation-root is for rehearsals alone: the vendors' roots are pinned")
	case a.Root != "" && a.Data == nil:
		return exitcode.Errorf(exitcode.Usage, "--hsm-attestation-root needs --hsm-attestation")
	}
	return nil
}

// Judge judges the attestation for a key on a module, nil for none. What was not
// verified may be recorded too; what failed a rule may not, and has status Check.
func (a Attached) Judge(identity statement.Identity, m *statement.Module) (*statement.HSMAttestation, error) {
	if a.Data == nil {
		return nil, nil
	}
	r := Check(a.Data, Key{
		Public: identity.Public(), Serial: m.Token.Serial, At: stamp.Now(), Root: a.Root,
	})
	if err := r.Err(a.File); err != nil {
		return nil, err
	}
	return r.Statement(a.Root), nil
}
