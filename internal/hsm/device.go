package hsm

import (
	"byok/internal/hsm/p11"
	"byok/internal/hsm/restoring"
	"byok/internal/hsm/rights"
)

// device is the token of a session that is [Guarding.Rights].
func (s *Session) device() *rights.Token {
	if s.own == nil {
		s.own = rights.Of(s.raw)
	}
	return s.own
}

// Sweep destroys what a session that was cut short has left on a token without
// session objects. Nobody else may be at work on it.
func (s *Session) Sweep() error {
	if !s.Rights {
		return nil
	}
	return s.device().Sweep()
}

// ProbeOpener makes a key that unwraps, for the time of the login, on a token whose
// logins have rights of their own.
func (s *Session) ProbeOpener() error {
	_, err := s.device().Opener()
	return err
}

func (s *Session) generateOnDevice(by maker, spec Spec, label string) (Key, error) {
	k, err := s.generate(by, spec, rights.Label, TokenObject)
	s.device().Holds(k.public, k.object)
	k.Label = label
	return k, err
}

func (s *Session) keepOnDevice(k Key, label string) (Key, error) {
	k.Label = label
	return k, s.device().Keep(label, k.object, k.public)
}

func (s *Session) restoreOnDevice(b Backup) (k Key, err error) {
	k = Key{Label: restoring.Name, Kind: b.Kind, Public: b.Public, id: p11.NewID()}
	blob := rights.Blob{Kind: b.Kind, Public: b.Public, Seal: b.Seal, Inner: b.Inner, ID: k.id}
	k.object, k.public, err = s.device().Restore(blob)
	if err != nil || b.Label == "" {
		return k, err
	}
	return s.keepOnDevice(k, b.Label)
}
