package world_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"byok/internal/cards"
	"byok/internal/session"
	"byok/internal/testkit/rig"
	"byok/internal/world"
)

// TestReplaceInOneSocket: two cards are read and three are dealt through one place
// for a stick.
func TestReplaceInOneSocket(t *testing.T) {
	r := rig.NewWorld(t)
	old := r.Folders
	r.NewCards(t, 3)
	sticks := slices.Concat(old[:2], r.Folders)
	socket := filepath.Join(t.TempDir(), "usb")
	next := func() {
		_ = os.Remove(socket)
		rig.OK(t, os.Symlink(sticks[0], socket))
		sticks = sticks[1:]
	}
	next()
	r.People.Refuse = func(question string) error {
		if question == "Insert" {
			next()
		}
		return nil
	}
	media := cards.Folders(slices.Repeat([]string{socket}, len(sticks)+1))
	order := r.Order(2)
	order.Media = media[2:]
	p := world.Replacement{CardOrder: order, NewUI: r.People, Old: cards.Folders([]string{socket, socket}), OldUI: r.People}
	station, err := r.Connect()
	rig.OK(t, err)
	s, err := session.Begin(r.Access(), station, p.Old)
	rig.OK(t, err)
	err = world.Quorum{Quorum: s}.ReplaceCards(p)
	s.Close()
	station.Close()
	rig.OK(t, err)
	if len(sticks) != 0 {
		t.Errorf("%d sticks were not asked for", len(sticks))
	}
	r.Whole(t)
}
