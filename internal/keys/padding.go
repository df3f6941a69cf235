package keys

import (
	"fmt"
	"slices"
)

// warnOfPadding says, in production, that the module puts zero bytes behind a
// key before it wraps: the vault's documentation does not say whether it takes
// such a blob. An AES key fills whole blocks and has none.
func (s Quorum) warnOfPadding(pairs []*pair) error {
	asymmetric := func(p *pair) bool { return !p.approval.Identity.Secret() }
	if s.Chain.Rehearsal() || !slices.ContainsFunc(pairs, asymmetric) {
		return nil
	}
	pads, err := s.HSM.ZeroPads()
	if err != nil || !pads {
		return err
	}
	s.UI().Warn(fmt.Sprintf("%s %s wraps with up to seven zero bytes after the key: "+
		"whether the Azure service takes that is not documented, so try it with a worthless key first",
		s.Token.Model, s.Token.Firmware))
	return nil
}
