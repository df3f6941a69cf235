package keys

import (
	"byok/internal/exitcode"
	"byok/internal/hsmattest"
	"byok/internal/kmdata"
	"byok/internal/stamp"
	"byok/internal/statement"
)

// Attestation is what an HSM's vendor attests of a key, as somebody attached it;
// the zero value is none.
type Attestation struct {
	File string // its name, for messages
	Data []byte
	Root string // PEM of the root in place of the vendor's; rehearsals only
}

// Check refuses what no authorization can carry.
func (a Attestation) Check(chain *kmdata.Chain) error {
	switch {
	case a.Root != "" && !chain.Rehearsal():
		return exitcode.Errorf(exitcode.Refused,
			"--hsm-attestation-root is for rehearsals alone: the vendors' roots are pinned")
	case a.Root != "" && a.Data == nil:
		return exitcode.Errorf(exitcode.Usage, "--hsm-attestation-root needs --hsm-attestation")
	}
	return nil
}

// Judge judges the attestation for a key on a module, nil for none. What was not
// verified may be recorded too; what failed a rule may not, and has status Check.
func (a Attestation) Judge(identity statement.Identity, m *statement.Module) (*statement.HSMAttestation, error) {
	if a.Data == nil {
		return nil, nil
	}
	r := hsmattest.Check(a.Data, hsmattest.Key{
		Public: identity.Public(), Serial: m.Token.Serial, At: stamp.Now(), Root: a.Root,
	})
	if err := r.Err(a.File); err != nil {
		return nil, err
	}
	return r.Statement(a.Root), nil
}

// keepAttestations writes the attestations into kmdata, before a statement names
// them.
func (s Quorum) keepAttestations(pairs []*pair) error {
	for _, p := range pairs {
		if data := p.Attestation.Data; data != nil {
			if err := s.Chain.WriteHSMAttestation(data); err != nil {
				return err
			}
		}
	}
	return nil
}
