package dryrun

import (
	"crypto/rand"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"byok/internal/durable"
	"byok/internal/exitcode"
	"byok/internal/plan"
	"byok/internal/softhsm"
)

// scratch is the folder of a dry run. It is the working folder of every command,
// so that what they print has short names that are the same in every run.
type scratch struct {
	dir  string
	kept bool
}

// newScratch makes the folder: a new one called keep, or one that leave removes.
func newScratch(keep string) (scratch, error) {
	if keep == "" {
		dir, err := os.MkdirTemp("", "byok-dry-run-")
		return scratch{dir, false}, err
	}
	dir, err := filepath.Abs(keep)
	if err == nil {
		err = os.Mkdir(dir, 0o700)
	}
	if os.IsExist(err) {
		return scratch{}, exitcode.Errorf(exitcode.Refused,
			"%s already exists, and a dry run never overwrites anything", keep).Hint("name a folder that does not exist")
	}
	return scratch{dir, true}, err
}

// leave removes the folder, unless it is to be kept.
func (s scratch) leave() error {
	if s.kept {
		return nil
	}
	return os.RemoveAll(s.dir)
}

// path is where something in the folder is.
func (s scratch) path(names ...string) string {
	return filepath.Join(append([]string{s.dir}, names...)...)
}

// secretFile is the file of a PIN or passphrase.
func secretFile(of string) string { return filepath.Join("secrets", of) }

// furnish makes what is in the folder before the first step.
func (s scratch) furnish(r *run) error {
	library, err := softhsm.Library()
	if err != nil {
		return err
	}
	r.plan.HSM.Library = library
	folders := []string{"secrets", "bin", "hsm", stick, backup, connected, disconnected}
	secrets := []string{"pin"}
	for _, h := range r.plan.Holders {
		folders, secrets = append(folders, h.Media), append(secrets, h.Media)
	}
	for _, name := range folders {
		if err := os.Mkdir(s.path(name), 0o700); err != nil {
			return err
		}
	}
	for _, name := range secrets {
		if err := durable.WriteFile(s.path(secretFile(name)), []byte(rand.Text()+"\n"), 0o600); err != nil {
			return err
		}
	}
	for name, program := range map[string]string{"byok-online": r.Online, "byok-offline": r.Offline} {
		if err := os.Symlink(program, s.path("bin", name)); err != nil {
			return err
		}
	}
	if _, err := softhsm.Configure(s.path("hsm")); err != nil {
		return err
	}
	return s.copyPolicies(r)
}

// maxPolicy is the most bytes of a release policy.
const maxPolicy = 1 << 20

func (s scratch) copyPolicies(r *run) error {
	for name, from := range r.policies {
		if !filepath.IsAbs(from) {
			from = filepath.Join(filepath.Dir(r.File), from)
		}
		data, err := durable.ReadFile(from, maxPolicy)
		if err != nil {
			return exitcode.Mark(exitcode.Usage, err)
		}
		if err := durable.WriteFile(s.path(name), data, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// list is the files in a folder and below it, sorted.
func (s scratch) list(folder string) ([]string, error) {
	var names []string
	err := filepath.WalkDir(s.path(folder), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(s.dir, path)
		names = append(names, filepath.ToSlash(name))
		return err
	})
	return names, err
}

// cardsOf are the options that answer for the cards of holders.
func cardsOf(holders []plan.Holder) []string {
	var options []string
	for _, h := range holders {
		options = append(options, "--card-pin-file", secretFile(h.Media))
	}
	return options
}

// pin is the option that answers for the user PIN.
func pin() []string { return []string{"--pin-file", secretFile("pin")} }

func stateFolder(i int) string { return fmt.Sprintf("vault-%d", i+1) }
