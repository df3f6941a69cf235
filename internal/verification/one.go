package verification

import (
	"strings"

	"byok/internal/command"
	"byok/internal/exitcode"
	"byok/internal/onlineview"
	"byok/internal/readback"
	"byok/internal/renewal"
	"byok/internal/upload"
	"byok/internal/vault"
)

// One has a vault prove one key, and writes the proof if no rule fails.
func (s Station) One(r *command.Run) (command.Result, error) {
	k, err := s.readSubject(r)
	if err != nil {
		return nil, err
	}
	v, err := s.Connect(r)
	if err != nil {
		return nil, err
	}
	if k.Approved != nil {
		if err := upload.CheckRehearsal(r.String("manifest"), k.rehearsal, v.Address()); err != nil {
			return nil, err
		}
	}
	report, err := readback.Read(r.Context.Context, v, k.Subject)
	if !report.Key.ID.IsZero() {
		r.Event.AddNote("key", report.Key.ID.String())
	}
	if err != nil {
		return nil, err
	}
	return k.prove(r, report)
}

// subject is the key that is looked for.
type subject struct {
	readback.Subject
	rehearsal bool
	file      string // beside which the proof is written by default
}

func (s Station) readSubject(r *command.Run) (k subject, err error) {
	if r.IsSet("from") || r.IsSet("out") {
		return k, exitcode.Errorf(exitcode.Usage, "--from and --out are for verify --all")
	}
	k.Version = r.String("version")
	if k.Nonce, err = nonceOf(r); err != nil {
		return k, err
	}
	if r.String("public-key") != "" {
		return k, s.readForeign(r, &k)
	}
	path, err := r.Required("manifest")
	if err != nil {
		return k, err
	}
	return k, s.readOurs(r, &k, path)
}

func (s Station) readOurs(r *command.Run, k *subject, path string) error {
	var err error
	if k.file, err = blobOf(path); err != nil {
		return err
	}
	if r.String("proof") == "" {
		if err := checkBeside(k.file, "--proof FILE"); err != nil {
			return err
		}
	}
	p, err := s.readPackage(r, k.file, false)
	if err != nil {
		return err
	}
	target := p.Approved()
	k.Name, k.Approved, k.Blob, k.rehearsal = target.Name, &target, p.Blob(), p.Facts().Rehearsal
	k.HSM = p.Facts().Pair.HSM
	if name := r.String("name"); name != "" && !strings.EqualFold(name, k.Name) {
		return exitcode.Errorf(exitcode.Refused, "--name %s: the quorum approved the name %s", name, k.Name).
			Hint("without --name, %s is verified; other copies of the key are found by its public key", k.Name)
	}
	k.Key, err = vault.ExpectedOf(p.Facts())
	return err
}

// manifestEnd ends the name of a manifest.
const manifestEnd = ".manifest.json"

// blobOf is the .byok of the manifest that --manifest names.
func blobOf(manifest string) (string, error) {
	stem, found := strings.CutSuffix(manifest, manifestEnd)
	if !found {
		return "", exitcode.Errorf(exitcode.Usage,
			"--manifest %s: expected a file KeyTransferPackage-….manifest.json", manifest)
	}
	return stem + ".byok", nil
}

func (s Station) readForeign(r *command.Run, k *subject) error {
	if r.String("manifest") != "" {
		return exitcode.Errorf(exitcode.Usage, "--manifest and --public-key are mutually exclusive")
	}
	var err error
	if k.Name, err = r.Required("name"); err != nil {
		return err
	}
	public, err := s.PublicKey(r)
	if err != nil {
		return err
	}
	k.file = k.Name + ".byok"
	k.Key, err = upload.KeyOf(public)
	return err
}

// prove writes the proof of a key that is as it was approved.
func (k subject) prove(r *command.Run, report readback.Report) (command.Result, error) {
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
		v.File = renewal.ProofName(k.file, report.Proof)
	}
	err := writeProof(r, v.File, report.Proof)
	switch {
	case exitcode.Of(err) == exitcode.Refused && r.IsSet("proof"):
		return nil, exitcode.Hint(err, "name another file; without a vault, byok-online verify --proof checks that one again")
	case err != nil:
		return nil, err
	}
	return v, nil
}
