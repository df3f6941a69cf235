package keys

import (
	"byok/internal/fingerprint"
	"byok/internal/listing"
	"byok/internal/statement"
	"byok/internal/strictjson"
)

// approve shows the list and has a holder type the first word of its hash.
func (s Quorum) approve(pairs []*pair) (fingerprint.Sum, error) {
	approvals := make([]statement.Approval, 0, len(pairs))
	for i, p := range pairs {
		approvals = append(approvals, p.approval)
		for _, line := range listing.Of(i+1, p.approval) {
			s.UI().Say("%s", line)
		}
	}
	data, err := strictjson.Marshal(approvals)
	if err != nil {
		return fingerprint.Sum{}, err
	}
	sum := fingerprint.Of(data)
	s.UI().Say("guard of %v: %s", s.Token, s.Module.Guard)
	if q := s.Module.VendorQuorum; q != "" {
		s.UI().Say("vendor's own quorum, stated and not proved: %s", q)
	}
	s.UI().Say("list of %d: %s", len(pairs), sum.FirstWords(8))
	s.UI().Warn("whoever may import into these vaults can use the packages there until the KEKs are deleted")
	return sum, s.UI().ApproveList(sum.FirstWords(1))
}
