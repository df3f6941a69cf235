package main

import (
	"fmt"
	"io"

	"byok/internal/command"
	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/world"
)

// recoverWorld makes the world of --kmdata again on an empty module.
func recoverWorld(r *command.Run) (command.Result, error) {
	if err := r.NoArgs(); err != nil {
		return nil, err
	}
	if err := checkCardFlags(r, ""); err != nil {
		return nil, err
	}
	w, err := readWorld(r)
	if err != nil {
		return nil, err
	}
	m, err := hsm.Load(libraryOf(r, w))
	if err != nil {
		return nil, err
	}
	defer m.Close()
	pin, err := newUserPIN(r, w.Label, false)
	if err != nil {
		return nil, err
	}
	defer pin.Wipe()
	cards, err := readCards(r, w)
	if err != nil {
		return nil, err
	}
	defer cards.Wipe()
	module, err := w.Recover(m, world.Recovery{Label: r.String("label"), Cards: cards, UserPIN: pin, Say: r.Console.Say})
	if err != nil {
		return nil, err
	}
	recordWorld(r, m, w, module)
	return describeWorld(w)
}

// replaceCards makes the next card set of the world of --kmdata.
func replaceCards(r *command.Run) (command.Result, error) {
	if err := r.NoArgs(); err != nil {
		return nil, err
	}
	if err := checkCardFlags(r, ""); err != nil {
		return nil, err
	}
	w, err := openWorld(r)
	if err != nil {
		return nil, err
	}
	defer w.Close()
	order, err := cardOrder(r, "new-", w.Rehearsal)
	if err != nil {
		return nil, err
	}
	if err := order.Check(w.Rehearsal); err != nil {
		return nil, err
	}
	pin, err := userPIN(r, w.tokenName())
	if err != nil {
		return nil, err
	}
	defer pin.Wipe()
	finished, err := w.FinishReplacement(w.module, pin, order)
	if err != nil {
		return nil, err
	}
	if finished {
		r.Console.Say("the interrupted run had brought these cards into force; nothing else is left to do")
		return describeWorld(w.World)
	}
	old, err := readCards(r, w.World)
	if err != nil {
		return nil, err
	}
	defer old.Wipe()
	defer func() { wipePassphrases(order) }()
	if err := askPassphrases(r, "new-", &order); err != nil {
		return nil, err
	}
	next, err := w.ReplaceCards(w.module, world.Replacement{CardOrder: order, Old: old, UserPIN: pin})
	if err != nil {
		return nil, err
	}
	recordWorld(r, w.module, next, next.Module)
	r.Console.Say("the old cards open this token no more, but still the backups in kmdata and other modules of this world: destroy them")
	return describeWorld(next)
}

// checkWorld looks at everything and goes on after what is bad.
func checkWorld(r *command.Run) (command.Result, error) {
	if err := r.NoArgs(); err != nil {
		return nil, err
	}
	w, err := openWorld(r)
	if err != nil {
		return nil, err
	}
	defer w.Close()
	op, err := w.login(r)
	if err != nil {
		return nil, err
	}
	lines, err := op.Check()
	if err != nil {
		return checkView{lines}, err
	}
	if len(r.StringSlice("card")) > 0 {
		if err := checkCardFlags(r, ""); err != nil {
			return nil, err
		}
		lines = append(lines, w.CheckCards(cardReaders(r))...)
	}
	return checkView{lines}, failures(lines)
}

func failures(lines []world.CheckLine) error {
	bad := 0
	for _, line := range lines {
		if !line.OK {
			bad++
		}
	}
	if bad == 0 {
		return nil
	}
	return exitcode.Errorf(exitcode.Check, "%d of %d checks failed", bad, len(lines))
}

// checkView prints a verdict a line.
type checkView struct {
	Checks []world.CheckLine `json:"checks"`
}

func (v checkView) Print(w io.Writer) error {
	for _, line := range v.Checks {
		mark := "pass"
		if !line.OK {
			mark = "FAIL"
		}
		if _, err := fmt.Fprintf(w, "%s  %-28s %s\n", mark, line.What, line.Detail); err != nil {
			return err
		}
	}
	return nil
}
