package script_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"byok/internal/fingerprint"
	"byok/internal/plan"
	"byok/internal/script"
)

var update = flag.Bool("update", false, "write the golden file")

func read(t *testing.T) *plan.Plan {
	t.Helper()
	data, err := os.ReadFile("../plan/testdata/good.yaml")
	if err != nil {
		t.Fatal(err)
	}
	p, err := plan.Parse("good.yaml", bytes.Replace(data, []byte("existing: true"), []byte("existing: false"), 1))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func written(t *testing.T, p *plan.Plan) string {
	t.Helper()
	var b bytes.Buffer
	if err := script.Write(&b, p, fingerprint.Of([]byte("plan"))); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestSteps compares the steps of a plan, as they are typed, with a golden file.
func TestSteps(t *testing.T) {
	var b strings.Builder
	seen := map[string]bool{}
	for i, s := range script.Steps(read(t)) {
		fmt.Fprintf(&b, "%d. %s [%s, %s, %s]\n", i+1, s.Title, s.ID, s.Chapter, s.Place)
		if s.Command != nil {
			fmt.Fprintf(&b, "%s\n", s.Shell())
		}
		if seen[s.ID] {
			t.Errorf("two steps are called %s", s.ID)
		}
		seen[s.ID] = true
	}
	const golden = "testdata/steps.txt"
	if *update {
		if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("the steps are not those of %s; with -update they are written:\n%s", golden, b.String())
	}
}

// TestImage holds that a plan's image is hashed before anything starts from it.
func TestImage(t *testing.T) {
	p := read(t)
	p.Image = plan.Image{SHA256: strings.Repeat("0a", 32), Bytes: 66402304}
	step := script.Steps(p)[1]
	var got strings.Builder
	fmt.Fprintf(&got, "%s [%s, %s, %s]\n", step.Title, step.ID, step.Chapter, step.Place)
	for _, a := range step.Acts {
		fmt.Fprintf(&got, "%s: %s\n", a.Part, a.Does)
	}
	want := "The image on the medium is " + strings.TrimSpace(strings.Repeat("0a0a0a0a ", 8)) + ` [image, Arrive, in the room]
connected operator: plug the image's medium in; find its name, such as sdb, with lsblk; then as root, with that name: head -c 66402304 /dev/sdb | sha256sum
witness: do the same on a computer of your own
witness: compare both, digit by digit, with the title of this step
operator: start the disconnected workstation from the medium, with nothing else plugged in; then pull the medium out, and hand it to the witness
`
	if got.String() != want {
		t.Errorf("got\n%swant\n%s", got.String(), want)
	}
	if next := script.Steps(p)[2].ID; next != "programs" {
		t.Errorf("the step after it is %s, want programs", next)
	}
	if !strings.Contains(written(t, p), "head -c 66402304 /dev/sdb | sha256sum") {
		t.Error("the command is not in the printed script")
	}
}

// TestKit holds that a plan's kit is compared before a program that came with it is
// believed.
func TestKit(t *testing.T) {
	p := read(t)
	p.Kit = plan.Kit{SHA256: strings.Repeat("0a", 32)}
	step := script.Steps(p)[1]
	var got strings.Builder
	fmt.Fprintf(&got, "%s [%s, %s, %s]\n", step.Title, step.ID, step.Chapter, step.Place)
	for _, a := range step.Acts {
		if typed, does := a.Typed(); does {
			t.Errorf("a dry run, which has no kit, would type %s", typed)
		}
		fmt.Fprintf(&got, "%s: %s\n", a.Part, a.Does)
	}
	want := "The kit is " + strings.TrimSpace(strings.Repeat("0a0a0a0a ", 8)) + ` [kit, Arrive, in the room]
operator: beside the copy of the kit, type: sha256sum kit/SHA256SUMS
witness: compare every digit with the title of this step
operator: then type: byok-offline kit verify kit
witness: when the kit's fingerprint is asked for, read: ` + strings.TrimSpace(strings.Repeat("allow Apollo ", 4)) + "\n"
	if got.String() != want {
		t.Errorf("got\n%swant\n%s", got.String(), want)
	}
	p.Image = plan.Image{SHA256: strings.Repeat("0b", 32), Bytes: 1}
	var order []string
	for _, s := range script.Steps(p)[1:4] {
		order = append(order, s.ID)
	}
	if strings.Join(order, " ") != "image kit programs" {
		t.Errorf("order %q", order)
	}
	if !strings.Contains(written(t, p), "byok-offline kit verify kit") {
		t.Error("the command is not in the printed script")
	}
}

// TestEveryStepIsPrinted holds that each step is on the page of who leads, and on
// that of each part that acts in it.
func TestEveryStepIsPrinted(t *testing.T) {
	p := read(t)
	pages := strings.Split(written(t, p), "<section>")
	for i, s := range script.Steps(p) {
		heading := fmt.Sprintf("<h3>%d. <bdi>%s</bdi></h3>", i+1, escaped(s.Title))
		parts := map[string]bool{plan.RoleAdministrator: true}
		for _, a := range s.Acts {
			parts[a.Part] = true
		}
		for part := range parts {
			if !strings.Contains(page(pages, part), heading) {
				t.Errorf("%q is not on the page of the %s", heading, part)
			}
		}
	}
}

func page(pages []string, part string) string {
	for _, text := range pages {
		if strings.HasPrefix(text, "\n<h2><bdi>"+escaped(part)+"</bdi></h2>") {
			return text
		}
	}
	return ""
}

func escaped(s string) string { return strings.ReplaceAll(s, "'", "&#39;") }

// TestTwoKeysOfOneName: a key and the one that follows it have packages of one name,
// in folders of their own.
func TestTwoKeysOfOneName(t *testing.T) {
	p := read(t)
	older, newer := p.Keys[0], p.Keys[0]
	older.Name, older.Vaults = "Rolling", []string{p.Vaults[0].Name}
	newer.Ident, newer.Name, newer.Vaults, newer.Replaces = "newer", "rolling", older.Vaults, older.Ident
	p.Keys = []plan.Key{older, newer}
	own := "/media/stick/" + p.Vaults[0].Name
	want := map[string]string{"package:" + older.Ident: own, "package:newer": own + "-newer"}
	made := ""
	for _, s := range slices.Concat(script.Steps(p), script.Singles(p)) {
		for _, a := range s.Acts {
			if line, types := a.Typed(); types && strings.HasPrefix(line, "mkdir ") {
				made = line
			}
		}
		for id, folder := range want {
			if strings.HasPrefix(s.ID, id+":") && !slices.Contains(s.Command, folder) {
				t.Errorf("%s: %q", s.ID, s.Command)
			}
		}
	}
	if !strings.HasSuffix(made, " "+own+"-newer") {
		t.Error(made)
	}
}

// TestManyKeys: a book of many keys has as many steps as one of two.
func TestManyKeys(t *testing.T) {
	p := read(t)
	few := len(script.Steps(p))
	first := p.Keys[0]
	p.Keys = nil
	for i := range 10_000 {
		first.Ident, first.Name = fmt.Sprintf("key-%05d", i), ""
		p.Keys = append(p.Keys, first)
	}
	text := written(t, p)
	if n := len(script.Steps(p)); n != few || len(text) > 4<<20 {
		t.Errorf("%d steps, and %d with few keys; %d bytes", n, few, len(text))
	}
	if !strings.Contains(text, "byok-offline key generate --all --card /media/a --card /media/b") ||
		!strings.Contains(text, "--plan good.yaml") {
		t.Error("the command for all keys is missing")
	}
}

// TestSelfContained holds that the book loads nothing, runs nothing, and shows a
// plan's texts as texts.
func TestSelfContained(t *testing.T) {
	p := read(t)
	p.Title = `<script>alert(1)</script>`
	p.Keys[0].Purpose = `"><img src=x onerror=alert(1)>`
	p.Vaults[0].Owner.Name = strings.Repeat("x", 200)
	text := written(t, p)
	for _, pattern := range []string{`(?i)<(script|img|link|iframe|object|form)\b`, `(?i)\b(src|href|onerror)=`, `url\(`, `@import`} {
		// What is escaped begins with &lt;, so no tag of the plan's fits.
		if found := regexp.MustCompile(pattern).FindString(strings.ReplaceAll(text, "img src=x onerror=alert(1)", "")); found != "" {
			t.Errorf("the book holds %q", found)
		}
	}
	if !strings.Contains(text, "&lt;script&gt;alert(1)&lt;/script&gt;") {
		t.Error("the title is not shown as it is")
	}
}

// TestShell holds that each command line is at most as wide as the paper, and
// that a shell reads the plan's texts as one word.
func TestShell(t *testing.T) {
	p := read(t)
	p.World = "o'hara; rm -rf /"
	for _, s := range script.Steps(p) {
		for _, line := range strings.Split(s.Shell(), "\n") {
			if len(line) > 110 {
				t.Errorf("%d characters: %s", len(line), line)
			}
		}
		if s.ID == "world" && !strings.Contains(s.Shell(), `--label 'o'\''hara; rm -rf /'`) {
			t.Errorf("not quoted: %s", s.Shell())
		}
	}
}

func TestRehearsal(t *testing.T) {
	p := read(t)
	if strings.Contains(written(t, p), "REHEARSAL") {
		t.Error("a production plan's book says that it is a rehearsal's")
	}
	p.Rehearsal = true
	if !strings.Contains(written(t, p), "REHEARSAL") {
		t.Error("a rehearsal's book does not say so")
	}
}
