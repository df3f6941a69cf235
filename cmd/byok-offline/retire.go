package main

import (
	"fmt"
	"io"

	"byok/internal/command"
	"byok/internal/exitcode"
	"byok/internal/term"
	"byok/internal/world"
)

// restoreKey brings a key back from its backup blob.
func restoreKey(r *command.Run) (command.Result, error) {
	ident, err := identAndCards(r)
	if err != nil {
		return nil, err
	}
	w, err := openWorld(r)
	if err != nil {
		return nil, err
	}
	defer w.Close()
	cards, err := readCards(r, w.World)
	if err != nil {
		return nil, err
	}
	defer cards.Wipe()
	op, err := w.login(r)
	if err != nil {
		return nil, err
	}
	k, err := op.Restore(ident, cards)
	if err != nil {
		return nil, err
	}
	r.Console.Warning("%s was restored: the token does not vouch for its origin any more (LOCAL is false)", k.Name())
	return describeKey(w.World, k), nil
}

// retireKey destroys a key's objects after its identifier was typed again.
func retireKey(r *command.Run) (command.Result, error) {
	ident, err := identOf(r)
	if err != nil {
		return nil, err
	}
	w, err := openWorld(r)
	if err != nil {
		return nil, err
	}
	defer w.Close()
	if _, err := w.Key(world.Simple, ident); err != nil {
		return nil, err
	}
	if err := confirmRetirement(r, w, ident); err != nil {
		return nil, err
	}
	op, err := w.login(r)
	if err != nil {
		return nil, err
	}
	file, err := op.Retire(ident)
	if err != nil {
		return nil, err
	}
	return retiredView{file}, nil
}

func confirmRetirement(r *command.Run, w *opened, ident string) error {
	if again := r.String("really-destroy"); again != "" {
		if again != ident {
			return exitcode.Errorf(exitcode.Refused, "--really-destroy %s is not --ident %s", again, ident)
		}
		return nil
	}
	return r.Console.Confirm(fmt.Sprintf("key %s on %s will be destroyed; type its identifier", ident, w.tokenName()), ident)
}

// retiredView says what was destroyed.
type retiredView struct{ world.RetiredFile }

func (v retiredView) Print(w io.Writer) error {
	return term.Table(w, [][]string{
		{"retired", v.Key}, {"objects destroyed", fmt.Sprint(v.Destroyed)}, {"module serial", v.Serial}, {"retired at", v.Retired.Format("2006-01-02T15:04:05Z")},
		{"still there", "its key file with the backup: K cards can bring it back"},
	})
}
