//go:build linux

package ceremonytest

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"byok/internal/testkit/page"
)

// fate is what becomes of a block that the book does not run: the test that runs
// it, as FOLDER TEST, or the reason why none does.
type fate struct{ test, why string }

// fates are by page, or by page and first line. A page's commands are parsed in any
// case: see TestDocumentsNameWhatIsThere.
var fates = map[string]fate{
	"../README.md":        {why: "a summary: the procedure's pages have these commands, and are run"},
	"../CONTRIBUTING.md":  {why: "builds and tests everything"},
	"rehearse-at-home.md": {test: "internal/ceremonytest TestHomePage"},
	"rehearse-at-home.md: sudo apt-get install --yes ./byok-offline_0.2.0_amd64.deb ./byok-online_0.2.0_amd64.deb openssl softhsm2": {
		why: "installs packages; make check-deb does, and types the page",
	},
	"rehearse-at-home.md: sudo apt-get install --yes git gcc libc6-dev make openssl softhsm2":     {why: "installs packages, and builds"},
	"ceremony/0-plan.md: byok-offline ceremony run --plan plan.yaml":                              {test: "internal/ceremonytest TestRun"},
	"ceremony/0-plan.md: byok-online ceremony dry-run --plan plan.yaml --out transcript.txt":      {test: "internal/ceremonytest TestScripts"},
	"files.md: python3 - local/world local/statements/*.json local/key_* local/retired_* <<'END'": {test: "internal/kmdata TestPageChecksAFolder"},
	"files.md: p=KeyTransferPackage-contoso-key":                                                  {test: "internal/transfer TestPageChecksAPackage"},
	"verify.md": {test: "docs TestGenuine"},
	"recovery.md: age -d -o card1.json usb1/byok-card.age": {test: "internal/ceremonytest TestScripts"},
	"performance.md":            {test: "internal/ceremonytest TestConsoles"},
	"rehearsal.md":              {why: "needs an emulator of somebody else's"},
	"security/policy.md":        {why: "searches for minutes"},
	"image.md":                  {why: "makes a medium and starts it: make image and make test-image do"},
	"kit.md":                    {why: "carries a stick from one computer to another; the tests of packages kit and shared write and verify kits"},
	"release.md":                {why: "makes, builds again and installs a release: make release, make reproduce and make check-deb do"},
	"security/check-offline.md": {why: "judges released programs: make check-offline does"},
	"hsm/softhsm.md":            {test: "internal/ceremonytest TestModuleCheck"},
	"hsm/nss.md":                {test: "internal/ceremonytest TestModuleCheck"},
	"hsm/tpm2.md":               {test: "internal/ceremonytest TestModuleCheck"},
	"hsm/":                      {why: "needs that HSM, or its vendor's library; make hsms runs those that can be had"},
}

// fateOf is what becomes of a block of a page, unless the book runs it.
func fateOf(name string, b page.Block) (fate, bool) {
	dir, _, _ := strings.Cut(name, "/")
	for _, key := range []string{name + ": " + b.First(), name, dir + "/"} {
		if f, found := fates[key]; found {
			return f, true
		}
	}
	return fate{}, false
}

// silent are the kinds of blocks that hold no command.
var silent = []string{"text", "mermaid", "yaml"}

// TestEveryBlock: each block of commands of each page is run by the book or has a
// fate, and each fate is that of a block.
func TestEveryBlock(t *testing.T) {
	t.Parallel()
	used, run, tests, reasons := map[string]bool{}, 0, 0, 0
	for _, path := range documents(t) {
		name, err := filepath.Rel("../../docs", path)
		must(t, err)
		for _, b := range page.Blocks(readFile(t, path)) {
			f, other := fateOf(name, b)
			switch {
			case slices.Contains(silent, b.Kind):
			case other:
				used[f.test+f.why] = true
				if f.test != "" {
					tests++
				} else {
					reasons++
				}
			case b.Kind == "sh" && slices.Contains(book, name):
				run++
			default:
				t.Errorf("%s:%d is run by no test, and no reason is given: %s", path, b.Line, b.First())
			}
		}
	}
	for key, f := range fates {
		if !used[f.test+f.why] {
			t.Errorf("%s: there is no such block", key)
		}
		if (f.test == "") == (f.why == "") || f.test != "" && !tested(t, f.test) {
			t.Errorf("%s: there is no test %q, or no reason", key, f.test)
		}
	}
	t.Logf("blocks of commands: the book runs %d, other tests %d, %d have a reason why none does", run, tests, reasons)
}

// tested reports whether a folder of the repository has a test of a name.
func tested(t *testing.T, where string) bool {
	t.Helper()
	dir, name, _ := strings.Cut(where, " ")
	files, err := filepath.Glob("../../" + dir + "/*_test.go")
	must(t, err)
	return slices.ContainsFunc(files, func(file string) bool {
		return regexp.MustCompile(`(?m)^func ` + name + `\(t `).MatchString(readFile(t, file))
	})
}
