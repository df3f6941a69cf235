package kit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"

	"byok/internal/durable"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/ordered"
)

// maxList is the most bytes of a list: of as many files as a kit may have.
const maxList = 64 << 20

// Finding is something about a kit that is not as it was made.
type Finding struct {
	Name string `json:"name"` // path in the kit
	Says string `json:"says"`
}

// Check reads a kit whole: its list, that everything which it names is there with the
// hash that it says, and that nothing else is. It follows no link, opens nothing but
// regular files, and reads no more than the limit. That the list is the one which was
// written down is for people: see [Kit.SHA256].
//
// What is in place of a kit and is none has the status Check. A folder that cannot be
// read to its end, as when the stick is pulled out, is an error and no finding.
func Check(ctx context.Context, dir string, limit Limit) (*Kit, []Finding, error) {
	k, err := open(dir, limit)
	if err != nil {
		return nil, nil, err
	}
	c := newChecking(k, limit)
	if err := c.walk("."); err != nil {
		return nil, nil, err
	}
	if err := c.hash(ctx); err != nil {
		return nil, nil, err
	}
	ordered.Sort(c.found, func(a, b Finding) int { return byName(File{Name: a.Name}, File{Name: b.Name}) })
	return k, c.found, nil
}

// open reads the list of a kit.
func open(dir string, limit Limit) (*Kit, error) {
	at := filepath.Join(dir, List)
	if err := isFolder(dir); err != nil {
		return nil, err
	}
	info, err := os.Lstat(at)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, exitcode.Errorf(exitcode.Check, "%s is not a kit: it has no %s", dir, List).
			Hint("name the folder that kit write made")
	case err != nil:
		return nil, exitcode.Errorf(exitcode.Failed, "%s: %w", at, durable.Cause(err))
	case info.Mode()&fs.ModeSymlink != 0:
		return nil, exitcode.Errorf(exitcode.Check, "%s is a link, not the list of a kit", at)
	}
	data, err := durable.ReadFile(at, maxList)
	if err != nil {
		return nil, exitcode.Mark(exitcode.Check, err)
	}
	files, err := decode(data)
	if err == nil && len(files) > limit.Files {
		err = fmt.Errorf("%d files, more than the %d that a kit may have", len(files), limit.Files)
	}
	if err != nil {
		return nil, exitcode.Errorf(exitcode.Check, "%s: %w", at, err)
	}
	return &Kit{Folder: dir, SHA256: fingerprint.Of(data), Files: files}, nil
}

// isFolder refuses what is in place of a kit's folder. Of a link, what it leads to would
// be checked, which can be on the stick.
func isFolder(dir string) error {
	info, err := os.Lstat(filepath.Clean(dir))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return exitcode.Errorf(exitcode.Check, "%s: no such folder", dir).Hint("name the folder that kit write made")
	case err != nil:
		return exitcode.Errorf(exitcode.Failed, "%s: %w", dir, durable.Cause(err))
	case info.Mode()&fs.ModeSymlink != 0:
		return exitcode.Errorf(exitcode.Check, "%s is a link, and a kit is a folder", dir).
			Hint("copy the kit itself from the stick, and check the copy")
	case !info.IsDir():
		return exitcode.Errorf(exitcode.Check, "%s is not a folder, and a kit is one", dir).
			Hint("name the folder that kit write made")
	}
	return nil
}

// checking is a check under way.
type checking struct {
	*Kit
	limit   Limit
	listed  map[string]int  // where in Files each is, by its name
	folders map[string]bool // that the listed files are in; true for those that are there
	there   []int           // which of Files are there, with their sizes
	entries int             // that were seen
	found   []Finding
	named   map[string]bool // in found
}

func newChecking(k *Kit, limit Limit) *checking {
	c := &checking{
		Kit:     k,
		limit:   limit,
		listed:  make(map[string]int, len(k.Files)),
		folders: map[string]bool{},
		named:   map[string]bool{},
	}
	for i, f := range k.Files {
		c.listed[f.Name] = i
		for at := path.Dir(f.Name); at != "."; at = path.Dir(at) {
			c.folders[at] = false
		}
	}
	return c
}

