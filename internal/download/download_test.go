package download

import (
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
)

const (
	partLeft = "NAME.part NAME.part.json"
	tag      = `"one"`
)

func TestWhole(t *testing.T) {
	data := content()
	s := serve(t, sends(tag, data))
	for _, path := range []string{"", "/", "/tools/", "/any/other-name"} {
		j := newJob(t, s, data)
		j.arrived(t, j.FromURL(t.Context(), s.URL+path), data)
		if j.said.Len() > 0 || j.pauses != nil {
			t.Errorf("%s: %s", path, j.said)
		}
	}
	info, err := os.Stat(newWhole(t, s, data))
	if err != nil || info.Mode() != 0o644 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

func newWhole(t *testing.T, s *server, data []byte) string {
	j := newJob(t, s, data)
	j.arrived(t, j.FromURL(t.Context(), s.URL), data)
	return j.Path
}

func TestRedirected(t *testing.T) {
	data := content()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) },
		cut(30_000, sends(tag, data)),
		func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) },
		sends(tag, data))
	j := newJob(t, s, data)
	j.arrived(t, j.FromURL(t.Context(), s.URL), data)
	if s.asked() != "||bytes=30000-|bytes=30000-" {
		t.Errorf("asked for %q", s.asked())
	}
}

func TestCancelled(t *testing.T) {
	data := content()
	ctx, cancel := context.WithCancel(t.Context())
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", tag)
		w.Header().Set("Content-Length", itoa(len(data)))
		_, _ = w.Write(data[:20_000])
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	j := newJob(t, s, data)
	go func() {
		for range 500 {
			if info, err := os.Stat(j.Path + ".part"); err == nil && info.Size() == 20_000 {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		cancel()
	}()
	err := j.FromURL(ctx, s.URL)
	j.failed(t, err, exitcode.Interrupted, partLeft, "download "+name+
		": interrupted; 20000 of 100000 bytes are kept in DIR/"+name+".part")
	if exitcode.HintOf(err) != "run the same command again: it continues from there" {
		t.Error(exitcode.HintOf(err))
	}
	j = newJob(t, s, data)
	j.failed(t, j.FromURL(ctx, s.URL), exitcode.Interrupted, "", "download "+name+": interrupted")
}

func TestInTheWay(t *testing.T) {
	data := content()
	s := serve(t, sends(tag, data))
	j := newJob(t, s, data)
	if err := os.WriteFile(j.Path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	j.failed(t, j.FromURL(t.Context(), s.URL), exitcode.Refused, "NAME", "DIR/"+name+
		" already exists and is never overwritten")
	j.failed(t, j.FromFolder(t.Context(), "."), exitcode.Refused, "NAME", "DIR/"+name+
		" already exists and is never overwritten")

	j = newJob(t, s, data)
	if err := os.Symlink("elsewhere", j.Path+".part"); err != nil {
		t.Fatal(err)
	}
	j.failed(t, j.FromURL(t.Context(), s.URL), exitcode.Refused, "NAME.part", "DIR/"+name+
		".part is left alone: a symbolic link, not a file")

	j = newJob(t, s, data)
	held, err := openPart(j.Path, "")
	if err != nil {
		t.Fatal(err)
	}
	defer held.close()
	j.failed(t, j.FromURL(t.Context(), s.URL), exitcode.Refused, partLeft, "DIR/"+name+
		".part is being written by another process")

	j = newJob(t, s, data)
	if out, err := exec.Command("mkfifo", j.Path+".part").CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	j.failed(t, j.FromURL(t.Context(), s.URL), exitcode.Refused, "NAME.part", "DIR/"+name+
		".part is left alone: a named pipe, not a file")

	// What a hard link leads to has another name, and would be overwritten there.
	j = newJob(t, s, data)
	victim := filepath.Join(filepath.Dir(filepath.Dir(j.Path)), "victim")
	if err := os.WriteFile(victim, []byte("precious"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(victim, j.Path+".part"); err != nil {
		t.Fatal(err)
	}
	j.failed(t, j.FromURL(t.Context(), s.URL), exitcode.Refused, "NAME.part",
		"DIR/"+name+".part is left alone: it is a hard link; the file has another name too")
	if kept, err := os.ReadFile(victim); err != nil || string(kept) != "precious" {
		t.Errorf("the other name of a hard link holds %q, %v", kept, err)
	}
	if s.asked() != "" {
		t.Errorf("asked for %q", s.asked())
	}
	j = newJob(t, s, data)
	j.Path = filepath.Join(j.Path, name)
	err = j.FromURL(t.Context(), s.URL)
	const missing = ".part cannot be opened: no such file or directory"
	if exitcode.Of(err) != exitcode.Usage || !strings.HasSuffix(err.Error(), missing) {
		t.Error(err)
	}
}

func TestSources(t *testing.T) {
	for raw, want := range map[string]string{
		"http://127.0.0.1/x":  "the source is a URL of http, and only https is used",
		"ftp://example.com/x": "the source is a URL of ftp, and only https is used",
		"https:///x":          "the source is not a URL such as https://HOST/FOLDER/",
		"https:opaque":        "the source is not a URL such as https://HOST/FOLDER/",
		"https://a b/":        "the source is not a URL such as https://HOST/FOLDER/",
		"https://user:word@a.example": "the source is a URL with a user, a query or a fragment; such parts hold " +
			"secrets",
		"https://a.example/x?sig=1": "the source is a URL with a user, a query or a fragment; such parts hold secrets",
		"https://a.example/x?":      "the source is a URL with a user, a query or a fragment; such parts hold secrets",
		"https://a.example/x#y":     "the source is a URL with a user, a query or a fragment; such parts hold secrets",
	} {
		j := newJob(t, nil, nil)
		j.failed(t, j.FromURL(t.Context(), raw), exitcode.Usage, "", want)
	}
}

// TestNobodyThere: no connection, a certificate that is not trusted.
func TestNobodyThere(t *testing.T) {
	data := content()
	s := serve(t, sends(tag, data))
	j := newJob(t, s, data)
	j.failed(t, j.FromURL(t.Context(), "https://127.0.0.1:1/x"), exitcode.Vault, "", "download "+name+
		": nothing listens on HOST")
	if len(j.pauses) != maxTries-1 {
		t.Errorf("pauses %v", j.pauses)
	}
	j = newJob(t, s, data)
	j.HTTP = &http.Client{}
	j.failed(t, j.FromURL(t.Context(), s.URL), exitcode.Vault, "",
		"download "+name+`: the certificate of HOST is issued by "O=Acme Co", which this computer does not trust`)
	if len(j.pauses) != 0 {
		t.Errorf("pauses %v", j.pauses)
	}
}

// TestDiskFails: a file that cannot be written to is not tried again, and not
// blamed on the network.
func TestDiskFails(t *testing.T) {
	data := content()
	s := serve(t, sends(tag, data))
	j := newJob(t, s, data)
	u, err := parseURL(s.URL, name)
	if err != nil {
		t.Fatal(err)
	}
	p, err := openPart(j.Path, u.String())
	if err != nil {
		t.Fatal(err)
	}
	p.close()
	j.failed(t, j.finish(j.newTransfer(u, p).run(t.Context()), p), exitcode.Failed, partLeft, "truncate DIR/"+
		name+".part: file already closed")
	if j.pauses != nil {
		t.Errorf("pauses %v", j.pauses)
	}
}

func TestFromFolder(t *testing.T) {
	data := content()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, name), data, 0o444); err != nil {
		t.Fatal(err)
	}
	j := newJob(t, nil, data)
	j.arrived(t, j.FromFolder(t.Context(), dir), data)

	j = newJob(t, nil, data[1:])
	j.failed(t, j.FromFolder(t.Context(), dir), exitcode.Check, "",
		name+": its SHA-256 is "+fingerprint.Of(data).String()+", not the published "+
			fingerprint.Of(data[1:]).String()+"; nothing was kept")
	j = newJob(t, nil, data)
	j.Max = 99_999
	j.failed(t, j.FromFolder(t.Context(), dir), exitcode.Check, "", name+
		": 100000 bytes, more than the 99999 it may have")
	j = newJob(t, nil, data)
	j.failed(t, j.FromFolder(t.Context(), "testdata"), exitcode.Usage, "", "testdata: no "+name+" in this folder")
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	j.failed(t, j.FromFolder(cancelled, dir), exitcode.Interrupted, "", "interrupted")
	j = newJob(t, nil, data)
	if err := os.Mkdir(filepath.Join(dir, "sub"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "sub", name), 0o755); err != nil {
		t.Fatal(err)
	}
	j.failed(t, j.FromFolder(t.Context(), filepath.Join(dir, "sub")), exitcode.Usage, "",
		strings.ReplaceAll(filepath.Join(dir, "sub", name), filepath.Dir(j.Path), "DIR")+": a folder, not a file")
}

// TestConstantMemory gets a file of 64 MiB and counts all that is allocated
// on the way, by the server too.
func TestConstantMemory(t *testing.T) {
	const size = 64 << 20
	zeros := func() io.Reader { return io.LimitReader(zero{}, size) }
	sum, err := fingerprint.Reader(zeros())
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", itoa(size))
		_, _ = io.Copy(w, zeros())
	})
	j := newJob(t, s, nil)
	j.SHA256, j.Max = sum, size
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if err := j.FromURL(t.Context(), s.URL); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > size/4 {
		t.Errorf("%d bytes were allocated for a file of %d", n, size)
	}
}

type zero struct{}

func (zero) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
