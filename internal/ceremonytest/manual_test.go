//go:build linux

package ceremonytest

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"byok/internal/rehearsal"
	"byok/internal/testkit/page"
	rehearsed "byok/internal/testkit/serve"
	"byok/internal/testkit/softhsm"
)

// TestHomePage types docs/rehearse-at-home.md as a newcomer does, without a change,
// except for what it installs, from packages or from source.
func TestHomePage(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	text := "set -em\ntrap 'kill %1 2>/dev/null || :' EXIT\n" // the vault, where a command failed
	for _, b := range typedIn(t, homePage)[2:] {
		text += b.Text
	}
	c := exec.Command("bash", "-c", text)
	c.Dir = home
	c.Env = append(os.Environ(), "HOME="+home, "PATH="+os.Getenv(programs)+":"+os.Getenv("PATH"))
	out, err := c.CombinedOutput()
	if err != nil || strings.Count(string(out), "Result: SUCCESS") < 12 || strings.Contains(string(out), "FAIL") {
		t.Errorf("%v\n%s", err, out)
	}
	if left, err := os.ReadDir(home); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

const homePage = "rehearse-at-home.md"

// book are the pages whose commands build on one another, in the order in which
// they are run in one scratch place.
var book = []string{
	"ceremony/0-plan.md", "ceremony/1-toolset.md", "ceremony/2-world.md", "ceremony/3-key.md", "ceremony/4-package.md",
	"roles/vault-owner.md", "ceremony/5-upload.md", "files.md", "ceremony/6-record.md", "auditing.md", "later.md",
	"ceremony/many-keys.md", "roles/operator.md", "roles/card-holder.md", "recovery.md",
}

// between is what happens between the commands of the book, by a command's first
// line: what people do with their hands.
var between = map[string]string{
	"byok-offline ceremony check plan.yaml":                        `cp "$PLAN" plan.yaml`,
	"python3 - KeyTransferPackage-ContosoKey.proof-*.json <<'END'": `cd /media/usb`,
	"sh bundle/check.sh HKNSO":                                     `cp -r /media/usb/bundle bundle`,
	"byok-offline world recover --module-path /usr/lib/softhsm/libsofthsm2.so --card /media/a --card /media/c": `rm -r "$TOKENS"
mkdir "$TOKENS"`,
}

// TestManual runs every block of the book's pages with a shell, in order.
func TestManual(t *testing.T) {
	t.Parallel()
	s := newScratch(t)
	ran := 0
	for _, name := range book {
		for _, b := range typedIn(t, name) {
			if _, other := fateOf(name, b); other {
				continue
			}
			ran++
			if out, err := s.run(b); err != nil {
				t.Fatalf("docs/%s:%d: %v\n%s\n%s", name, b.Line, err, b.Text, out)
			}
		}
	}
	t.Logf("%d blocks of %d pages were run", ran, len(book))
}

// TestConsoles: what a page shows of a command, after the prompt "$ ", is what it
// prints.
func TestConsoles(t *testing.T) {
	t.Parallel()
	for _, b := range page.Blocks(readFile(t, "../../docs/performance.md")) {
		command, shown, _ := strings.Cut(strings.TrimPrefix(b.Text, "$ "), "\n")
		c := exec.Command("sh", "-c", command)
		c.Env = append(os.Environ(), "PATH="+os.Getenv(programs)+":"+os.Getenv("PATH"), "HOME="+t.TempDir())
		out, err := c.Output()
		if err != nil || string(out) != shown {
			t.Errorf("%s: %v\n%s", command, err, out)
		}
	}
}

// typedIn are the blocks of a page of docs that are typed.
func typedIn(t *testing.T, name string) (blocks []page.Block) {
	t.Helper()
	for _, b := range page.Blocks(readFile(t, "../../docs/"+name)) {
		if b.Kind == "sh" {
			blocks = append(blocks, b)
		}
	}
	return blocks
}

// scratch is the place of one ceremony by the book.
type scratch struct {
	dir  string
	env  []string
	says *strings.Replacer // of the book's words, what they are here
}

func newScratch(t *testing.T) scratch {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"a", "b", "c", "x", "y", "z", "usb", "backup"} {
		must(t, os.MkdirAll(filepath.Join(dir, "media", name), 0o700))
	}
	for _, name := range []string{"here", "bin", "byok-offline", "byok-online"} {
		must(t, os.Mkdir(filepath.Join(dir, name), 0o700))
	}
	for _, name := range []string{"pin", "secret"} {
		must(t, os.WriteFile(filepath.Join(dir, name), []byte(name+" of the book 4711\n"), 0o600))
	}
	for name, text := range map[string]string{
		"byok-offline": readFile(t, "testdata/answers.sh"),
		"byok-online":  readFile(t, "testdata/answers.sh"),
		"hknso":        "#!/bin/sh\nHOME=$STAGE/byok-offline \"$BYOK_BIN/byok-offline\" world info --output json 2>/dev/null | sed -n 's/^ *\"hknso\": \"\\(.*\\)\",$/\\1/p'\n",
		"module":       "#!/bin/sh\nsed -n 's/^  \"module\": \"\\(.*\\)\",$/\\1/p' \"$STAGE/byok-offline/.byok/kmdata/local/statements/000002-module.json\"\n",
	} {
		must(t, os.WriteFile(filepath.Join(dir, "bin", name), []byte(text), 0o700))
	}
	library, err := softhsm.Library()
	must(t, err)
	conf, err := softhsm.Configure(filepath.Join(dir, "softhsm"))
	must(t, err)
	vault, state := rehearsed.Rehearsal(t, rehearsal.Config{})
	must(t, os.Symlink(state, filepath.Join(dir, "vault")))
	says := strings.NewReplacer(
		"/media/", filepath.Join(dir, "media")+"/", "~/.byok/", dir+"/byok-online/.byok/",
		"https://contoso.vault.azure.net", vault.URL, "/usr/lib/softhsm/libsofthsm2.so", library,
		"HKNSO-WORDS", "$(hknso)", "HKNSO", "$(hknso)", "UUID", "00000000-0000-0000-0000-000000000000",
		"MODULE-ID", "$(module)")
	plan := filepath.Join(dir, "plan.yaml")
	must(t, os.WriteFile(plan, []byte(says.Replace(readFile(t, "testdata/plan.yaml"))), 0o600))
	return scratch{dir, append(os.Environ(), "STAGE="+dir, "SOFTHSM2_CONF="+conf, "TOKENS="+filepath.Join(dir, "softhsm", "tokens"),
		"PLAN="+plan, "PATH="+filepath.Join(dir, "bin")+":"+os.Getenv("PATH")), says}
}

// run runs a block as it stands, in the words of this place.
func (s scratch) run(b page.Block) (string, error) {
	c := exec.Command("sh", "-e", "-c", s.says.Replace(between[b.First()]+"\n"+b.Text))
	c.Dir, c.Env = filepath.Join(s.dir, "here"), s.env
	out, err := c.CombinedOutput()
	if err == nil && strings.Contains(string(out), "FAILURE") {
		err = errors.New("a step failed")
	}
	return string(out), err
}
