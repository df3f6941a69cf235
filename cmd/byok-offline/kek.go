package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"byok/internal/acceptance"
	"byok/internal/attest"
	"byok/internal/command"
	"byok/internal/dialogue"
	"byok/internal/exitcode"
	"byok/internal/kek"
	"byok/internal/preflight"
	"byok/internal/toolset"
	"byok/internal/view"
)

// saidFlags answer what the vault's owner said of the KEK over another channel.
func saidFlags() []cli.Flag {
	return []cli.Flag{
		text("fingerprint",
			"`WORDS` of the KEK's fingerprint as the vault's owner said it, the first 8 or more, or hex (default: asked for)"),
		text("kid", "`URL` of the KEK with its version (kid), as the vault's owner said it (default: asked for)"),
		yes("import-only", "the vault's owner said that import is the key's only operation (default: asked for)"),
		text("said-by", "`NAME` of the person who said so (default: asked for)"),
	}
}

// saidOfEachFlags are saidFlags once per KEK.
func saidOfEachFlags() []cli.Flag {
	return []cli.Flag{
		list("fingerprint", "`WORDS` of a KEK's fingerprint as the vault's owner said it, the first 8 or more, or hex; "+
			"once per KEK (default: asked for)"),
		list("kid", "`URL` of a KEK with its version (kid), as the vault's owner said it; once per KEK (default: asked for)"),
		yes("import-only", "the vaults' owners said that import is the keys' only operation (default: asked for)"),
		list("said-by", "`NAME` of the person who said so; once per KEK (default: asked for)"),
	}
}

// checkedKEKs asks what the vaults' owners said, and checks each KEK for a world.
func checkedKEKs(f *preflight.Facts) (list []*attest.KEK, err error) {
	for i := range f.KEKs {
		one, err := checkedKEK(f, i)
		if err != nil {
			return nil, err
		}
		list = append(list, one)
	}
	return list, nil
}

func checkedKEK(f *preflight.Facts, i int) (*attest.KEK, error) {
	if len(f.KEKs) > 1 {
		f.UI.Say("KEK %d of %d, of %s", i+1, len(f.KEKs), f.KEKs[i].KEK().KID.Vault)
	}
	said, err := f.UI.SaidOf(i)
	if err != nil {
		return nil, err
	}
	p, err := acceptance.Policy(f.Chain, &said, time.Now())
	if err != nil {
		return nil, err
	}
	result, err := attest.Check(f.KEKs[i], p)
	if err != nil {
		for _, failed := range kek.Failed(result.Findings) {
			f.Run.Console.Warning("%s: %s", failed.Rule, failed.Detail)
		}
		return nil, err
	}
	f.Run.Event.AddNote("KEK", result.KEK.ID().String())
	f.Run.Event.AddNote("KEK fingerprint", result.KEK.Fingerprint().String())
	if f.Run.IsSet("fingerprint") { // a rehearsal's, without anybody to compare
		return result.KEK, nil
	}
	id := result.KEK.ID()
	return result.KEK, f.UI.Compare(dialogue.Comparison{
		What:  "KEK " + id.Name,
		Title: fmt.Sprintf("KEK %s of %s: its fingerprint, which %s reads aloud", id.Name, id.Vault, said.By),
		Sum:   result.KEK.Fingerprint(),
		As:    "as the vault's owner reads it",
		By:    said.By,
		Typed: said.Fingerprint.Words(),
	})
}

func verifyCommand(p *command.Program) *cli.Command {
	return &cli.Command{
		Name:   "verify",
		Usage:  "prove that a KEK was made in a genuine HSM and cannot leave it (verifykeypackage.py)",
		Action: p.Step(verify),
		Flags: slices.Concat(packageFlags(), saidFlags(), []cli.Flag{
			yes("show-words", "show the KEK's fingerprint; without it the quorum types what it heard before seeing it"),
			text("attestation", "`FILE` that az keyvault key get-attestation wrote, instead of the packages"),
			text("at", "`TIME` to judge as of, such as 2026-01-02T03:04:05Z, for an auditor who repeats a check (default: now)"),
		}),
	}
}

func verify(r *command.Run) (command.Result, error) {
	if err := r.NoArgs(); err != nil {
		return nil, err
	}
	at, err := judgedAt(r)
	if err != nil {
		return nil, err
	}
	if path := r.String("attestation"); path != "" {
		return verifyAttestation(r, path, at)
	}
	chain, err := preflight.World(r)
	if err != nil {
		return nil, err
	}
	pair, err := onePair(r)
	if err != nil {
		return nil, err
	}
	statement, err := saidIfGiven(r)
	if err != nil {
		return nil, err
	}
	p, err := acceptance.Policy(chain, statement, at)
	if err != nil {
		return nil, err
	}
	result, err := attest.Check(pair, p)
	return view.ResultOf(result, r.Bool("show-words")), err
}

func onePair(r *command.Run) (pair toolset.Pair, err error) {
	var files [2]string
	for i, name := range []string{"kek", "world-package"} {
		if files[i], err = r.Required(name); err != nil {
			return pair, err
		}
	}
	return preflight.Pair(r, files[0], files[1])
}

// saidIfGiven is what the vault's owner said, if any of it was given, or if a plan has
// people at a terminal where it can be asked for.
func saidIfGiven(r *command.Run) (*kek.Said, error) {
	given := slices.ContainsFunc([]string{"fingerprint", "kid", "import-only", "said-by"}, r.IsSet)
	if !given && !(r.IsSet("plan") && r.Console.Interactive()) {
		return nil, nil
	}
	s, err := dialogue.New(r, true).Said() // verify accepts nothing, in production neither
	return &s, err
}

// judgedAt is the time that dates are held against. Only verify lets it be
// another than now: a transfer is never as of the past.
func judgedAt(r *command.Run) (time.Time, error) {
	text := r.String("at")
	if text == "" {
		return time.Now(), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return at, exitcode.Errorf(exitcode.Usage, "--at %s: expected a time such as 2026-01-02T03:04:05Z", text)
	}
	r.Console.Warning("judged as of %s, not as of now", text)
	r.Event.AddNote("judged as of", text)
	return at, nil
}

// verifyAttestation judges the attestation of any RSA key of a Managed HSM. It
// needs no world and makes no KEK.
func verifyAttestation(r *command.Run, path string, at time.Time) (command.Result, error) {
	for _, f := range []string{"kek", "world-package", "fingerprint", "kid", "import-only", "said-by"} {
		if r.IsSet(f) {
			return nil, exitcode.Errorf(exitcode.Usage,
				"--attestation takes the place of -k and -w and accepts no KEK: --%s cannot be combined with it", f)
		}
	}
	data, err := r.ReadFile(path, attest.MaxFile)
	if err != nil {
		return nil, err
	}
	result, err := attest.CheckFile(path, data, at)
	return view.ResultOf(result, true), err
}
