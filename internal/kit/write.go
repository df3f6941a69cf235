package kit

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"path/filepath"

	"byok/internal/durable"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/ordered"
	"byok/internal/printable"
)

// Source is a file that goes into a kit.
type Source struct {
	Name   string          // path in the kit, with slashes
	Path   string          // where it is
	SHA256 fingerprint.Sum // that it must have; zero where that is not known
}

// Write makes a kit of files in a new folder, which gets its name once everything is
// on the medium: see [durable.NewFolder]. A folder that is there, a name that a kit
// must not have, and more than the limit have the status Refused; a file without the
// hash that it must have, the status Check.
func Write(ctx context.Context, dir string, sources []Source, limit Limit) (*Kit, error) {
	if err := Free(dir); err != nil {
		return nil, err
	}
	files, err := measure(sources)
	if err != nil {
		return nil, err
	}
	if err := limit.check(files); err != nil {
		return nil, exitcode.Errorf(exitcode.Refused, "%s: %w", dir, err).Hint("leave out what is not needed there")
	}
	k := &Kit{Folder: dir}
	err = durable.NewFolder(dir, 0o755, func(partial string) error { return k.fill(ctx, partial, sources) })
	if err != nil {
		return nil, err
	}
	return k, nil
}

// measure checks names and looks at sizes.
func measure(sources []Source) ([]File, error) {
	if len(sources) == 0 {
		return nil, exitcode.Errorf(exitcode.Usage, "there is nothing to put into the kit")
	}
	files, taken := make([]File, len(sources)), places{}
	for i, s := range sources {
		if err := taken.add(s.Name); err != nil {
			return nil, exitcode.Errorf(exitcode.Refused, "%s cannot go into the kit as %s: %w", s.Path,
				printable.Escape(s.Name), err).Hint("give it another name, or leave it out")
		}
		f, err := durable.Open(s.Path)
		if err != nil {
			return nil, exitcode.Mark(exitcode.Usage, err)
		}
		info, err := f.Stat()
		_ = f.Close()
		if err != nil {
			return nil, err
		}
		files[i] = File{Name: s.Name, Size: info.Size()}
	}
	return files, nil
}

// fill writes the files and then their list to a folder.
func (k *Kit) fill(ctx context.Context, dir string, sources []Source) error {
	for _, s := range sources {
		if ctx.Err() != nil {
			return exitcode.ErrInterrupted
		}
		f, err := s.copy(dir)
		if err != nil {
			return err
		}
		k.Files = append(k.Files, f)
	}
	ordered.Sort(k.Files, byName)
	list := encode(k.Files)
	k.SHA256 = fingerprint.Of(list)
	return durable.WriteFile(filepath.Join(dir, List), list, 0o644)
}

// unreadable names the file that could not be read; what could not be written has
// been named.
func unreadable(path string, err error) error {
	if cause := durable.Cause(err); cause != err {
		return fmt.Errorf("%s cannot be read: %w", path, cause)
	}
	return err
}

// copy copies a file into a kit's folder: what is hashed is what is written.
func (s Source) copy(dir string) (f File, err error) {
	from, err := durable.Open(s.Path)
	if err != nil {
		return f, err
	}
	defer from.Close()
	info, err := from.Stat()
	if err != nil {
		return f, err
	}
	to := filepath.Join(dir, filepath.FromSlash(s.Name))
	if err := durable.Folder(filepath.Dir(to), 0o755); err != nil {
		return f, err
	}
	set := durable.NewSet()
	defer set.Discard()
	file, err := set.Create(to, 0o644|info.Mode().Perm()&0o111)
	if err != nil {
		return f, err
	}
	hash := sha256.New()
	f.Name = s.Name
	if f.Size, err = io.Copy(io.MultiWriter(hash, file), from); err != nil {
		return f, unreadable(s.Path, err)
	}
	if f.SHA256 = fingerprint.Sum(hash.Sum(nil)); !s.SHA256.IsZero() && f.SHA256 != s.SHA256 {
		return f, exitcode.Errorf(exitcode.Check, "%s: its SHA-256 is not the one of the %s beside it", s.Path, List).
			Hint("get the release again")
	}
	return f, set.Commit()
}
