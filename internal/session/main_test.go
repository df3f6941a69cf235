package session_test

import (
	"os"
	"testing"

	"byok/internal/cards"
	"byok/internal/session"
	"byok/internal/testkit/rig"
	"byok/internal/world"
)

func TestMain(m *testing.M) { rig.Main(m) }

// seal signs a statement without other content.
func seal(s *session.Quorum) error {
	_, err := world.Quorum{Quorum: s}.Seal()
	return err
}

// nothing is a session in which nothing is done.
func nothing(*session.Quorum) error { return nil }

// copied copies a folder to a new one.
func copied(t *testing.T, dir string) string {
	t.Helper()
	to := t.TempDir()
	rig.OK(t, os.CopyFS(to, os.DirFS(dir)))
	return to
}

// begin opens a session on a station with the cards in the given folders, and
// closes it again.
func begin(r *rig.Rig, s *session.Station, folders []string) error {
	q, err := session.Begin(r.Access(), s, cards.Folders(folders))
	if err != nil {
		return err
	}
	q.Close()
	return nil
}

// connected is a connected station that is closed at the end of the test.
func connected(t *testing.T, r *rig.Rig) *session.Station {
	t.Helper()
	s, err := r.Connect()
	rig.OK(t, err)
	t.Cleanup(s.Close)
	return s
}
