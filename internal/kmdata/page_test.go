package kmdata_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"byok/internal/kmdata"
	"byok/internal/statement"
	"byok/internal/testkit/page"
)

const filesPage = "../../docs/files.md"

// The page lists every field of every file, and no other.
func TestPageListsEveryField(t *testing.T) {
	for heading, fields := range map[string][]string{
		"### Every statement": page.Fields(statement.Header{}),
		"### World file":      page.Fields(statement.World{}, statement.Header{}),
		"### Module":          page.Fields(statement.Module{}, statement.Header{}),
		"### Cards":           page.Fields(statement.Cards{}, statement.Header{}),
		"### Origin":          page.Fields(statement.Origin{}, statement.Header{}),
		"### Authorization":   page.Fields(statement.Authorization{}, statement.Header{}),
		"### Key file":        page.Fields(kmdata.Key{}),
		"### Retired key":     page.Fields(kmdata.Retired{}),
	} {
		rows := page.Rows(must(page.Section(filesPage, heading))(t))
		if !slices.Equal(rows, fields) {
			t.Errorf("%s: the page lists %q\nthe files have %q", heading, rows, fields)
		}
	}
}

// checked runs the page's commands in the folder.
func (f *folder) checked() (output string, err error) {
	f.Helper()
	section := must(page.Section(filesPage, "## kmdata, on the disconnected workstation"))(f)
	cmd := exec.Command("sh", "-e", "-c", page.Commands(section))
	cmd.Dir = f.dir
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// The page's commands check a folder without this program, and stop where it
// would.
func TestPageChecksAFolder(t *testing.T) {
	f := copied(t)
	c := must(kmdata.Open(f.dir))(t)
	check(t, c.WriteRetired(f.retired(c), f.KML[f.a]))
	out, err := f.checked()
	last := "last statement: 12, " + c.Last().Sum.String() + "\n"
	if err != nil || strings.Count(out, "Verified OK\n") != 20 || !strings.HasSuffix(out, last) {
		t.Fatalf("%v\n%s", err, out)
	}
	if !strings.Contains(out, c.FirstHKNSO().String()) {
		t.Errorf("hknso is not shown:\n%s", out)
	}
	for name, attack := range map[string]func(f *folder){
		"statement removed": func(f *folder) { f.remove(f.statement(seal)) },
		"signed by KML":     func(f *folder) { f.sign(f.statement(lastSeal), f.KML[f.a]) },
		"key file altered":  func(f *folder) { f.write(f.local(rsa), append(f.read(f.local(rsa)), '\n')) },
		"one KNSO too few":  func(f *folder) { f.sign(f.statement(cards), f.Sets[1].KNSO) },
	} {
		f := copied(t)
		attack(f)
		if out, err := f.checked(); err == nil {
			t.Errorf("%s:\n%s", name, out)
		}
	}
}
