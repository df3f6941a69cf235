package world

import (
	"path/filepath"
	"slices"
	"strings"
	"time"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/hsm"
	"byok/internal/strictjson"
)

const (
	moduleType   = "byok-module"
	modulePrefix = "module_"
)

// ModuleFile is local/module_<serial>: a further module that the world was
// recovered to, signed by KNSO. The first module is in the world file.
type ModuleFile struct {
	Type      string          `json:"type"`
	Version   int             `json:"version"`
	Rehearsal bool            `json:"rehearsal"`
	HKNSO     fingerprint.Sum `json:"hknso"`
	Module    Module          `json:"module"`
	Created   time.Time       `json:"created"`
}

// Modules lists the modules of the world: the first, then those it was recovered to, in that order.
func (w *World) Modules() ([]Module, error) {
	var files []ModuleFile
	err := w.each(modulePrefix, func(path string, data []byte) error {
		var f ModuleFile
		if err := strictjson.Unmarshal(path, data, MaxFile, &f); err != nil {
			return exitcode.Mark(exitcode.Usage, err)
		}
		if err := verifyFile(w.knso, path, data); err != nil {
			return err
		}
		if f.Type != moduleType || f.HKNSO != w.HKNSO || filepath.Base(path) != modulePrefix+fileSafe(f.Module.Serial) {
			return exitcode.Errorf(exitcode.Check, "%s: belongs to another security world or module", path)
		}
		files = append(files, f)
		return nil
	})
	slices.SortFunc(files, func(a, b ModuleFile) int { return a.Created.Compare(b.Created) })
	modules := []Module{w.Module}
	for _, f := range files {
		// A token that was wiped and recovered to keeps its serial number.
		modules = slices.DeleteFunc(modules, func(m Module) bool { return m.Serial == f.Module.Serial })
		modules = append(modules, f.Module)
	}
	return modules, err
}

// Connected names the module of this world that is in m.
func (w *World) Connected(m *hsm.Module) (Module, error) {
	token, err := w.token(m)
	return moduleOf(m, token), err
}

// token finds the world's token: of its modules exactly one must be connected.
func (w *World) token(m *hsm.Module) (hsm.Token, error) {
	modules, err := w.Modules()
	if err != nil {
		return hsm.Token{}, err
	}
	var found []hsm.Token
	for _, one := range modules {
		token, err := m.Token(one.Serial)
		switch {
		case err == nil:
			found = append(found, token)
		case len(modules) == 1:
			return token, err
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return hsm.Token{}, exitcode.Hint(exitcode.Errorf(exitcode.HSM, "none of this world's %d modules is in %s", len(modules), m.Path),
			"connect one of them, or byok-offline world recover")
	}
	return hsm.Token{}, exitcode.Hint(exitcode.Errorf(exitcode.HSM, "%d modules of this world are in %s at once", len(found), m.Path),
		"disconnect all but the one to work with")
}

// LibraryPath is the PKCS#11 library of the module that the world was created
// on or last recovered to.
func (w *World) LibraryPath() string {
	modules, err := w.Modules()
	if err != nil || len(modules) == 0 {
		return w.Module.Library
	}
	return modules[len(modules)-1].Library
}

// fileSafe makes a serial number fit for a file's name.
func fileSafe(serial string) string {
	return strings.Map(func(r rune) rune {
		if r == '-' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '-'
	}, serial)
}
