package preflight

import (
	"byok/internal/exitcode"
	"byok/internal/hsmattest"
	"byok/internal/kmdata"
	"byok/internal/statement"
)

// attested reads the attestation of --hsm-attestation. It must be of the key, and
// of one of the world's modules: which one is connected shows later.
func (f *Facts) attested() (err error) {
	a := hsmattest.Attached{File: f.Run.String("hsm-attestation")}
	if a.Root, err = f.root(); err != nil {
		return err
	}
	if a.File == "" {
		return a.Check(f.Chain.Rehearsal())
	}
	if n := len(f.Orders); n > 1 {
		return exitcode.Errorf(exitcode.Usage, "--hsm-attestation: it is of one key, and %d are named", n).
			Hint("approve the key that it is of by a command of its own")
	}
	if a.Data, err = f.Run.ReadFile(a.File, kmdata.MaxHSMAttestation); err != nil {
		return err
	}
	if err := hsmattest.CheckSize(a.Data); err != nil {
		return exitcode.Errorf(exitcode.Usage, "%s: %w", a.File, err)
	}
	f.Attestation = a
	if err := a.Check(f.Chain.Rehearsal()); err != nil {
		return err
	}
	for _, m := range f.Chain.Modules() {
		if _, err = a.Judge(f.Key.Identity, m); err == nil {
			return nil
		}
	}
	return err
}

// root reads --hsm-attestation-root; "" without it.
func (f *Facts) root() (string, error) {
	path := f.Run.String("hsm-attestation-root")
	if path == "" {
		return "", nil
	}
	data, err := f.Run.ReadFile(path, statement.MaxRoot)
	if err != nil {
		return "", err
	}
	if err := hsmattest.CheckRoot(string(data)); err != nil {
		return "", exitcode.Errorf(exitcode.Usage, "%s: %w", path, err)
	}
	return string(data), nil
}
