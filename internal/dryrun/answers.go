package dryrun

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"byok/internal/durable"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/plan"
	"byok/internal/script"
	"byok/internal/toolset"
)

// step is a step, and what of the plan it is about, as its ID says.
type step struct {
	script.Step
	kind  string // the ID's first word
	key   int    // in the plan's keys; -1 for none
	named plan.Vault
	vault *vault // nil for none
}

func stepOf(r *run, s script.Step) step {
	kind, rest, _ := strings.Cut(s.ID, ":")
	ident, name, two := strings.Cut(rest, ":")
	if !two {
		name = rest
	}
	found := step{Step: s, kind: kind}
	found.key = slices.IndexFunc(r.plan.Keys, func(k plan.Key) bool { return k.Ident == ident })
	if at := slices.IndexFunc(r.plan.Vaults, func(v plan.Vault) bool { return v.Name == name }); at >= 0 {
		found.named, found.vault = r.plan.Vaults[at], r.vaults[name]
	}
	return found
}

// answers are the options by which a step's questions are answered, which people
// would be asked, and the one that holds it to the plan.
func (r *run) answers(s step) ([]string, error) {
	answers, err := r.said(s)
	return append([]string{"--plan", planFile}, answers...), err
}

// maxToolset is the most bytes of a toolset.
const maxToolset = 16 << 20

func (r *run) said(s step) ([]string, error) {
	quorum := slices.Concat(cardsOf(r.plan.Holders[:r.plan.Needed()]), pin())
	switch s.kind {
	case "kek", "close":
		return append(s.vault.signIn(), "--yes"), nil
	case "toolset":
		return s.vault.signIn(), nil
	case "world":
		return append(cardsOf(r.plan.Holders), pin()...), nil
	case "check", "package":
		return pin(), nil
	case "install":
		zip := filepath.Join(r.plan.Stick, toolset.ZipName(s.named.KEK))
		data, err := durable.ReadFile(r.scratch.path(zip), maxToolset)
		if err != nil {
			return nil, err
		}
		return []string{"--sha256", fingerprint.Of(data).String()}, nil
	case "verify":
		return append(s.vault.says(), "--import-only"), nil
	case "key", "keys", "seal":
		return quorum, nil
	case "approve":
		return slices.Concat(quorum, r.says(s), []string{"--import-only", "--approve-unseen"}), nil
	case "upload":
		return append(r.signIn(s), "--hknso", r.hknso, "--yes"), nil
	case "prove":
		return append(r.signIn(s), "--hknso", r.hknso), nil
	}
	return nil, nil
}

// signIn are the options by which a command finds a rehearsal vault.
func (v *vault) signIn() []string { return []string{"--rehearsal", v.state} }

// says are the options of what the vault's owner says of its KEK.
func (v *vault) says() []string {
	return []string{"--fingerprint", v.fingerprint, "--kid", v.kid, "--said-by", v.owner}
}

// says are the options of what the owners say whose KEKs a step is about: the
// step's own, or of a step for all keys every vault's, in the plan's order.
func (r *run) says(s step) (options []string) {
	if s.vault != nil {
		return s.vault.says()
	}
	for _, v := range r.plan.Vaults {
		options = append(options, r.vaults[v.Name].says()...)
	}
	return options
}

// signIn are the options by which a command finds the rehearsal vault that a step is
// about, or all of them.
func (r *run) signIn(s step) (options []string) {
	if s.vault != nil {
		return s.vault.signIn()
	}
	for _, v := range r.plan.Vaults {
		options = append(options, r.vaults[v.Name].signIn()...)
	}
	return options
}

// learn notes what people write down or say after a step.
func (r *run) learn(ctx context.Context, s step) error {
	switch s.kind {
	case "kek":
		var shown struct {
			ID  string `json:"kid"`
			Sum string `json:"spki_sha256"`
		}
		words := []string{"kek", "show", "--vault", s.named.Address, "--name", s.named.KEKName}
		err := r.ask(ctx, script.Connected, &shown, append(words, s.vault.signIn()...)...)
		s.vault.kid, s.vault.fingerprint = shown.ID, shown.Sum
		return err
	case "world":
		var shown struct {
			HKNSO string `json:"hknso"`
		}
		err := r.ask(ctx, script.Disconnected, &shown, "world", "info")
		r.hknso = shown.HKNSO
		return err
	}
	return nil
}

// ask runs a command that looks, and decodes what of its answer is asked for.
func (r *run) ask(ctx context.Context, at script.Place, data any, words ...string) error {
	o := r.program(ctx, at, append(words, "--output", "json"))
	if err := o.fault(); err != nil {
		return err
	}
	answer := struct {
		Data any `json:"data"`
	}{data}
	if err := json.Unmarshal([]byte(o.out), &answer); err != nil {
		return fmt.Errorf("what %s %s says cannot be read: %w", words[0], words[1], err)
	}
	return nil
}

// plannable is what a plan could change where a step of a kind fails; KEY and
// VAULT stand for the step's own.
var plannable = map[string]string{
	"kek":     "VAULT.kek_name",
	"toolset": "VAULT.kek",
	"world":   "world, quorum or holders",
	"install": "VAULT.kek",
	"key":     "KEY.type",
	"keys":    "the types of keys",
	"approve": "KEY.name, operations or release_policy, or VAULT.service",
	"package": "KEY.name or VAULT.subscription",
	"upload":  "KEY.name, operations, not_before, expires or vaults",
	"prove":   "KEY.operations, not_before or expires",
	"carry":   "the names of vaults",
}

// failed is the error of a step.
func (r *run) failed(name string, s step, err error) error {
	failed := exitcode.Errorf(exitcode.Of(err), "%s: %w", name, err)
	kind, _, _ := strings.Cut(s.kind, "-") // carry-in
	change := plannable[kind]
	switch {
	case exitcode.Of(err) == exitcode.Interrupted:
		return failed
	case change == "":
		return failed.Hint("no field of the plan decides this step; the transcript has all that it said")
	}
	at := slices.IndexFunc(r.plan.Vaults, func(v plan.Vault) bool { return v.Name == s.named.Name })
	change = strings.NewReplacer("KEY", listed("keys", s.key), "VAULT", listed("vaults", at)).Replace(change)
	return failed.Hint("the plan could change %s; the transcript has all that the step said", change)
}
