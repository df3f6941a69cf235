package register

import (
	"slices"
	"strings"

	"byok/internal/ceremony"
	"byok/internal/kek"
)

// The notes of the connected workstation's log that a register is made of.
const (
	NoteKEK    = "KEK"        // identifier of a KEK that was made, or put into a toolset
	NoteKey    = "key"        // identifier of a key version that is in a vault
	NoteClosed = "KEK closed" // identifier of a KEK that kek delete closed; without a version if it was deleted before
	NoteGone   = "KEK gone"   // identifier of a KEK that verify --all found gone
)

// event takes what an event of the connected workstation's log says.
func (r *Register) event(e ceremony.Event) {
	if e.Phase != ceremony.End {
		return
	}
	for _, n := range e.Notes {
		switch {
		case n.Name == NoteClosed && e.Command == "kek delete", n.Name == NoteGone:
			r.closed(e, n)
		case n.Name == NoteKey && (e.Command == "upload" || e.Command == "verify" && e.Result == ceremony.Success):
			r.uploaded(e, n.Value)
		}
	}
}

// closed marks the KEK that a note names: all its versions were deleted.
func (r *Register) closed(e ceremony.Event, n ceremony.Note) {
	for _, k := range r.KEKs {
		if k.Closed.IsZero() && named(k.KID, n.Value) {
			k.Closed, k.Found = e.Time, n.Name == NoteGone
		}
	}
}

// named reports whether a text, as it stands in the log, is the identifier of a
// KEK, with any version or without one.
func named(id kek.ID, text string) bool {
	all := id.Vault + "/keys/" + id.Name
	base := text
	if parsed, err := kek.ParseID(text); err == nil {
		base = parsed.Vault + "/keys/" + parsed.Name
	}
	return strings.EqualFold(all, base)
}

// KnownKEK reports whether a connected workstation's log names a KEK of a vault,
// in any version: it was made there, or put into a toolset, or closed.
func KnownKEK(log []ceremony.Event, vault, name string) bool {
	id := kek.ID{Vault: vault, Name: name}
	return slices.ContainsFunc(log, func(e ceremony.Event) bool {
		return e.Phase == ceremony.End && slices.ContainsFunc(e.Notes, func(n ceremony.Note) bool {
			return slices.Contains([]string{NoteKEK, NoteClosed, NoteGone}, n.Name) && named(id, n.Value)
		})
	})
}

// uploaded adds a version to the approval whose package was read by the command
// that names it. Where no package is here, the name has to do.
func (r *Register) uploaded(e ceremony.Event, text string) {
	id, err := kek.ParseID(text)
	if err != nil {
		return
	}
	for _, k := range r.Keys {
		for _, d := range k.Went {
			read := slices.ContainsFunc(e.Inputs, func(f ceremony.File) bool { return f.SHA256 == d.SHA256 })
			if !d.at(id.Vault, id.Name) || !read && !d.SHA256.IsZero() || e.Time.Before(d.Approved) && !read {
				continue
			}
			d.version(id)
			if d.Uploaded.IsZero() {
				d.Uploaded = e.Time
			}
		}
	}
}
