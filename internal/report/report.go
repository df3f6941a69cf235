// Package report is the report of one ceremony: a single HTML file, made from its
// record, that says who, when, where and what, and for each statement by which
// command anyone checks it again.
//
// Use Make for a bundle's, and MakeOf for that of the folders of both
// workstations. A report proves nothing: it repeats what package audit and the
// bundle's script check. What does not hold is on its first page.
package report

import (
	_ "embed" // the page's style
	"errors"
	"io/fs"
	"path"
	"path/filepath"

	"byok/internal/bundle"
	"byok/internal/ceremony"
	"byok/internal/fingerprint"
	"byok/internal/kmdata"
	"byok/internal/plan"
	"byok/internal/record"
	"byok/internal/register"
)

// Source is what a report is made of.
type Source struct {
	Disconnected record.Record
	Connected    ceremony.Record
	Files        bundle.Files
	Plan         *plan.Plan // nil where there is none
	register     *register.Register
	rows         []row // the statements, in their order
	names        map[fingerprint.Sum]string
	places       places
	problems     []problem
}

// Of reads a bundle, or the record in the folders of both workstations and of
// what was carried between them; see [bundle.Gather]. planFile is the plan's, or "":
// a bundle has its own. What does not hold becomes a problem on the first page;
// folders without a world, or that do not belong together, are an error.
func Of(folders []string, planFile string) (*Source, error) {
	if len(folders) == 1 && bundle.Is(folders[0]) && planFile == "" {
		return ofBundle(folders[0])
	}
	found, dir, err := bundle.Gather(folders, planFile)
	if err != nil {
		return nil, err
	}
	return read(found.Files, places{found: found.Paths}, dir)
}

// ofBundle reads a bundle, which may lack what is made last: its list of hashes.
func ofBundle(dir string) (*Source, error) {
	files, err := bundle.Read(dir)
	if err != nil {
		return nil, err
	}
	return read(files, places{bundle: dir}, filepath.Join(dir, path.Dir(bundle.Disconnected)))
}

// read reads a record, whose world is in a kmdata folder.
func read(files bundle.Files, at places, dir string) (s *Source, err error) {
	s = &Source{Files: files, places: at}
	if s.Disconnected, err = record.Check(dir); s.Disconnected.Chain == nil {
		if err == nil {
			err = fs.ErrNotExist
		}
		return nil, err
	}
	s.problem("The record of the disconnected workstation does not hold", err)
	if s.Disconnected.Chain, err = s.Disconnected.Chain.Listed(); err != nil {
		return nil, err
	}
	s.readConnected()
	if data, found := s.Files[bundle.Plan]; found {
		s.Plan, err = plan.Parse(bundle.Plan, data)
		s.problem("The plan cannot be read", err)
	}
	s.rows, s.names = s.statements(), map[fingerprint.Sum]string{}
	for name, data := range files {
		s.names[fingerprint.Of(data)] = name
	}
	s.register = register.Of(s.sources())
	return s, nil
}

// readConnected reads the connected workstation's log. Both programs may keep one.
func (s *Source) readConnected() {
	name := path.Join(bundle.Connected, kmdata.LogName)
	data, found := s.Files[name]
	if !found {
		for _, e := range s.Disconnected.Events {
			if e.Program == programOnline {
				return
			}
		}
		s.problem("The log of the connected workstation is missing", errors.New("nothing here says what was uploaded, "+
			"proved or deleted"))
		return
	}
	var err error
	s.Connected, err = ceremony.Parse(s.places.shown(name), data)
	s.problem("The log of the connected workstation does not hold", err)
}

// The programs, as the log names them.
const (
	programOffline = "byok-offline"
	programOnline  = "byok-online"
)

// Make is the report of the bundle in dir.
func Make(dir string) ([]byte, error) { return written(ofBundle(dir)) }

// MakeOf is the report of what [Of] reads.
func MakeOf(folders []string, planFile string) ([]byte, error) { return written(Of(folders, planFile)) }

func written(s *Source, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	v := s.view()
	return []byte(v.page()), nil
}
