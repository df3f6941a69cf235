//go:build pages

package report_test

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"byok/internal/bundle"
	"byok/internal/fingerprint"
	"byok/internal/plan"
	"byok/internal/script"
	"byok/internal/testkit/held"
)

// widths are those of a phone, a tablet and a desk.
var widths = []int{390, 768, 1280}

// browser is Debian's Chromium, whose every request over a network goes to us.
type browser struct {
	profile, proxy string
	requests       atomic.Int32 // for what a page asks
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	if _, err := exec.LookPath("chromium"); err != nil {
		t.Fatal("chromium is needed to look at the pages: apt-get install chromium")
	}
	b := &browser{profile: t.TempDir()}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	t.Cleanup(func() { l.Close() })
	go http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { //nolint:errcheck,gosec // a test's
		if strings.HasSuffix(r.Host, ".example") { // Chromium asks for things of its own
			b.requests.Add(1)
		}
		http.Error(w, "nothing leaves the page", http.StatusForbidden)
	}))
	b.proxy = l.Addr().String()
	return b
}

// run runs it on a page, and returns what it prints and what the page's console
// has.
func (b *browser) run(t *testing.T, page string, options ...string) (out string, console []string) {
	t.Helper()
	arguments := append([]string{
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
		"--allow-file-access-from-files", "--enable-logging=stderr", "--virtual-time-budget=4000",
		"--user-data-dir=" + b.profile, "--proxy-server=" + b.proxy,
	}, options...)
	run := exec.Command("chromium", append(arguments, "file://"+page)...)
	var stdout, stderr bytes.Buffer
	run.Stdout, run.Stderr = &stdout, &stderr
	run.Env = append(os.Environ(), "HOME="+b.profile, "XDG_CACHE_HOME="+b.profile, "TMPDIR="+b.profile)
	check(t, run.Run())
	for line := range strings.Lines(stderr.String()) {
		if strings.Contains(line, "CONSOLE") {
			console = append(console, strings.TrimSpace(line))
		}
	}
	return stdout.String(), console
}

// seen is what a page does at a width.
type seen struct{ width, needs, resources int }

var measured = regexp.MustCompile(`width (\d+) needs (\d+) resources (\d+);`)

// look opens a page in a frame of each width.
func (b *browser) look(t *testing.T, page string) (list []seen, console []string) {
	t.Helper()
	var frames strings.Builder
	for _, w := range widths {
		fmt.Fprintf(&frames, `<iframe src="file://%s" style="width:%dpx;height:900px;border:0"></iframe>`, page, w)
	}
	outer := filepath.Join(t.TempDir(), "frames.html")
	check(t, os.WriteFile(outer, []byte(`<body>`+frames.String()+`<script>
onload = () => { for (const f of document.querySelectorAll("iframe")) {
  const d = f.contentDocument.documentElement, p = document.createElement("p");
  p.textContent = "width " + f.clientWidth + " needs " + d.scrollWidth + " resources " +
    f.contentWindow.performance.getEntriesByType("resource").length + ";";
  document.body.append(p);
} }</script>`), 0o644))
	out, console := b.run(t, outer, "--window-size=1400,1000", "--dump-dom")
	for _, m := range measured.FindAllStringSubmatch(out, -1) {
		n := func(i int) int { v, _ := strconv.Atoi(m[i]); return v }
		list = append(list, seen{n(1), n(2), n(3)})
	}
	if len(list) != len(widths) {
		t.Fatalf("%d of %d frames were measured", len(list), len(widths))
	}
	return list, console
}

// faults are what is wrong with a page.
func (b *browser) faults(t *testing.T, page string) (list []string) {
	t.Helper()
	before := b.requests.Load()
	frames, console := b.look(t, page)
	for _, f := range frames {
		if f.needs > f.width {
			list = append(list, fmt.Sprintf("it scrolls sideways at %d pixels: it needs %d", f.width, f.needs))
		}
		if f.resources > 0 {
			list = append(list, fmt.Sprintf("it asks for %d resources", f.resources))
		}
	}
	if n := b.requests.Load() - before; n > 0 {
		list = append(list, fmt.Sprintf("%d requests left it", n))
	}
	return append(list, console...)
}

