package preflight

import (
	"byok/internal/cards"
	"byok/internal/command"
	"byok/internal/confine"
	"byok/internal/dialogue"
	"byok/internal/durable"
	"byok/internal/kmdata"
	"byok/internal/session"
	"byok/internal/term"
)

// World reads and verifies the world of --kmdata, and says if it is a
// rehearsal's.
func World(r *command.Run) (*kmdata.Chain, error) {
	dir, err := r.KMData()
	if err != nil {
		return nil, err
	}
	chain, err := kmdata.Open(dir)
	if err != nil {
		return nil, err
	}
	if chain.Rehearsal() && !r.Event.Rehearsal { // said once
		r.Console.Warning("REHEARSAL world: production refuses everything it makes")
	}
	r.Event.Rehearsal = chain.Rehearsal()
	r.Event.AddNote("hknso", chain.HKNSO().String())
	return chain, nil
}

// world reads the world. A step takes up what an interrupted run has left of its
// files: a check would otherwise miss a key.
func (f *Facts) world() (err error) {
	if f.Chain, err = World(f.Run); err != nil {
		return err
	}
	f.UI = dialogue.New(f.Run, f.Chain.Rehearsal())
	if f.Run.Log == nil {
		return nil
	}
	if err := f.sweep(); err != nil {
		return err
	}
	return f.Chain.PutBack()
}

// sweep removes what killed runs have left of files that they were writing: the
// step holds kmdata for itself.
func (f *Facts) sweep() error {
	swept, err := durable.Sweep(kmdata.Local(f.Chain.Dir()))
	for _, path := range swept {
		f.UI.Say("%s is gone: a run that was killed had left it", path)
	}
	return err
}

// enough refuses fewer cards than the quorum, and cards that are not in their
// holders' hands alone.
func (f *Facts) enough() error { return session.MayRead(f.Chain, f.Media) }

// readable refuses a card that is not there, of another world, or there twice.
func (f *Facts) readable() error {
	if err := session.CheckHeaders(f.Chain, f.Media); err != nil {
		return err
	}
	return cards.Look(f.Media)
}

// ifGiven holds the cards of a command that may do without to the same rules.
func (f *Facts) ifGiven() error {
	if len(f.Media) == 0 {
		return nil
	}
	if err := f.toCheck(); err != nil {
		return err
	}
	return f.enough()
}

// toCheck is for cards that are checked one by one: any number will do.
func (f *Facts) toCheck() error {
	if len(f.Media) == 0 {
		return nil
	}
	if err := dialogue.CheckCards(f.Run, ""); err != nil {
		return err
	}
	return session.CheckHeaders(f.Chain, f.Media)
}

func (f *Facts) card() error { return cards.Look(cards.Folders([]string{f.Run.String("card")})) }

// secretFiles looks at the files of PINs and passphrases before anything is done
// with the first of them.
func (f *Facts) secretFiles() error {
	var paths []string
	for _, name := range []string{"pin-file", "new-pin-file", "so-pin-file", "quorum-pin-file"} {
		if path := f.Run.String(name); path != "" {
			paths = append(paths, path)
		}
	}
	for _, name := range []string{"card-pin-file", "new-card-pin-file"} {
		paths = append(paths, f.Run.StringSlice(name)...)
	}
	f.memory()
	for _, path := range paths {
		s, err := term.SecretFile(path)
		if err != nil {
			return err
		}
		s.Wipe()
	}
	return nil
}

// memory warns where secrets could reach a swap file.
func (f *Facts) memory() {
	if row := confine.Memory(); !row.OK {
		f.UI.Warn("memory cannot be locked, so that " + row.Detail + "; ulimit -l 64 is enough")
	}
}

func (f *Facts) module() error {
	_, err := f.Chain.Module(f.Run.String("module"))
	return err
}
