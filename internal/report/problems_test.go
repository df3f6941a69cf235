package report_test

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"byok/internal/bundle"
	"byok/internal/ceremony"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/kmdata"
	"byok/internal/report"
	"byok/internal/stamp"
	"byok/internal/testkit/held"
)

// edit changes a file.
func edit(t *testing.T, path string, change func([]byte) []byte) {
	t.Helper()
	data, err := os.ReadFile(path)
	check(t, err)
	check(t, os.WriteFile(path, change(data), 0o644))
}

// lastLine cuts a file's last line.
func lastLine(data []byte) []byte {
	return data[:bytes.LastIndexByte(bytes.TrimSuffix(data, []byte("\n")), '\n')+1]
}

// note appends an event that stands by itself to a log.
func note(t *testing.T, dir string, change func(*ceremony.Event)) {
	t.Helper()
	log, err := ceremony.Open(dir)
	check(t, err)
	e := ceremony.Event{
		Time: stamp.Now(), Program: "byok-online", Version: "1", Command: "upload", Phase: ceremony.End, Began: 1,
		Result: ceremony.Success,
	}
	change(&e)
	_, err = log.Append(e)
	check(t, err)
}

// TestProblems holds that what does not hold is on the first page, below words
// that cannot be missed.
func TestProblems(t *testing.T) {
	const connected = bundle.Connected + "/ceremony.jsonl"
	for _, c := range []struct {
		name   string
		damage func(t *testing.T, dir string)
		want   string
	}{
		{"no connected log", func(t *testing.T, dir string) {
			check(t, os.Remove(filepath.Join(dir, connected)))
		}, "The log of the connected workstation is missing: nothing here says what was uploaded"},
		{"a changed one", func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, connected), func(b []byte) []byte { return append([]byte("x"), b...) })
		}, "The log of the connected workstation does not hold: connected/local/ceremony.jsonl: line 1: not a whole event"},
		{"a command without an end", func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, connected), lastLine)
		}, "The log has a gap: line 3: byok-online upload has no end: killed, or still running"},
		{"a plan that cannot be read", func(t *testing.T, dir string) {
			check(t, os.WriteFile(filepath.Join(dir, bundle.Plan), []byte("x: 1"), 0o644))
		}, "The plan cannot be read: plan.yaml: line 1: unknown field x"},
		{"no seal", func(t *testing.T, dir string) {
			for _, end := range []string{"json", "sig"} {
				check(t, os.Remove(filepath.Join(dir, bundle.Disconnected, "statements/000005-seal."+end)))
			}
		}, "The log is not sealed: the quorum's last statement is not a seal"},
		{"a command behind the seal", func(t *testing.T, dir string) {
			note(t, filepath.Join(dir, "disconnected"), func(e *ceremony.Event) { e.Phase, e.Began, e.Result = ceremony.Begin, 0, "" })
		}, "The log is not sealed: upload in line 12 began after the seal"},
		{"a log that was cut", func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, bundle.Disconnected, kmdata.LogName), func(b []byte) []byte { return lastLine(lastLine(b)) })
		}, "The record of the disconnected workstation does not hold: "},
		{"another plan", func(t *testing.T, dir string) {
			note(t, filepath.Join(dir, "connected"), func(e *ceremony.Event) {
				e.AddNote(ceremony.NotePlan, fingerprint.Of(nil).String())
			})
		}, "The plan is missing: upload in line 5 of the connected log followed the plan with SHA-256 e3b0c442"},
		{"a package that was changed", func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, "packages/000004-0/KeyTransferPackage-Payroll.manifest.json"), func(b []byte) []byte {
				return bytes.Replace(b, []byte(`"generator": "test"`), []byte(`"generator": "tset"`), 1)
			})
		}, "A package does not hold: "},
		{"a proof that was changed", func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, "packages/000004-0/KeyTransferPackage-Payroll.proof-20260102T030405Z.json"), func(b []byte) []byte {
				return bytes.Replace(b, []byte(`"signature": "M`), []byte(`"signature": "N`), 1)
			})
		}, "A proof does not hold: packages/000004-0/KeyTransferPackage-Payroll.proof-20260102T030405Z.json: "},
		{"a key file that nobody signed", func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, bundle.Disconnected, "key_simple_payroll.sig"), func(b []byte) []byte {
				return append(b[:len(b)-1], b[len(b)-1]^1)
			})
		}, "A key file does not hold: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := held.Hold(t).Bundle(t, "")
			c.damage(t, dir)
			holds(t, c.name, first(made(t, dir)), "Do not rely on this record", c.want)
		})
	}
	if _, err := report.Make(t.TempDir()); err == nil {
		t.Error("a folder without a world has a report")
	}
}