var sheet = regexp.MustCompile(`/Type\s*/Page\b[^s]`)

// sheets prints a page on a paper, and counts the sheets.
func (b *browser) sheets(t *testing.T, page, paper string) int {
	t.Helper()
	text, err := os.ReadFile(page)
	check(t, err)
	const auto = "@page { size: auto;"
	if !bytes.Contains(text, []byte(auto)) {
		t.Fatalf("%s has no size of paper", page)
	}
	sized, pdf := filepath.Join(t.TempDir(), "page.html"), filepath.Join(t.TempDir(), "page.pdf")
	check(t, os.WriteFile(sized, bytes.Replace(text, []byte(auto), []byte("@page { size: "+paper+";"), 1), 0o644))
	b.run(t, sized, "--no-pdf-header-footer", "--print-to-pdf="+pdf)
	made, err := os.ReadFile(pdf)
	check(t, err)
	return len(sheet.FindAll(made, -1))
}

// TestPages looks at reports and books in a browser: no message in its console, no
// request, no scrolling sideways, and a sensible number of sheets.
func TestPages(t *testing.T) {
	b := newBrowser(t)
	for _, c := range []struct {
		name, page string
		sheets     int // at most
	}{
		{"report", put(t, made(t, held.Hold(t).Bundle(t, goodPlan))), 14},
		{"report of hostile texts", put(t, hostileReport(t)), 24},
		{"report of an unsealed log", put(t, unsealed(t)), 14},
		{"book", put(t, book(t, goodPlan)), 40},
		{"book of hostile texts", put(t, book(t, hostilePlan(t))), 90},
	} {
		for _, fault := range b.faults(t, c.page) {
			t.Errorf("%s: %s", c.name, fault)
		}
		for _, paper := range []string{"A4", "Letter"} {
			n := b.sheets(t, c.page, paper)
			t.Logf("%s: %d sheets of %s", c.name, n, paper)
			if n < 3 || n > c.sheets {
				t.Errorf("%s: %d sheets of %s, at most %d", c.name, n, paper, c.sheets)
			}
		}
	}
}

// TestPagesFail: each fault is seen in a page that has it.
func TestPagesFail(t *testing.T) {
	b := newBrowser(t)
	for _, c := range []struct{ name, page, want string }{
		{"wide", `<body style="margin:0"><div style="width:600px">x</div>`, "it scrolls sideways at 390 pixels: it needs 600"},
		{"an image", `<img src="http://picture.example/x.png">`, "it asks for 1 resources"},
		{"an image that leaves", `<img src="http://picture.example/y.png">`, "requests left it"},
		{"an error", `<script>throw new Error("told")</script>`, "told"},
		{"a script that the policy refuses", `<head><meta http-equiv="Content-Security-Policy" ` +
			`content="default-src 'none'"></head><script>1</script>`, "violates the following Content Security Policy"},
	} {
		found := strings.Join(b.faults(t, put(t, c.page)), "\n")
		if !strings.Contains(found, c.want) {
			t.Errorf("%s: found %q", c.name, found)
		}
	}
}

// put writes a page to a file.
func put(t *testing.T, page string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "page.html")
	check(t, os.WriteFile(path, []byte(page), 0o644))
	return path
}

// unsealed is the report of a bundle without its seal.
func unsealed(t *testing.T) string {
	t.Helper()
	dir := held.Hold(t).Bundle(t, "")
	for _, end := range []string{"json", "sig"} {
		check(t, os.Remove(filepath.Join(dir, bundle.Disconnected, "statements/000005-seal."+end)))
	}
	return made(t, dir)
}

// book is the script of a plan.
func book(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	check(t, err)
	p, err := plan.Parse(file, data)
	check(t, err)
	var page bytes.Buffer
	check(t, script.Write(&page, p, fingerprint.Of(data)))
	return page.String()
}
