package main

import (
	"encoding/hex"
	"strings"

	"github.com/urfave/cli/v2"

	"byok/internal/command"
	"byok/internal/durable"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/onlineview"
	"byok/internal/proof"
	"byok/internal/readback"
	"byok/internal/upload"
	"byok/internal/vault"
)

const verifyText = `The vault uses the key on a fresh challenge, and the public key made offline
verifies the answer. What the vault says about the key is compared with what the
quorum approved: name, operations, export, release policy. Then the vault is
searched for other keys and versions with the same public key; one that may do
more than was approved is a failure.

The proof is written only if no rule fails.`

func verifyCommand(p *command.Program) *cli.Command {
	return &cli.Command{
		Name:        "verify",
		Usage:       "have the vault prove that it holds the key made offline, as it was approved",
		Description: verifyText,
		Action:      p.Step(command.WithoutFiles(debuggable(verify))),
		Flags: with(append(worldFlags(), vaultFlags()...),
			&cli.StringFlag{Name: "manifest", Usage: "`FILE` KeyTransferPackage-….manifest.json"},
			&cli.StringFlag{Name: "name", Usage: "`NAME` of the key in the vault (default: the one approved)"},
			&cli.StringFlag{Name: "version", Usage: "`VERSION` of it (default: the current one)"},
			&cli.StringFlag{
				Name:  "public-key",
				Usage: "`PEM` of the key, where another vendor's tool made the package; needs --name",
			},
			&cli.StringFlag{
				Name:  "nonce",
				Usage: "`HEX` of 32 bytes that an auditor chose, to date the proof (default: drawn here)",
			},
			&cli.StringFlag{Name: "proof", Usage: "`FILE` for the proof (default: beside the manifest, with the time)"}),
	}
}

func verify(r *command.Run) (command.Result, error) {
	s, err := readSubject(r)
	if err != nil {
		return nil, err
	}
	c, err := connect(r)
	if err != nil {
		return nil, err
	}
	if s.Approved != nil {
		if err := upload.CheckRehearsal(r.String("manifest"), s.rehearsal, c.Address()); err != nil {
			return nil, err
		}
	}
	report, err := readback.Read(r.Context.Context, c.Client, s.Subject)
	if !report.Key.ID.IsZero() {
		r.Event.AddNote("key", report.Key.ID.String())
	}
	if err != nil {
		return nil, err
	}
	return writeProof(r, s.stem, report)
}

// subject is the key that is looked for.
type subject struct {
	readback.Subject
	rehearsal bool
	stem      string // of the proof's name
}

func readSubject(r *command.Run) (s subject, err error) {
	s.Version = r.String("version")
	if s.Nonce, err = nonceOf(r); err != nil {
		return s, err
	}
	if r.String("public-key") != "" {
		return s, s.readForeign(r)
	}
	path, err := r.Required("manifest")
	if err != nil {
		return s, err
	}
	return s, s.readOurs(r, path)
}

func (s *subject) readOurs(r *command.Run, path string) error {
	var found bool
	if s.stem, found = strings.CutSuffix(path, ".manifest.json"); !found {
		return exitcode.Errorf(exitcode.Usage,
			"--manifest %s: expected a file KeyTransferPackage-….manifest.json", path)
	}
	p, err := readPackage(r, s.stem+".byok", false)
	if err != nil {
		return err
	}
	target := p.Approved()
	s.Name, s.Approved, s.Blob, s.rehearsal = target.Name, &target, p.Blob(), p.Facts().Rehearsal
	if name := r.String("name"); name != "" && !strings.EqualFold(name, s.Name) {
		return exitcode.Errorf(exitcode.Refused, "--name %s: the quorum approved the name %s", name, s.Name).
			Hint("without --name, %s is verified; other copies of the key are found by its public key", s.Name)
	}
	s.Key, err = vault.ExpectedOf(p.Facts())
	return err
}

func (s *subject) readForeign(r *command.Run) error {
	if r.String("manifest") != "" {
		return exitcode.Errorf(exitcode.Usage, "--manifest and --public-key are mutually exclusive")
	}
	var err error
	if s.Name, err = r.Required("name"); err != nil {
		return err
	}
	public, err := publicKeyOption(r)
	if err != nil {
		return err
	}
	s.stem = s.Name
	s.Key, err = upload.KeyOf(public)
	return err
}

// nonceOf reads --nonce; nil without one.
func nonceOf(r *command.Run) ([]byte, error) {
	text := r.String("nonce")
	if text == "" {
		return nil, nil
	}
	nonce, err := hex.DecodeString(text)
	if err != nil || len(nonce) != proof.NonceSize {
		return nil, exitcode.Errorf(exitcode.Usage, "--nonce: expected %d hex digits", 2*proof.NonceSize)
	}
	return nonce, nil
}

// writeProof writes the proof of a key that is as it was approved.
func writeProof(r *command.Run, stem string, report readback.Report) (command.Result, error) {
	v := onlineview.Verified{KID: report.Key.ID.String(), Findings: report.Findings}
	if err := report.Err(); err != nil {
		return v, err
	}
	for _, f := range report.Findings {
		if f.Result == readback.NotChecked {
			r.Console.Warning("%s was not checked: %s", f.Rule, f.Detail)
		}
	}
	v.File = r.String("proof")
	if v.File == "" {
		v.File = stem + ".proof-" + report.Proof.Time.Format("20060102T150405Z") + ".json"
	}
	data, err := report.Proof.Marshal()
	if err != nil {
		return nil, err
	}
	if err := durable.WriteFile(v.File, data, 0o644); err != nil {
		return nil, err
	}
	r.Event.AddOutput(v.File, fingerprint.Of(data))
	return v, nil
}
