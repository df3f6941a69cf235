package command

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
)

// KMData returns the kmdata folder: --kmdata, BYOK_KMDATA, or ~/.byok/kmdata.
func (r *Run) KMData() (string, error) {
	if dir := r.String("kmdata"); dir != "" {
		return filepath.Abs(dir)
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", exitcode.Hint(exitcode.Errorf(exitcode.Usage, "there is no home folder to keep kmdata in"), "name one with --kmdata")
	}
	return filepath.Join(home, ".byok", "kmdata"), nil
}

// ReadFile reads an input file of at most max bytes and records its hash.
func (r *Run) ReadFile(path string, max int64) ([]byte, error) {
	f, err := openInput(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, max+1))
	if err != nil {
		return nil, exitcode.Mark(exitcode.Usage, err)
	}
	if int64(len(data)) > max {
		return nil, exitcode.Errorf(exitcode.Usage, "%s: more than the %d bytes such a file may have", path, max)
	}
	r.Event.AddInput(path, fingerprint.Of(data))
	return data, nil
}

// HashFile is ReadFile for a file of any size of which only the hash is wanted.
func (r *Run) HashFile(path string) (fingerprint.Sum, error) {
	f, err := openInput(path)
	if err != nil {
		return fingerprint.Sum{}, err
	}
	defer f.Close()
	sum, err := fingerprint.Reader(f)
	if err != nil {
		return sum, exitcode.Mark(exitcode.Usage, err)
	}
	r.Event.AddInput(path, sum)
	return sum, nil
}

func openInput(path string) (*os.File, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, exitcode.Errorf(exitcode.Usage, "%s: no such file", path)
	}
	if err != nil {
		return nil, exitcode.Mark(exitcode.Usage, err)
	}
	if info, err := f.Stat(); err == nil && info.IsDir() {
		_ = f.Close()
		return nil, exitcode.Errorf(exitcode.Usage, "%s: is a folder, a file is expected", path)
	}
	return f, nil
}

// Arg returns the command's only positional argument, called name in the usage.
func (r *Run) Arg(name string) (string, error) {
	switch {
	case r.NArg() != 1:
		return "", r.misused("%s takes one %s, not %d", r.Event.Command, name, r.NArg())
	case r.Args().First() == "": // a variable of the shell that is not set
		return "", r.misused("%s takes one %s, and got an empty name", r.Event.Command, name)
	}
	return r.Args().First(), nil
}

// NoArgs refuses words that belong to no flag: a forgotten quote must not be
// ignored in a ceremony.
func (r *Run) NoArgs() error {
	if r.NArg() == 0 {
		return nil
	}
	return r.misused("%s: %q belongs to no option", r.Event.Command, r.Args().First())
}

// Required returns the value of a flag that must be given.
func (r *Run) Required(flag string) (string, error) {
	if v := r.String(flag); v != "" {
		return v, nil
	}
	return "", r.misused("%s needs --%s", r.Event.Command, flag)
}

func (r *Run) misused(format string, args ...any) error {
	return exitcode.Hint(exitcode.Errorf(exitcode.Usage, format, args...), "%s --help", r.Command.HelpName)
}
