package keys

import (
	"cmp"
	"encoding/base64"
	"errors"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/hsm"
	"byok/internal/journal"
	"byok/internal/kmdata"
	"byok/internal/session"
)

// Generation asks for a new key of the world.
type Generation struct {
	Ident     string
	PlainName string // "" is the ident
	Spec      hsm.Spec
}

func (g Generation) plainName() string { return cmp.Or(g.PlainName, g.Ident) }

// Check refuses what needs neither person nor token to be refused.
func (g Generation) Check(chain *kmdata.Chain) error {
	if err := kmdata.CheckIdent(g.Ident); err != nil {
		return err
	}
	_, err := chain.Key(g.Ident)
	switch {
	case err == nil:
		return exitcode.Errorf(exitcode.Refused, "%s: there is a key of that name already", chain.KeyPath(g.Ident)).
			Hint("choose another --ident, or byok-offline key list")
	case exitcode.Of(err) != exitcode.Usage:
		return err
	}
	return nil
}

// generationNote is the journal's note of a generation.
type generationNote struct {
	Label string `json:"label"`
}

// operationName is the journal's name of an operation on one key.
func operationName(verb, ident string) string { return verb + "_" + ident }

// Generate makes a key before the quorum: as a session object, backed up under
// KM, the backup restored to a second session object that proves possession,
// and the origin statement signed; only then is the key copied to the token. A
// crash before that leaves nothing.
func (s Quorum) Generate(g Generation) (*kmdata.Key, error) {
	var made *kmdata.Key
	before, err := journal.Run(journal.Of(s.Chain.Dir()), journal.Operation[generationNote]{
		Name: operationName("key-generate", g.Ident),
		Done: func(generationNote) (bool, error) { return recordedKey(s.Chain, g.Ident) },
		Undo: func(n generationNote) error { return s.AsUser(func() error { return s.destroy(n.Label) }) },
		Check: func() error {
			return s.AsUser(func() error { return absent(s.HSM, kmdata.KeyName(kmdata.Simple, g.Ident)) })
		},
		Do: func(*generationNote, func() error) (err error) {
			made, err = s.generate(g)
			return err
		},
	}, generationNote{kmdata.KeyName(kmdata.Simple, g.Ident)})
	if err != nil {
		return nil, err
	}
	if before {
		return s.Chain.Key(g.Ident)
	}
	return made, s.Finish()
}

// recordedKey reports whether the key file of ident is there.
func recordedKey(chain *kmdata.Chain, ident string) (bool, error) {
	_, err := chain.Key(ident)
	if exitcode.Of(err) == exitcode.Usage {
		return false, nil
	}
	return err == nil, err
}

func (s Quorum) generate(g Generation) (k *kmdata.Key, err error) {
	err = s.AsUser(func() error {
		if err := s.ExactlyTrusted(); err != nil {
			return err
		}
		key, err := s.HSM.Generate(g.Spec, kmdata.KeyName(kmdata.Simple, g.Ident), hsm.SessionObject)
		if err != nil {
			return err
		}
		if err := s.HSM.ProbeKey(key); err != nil {
			return err
		}
		if k, err = s.adopt(g, key); err != nil {
			return err
		}
		return s.ExactlyTrusted()
	})
	return k, err
}

// adopt backs a new session key up, signs its origin, and keeps it.
func (s Quorum) adopt(g Generation, key hsm.Key) (*kmdata.Key, error) {
	k, err := describe(s.HSM, key, g.Ident)
	if err != nil {
		return nil, err
	}
	k.Signed, k.App = s.Chain.NewSigned(kmdata.TypeKey, s.Module.Module), kmdata.Simple
	k.PlainName, k.Origin, k.CardSet = g.plainName(), kmdata.OriginQuorum, s.Set().Cards.Number
	backup, err := s.Backup(key)
	if err != nil {
		return nil, err
	}
	if err := s.ProveBackup(k.Identity, backup); err != nil {
		return nil, err
	}
	s.UI().Say("%s: its backup was restored to the session and proved possession of the key", k.Name())
	if err := s.signOrigin(k, kmdata.OriginQuorum, false, backup, k.Permissions); err != nil {
		return nil, err
	}
	if _, err := s.HSM.Persist(key, k.Name()); err != nil {
		return nil, err
	}
	k.Backup = base64.StdEncoding.EncodeToString(backup)
	return k, s.Chain.WriteKey(k, s.KML())
}

