package keys

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