// TestClosing: what ends a ceremony after the seal is no alarm.
func TestClosing(t *testing.T) {
	dir := held.Hold(t).Bundle(t, "")
	for _, command := range []string{"ceremony attest", "world backup"} {
		note(t, filepath.Join(dir, "disconnected"), func(e *ceremony.Event) {
			e.Program, e.Command, e.Phase, e.Began, e.Result = "byok-offline", command, ceremony.Begin, 0, ""
		})
	}
	if page := plain(first(made(t, dir))); strings.Contains(page, "The log is not sealed") {
		t.Error(page)
	}
}

// TestApart refuses records that do not belong together; see package bundle.
func TestApart(t *testing.T) {
	h, other := held.Hold(t), held.Hold(t)
	_, err := report.MakeOf([]string{h.Dir, other.Dir}, "")
	want := h.Dir + " and " + other.Dir + " do not belong together: the world Contoso, hknso " +
		h.Chain.HKNSO().FirstWords(8) + " and the world Contoso, hknso " + other.Chain.HKNSO().FirstWords(8)
	if err == nil || err.Error() != want || exitcode.Of(err) != exitcode.Check {
		t.Errorf("status %d, %v\nwant %s", exitcode.Of(err), err, want)
	}
}

const hostile = "\u202e<script>alert(1)</script>\u2067'\"&"

// hostilePlan is a plan of hostile texts, of 200 characters and more.
func hostilePlan(t *testing.T) string {
	t.Helper()
	plan := filepath.Join(t.TempDir(), "plan.yaml")
	good, err := os.ReadFile(goodPlan)
	check(t, err)
	quoted := `"\u202e<script>alert(1)</script>\u2067'\"&` + strings.Repeat("w", 200) + `"`
	for _, name := range []string{
		"Contoso root key", "Sign the documents of 2027", "Room 12", "Grace", "Carl", "Wim", "Auditors Ltd", "Ada", "A-1",
		"Vera", "enciphers", "none", "2026-12-01", "2031-01-01",
	} {
		good = bytes.ReplaceAll(good, []byte(": "+name), []byte(": "+quoted))
	}
	check(t, os.WriteFile(plan, good, 0o644))
	return plan
}

// hostileReport is the report of a ceremony whose plan and log hold such texts.
func hostileReport(t *testing.T) string {
	t.Helper()
	h := held.Hold(t)
	long := strings.Repeat("w", 200)
	note(t, filepath.Join(h.Stick, "connected"), func(e *ceremony.Event) {
		e.Operator, e.Command, e.Error, e.Status = hostile, hostile, hostile+long, 1
		e.Result = hostile
		e.Arguments = []string{"--name=" + hostile, long}
		e.AddNote(hostile, hostile+long)
		e.AddNote(ceremony.NoteDeviation, hostile)
		e.AddInput("/"+hostile, fingerprint.Of(nil))
	})
	return made(t, h.Bundle(t, hostilePlan(t)))
}

// TestHostile: what people type and what files hold is shown escaped, isolated and
// on one line, wherever it stands.
func TestHostile(t *testing.T) {
	page := hostileReport(t)
	if strings.Contains(strings.ToLower(page), "<script") || strings.ContainsAny(page, "\u202e\u2067") {
		t.Error("a hostile text is on the page as it is")
	}
	escaped := `\u202e&lt;script&gt;alert(1)&lt;/script&gt;\u2067&#39;&#34;&amp;`
	if n := strings.Count(page, "<bdi>"+escaped); n < 15 {
		t.Errorf("only %d hostile texts are shown", n)
	}
	_, body, _ := strings.Cut(page, "<body>")
	if outside := isolated.ReplaceAllString(body, ""); strings.Contains(outside, "&lt;script") {
		t.Error("a hostile text is not isolated")
	}
}

var isolated = regexp.MustCompile(`<bdi>[^<]*</bdi>`)
