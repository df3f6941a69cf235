package world

import (
	"byok/internal/hsm"
	"byok/internal/kmdata"
	"byok/internal/session"
)

// StrikeOffSame is what a recovery does about the module that was on the same
// token before it was wiped.
func StrikeOffSame(s *session.Quorum, chain *kmdata.Chain, token hsm.Token, id string) error {
	return (&recovery{chain: chain, session: s, module: &module{token: token, id: id}}).strikeOff()
}
