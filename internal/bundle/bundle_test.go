package bundle_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"byok/internal/bundle"
	"byok/internal/ceremony"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/testkit/held"
)

const goodPlan = "../plan/testdata/good.yaml"

// TestMake holds what is in a bundle, that its list names it all, and that it stays
// small.
func TestMake(t *testing.T) {
	h := held.Hold(t)
	files := content(t, h.Bundle(t, goodPlan))
	var names []string
	size := 0
	for name, data := range files {
		names = append(names, name)
		size += len(data)
	}
	slices.Sort(names)
	const stem = "packages/000004-0/KeyTransferPackage-Payroll."
	want := []string{
		"SHA256SUMS", "SHA256SUMS.sig", "check.sh", "connected/local/ceremony.jsonl",
		"disconnected/local/ceremony.jsonl", "disconnected/local/key_simple_payroll", "disconnected/local/key_simple_payroll.sig",
		"disconnected/local/key_xferacld_payroll_000004-0", "disconnected/local/key_xferacld_payroll_000004-0.sig",
	}
	for _, s := range []string{"000002-module", "000003-origin", "000004-authorization", "000005-seal"} {
		want = append(want, "disconnected/local/statements/"+s+".json", "disconnected/local/statements/"+s+".sig")
	}
	want = append(want, "disconnected/local/world", "disconnected/local/world.sig", "module",
		stem+"authorization.json", stem+"authorization.sig", stem+"byok", stem+"manifest.json", stem+"manifest.sig",
		stem+"module.json", stem+"module.sig", stem+"pop.sig", stem+"proof-20260102T030405Z.json", stem+"world.json", stem+"world.sig",
		"plan.yaml", "report.html", "software.json", "toolset/BYOK-KEK-pkg-CONTOSO-1", "toolset/BYOK-SecurityWorld-pkg-CONTOSO-1")
	if !slices.Equal(names, want) {
		t.Errorf("files:\n%s\nwant\n%s", strings.Join(names, "\n"), strings.Join(want, "\n"))
	}
	if size > 1<<20 || files.Packages() != 1 {
		t.Errorf("%d bytes, %d packages", size, files.Packages())
	}
	listed := maps.Clone(files)
	delete(listed, bundle.Sums)
	delete(listed, bundle.Signature)
	if !bytes.Equal(listed.List(), files[bundle.Sums]) {
		t.Error("SHA256SUMS does not list all that is there")
	}
	s, err := bundle.ParseSoftware(bundle.Programs, files[bundle.Programs])
	if err != nil || s.Program != "byok-offline" || s.SHA256 != fingerprint.Of(nil) || s.Build.Release == "" {
		t.Errorf("%+v, %v", s, err)
	}
}

// TestScript runs check.sh with a shell, openssl and the small tools of every
// Debian, without a home; it leaves the folder as it is.
func TestScript(t *testing.T) {
	h := held.Hold(t)
	dir := h.Bundle(t, goodPlan)
	before := content(t, dir)
	out, err := script(t, dir, h.Chain.HKNSO().String())
	if err != nil || strings.Contains(out, "FAIL") || strings.Count(out, "pass  ") != 33 {
		t.Errorf("%v, %d statements pass:\n%s", err, strings.Count(out, "pass  "), out)
	}
	if !strings.Contains(out, "pass  line 9 seals the log\n") {
		t.Error("the module's seal is not checked")
	}
	if after := content(t, dir); !maps.EqualFunc(before, after, bytes.Equal) {
		t.Error("check.sh changes the folder")
	}
	if lines := strings.Count(string(before[bundle.Script]), "\n"); lines > 100 {
		t.Errorf("check.sh has %d lines", lines)
	}
	if out, err := script(t, dir, fingerprint.Of(nil).String()); err == nil || strings.Count(out, "FAIL") != 1 {
		t.Errorf("another hknso: %v\n%s", err, out)
	}
}

// TestMakeFails: nothing gets the bundle's name unless all of it is there, and what
// a killed run left goes.
func TestMakeFails(t *testing.T) {
	h := held.Hold(t)
	found, err := bundle.Collect(h.Dir, []string{h.Stick}, "")
	check(t, err)
	dir := filepath.Join(t.TempDir(), "bundle")
	put(t, filepath.Join(filepath.Dir(dir), ".bundle.partial/left"), "by a killed run")
	failing := errors.New("the module is gone")
	maker := bundle.Maker{
		Module: h.Module(),
		Sign:   func([]byte) ([]byte, error) { return nil, failing },
		Report: func(string) ([]byte, error) { return []byte("report"), nil },
	}
	if err := maker.Make(dir, found.Files); !errors.Is(err, failing) {
		t.Errorf("signing: %v", err)
	}
	maker.Report = func(string) ([]byte, error) { return nil, failing }
	if err := maker.Make(dir, found.Files); !errors.Is(err, failing) {
		t.Errorf("report: %v", err)
	}
	if _, err := os.Lstat(dir); !os.IsNotExist(err) || bundle.Is(dir) {
		t.Errorf("there is a bundle: %v", err)
	}
	if _, err := os.Lstat(dir + ".partial/left"); !os.IsNotExist(err) {
		t.Errorf("what a killed run left: %v", err)
	}
}

// TestSoftware refuses what the maker does not write.
func TestSoftware(t *testing.T) {
	for _, c := range []struct{ name, data, want string }{
		{"another type", `{"type":"byok-key","version":1}`,
			`software.json: type is "byok-key", expected "byok-software"`},
		{"a later version", `{"type":"byok-software","version":2}`,
			"software.json: version 2 of byok-software, written by a later release; this one reads version 1"},
		{"another field", `{"type":"byok-software","version":1,"more":1}`, "software.json: unknown field more"},
	} {
		_, err := bundle.ParseSoftware("software.json", []byte(c.data))
		if err == nil || err.Error() != c.want || exitcode.Of(err) != exitcode.Check {
			t.Errorf("%s: status %d, %v", c.name, exitcode.Of(err), err)
		}
	}
	if fmt.Sprint(bundle.Files{}.Packages()) != "0" {
		t.Error("there is a package in nothing")
	}
}

// TestChained holds check.sh's judgement of a log to that of the program, but that
// it takes none whose last line was cut short.
func TestChained(t *testing.T) {
	dir := held.Hold(t).Bundle(t, "")
	logs, err := filepath.Glob("../ceremony/testdata/logs/*.jsonl")
	if err != nil || len(logs) == 0 {
		t.Fatalf("no logs: %v", err)
	}
	judged := 0
	for _, path := range logs {
		data, err := os.ReadFile(path)
		check(t, err)
		put(t, filepath.Join(dir, bundle.Connected, "ceremony.jsonl"), string(data))
		record, err := ceremony.Parse(path, data)
		whole := err == nil && !slices.ContainsFunc(record.Warnings, func(w string) bool {
			return strings.HasPrefix(w, fmt.Sprintf("line %d was cut", record.Head.Lines)) || w == "the log has no events"
		})
		out, _ := script(t, dir)
		if passes := strings.Contains(out, "pass  connected/local/ceremony.jsonl is one chain"); passes != whole {
			t.Errorf("%s: check.sh passes it: %t; the program: %v, %q", filepath.Base(path), passes, err, record.Warnings)
			continue
		}
		judged++
	}
	t.Logf("logs judged alike: %d of %d", judged, len(logs))
}
