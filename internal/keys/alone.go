package keys

import (
	"errors"
	"slices"

	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/journal"
	"byok/internal/kmdata"
	"byok/internal/session"
)

// Generation without the quorum.

// Generate makes a key without the quorum. Its origin is unproved: whoever has
// the user PIN may know its value.
func (o Operator) Generate(g Generation) (*kmdata.Key, error) {
	if err := o.Current(); err != nil {
		return nil, err
	}
	if o.Module.Traits().Rights {
		return nil, exitcode.Errorf(exitcode.Refused,
			"the operator's login on %v exports nothing, so it backs no key up", o.Token).
			Hint("byok-offline key generate --ident %s --card DIR …", g.Ident)
	}
	label := kmdata.KeyName(kmdata.Simple, g.Ident)
	if again, err := o.recordAgain(g, label); err != nil || again {
		return o.written(g.Ident, err)
	}
	_, err := journal.Run(journal.Of(o.Chain.Dir()), journal.Operation[note]{
		Name: operationName(generateVerb, g.Ident),
		Done: func(note) (bool, error) { return o.generated(g, label) },
		Undo: func(note) error { // no whole key is there, or this run made it
			_, err := o.User.DestroyLabelled(label)
			return err
		},
		Check: func() error { return absent(o.User.Session, label) },
		Do:    func(*note, func() error) error { return o.generate(g, label) },
	}, note{label})
	return o.written(g.Ident, err)
}

func (o Operator) written(ident string, err error) (*kmdata.Key, error) {
	if err != nil {
		return nil, err
	}
	return o.Chain.Key(ident)
}

// recordAgain records a key that a statement names and whose file is missing, if
// the token holds it. Otherwise it refuses: there may be a backup somewhere.
func (o Operator) recordAgain(g Generation, label string) (bool, error) {
	unfiled, err := o.Chain.Unfiled()
	i := slices.IndexFunc(unfiled, func(s kmdata.Subject) bool { return s.Ident == g.Ident })
	if err != nil || i < 0 {
		return false, err
	}
	key, err := o.User.FindKey(label)
	if errors.Is(err, hsm.ErrNotFound) {
		return false, o.Chain.Lacks(unfiled[i])
	}
	if err != nil {
		return false, err
	}
	if err := o.User.Proves(key, session.Wanted(unfiled[i].Identity)); err != nil {
		return false, err
	}
	if key.Kind, err = unfiled[i].Kind(); err != nil { // a restored AES key may not show its size
		return false, err
	}
	if key.Kind != g.Spec.Kind {
		return false, heldAlready(o.User.Session, label)
	}
	if err := o.record(g, key); err != nil {
		return false, err
	}
	return true, journal.Of(o.Chain.Dir()).Clear(operationName(generateVerb, g.Ident))
}

// generated reports whether an interrupted run had come to its end, or comes to
// it: a note is not signed, so a whole key that is there is recorded, and never
// destroyed.
func (o Operator) generated(g Generation, label string) (bool, error) {
	if done, err := g.recordedKey(o.Chain, o.User.Session); err != nil || done {
		return done, err
	}
	key, err := o.User.FindKey(label)
	if errors.Is(err, hsm.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if key.Kind != g.Spec.Kind {
		return false, heldAlready(o.User.Session, label)
	}
	return true, o.record(g, key)
}

func (o Operator) generate(g Generation, label string) error {
	if err := o.ExactlyTrusted(); err != nil {
		return err
	}
	key, err := o.User.Generate(g.Spec, label)
	if err != nil {
		return err
	}
	return o.record(g, key)
}

// record backs a key on the token up and writes its file. It must prove itself:
// what an interrupted run left is known by its label alone.
func (o Operator) record(g Generation, key hsm.Key) error {
	if err := o.User.ProbeKey(key); err != nil {
		return err
	}
	w, err := session.Wrapping(o.User.Session, o.Module, o.Chain.Set())
	if err != nil {
		return err
	}
	backup, err := o.User.Wrap(w, key)
	if err != nil {
		return err
	}
	k, err := newFile(o.Station, o.User.Session, g, key, backup)
	if err != nil {
		return err
	}
	if err := o.User.Proves(key, session.Wanted(k.Identity)); err != nil {
		return err
	}
	k.Origin, _ = o.Chain.OriginOf(k.Ident, k.Identity, k.Module)
	if k.Replaces, err = g.replacedAlone(o.Chain); err != nil {
		return err
	}
	k.Replaces = o.Chain.Replaces(k)
	if err := o.ExactlyTrusted(); err != nil {
		return err
	}
	return o.Chain.WriteKey(k, o)
}