// signOrigin signs the origin statement of a key.
func (s Quorum) signOrigin(k *kmdata.Key, origin string, restored bool, backup []byte, attributes []string) error {
	_, err := s.Sign(&kmdata.Origin{
		Ident: k.Ident, Identity: k.Identity, Origin: origin, Restored: restored,
		Module: s.Module.Module, Attributes: attributes, Backup: fingerprint.Of(backup),
	})
	return err
}

// describe reads from the token what a key file says of a key.
func describe(token *hsm.Session, key hsm.Key, ident string) (*kmdata.Key, error) {
	k := &kmdata.Key{Ident: ident}
	identity, err := session.IdentityOf(token, key)
	if err != nil {
		return nil, err
	}
	k.Identity = identity
	k.Permissions, err = token.Permissions(key)
	return k, err
}

// destroy removes every object with a label, as user.
func (s Quorum) destroy(label string) error {
	_, err := s.HSM.DestroyLabelled(label)
	return err
}

// absent refuses a token that holds an object with the label: no key file
// describes it.
func absent(token *hsm.Session, label string) error {
	_, err := token.FindKey(label)
	if errors.Is(err, hsm.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return exitcode.Errorf(exitcode.Refused, "%v holds a key labelled %s already", token.Token, label).
		Hint("byok-offline world check lists what this world did not make")
}

// Generate makes a key without the quorum. Its origin is unproved: whoever has
// the user PIN may know its value.
func (o Operator) Generate(g Generation) (*kmdata.Key, error) {
	label := kmdata.KeyName(kmdata.Simple, g.Ident)
	var made *kmdata.Key
	before, err := journal.Run(journal.Of(o.Chain.Dir()), journal.Operation[generationNote]{
		Name: operationName("key-generate", g.Ident),
		Done: func(generationNote) (bool, error) { return recordedKey(o.Chain, g.Ident) },
		Undo: func(n generationNote) error {
			_, err := o.User.DestroyLabelled(n.Label)
			return err
		},
		Check: func() error { return absent(o.User.Session, label) },
		Do: func(*generationNote, func() error) (err error) {
			made, err = o.generate(g, label)
			return err
		},
	}, generationNote{label})
	if before && err == nil {
		return o.Chain.Key(g.Ident)
	}
	return made, err
}

func (o Operator) generate(g Generation, label string) (*kmdata.Key, error) {
	if err := o.ExactlyTrusted(); err != nil {
		return nil, err
	}
	key, err := o.User.Generate(g.Spec, label)
	if err != nil {
		return nil, err
	}
	if err := o.User.ProbeKey(key); err != nil {
		return nil, err
	}
	k, err := describe(o.User.Session, key, g.Ident)
	if err != nil {
		return nil, err
	}
	set := o.Chain.Set()
	w, err := session.Wrapping(o.User.Session, o.Module, set)
	if err != nil {
		return nil, err
	}
	backup, err := o.User.Wrap(w, key)
	if err != nil {
		return nil, err
	}
	k.Signed, k.App = o.Chain.NewSigned(kmdata.TypeKey, o.Module.Module), kmdata.Simple
	k.PlainName, k.Origin, k.CardSet = g.plainName(), kmdata.OriginUnproved, set.Cards.Number
	k.Backup = base64.StdEncoding.EncodeToString(backup)
	if err := o.ExactlyTrusted(); err != nil {
		return nil, err
	}
	return k, o.Chain.WriteKey(k, o)
}
