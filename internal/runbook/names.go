package runbook

import (
	"fmt"
	"regexp"
	"strings"

	"byok/internal/exitcode"
)

// drive begins an absolute path of Windows, or one in a folder that a variable of
// the nShield software names. That folder is not here.
var drive = regexp.MustCompile(`^(?i)(?:[a-z]:|%[a-z_]+%|\\)`)

// file is a file of the old line: one in a folder of Windows that is not here is
// looked for in the current folder.
func file(path string) string {
	switch {
	case drive.MatchString(path):
		return path[strings.LastIndexAny(path, `:\%/`)+1:]
	case strings.Contains(path, `\`):
		return strings.ReplaceAll(path, `\`, "/")
	}
	return path
}

// keyFile is a file of kmdata; the name of a transfer copy is also written with a
// capital I.
func keyFile(path string) string {
	path = file(path)
	folder, name := path[:strings.LastIndexByte(path, '/')+1], path[strings.LastIndexByte(path, '/')+1:]
	if app, ident, found := strings.Cut(strings.TrimPrefix(name, "key_"), "_"); found && strings.HasPrefix(name, "key_") {
		return folder + "key_" + lowerL(app) + "_" + ident
	}
	return path
}

// packageName is the name of a package: which of the two, suffix, number.
var packageName = regexp.MustCompile(`(?i)^(.*)BYOK-(KEK|SecurityWorld)-pkg-([A-Za-z0-9]+)-?([0-9]*)$`)

// packageFile is a package of the toolset. Its suffix is in capitals: the old page
// also writes France.
func packageFile(path string) string {
	path = file(path)
	m := packageName.FindStringSubmatch(path)
	if m == nil {
		return path
	}
	kind := map[string]string{"kek": "KEK", "securityworld": "SecurityWorld"}[strings.ToLower(m[2])]
	return fmt.Sprintf("%sBYOK-%s-pkg-%s-%s", m[1], kind, strings.ToUpper(m[3]), m[4])
}

// wholeNames refuses the name of a package that is cut short, as one on the old
// page is, and names the file that is meant: both packages have one number.
func wholeNames(r *reading) {
	number := ""
	for _, s := range r.said {
		if m := packageName.FindStringSubmatch(s.value); isPackage(s) && m != nil && m[4] != "" {
			number = m[4]
		}
	}
	for i, s := range r.said {
		m := packageName.FindStringSubmatch(s.value)
		if !isPackage(s) || m == nil || m[4] != "" || r.replaced(s.known) {
			continue
		}
		if number == "" {
			r.fail(exitcode.Errorf(exitcode.Usage, "%s: %s %s: the name is cut short: a number is missing at its end",
				r.tool.names[0], s.known.names[0], s.value))
			return
		}
		r.said[i].value += number
		r.fail(exitcode.Errorf(exitcode.Usage, "%s: %s %s: the name is cut short, as on the old page: %s is meant",
			r.tool.names[0], s.known.names[0], s.value, r.said[i].value))
	}
}

func isPackage(s said) bool { return s.name == "-k" || s.name == "-w" }
