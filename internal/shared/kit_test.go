package shared_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"byok/internal/ceremony"
	"byok/internal/choice"
	"byok/internal/command"
	"byok/internal/fingerprint"
	"byok/internal/shared"
	"byok/internal/term"
)

// kitting runs a program that has the commands of kits alone.
func kitting(t *testing.T, side shared.KitSide, args ...string) answer {
	t.Helper()
	var out, errs strings.Builder
	p := &command.Program{Name: "byok-test", Version: "1.2.3", Choices: map[string]choice.Choice{}}
	p.Console = &term.Console{Program: "byok-test", In: strings.NewReader(""), Out: &out, Err: &errs}
	p.Commands = []*cli.Command{shared.Kit(p, side)}
	status := p.Main(context.Background(), append([]string{"kit"}, args...))
	return answer{status, out.String(), errs.String()}
}

// stick is a folder with a release, a toolset, and a plan with its policy beside it.
func stick(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"release", "stick"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	sum := fingerprint.Of([]byte("program")).String()
	write(t, filepath.Join(dir, "release", "byok-offline_amd64.deb"), "program")
	write(t, filepath.Join(dir, "release", "byok-offline_arm64.deb"), "program")
	write(t, filepath.Join(dir, "release", "SHA256SUMS"), sum+"  byok-offline_amd64.deb\n"+sum+"  byok-offline_arm64.deb\n")
	write(t, filepath.Join(dir, "KeyVault-BYOK-Tools-CONTOSO.zip"), "zip")
	write(t, filepath.Join(dir, "notes"), "notes")
	plan := strings.ReplaceAll(read(t, "../plan/testdata/good.yaml"), "exportable: false", "exportable: true\n    release_policy: policy.json")
	write(t, filepath.Join(dir, "plan.yaml"), plan)
	write(t, filepath.Join(dir, "policy.json"), "{}")
	return dir
}

// TestKit: what a kit holds, what is printed of it, and what the log says on both
// sides.
func TestKit(t *testing.T) {
	kmdata := kmdataDir(t)
	dir := stick(t)
	t.Chdir(dir)
	made := kitting(t, shared.KitsIn(), "--to", "stick/kit", "--release", "release", "--toolset",
		"KeyVault-BYOK-Tools-CONTOSO.zip", "--plan=plan.yaml")
	list := read(t, "stick/kit/SHA256SUMS")
	var names []string
	for line := range strings.Lines(list) {
		names = append(names, strings.Fields(line)[1])
	}
	want := "plan/plan.yaml plan/policy.json release/SHA256SUMS release/byok-offline_amd64.deb " +
		"toolset/KeyVault-BYOK-Tools-CONTOSO.zip"
	if got := strings.Join(names, " "); got != want {
		t.Errorf("the kit holds %s\nwant %s", got, want)
	}
	sum := fingerprint.Of([]byte(list))
	size := sizeOf(t, "stick/kit")
	wantAnswer(t, "made", made, answer{0, "kit      stick/kit\nholds    5 files, " + size + "\nSHA-256  of its SHA256SUMS\n" +
		sum.Groups() + "\n" + strings.Join(sum.Rows(), "\n") + "\n" + lines(
		"write this down: it must not travel on the stick",
		"on the other workstation, in a copy of the folder:",
		"  sha256sum SHA256SUMS",
		"  sha256sum --check --strict SHA256SUMS",
		"and beside it:",
		"  byok-offline kit verify kit",
		"Result: SUCCESS"), ""})
	checked := kitting(t, shared.KitsOut(), "verify", "stick/kit", "--fingerprint", sum.FirstWords(8))
	wantAnswer(t, "checked", checked, answer{0, lines(
		"kit    stick/kit",
		"holds  5 files, "+size,
		"pass   every file of the list is there with its hash, and nothing else",
		"pass   it is the kit whose fingerprint was given",
		"Result: SUCCESS"), ""})
	record, err := ceremony.Read(kmdata)
	if err != nil || len(record.Events) != 4 {
		t.Fatalf("%v, %+v", err, record.Events)
	}
	file := ceremony.File{Path: "stick/kit/SHA256SUMS", SHA256: sum}
	if out := record.Events[1].Outputs; len(out) != 1 || out[0] != file {
		t.Errorf("written: %+v", out)
	}
	if in := record.Events[3].Inputs; len(in) != 1 || in[0] != file {
		t.Errorf("read: %+v", in)
	}
	wantNotes(t, record.Events[3], "kit compared="+sum.FirstWords(8))
}

