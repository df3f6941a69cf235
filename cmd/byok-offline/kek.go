package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"byok/internal/attest"
	"byok/internal/command"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/kek"
	"byok/internal/keykind"
	"byok/internal/kmdata"
	"byok/internal/toolset"
)

// saidFlags answer what the vault's owner said of the KEK by another channel.
func saidFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{
			Name:  "fingerprint",
			Usage: "the KEK's fingerprint as the vault's owner said it: first 8 `WORDS` or more, or hex (default: asked for)",
		},
		&cli.StringFlag{
			Name:  "kid",
			Usage: "key `IDENTIFIER` of the KEK with its version, as the vault's owner said it (default: asked for)",
		},
		&cli.BoolFlag{
			Name:  "import-only",
			Usage: "the vault's owner said that import is the key's only operation (default: asked for)",
		},
		&cli.StringFlag{Name: "said-by", Usage: "`NAME` of who said so (default: asked for)"},
	}
}

// said gets what the vault's owner said, before anything of the KEK is shown.
func said(r *command.Run) (kek.Statement, error) {
	answers := []struct{ flag, prompt string }{
		{"fingerprint", "the KEK's fingerprint as the vault's owner said it, first 8 words or hex"},
		{"kid", "the KEK's key identifier with its version, as the vault's owner said it"},
		{"said-by", "name of who said so"},
	}
	text := map[string]string{}
	for _, a := range answers {
		text[a.flag] = r.String(a.flag)
		if text[a.flag] != "" {
			continue
		}
		answer, err := r.Console.Ask(a.prompt, "--"+a.flag)
		if err != nil {
			return kek.Statement{}, err
		}
		text[a.flag] = answer
	}
	importOnly := r.Bool("import-only")
	if !importOnly {
		if err := r.Console.Confirm("did the vault's owner say that import is the key's only operation?", "yes"); err != nil {
			return kek.Statement{}, err
		}
		importOnly = true
	}
	s, err := kek.NewStatement(text["fingerprint"], text["kid"], importOnly, text["said-by"])
	if err == nil {
		r.Event.AddNote("KEK said by", s.By)
	}
	return s, err
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

// policy is what a world holds a KEK to.
func policy(chain *kmdata.Chain, statement *kek.Statement, at time.Time) (kek.Policy, error) {
	p := kek.Policy{Rehearsal: chain.Rehearsal(), Said: statement, Now: at}
	for _, set := range chain.Sets() {
		km, err := set.KM.ModuleKey()
		if err != nil {
			return p, err
		}
		sum, err := keykind.SPKIHash(km)
		if err != nil {
			return p, err
		}
		p.Own = append(p.Own, sum)
	}
	return p, nil
}

// preflightKEK applies every rule that needs nobody's word, so that nobody is
// asked about a KEK that is refused anyway.
func preflightKEK(chain *kmdata.Chain, pair toolset.Pair) error {
	p, err := policy(chain, nil, time.Now())
	if err != nil {
		return err
	}
	result, err := attest.Check(pair, p)
	if exitcode.Of(err) == exitcode.Refused && len(result.Findings) > 1 {
		return nil // only what the vault's owner says is missing
	}
	return err
}

// checkedKEK asks what the vault's owner said, and checks the KEK for a world.
func checkedKEK(r *command.Run, chain *kmdata.Chain, pair toolset.Pair) (*attest.KEK, error) {
	statement, err := said(r)
	if err != nil {
		return nil, err
	}
	p, err := policy(chain, &statement, time.Now())
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
			&cli.BoolFlag{
				Name:  "show-words",
				Usage: "show the KEK's fingerprint; without it the quorum types what it heard before seeing it",
			},
			&cli.StringFlag{
				Name:  "attestation",
				Usage: "`FILE` that az keyvault key get-attestation wrote, instead of the packages",
			},
			&cli.StringFlag{
				Name:  "at",
				Usage: "`TIME` to judge as of, such as 2026-01-02T03:04:05Z, for an auditor who repeats a check (default: now)",
			},
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
	p, err := policy(chain, statement, at)
	if err != nil {
		return nil, err
	}
	result, err := attest.Check(pair, p)
	return describeResult(result, r.Bool("show-words")), err
}

// saidIfGiven is what the vault's owner said, if any of it was given.
func saidIfGiven(r *command.Run) (*kek.Statement, error) {
	for _, f := range []string{"fingerprint", "kid", "import-only", "said-by"} {
		if r.IsSet(f) {
			s, err := said(r)
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
		return at, exitcode.Errorf(exitcode.Usage, "--at %s: a time such as 2026-01-02T03:04:05Z is expected", text)
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
			return nil, exitcode.Errorf(
				exitcode.Usage,
				"--attestation is given instead of -k and -w, and accepts nothing: --%s does not go with it",
				f,
			)
		}
	}
	data, err := r.ReadFile(path, attest.MaxFile)
	if err != nil {
		return nil, err
	}
	result, err := attest.CheckFile(path, data, at)
	return describeResult(result, true), err
}

// describeResult gives nothing where no rule was applied.
func describeResult(v attest.Result, words bool) command.Result {
	if len(v.Findings) == 0 {
		return nil
	}
	view := resultView{Findings: v.Findings, Facts: v.Facts}
	if v.KEK != nil {
		view.Attested, view.Accepted = v.KEK.Attested(), acceptedText(v.KEK)
	}
	if words && v.Fingerprint != (fingerprint.Sum{}) {
		view.Fingerprint, view.Words = &v.Fingerprint, v.Fingerprint.Words()
	}
	return view
}

// acceptedText says what the acceptance of a KEK rests on.
func acceptedText(k *attest.KEK) string {
	said := fmt.Sprintf("what %s said of it by another channel", k.Said().By)
	if k.Attested() {
		return "its attestation, and " + said
	}
	return said + "; no attestation proves it"
}
