package kit

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

const (
	maxName  = 200 // bytes of a path in a kit
	maxDepth = 8   // parts of it
)

// part is a part of a path that each file system of a stick keeps as it is, that
// sha256sum writes without escapes, and that no shell takes for anything else.
var part = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.+~=@-]*$`)

// device is a name that Windows takes for a device, whatever its ending is.
var device = regexp.MustCompile(`(?i)^(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?$`)

// started are names that a desktop reads or starts by itself when a medium is
// inserted (Windows: Autorun.inf; freedesktop.org: Desktop Application Autostart).
var started = []string{"autorun.inf", "autorun.sh", "autorun", "autoopen", "desktop.ini"}

// checkName refuses a path that a kit must not have.
func checkName(name string) error {
	if len(name) > maxName {
		return fmt.Errorf("a name of more than %d bytes", maxName)
	}
	parts := strings.Split(name, "/")
	if len(parts) > maxDepth {
		return fmt.Errorf("a name of more than %d parts", maxDepth)
	}
	for _, p := range parts {
		switch {
		case !part.MatchString(p) || strings.HasSuffix(p, "."):
			return errors.New("a name has letters, digits and . _ + ~ = @ - alone, begins with a letter, a digit or _, " +
				"and does not end in a dot")
		case device.MatchString(p):
			return errors.New("the name of a device on Windows")
		case slices.Contains(started, strings.ToLower(p)):
			return errors.New("a file that a computer may start by itself")
		}
	}
	return nil
}

// places are the paths of a kit's files and folders, by their lower-case spelling: a
// stick's file system takes two that differ in case for one.
type places map[string]place

type place struct {
	name   string
	folder bool
}

// add adds a file's path, and refuses one that another already has.
func (p places) add(name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if err := p.one(place{dir, true}); err != nil {
			return err
		}
	}
	return p.one(place{name, false})
}

func (p places) one(at place) error {
	key := strings.ToLower(at.name)
	before, found := p[key]
	switch {
	case !found:
		p[key] = at
	case before.folder && at.folder && before.name == at.name:
	case before.name == at.name && !before.folder && !at.folder:
		return errors.New("named twice")
	default:
		return fmt.Errorf("a stick takes it for %s", before.name)
	}
	return nil
}
