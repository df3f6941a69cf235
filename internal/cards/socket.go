package cards

import (
	"fmt"
	"slices"

	"byok/internal/exitcode"
)

// socket is where several media come one after the other: a workstation need
// have no more than one place for a stick.
type socket struct {
	folder
	inside int // the turn whose medium is inside, from 1; 0 if it is none of them
	// What CheckPlaces was told; a medium that comes later is held to it then.
	kmdata    string
	rehearsal bool
}

// turn is one of the media of a socket. It can be used while it is inside.
type turn struct {
	*socket
	number int // from 1
}

// Folders returns a medium for each folder. A folder that is named several times
// is a socket: its media come one after the other, and [UI.Insert] asks for each
// but the first.
func Folders(dirs []string) []Medium {
	times := map[string]int{}
	for _, dir := range dirs {
		times[dir]++
	}
	sockets := map[string]*socket{}
	turns := map[string]int{}
	media := make([]Medium, len(dirs))
	for i, dir := range dirs {
		if times[dir] == 1 {
			media[i] = Folder(dir)
			continue
		}
		if sockets[dir] == nil {
			sockets[dir] = &socket{folder: folder(dir), inside: 1}
		}
		turns[dir]++
		media[i] = turn{sockets[dir], turns[dir]}
	}
	return media
}

// Awaited reports whether a medium is still to come into its socket: nothing can
// be known of it before.
func Awaited(m Medium) bool {
	t, is := m.(turn)
	return is && t.number > t.inside
}

// awaited has a person put a medium into its socket, unless it is there, and
// looks at it by check. A medium that does not do is taken out again.
func awaited(m Medium, ui UI, question string, check func() error) error {
	t, is := m.(turn)
	if !is || !Awaited(m) {
		return nil
	}
	for try := 1; ; try++ {
		if err := ui.Insert(question); err != nil {
			return err
		}
		t.inside = t.number
		err := check()
		if err == nil {
			return nil
		}
		t.inside = 0 // whatever it is, nothing is done to it
		if exitcode.Of(err) != exitcode.Refused || try >= Tries {
			return err
		}
		ui.Warn(fmt.Sprintf("%v; take it out", err))
	}
}

// arrive has the next card come into its socket. It is none of those that were
// there before, as far as headers say.
func arrive(m Medium, ui UI, who string, before ...Header) error {
	question := fmt.Sprintf("take the card out of %s, insert %s and press Enter", m, who)
	return awaited(m, ui, question, func() error {
		h, _, err := m.Read()
		if err == nil && h != (Header{}) && slices.Contains(before, h) {
			return exitcode.Errorf(exitcode.Refused, "%s: %s is inside again", m, h).
				Hint("insert another card of the set")
		}
		return err
	})
}

// arriveBlank has the next medium for a new card come into its socket. It is
// held to the rules of [CheckPlaces].
func arriveBlank(m Medium, ui UI, holder string) error {
	question := fmt.Sprintf("take the card out of %s, insert the medium of %s and press Enter", m, holder)
	return awaited(m, ui, question, func() error {
		if t, is := m.(turn); is {
			if err := CheckPlaces([]Medium{t.folder}, t.kmdata, t.rehearsal); err != nil {
				return err
			}
		}
		return m.Blank()
	})
}

// absent refuses what needs the medium inside.
func (t turn) absent() error {
	if t.number == t.inside {
		return nil
	}
	return exitcode.Errorf(exitcode.Refused, "%s: another medium is inside now", t).
		Hint("insert medium %d of those that take turns there", t.number)
}

// Blank leaves a medium that is still to come to its turn.
func (t turn) Blank() error {
	if Awaited(t) {
		return nil
	}
	if err := t.absent(); err != nil {
		return err
	}
	return t.folder.Blank()
}

func (t turn) Write(h Header, sealed []byte) error {
	if err := t.absent(); err != nil {
		return err
	}
	return t.folder.Write(h, sealed)
}

func (t turn) Read() (Header, []byte, error) {
	if err := t.absent(); err != nil {
		return Header{}, nil, err
	}
	return t.folder.Read()
}

func (t turn) Replace(sealed []byte, verify func(written []byte) error) error {
	if err := t.absent(); err != nil {
		return err
	}
	return t.folder.Replace(sealed, verify)
}

func (t turn) Remove() error {
	if err := t.absent(); err != nil {
		return err
	}
	return t.folder.Remove()
}
