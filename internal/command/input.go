package command

import (
	"context"
	"os"
	"path/filepath"

	"byok/internal/durable"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
)

// KMData returns the kmdata folder: --kmdata, BYOK_KMDATA, or this system's own.
func (r *Run) KMData() (string, error) {
	if dir := r.String("kmdata"); dir != "" {
		return filepath.Abs(dir)
	}
	return usualKMData()
}

// ReadFile reads an input file of at most limit bytes and records its hash. What
// is missing, larger or no regular file is a Usage error.
func (r *Run) ReadFile(path string, limit int) ([]byte, error) {
	data, err := durable.ReadFile(path, limit)
	if err != nil {
		return nil, exitcode.Mark(exitcode.Usage, err)
	}
	r.Event.AddInput(path, fingerprint.Of(data))
	return data, nil
}

// HashFile is ReadFile for a file of any size of which only the hash is needed.
func (r *Run) HashFile(path string) (fingerprint.Sum, error) {
	sum, err := hashFile(r.Context.Context, path)
	if err != nil {
		return sum, exitcode.Mark(exitcode.Usage, err)
	}
	r.Event.AddInput(path, sum)
	return sum, nil
}

// Wrote records the hash of a file that the command has written, as it is on
// the medium, and returns it.
func (r *Run) Wrote(path string) (fingerprint.Sum, error) {
	sum, err := hashFile(r.Context.Context, path)
	if err != nil {
		return sum, exitcode.Mark(exitcode.Failed, err)
	}
	r.Event.AddOutput(path, sum)
	return sum, nil
}

func hashFile(ctx context.Context, path string) (fingerprint.Sum, error) {
	f, err := durable.Open(path)
	if err != nil {
		return fingerprint.Sum{}, err
	}
	defer f.Close()
	sum, err := fingerprint.Reader(interruptible{ctx, f})
	if err != nil && ctx.Err() == nil {
		err = exitcode.Errorf(exitcode.Failed, "%s: %w", path, durable.Cause(err))
	}
	return sum, err
}

// interruptible is a file whose reading ends with the context.
type interruptible struct {
	ctx  context.Context
	file *os.File
}

// Read implements [io.Reader].
func (i interruptible) Read(p []byte) (int, error) {
	if i.ctx.Err() != nil {
		return 0, exitcode.ErrInterrupted
	}
	return i.file.Read(p)
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

// NoArgs refuses words that belong to no option: a forgotten quote must not be
// ignored in a ceremony.
func (r *Run) NoArgs() error {
	if r.NArg() == 0 {
		return nil
	}
	return r.misused("%s: unexpected argument %q", r.Event.Command, r.Args().First())
}

// Required returns the value of an option that must be given. An option that
// every call needs says so itself, with Required in its cli.Flag.
func (r *Run) Required(flag string) (string, error) {
	if v := r.String(flag); v != "" {
		return v, nil
	}
	return "", r.misused("%s needs --%s", r.Event.Command, flag)
}

func (r *Run) misused(format string, args ...any) error {
	return exitcode.Errorf(exitcode.Usage, format, args...).Hint("%s --help", r.Command.HelpName)
}

// WithoutFiles wraps a command that takes options alone; see [Run.NoArgs].
func WithoutFiles(f Func) Func {
	return func(r *Run) (Result, error) {
		if err := r.NoArgs(); err != nil {
			return nil, err
		}
		return f(r)
	}
}

// WithFile wraps a command that takes one file, called name in its usage; see
// [Run.Arg].
func WithFile(name string, f func(r *Run, path string) (Result, error)) Func {
	return func(r *Run) (Result, error) {
		path, err := r.Arg(name)
		if err != nil {
			return nil, err
		}
		return f(r, path)
	}
}
