//go:build linux

package ceremonytest

import (
	"html"
	"os"
	"os/exec"
	"regexp"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// reportedCommand is a command as a report gives it.
var reportedCommand = regexp.MustCompile(`<code>((?:<bdi>[^<]*</bdi> ?)+)</code>`)

var isolation = strings.NewReplacer("<bdi>", "", "</bdi>", "")

// reported types every command that a report gives in a folder, each of which must
// end well: REPORT DIR. The folder stays as it is.
func reported(ts *testscript.TestScript, args []string) {
	dir := ts.MkAbs(args[1])
	before := of(ts).everything()
	seen := map[string]bool{}
	for _, m := range reportedCommand.FindAllStringSubmatch(ts.ReadFile(args[0]), -1) {
		line := html.UnescapeString(isolation.Replace(m[1]))
		if seen[line] {
			continue
		}
		seen[line] = true
		shell := exec.Command("sh", "-c", line)
		shell.Dir = dir
		shell.Env = append(os.Environ(), "PATH="+os.Getenv(programs)+":"+os.Getenv("PATH"), "HOME="+ts.Getenv("HOME"),
			"BYOK_CONFIG="+ts.Getenv("BYOK_CONFIG"))
		if out, err := shell.CombinedOutput(); err != nil {
			ts.Fatalf("%s: %v\n%s", line, err, out)
		}
	}
	if change := difference(before, of(ts).everything()); change != "" {
		ts.Fatalf("the commands of the report changed:\n%s", change)
	}
	programs := 0
	for line := range seen {
		if strings.HasPrefix(line, "byok-") {
			programs++
		}
	}
	ts.Logf("commands of %s: %d of %d ended well, %d of them the programs'", args[0], len(seen), len(seen), programs)
	if programs < 4 || len(seen) < 2*programs {
		ts.Fatalf("only %d commands, %d of them the programs'", len(seen), programs)
	}
}
