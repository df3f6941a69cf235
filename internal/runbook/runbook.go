// Package runbook reads command lines of the retired procedure, "Import
// HSM-protected keys for Key Vault (nCipher)", and says them in today's words.
// Somebody may have the old runbook in hand: what it says is then typed as it
// stands there, and the program does what it meant.
//
// [Translate] takes a line in the words that a shell makes of it, and [Words] the
// arguments of a program that was called by the name of an old tool, through a
// link. Interpreters and folders of the nShield software before a tool are
// dropped. What the old line does not say is typed after it, in options of
// today; they also replace what the line says otherwise.
//
// The tools are tables: a row a tool, and a table of options each. It reads no
// file and asks nothing: what today's command then needs, that command asks for.
// Do not use it to tell what a command may do.
package runbook

import (
	"slices"
	"strings"

	"byok/internal/exitcode"
)

// The two programs.
const (
	Offline = "byok-offline"
	Online  = "byok-online"
)

// Line is a line of the old procedure in today's words.
type Line struct {
	Tool    string   // the old tool, as the procedure writes it: "KeyTransferRemote"
	Program string   // the program that does it today; "" where none does
	Words   []string // after the program's name; with Err, what to type instead, if anything
	Err     error    // why the line cannot be carried out, with status Usage
}

// Place names the workstation of the line's program.
func (l Line) Place() string {
	if l.Program == Online {
		return "the connected workstation"
	}
	return "the disconnected workstation"
}

// Translate says a line in today's words; false if it does not begin with a tool
// of the old procedure. The words are as a shell splits them, the tool first or
// after an interpreter.
func Translate(words []string) (Line, bool) {
	words = afterInterpreters(words)
	if len(words) == 0 {
		return Line{}, false
	}
	t := find(words[0])
	if t == nil {
		return Line{}, false
	}
	if t.why != "" {
		return Line{Tool: t.names[0], Err: refused(t.names[0], t.why).Hint("%s", t.next)}, true
	}
	r := reading{tool: t, command: t.command}
	r.read(words[1:])
	return r.line(), true
}

// Words are the words of a command line, whose first argument is the name that
// the program was called by: without it, unless that is the name of an old tool.
func Words(args []string) []string {
	if len(args) > 0 && find(args[0]) != nil {
		return args
	}
	return args[min(1, len(args)):]
}

// interpreters run a tool that stands after them, and after these switches.
var interpreters = map[string][]string{
	"python": nil, "python2": nil, "python3": nil, "py": nil,
	"cmd":        {"/c"},
	"powershell": {"-command", "-c"},
	"pwsh":       {"-command", "-c"},
}

func afterInterpreters(words []string) []string {
	for len(words) > 0 {
		switches, known := interpreters[plainName(words[0])]
		if !known {
			break
		}
		words = words[1:]
		if len(words) > 0 && slices.Contains(switches, strings.ToLower(words[0])) {
			words = words[1:]
		}
	}
	return words
}

// endings are those of programs and scripts, which a name can go without.
var endings = []string{".exe", ".py", ".ps1"}

// plainName is a tool's name without its folder and its ending, in lower case.
func plainName(word string) string {
	name := strings.ToLower(word[strings.LastIndexAny(word, `\/`)+1:])
	for _, ending := range endings {
		name = strings.TrimSuffix(name, ending)
	}
	return name
}

// find finds a tool by a name in a command line; nil if there is none.
func find(word string) *tool {
	name := plainName(word)
	for _, t := range tools() {
		if slices.ContainsFunc(t.names, func(n string) bool { return strings.EqualFold(n, name) }) {
			return &t
		}
	}
	return nil
}

func refused(what, why string) exitcode.Error {
	return exitcode.Errorf(exitcode.Usage, "%s: %s", what, why)
}
