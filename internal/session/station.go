package session

import (
	"fmt"
	"strings"

	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/kmdata"
	"byok/internal/library"
	"byok/internal/printable"
	"byok/internal/statement"
)

// Station is a world's module at hand: the library that its newest statement
// names, loaded, with the module's token in it.
type Station struct {
	Chain  *kmdata.Chain
	Module *statement.Module // newest statement
	Token  hsm.Token
	Loaded *hsm.Module // the library
}

// Connect loads the library of the module that is at hand, after comparing
// library, configuration and environment with the module's newest statement:
// nothing else is ever loaded. path is "" where the statement's own will do; name
// chooses where several modules of the world are in one library.
func Connect(chain *kmdata.Chain, path string, name hsm.TokenName, ui UI) (*Station, error) {
	candidates, err := recorded(chain, path, ui)
	if err != nil {
		return nil, err
	}
	m, err := hsm.Load(candidates[0].Library.Path)
	if err != nil {
		return nil, err
	}
	s := &Station{Chain: chain, Loaded: m}
	if err := s.find(candidates, name, ui); err != nil {
		m.Close()
		return nil, err
	}
	return s, nil
}

// Close unloads the library.
func (s *Station) Close() { s.Loaded.Close() }

// Behind reports whether a card replacement did not reach the module yet.
func (s *Station) Behind() bool { return s.Module.CardSet != s.Chain.Set().Cards.Number }

// Description is the library's own description.
func (s *Station) Description() string { return s.Loaded.Library }

// recorded lists the modules whose statement names the library at path, as it
// is now. Path decides nothing: its content does.
func recorded(chain *kmdata.Chain, path string, ui UI) ([]*statement.Module, error) {
	modules := chain.Modules()
	if len(modules) == 0 {
		return nil, noModule()
	}
	if path == "" {
		path = modules[len(modules)-1].Library.Path
	}
	now, err := identify(path, chain.Rehearsal(), ui)
	if err != nil {
		return nil, err
	}
	var fit []*statement.Module
	var differences []library.Difference
	for _, m := range modules {
		found := library.Compare(m.Library, now)
		if !library.Binding(found) {
			same := *m
			same.Library = now
			fit, differences = append(fit, &same), nil
			continue
		}
		differences = found
	}
	if len(fit) == 0 {
		return nil, foreign(path, differences)
	}
	return fit, nil
}

// noModule refuses a world whose creation was cut short, or whose modules were
// all struck off.
func noModule() error {
	return exitcode.Errorf(exitcode.Refused, "this world's statements name no active module").
		Hint("byok-offline world create finishes an interrupted creation; otherwise byok-offline world recover")
}

// foreign refuses a library that no statement names.
func foreign(path string, differences []library.Difference) error {
	text := make([]string, 0, len(differences))
	for _, d := range differences {
		text = append(text, fmt.Sprintf("%s was %s, is %s", d.Subject, d.Recorded, d.Now))
	}
	return exitcode.Errorf(exitcode.Refused, "PKCS#11 library %s is not the one that the card holders accepted: %s",
		path, strings.Join(text, "; ")).
		Hint("byok-offline module accept --module-path %s --card DIR … has the quorum accept it", printable.Quote(path))
}

// identify reads what the library is, and refuses one that others may change.
func identify(path string, rehearsal bool, ui UI) (library.Identity, error) {
	id, err := library.Identify(path)
	if err != nil {
		return id, err
	}
	warnings, err := library.CheckOwners(id, rehearsal)
	for _, w := range warnings {
		ui.Warn(w)
	}
	return id, err
}

// find picks the token that a statement and, if there is one, the name call:
// exactly one must be there.
func (s *Station) find(candidates []*statement.Module, name hsm.TokenName, ui UI) error {
	tokens, err := s.Loaded.Tokens()
	if err != nil {
		return err
	}
	var names, slots []string
	for _, m := range candidates {
		for _, t := range tokens {
			if !t.Initialised || !TokenOf(t).Same(m.Token) || !name.Fits(t) {
				continue
			}
			names, slots = append(names, m.Token.String()), append(slots, fmt.Sprintf("--token slot:%d", t.Slot))
			s.Module, s.Token = m, t
		}
	}
	switch len(names) {
	case 1:
		s.Loaded.Once = s.Module.InitialisedOnce()
		s.sayFirmware(ui)
		return nil
	case 0:
		return s.absent(candidates, name, tokens)
	}
	return exitcode.Errorf(exitcode.HSM, "%d modules of this world are in %s at once: %s",
		len(names), s.Loaded.Path, strings.Join(names, "; ")).
		Hint("name the one to work with: %s", strings.Join(slots, " or "))
}

// absent says that no module of the world is there, or none that the name calls.
func (s *Station) absent(candidates []*statement.Module, name hsm.TokenName, tokens []hsm.Token) error {
	which, faults := "", ""
	if !name.IsZero() {
		which = ", token " + name.String() + ","
	}
	for _, t := range tokens {
		if t.Fault != "" {
			faults += fmt.Sprintf("; slot %d does not answer (%s)", t.Slot, t.Fault)
		}
	}
	none := exitcode.Errorf(exitcode.HSM, "no module of this world%s is in %s%s", which, s.Loaded.Path, faults)
	return hsm.Unreached(none.
		Hint("connect one of: %s; or byok-offline world recover", strings.Join(tokenNames(candidates), "; ")))
}

func tokenNames(modules []*statement.Module) []string {
	names := make([]string, len(modules))
	for i, m := range modules {
		names[i] = m.Token.String()
	}
	return names
}

// sayFirmware shows a change of the firmware, which binds nothing.
func (s *Station) sayFirmware(ui UI) {
	if was := s.Module.Token.Firmware; was != s.Token.Firmware {
		ui.Warn(fmt.Sprintf("%v: its firmware was %s when the card holders accepted it, and now is %s",
			s.Token, was, s.Token.Firmware))
	}
}

// TokenOf is the identity of a token as statements record it.
func TokenOf(t hsm.Token) statement.Token {
	return statement.Token{
		Manufacturer: t.Manufacturer,
		Model:        t.Model,
		Serial:       t.Serial,
		Label:        t.Label,
		Firmware:     t.Firmware,
	}
}

// LibraryChange is a library that no statement names yet.
type LibraryChange struct {
	Old *library.Identity // nil for a new module
	New library.Identity
}

// Accept has the card holders accept a library before it is loaded: what it
// is, and what differs from old, is shown first. old is nil for a new module.
func Accept(path string, rehearsal bool, old *library.Identity, ui UI) (library.Identity, error) {
	id, err := identify(path, rehearsal, ui)
	if err != nil {
		return id, err
	}
	ui.Say("PKCS#11 library to be loaded: %s", id.Path)
	ui.Say("  SHA-256 %s", id.SHA256.FirstWords(acceptWords))
	if old == nil {
		return id, ui.AcceptLibrary(LibraryChange{New: id})
	}
	ui.Say("  before  %s", old.SHA256.FirstWords(acceptWords))
	for _, d := range library.Compare(*old, id) {
		ui.Say("  %s was %s, is %s", d.Subject, d.Recorded, d.Now)
	}
	return id, ui.AcceptLibrary(LibraryChange{Old: old, New: id})
}

// acceptWords is how many words of a library's hash are shown.
const acceptWords = 8
