package report_test

import (
	"html"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"byok/internal/bundle"
	"byok/internal/report"
	"byok/internal/testkit/held"
)

const goodPlan = "../plan/testdata/good.yaml"

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func made(t *testing.T, dir string) string {
	t.Helper()
	text, err := report.Make(dir)
	check(t, err)
	return string(text)
}

var tags = regexp.MustCompile(`<[^>]*>`)

// plain is the text of a page.
func plain(page string) string {
	return html.UnescapeString(tags.ReplaceAllString(strings.ReplaceAll(page, "</td>", " "), ""))
}

// holds asserts that a page says all of it.
func holds(t *testing.T, what, page string, wants ...string) {
	t.Helper()
	text := plain(page)
	for _, want := range wants {
		if !strings.Contains(text, want) {
			t.Errorf("%s: the page does not say %q", what, want)
		}
	}
}

// first is the first page.
func first(page string) string {
	before, _, _ := strings.Cut(page, "<nav>")
	return before
}

// TestReport holds that the report says what a reader looks for first, loads
// nothing and runs nothing.
func TestReport(t *testing.T) {
	h := held.Hold(t)
	dir := h.Bundle(t, goodPlan)
	page := made(t, dir)
	holds(t, "bundle", page,
		"Every statement, package and log here holds, and the quorum sealed the log.",
		h.Chain.HKNSO().Groups(), h.Chain.Last().Sum.Groups(),
		"Contoso root key", "Auditors Ltd", "bag A-1, seal 0001", "olga@room-12", "Room 12, 2026-12-01, by the plan",
		"https://contoso.vault.azure.net/keys/Payroll/", "the owner's word alone", "Vera of the vault",
		"1 of 1 destination proved by the vault", "0 of 1 KEK deleted", "byok-online 1", "enciphers; no end",
		"-signature disconnected/local/statements/000004-authorization.sig",
		"(rests on people)", "approval", "sh check.sh "+h.Chain.HKNSO().String(),
		"No command of the log names a step of the plan",
	)
	if strings.Count(page, "QR code of the hash") != 4 {
		t.Errorf("%d QR codes, for hknso, the last statement, the plan and the KEK",
			strings.Count(page, "QR code of the hash"))
	}
	if found := regexp.MustCompile(`(?i)<(script|img|link|iframe|object)\b|src=|@import|url\(["']?[^#)]*:`).FindString(page); found != "" {
		t.Errorf("the report holds %q", found)
	}
	written, err := os.ReadFile(filepath.Join(dir, bundle.Report))
	check(t, err)
	if string(written) != page {
		t.Error("the bundle's report is another one")
	}
}

var command = regexp.MustCompile(`<code>((?:<bdi>[^<]*</bdi> ?)+)</code>`)

// commands are those that a page gives, each once.
func commands(page string) (list []string) {
	seen := map[string]bool{}
	for _, m := range command.FindAllStringSubmatch(page, -1) {
		c := plain(m[1])
		if !seen[c] {
			list = append(list, c)
		}
		seen[c] = true
	}
	return list
}

// run runs a page's commands of the shell and of openssl in a folder; those of the
// two programs are run where there are programs.
func run(t *testing.T, dir, page string) (ran int) {
	t.Helper()
	for _, c := range commands(page) {
		if strings.HasPrefix(c, "byok-") {
			continue
		}
		ran++
		shell := exec.Command("sh", "-c", c)
		shell.Dir = dir
		out, err := shell.CombinedOutput()
		if err != nil || strings.Contains(c, "openssl") && string(out) != "Verified OK\n" {
			t.Errorf("%s: %v: %s", c, err, out)
		}
	}
	return ran
}

// TestCommands runs the commands that the report gives, in the bundle's folder;
// those of loose folders, wherever one is.
func TestCommands(t *testing.T) {
	h := held.Hold(t)
	dir := h.Bundle(t, goodPlan)
	// Five statements, the key, its copy, the KEK's package, the plan, check.sh.
	if ran := run(t, dir, made(t, dir)); ran != 10 {
		t.Errorf("%d commands", ran)
	}
	loose, err := report.MakeOf([]string{h.Stick, h.Dir}, goodPlan)
	check(t, err)
	if ran := run(t, ".", string(loose)); ran != 9 {
		t.Errorf("%d commands of loose folders", ran)
	}
	holds(t, "loose", string(loose), h.Stick+"/KeyTransferPackage-Payroll.byok",
		"byok-offline ceremony verify --kmdata "+h.Dir, "byok-online ceremony verify --kmdata "+h.Stick+"/connected")
}
