package main

import (
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"byok/internal/acceptance"
	"byok/internal/attest"
	"byok/internal/command"
	"byok/internal/dialogue"
	"byok/internal/exitcode"
	"byok/internal/kek"
	"byok/internal/kmdata"
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

// readPair reads the two packages of -k and -w, each once.
func readPair(r *command.Run) (toolset.Pair, error) {
	kekFile, err := packageFile(r, "kek")
	if err != nil {
		return toolset.Pair{}, err
	}
	worldFile, err := packageFile(r, "world-package")
	if err != nil {
		return toolset.Pair{}, err
	}
	return toolset.ParsePair(kekFile, worldFile)
}

func packageFile(r *command.Run, flag string) (toolset.File, error) {
	path, err := r.Required(flag)
	if err != nil {
		return toolset.File{}, err
	}
	data, err := r.ReadFile(path, toolset.MaxPackage)
	return toolset.File{Name: path, Data: data}, err
}

// checkedKEK asks what the vault's owner said, and checks the KEK for a world.
func checkedKEK(r *command.Run, u *dialogue.UI, chain *kmdata.Chain, pair toolset.Pair) (*attest.KEK, error) {
	said, err := u.Said()
	if err != nil {
		return nil, err
	}
	p, err := acceptance.Policy(chain, &said, time.Now())
	if err != nil {
		return nil, err
	}
	result, err := attest.Check(pair, p)
	if err != nil {
		for _, f := range kek.Failed(result.Findings) {
			r.Console.Warning("%s: %s", f.Rule, f.Detail)
		}
		return nil, err
	}
	r.Event.AddNote("KEK", result.KEK.ID().String())
	r.Event.AddNote("KEK fingerprint", result.KEK.Fingerprint().String())
	return result.KEK, nil
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
	chain, err := readChain(r)
	if err != nil {
		return nil, err
	}
	pair, err := readPair(r)
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

// saidIfGiven is what the vault's owner said, if any of it was given.
func saidIfGiven(r *command.Run) (*kek.Said, error) {
	for _, f := range []string{"fingerprint", "kid", "import-only", "said-by"} {
		if r.IsSet(f) {
			s, err := dialogue.New(r, true).Said() // verify accepts nothing, in production neither
			return &s, err
		}
	}
	return nil, nil
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