// sizeOf is how many bytes the files of a kit have, without its list.
func sizeOf(t *testing.T, dir string) string {
	t.Helper()
	size := 0
	err := filepath.WalkDir(dir, func(at string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && at != filepath.Join(dir, "SHA256SUMS") {
			size += len(read(t, at))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%d bytes", size)
}

// TestKitBack: a kit of files and folders for the way back, and what the other side
// says of one that was changed, and of another.
func TestKitBack(t *testing.T) {
	kmdataDir(t)
	t.Chdir(stick(t))
	if got := kitting(t, shared.KitsOut(), "write", "--to", "stick/back", "notes", "release"); got.status != 0 ||
		!strings.Contains(got.out, "\nholds    4 files, ") || !strings.HasSuffix(got.out, "\n  byok-online kit verify back\nResult: SUCCESS\n") {
		t.Errorf("%+v", got)
	}
	sum := fingerprint.Of([]byte(read(t, "stick/back/SHA256SUMS")))
	other := fingerprint.Of(nil).FirstWords(8)
	wantAnswer(t, "another", kitting(t, shared.KitsIn(), "verify", "stick/back", "--fingerprint", other), answer{3,
		"Result: FAILURE\n", lines(
			"byok-test: error: stick/back: this is not the kit whose fingerprint was given",
			"byok-test: hint: read the words again; if they are right, use nothing of it: it was exchanged on the way")})
	write(t, "stick/back/notes", "n0tes")
	write(t, "stick/back/auto\x1b[2Jrun", "")
	got := kitting(t, shared.KitsIn(), "verify", "stick/back", "--fingerprint", sum.FirstWords(8))
	rows := strings.SplitAfterN(got.out, "\n", 3)
	wantAnswer(t, "changed", answer{got.status, rows[0] + rows[2], got.err}, answer{3, lines(
		"kit    stick/back",
		`FAIL   auto\x1b[2Jrun: it is not on the list`,
		"FAIL   notes: its SHA-256 is not the one on the list",
		"Result: FAILURE"), lines(
		"byok-test: error: stick/back: 2 findings",
		"byok-test: hint: use nothing of it; have the kit made again, on another stick")})
}

// TestKitRefused: what is refused before anything is written.
func TestKitRefused(t *testing.T) {
	kmdataDir(t)
	t.Chdir(stick(t))
	write(t, "SHA256SUMS", "notes\n")
	for _, c := range []struct {
		name   string
		args   []string
		status int
		err    string
	}{
		{"nothing", []string{"write", "--to", "stick/kit"}, 2, "error: kit write: nothing is named that goes into the kit\n" +
			"byok-test: hint: byok-test kit write --help\n"},
		{"nowhere", []string{"write", "--to", "none/kit", "notes"}, 6, "error: none: no such folder\n" +
			"byok-test: hint: plug the stick in and mount it, then name a folder on it\n"},
		{"there", []string{"--to", "release", "--toolset", "notes"}, 6,
			"error: release already exists, and a kit never overwrites anything\nbyok-test: hint: name a folder that does not exist\n"},
		{"a file that is missing", []string{"write", "--to", "stick/kit", "none"}, 2, "error: none: no such file or folder\n"},
		{"no release", []string{"--to", "stick/kit", "--release", "stick"}, 2, "error: stick/SHA256SUMS: no such file\n"},
		{"no plan", []string{"--to", "stick/kit", "--plan", "none"}, 2, "error: none: no such file\n"},
		{"two files of one name", []string{"write", "--to", "stick/kit", "notes", "./notes"}, 6,
			"error: ./notes cannot go into the kit as notes: named twice\nbyok-test: hint: give it another name, or leave it out\n"},
		{"no kit", []string{"verify", "stick"}, 3, "error: stick is not a kit: it has no SHA256SUMS\n" +
			"byok-test: hint: name the folder that kit write made\n"},
		{"a list of another kind", []string{"verify", "."}, 3,
			"error: SHA256SUMS: line 1 is not a SHA-256, two spaces and a name\n" +
				"byok-test: hint: use nothing of it; have the kit made again, on another stick\n"},
		{"an empty name", []string{"write", "--to", "stick/kit", ""}, 2, "error: an empty name names no file or folder\n"},
	} {
		got := kitting(t, shared.KitsIn(), c.args...)
		wantAnswer(t, c.name, got, answer{c.status, "Result: FAILURE\n", "byok-test: " + c.err})
	}
	wantAnswer(t, "another platform", kitting(t, shared.KitsIn(), "--to", "stick/kit", "--platform", "beos"), answer{2, "", lines(
		"byok-test: error: kit write: --platform beos: expected linux-amd64, linux-arm64 or windows-amd64",
		"byok-test: hint: byok-test kit write --help")})
	if left, _ := os.ReadDir("stick"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestKitAsked: the fingerprint is asked for again after a slip, and three times at
// most.
func TestKitAsked(t *testing.T) {
	kmdataDir(t)
	t.Chdir(stick(t))
	if got := kitting(t, shared.KitsOut(), "write", "--to", "stick/back", "notes"); got.status != 0 {
		t.Fatalf("%+v", got)
	}
	words := fingerprint.Of([]byte(read(t, "stick/back/SHA256SUMS"))).Words()
	const question = "fingerprint of the kit, as the other workstation showed it, first 8 words or hex: "
	slip := answers{question, "aardvark\r"}
	got := typing(t, []answers{slip, slip, {question, strings.Join(words[:8], " ") + "\r"}}, "kit", "verify", "stick/back")
	if got.status != 0 || !strings.Contains(got.err,
		"byok-test: warning: fingerprint of the kit: the fingerprint has 1 word: at least the first 8") {
		t.Errorf("%+v", got)
	}
	got = typing(t, []answers{slip, slip, slip}, "kit", "verify", "stick/back")
	if got.status != 2 || !strings.Contains(got.err, "byok-test: error: fingerprint of the kit: ") {
		t.Errorf("%+v", got)
	}
	got = kitting(t, shared.KitsIn(), "verify", "stick/back")
	wantAnswer(t, "nobody to ask", got, answer{2, "Result: FAILURE\n", lines(
		"byok-test: error: cannot ask for the fingerprint of the kit, as the other workstation showed it, first 8 words or hex: "+
			"/dev/tty cannot be opened and standard input is not a terminal",
		"byok-test: hint: give --fingerprint WORDS")})
}