func (c *checking) add(name, format string, args ...any) {
	c.found = append(c.found, Finding{name, fmt.Sprintf(format, args...)})
	c.named[name] = true
}

func (c *checking) path(name string) string { return filepath.Join(c.Folder, filepath.FromSlash(name)) }

// walk looks at what is in a folder of the kit and below it, without opening a file.
func (c *checking) walk(at string) error {
	entries, err := c.read(at)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := path.Join(at, e.Name())
		look := c.file
		if e.IsDir() {
			look = c.folder
		}
		if err := look(name, e); err != nil {
			return err
		}
	}
	return nil
}

// folder looks at a folder.
func (c *checking) folder(name string, _ fs.DirEntry) error {
	if _, listed := c.listed[name]; listed {
		c.add(name, "a folder in place of the file")
		return nil
	}
	if _, known := c.folders[name]; !known {
		c.add(name, "a folder that is not on the list")
		return nil
	}
	c.folders[name] = true
	return c.walk(name)
}

// read lists a folder, of which the kit as a whole may not have more entries than
// twice its files: what a list names, and the folders for it.
func (c *checking) read(at string) ([]fs.DirEntry, error) {
	folder, err := os.Open(c.path(at))
	if err != nil {
		return nil, exitcode.Errorf(exitcode.Failed, "%s: %w", c.path(at), durable.Cause(err))
	}
	defer folder.Close()
	room := maxDepth*c.limit.Files - c.entries
	entries, err := folder.ReadDir(room + 1)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, exitcode.Errorf(exitcode.Failed, "%s: %w", c.path(at), durable.Cause(err))
	}
	if c.entries += len(entries); len(entries) > room {
		return nil, exitcode.Errorf(exitcode.Check, "%s has far more files than a kit may have", c.Folder)
	}
	return entries, nil
}

// file looks at what is in place of a file: at itself, since its entry in the folder
// does not show what is mounted there.
func (c *checking) file(name string, e fs.DirEntry) error {
	info, err := e.Info()
	if err != nil {
		return exitcode.Errorf(exitcode.Failed, "%s: %w", c.path(name), durable.Cause(err))
	}
	i, listed := c.listed[name]
	switch {
	case !info.Mode().IsRegular():
		c.add(name, "%s, and a kit holds only files", kindOf(info.Mode()))
	case name == List:
	case !listed:
		c.add(name, "it is not on the list")
	default:
		c.Files[i].Size = info.Size()
		c.there = append(c.there, i)
	}
	return nil
}

// hash compares the files that are there, and names those that are not.
func (c *checking) hash(ctx context.Context) error {
	if err := c.limit.check(c.Files); err != nil {
		return exitcode.Errorf(exitcode.Check, "%s: %w", c.Folder, err)
	}
	slices.Sort(c.there)
	for i, f := range c.Files {
		if ctx.Err() != nil {
			return exitcode.ErrInterrupted
		}
		if _, is := slices.BinarySearch(c.there, i); !is {
			c.missing(f.Name)
			continue
		}
		sum, err := c.sum(f)
		if err != nil {
			return err
		}
		if sum != f.SHA256 {
			c.add(f.Name, "its SHA-256 is not the one on the list")
		}
	}
	return nil
}

// missing notes a file that is not there: by the folder that is missing with it, and
// not at all where something else in its place, or in a folder's, is a finding already.
func (c *checking) missing(name string) {
	gone, says := name, "it is missing"
	for at := name; at != "."; at = path.Dir(at) {
		if c.named[at] {
			return
		}
		if there, isFolder := c.folders[at]; isFolder && !there {
			gone, says = at, "the folder is missing"
		}
	}
	c.add(gone, "%s", says)
}

func (c *checking) sum(f File) (fingerprint.Sum, error) {
	file, err := durable.OpenUpTo(c.path(f.Name), f.Size)
	if err != nil {
		return fingerprint.Sum{}, err
	}
	defer file.Close()
	sum, err := fingerprint.Reader(io.LimitReader(file, f.Size+1)) // it can grow
	if err != nil {
		return sum, exitcode.Errorf(exitcode.Failed, "%s: %w", c.path(f.Name), durable.Cause(err))
	}
	return sum, nil
}
