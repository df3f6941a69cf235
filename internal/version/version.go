// Package version says which release a binary is and how it was built, for
// --version, the ceremony log and the generator field of what it makes.
//
// Use [String] where one word must name the program, and [Built] where a person
// or a check has to know how it was built. Compiler, tags and experiments are what
// the compiler recorded in the binary, the same as go version -m prints. The commit
// is what scripts/stamp.sh had the linker write, the same in a checkout and in an
// archive of it; a binary that go build made without make has the checkout's.
package version

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
)

// Release is the version of this source tree.
const Release = "0.2.0-dev"

// commitDigits is how much of a commit's name identifies it among this project's.
const commitDigits = 12

// Tags returns the build tags of the released programs, sorted. The Makefile and
// the guard of byok-offline have the same, which a test compares.
func Tags() []string {
	return []string{
		"netgo",              // no resolver of the C library
		"osusergo",           // no user database of the C library, which may ask a network
		"urfave_cli_no_docs", // no generator of manual pages
	}
}

// Experiment is the GOEXPERIMENT that the released programs rest on: the runtime
// erases what libraries leave of a secret on stack and heap (package runtime/secret).
const Experiment = "runtimesecret"

// What scripts/stamp.sh has the linker write.
var (
	commit    string // 40 hex digits
	committed string // RFC 3339 in UTC
	modified  string // "true" if the checkout had changes that are in no commit
)

// Build is how a binary was built.
type Build struct {
	Release     string   `json:"release"`
	Commit      string   `json:"commit,omitempty"` // 40 hex digits; "" if it was not built from a checkout
	Time        string   `json:"time,omitempty"`   // of the commit, RFC 3339 in UTC
	Modified    bool     `json:"modified"`         // the checkout had changes that are in no commit
	Compiler    string   `json:"compiler"`         // "go1.26.8"
	Platform    string   `json:"platform"`         // "linux/amd64"
	Tags        []string `json:"tags"`
	Experiments []string `json:"experiments"`
}

// Built returns how this binary was built.
func Built() Build {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{GoVersion: runtime.Version()}
	}
	return buildOf(info, linked(commit, committed, modified))
}

// linked are what scripts/stamp.sh had the linker write, by the names that the
// compiler has for the same.
func linked(commit, committed, modified string) []debug.BuildSetting {
	if commit == "" {
		return nil
	}
	return []debug.BuildSetting{
		{Key: "vcs.revision", Value: commit}, {Key: "vcs.time", Value: committed}, {Key: "vcs.modified", Value: modified},
	}
}

func buildOf(info *debug.BuildInfo, linked []debug.BuildSetting) Build {
	settings := map[string]string{}
	for _, s := range slices.Concat(info.Settings, linked) {
		settings[s.Key] = s.Value
	}
	compiler, _, _ := strings.Cut(info.GoVersion, "X:") // "go1.26.8-X:runtimesecret"
	return Build{
		Release:     Release,
		Commit:      settings["vcs.revision"],
		Time:        settings["vcs.time"],
		Modified:    settings["vcs.modified"] == "true",
		Compiler:    strings.TrimRight(compiler, " -"),
		Platform:    cmp.Or(settings["GOOS"], runtime.GOOS) + "/" + cmp.Or(settings["GOARCH"], runtime.GOARCH),
		Tags:        list(settings["-tags"]),
		Experiments: list(settings["GOEXPERIMENT"]),
	}
}

// list splits at commas, and sorts.
func list(text string) []string {
	if text == "" {
		return []string{}
	}
	words := strings.Split(text, ",")
	slices.Sort(words)
	return words
}

// Missing returns what the released programs are built with and this one is
// not, such as "tag netgo"; nothing if it was built as released.
func (b Build) Missing() []string {
	var missing []string
	for _, tag := range Tags() {
		if !slices.Contains(b.Tags, tag) {
			missing = append(missing, "tag "+tag)
		}
	}
	if !slices.Contains(b.Experiments, Experiment) {
		missing = append(missing, "GOEXPERIMENT "+Experiment)
	}
	return missing
}

// String returns release, commit, compiler, tags and experiments, and whether
// the binary was built as released, in lines under 80 columns.
func (b Build) String() string {
	lines := []string{b.Release}
	for _, row := range b.Rows() {
		lines = append(lines, fmt.Sprintf("%-11s %s", row[0], row[1]))
	}
	return strings.Join(lines, "\n")
}

// Rows returns what there is to say beside the release, as names and values.
func (b Build) Rows() [][]string {
	released := "yes"
	if len(b.Missing()) > 0 {
		released = "NO, build it with make build"
	}
	return [][]string{
		{"commit", b.source()},
		{"compiler", b.Compiler + ", " + b.Platform},
		{"tags", words(b.Tags)},
		{"experiments", words(b.Experiments)},
		{"as released", released},
	}
}

// Date returns the day of the commit in UTC, as "2026-11-26", or "" if it is not
// known.
func (b Build) Date() string {
	day, _, _ := strings.Cut(b.Time, "T")
	return day
}

// source is the commit with its day, and whether the binary holds more than that.
func (b Build) source() string {
	if b.Commit == "" {
		return "unknown"
	}
	source := b.Commit
	if day := b.Date(); day != "" {
		source += " of " + day
	}
	if b.Modified {
		source += ", modified"
	}
	return source
}

func words(list []string) string { return cmp.Or(strings.Join(list, " "), "none") }

// Word returns the build in one word: its release and, if it was built from a
// checkout, the first twelve digits of the commit, and whether there were
// changes: "0.1.0+0705c3d0fb52.dirty". That is a version of Semantic
// Versioning 2.0.0 (semver.org) with build metadata.
func (b Build) Word() string {
	word := b.Release
	if len(b.Commit) >= commitDigits {
		word += "+" + b.Commit[:commitDigits]
		if b.Modified {
			word += ".dirty"
		}
	}
	return word
}

// String returns this binary's [Build.Word].
func String() string { return Built().Word() }
