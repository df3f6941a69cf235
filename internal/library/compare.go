package library

import (
	"slices"
)

// Difference is one thing that differs from what was recorded.
type Difference struct {
	Subject  string `json:"subject"`  // "library", "environment variable SOFTHSM2_CONF", "configuration file /etc/…"
	Recorded string `json:"recorded"` // value, path or SHA-256 in hex; "none" if it was not there, "empty" for ""
	Now      string `json:"now"`
	Binding  bool   `json:"binding"` // whether a new statement is needed; otherwise it is only shown
}

// Compare returns what differs, in a fixed order. The library's SHA-256 and
// family, the environment and the configuration files are binding. The
// library's path is not: the same bytes at another place are the same library.
func Compare(recorded, now Identity) []Difference {
	before, after := recorded.facts(), now.facts()
	var list []Difference
	for _, subject := range subjects(before, after) {
		was, known := before[subject]
		is, found := after[subject]
		if was != is || known != found {
			list = append(list, Difference{
				Subject:  subject,
				Recorded: shown(was, known),
				Now:      shown(is, found),
				Binding:  subject != librarySubject+" path",
			})
		}
	}
	return list
}

// Binding reports whether a difference needs a new statement.
func Binding(list []Difference) bool {
	return slices.ContainsFunc(list, func(d Difference) bool { return d.Binding })
}

const librarySubject = "library"

// facts returns what identifies the library, by subject.
func (id Identity) facts() map[string]string {
	facts := map[string]string{
		librarySubject:             id.SHA256.String(),
		librarySubject + " family": id.Family,
		librarySubject + " path":   id.Path,
	}
	for _, v := range id.Environment {
		facts["environment variable "+v.Name] = v.Value
	}
	for _, f := range id.Configuration {
		facts["configuration file "+f.Path] = f.SHA256.String()
	}
	return facts
}

// subjects lists those of both sides: the library first, then the others by name.
func subjects(a, b map[string]string) []string {
	var others []string
	first := []string{librarySubject, librarySubject + " family", librarySubject + " path"}
	for _, side := range []map[string]string{a, b} {
		for subject := range side {
			if !slices.Contains(first, subject) && !slices.Contains(others, subject) {
				others = append(others, subject)
			}
		}
	}
	slices.Sort(others)
	return append(first, others...)
}

// shown is a value for a person to read.
func shown(value string, there bool) string {
	switch {
	case !there:
		return "none"
	case value == "":
		return "empty"
	}
	return value
}
