package download

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"byok/internal/azure"
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

// TestCutAndResumed cuts the first answer at every tenth, and goes on once in
// the same run and once in the next.
func TestCutAndResumed(t *testing.T) {
	data := content()
	for n := len(data) / 10; n < len(data); n += len(data) / 10 {
		s := serve(t, cut(n, sends(tag, data)), sends(tag, data))
		j := newJob(t, s, data)
		j.arrived(t, j.FromURL(t.Context(), s.URL), data)
		if want := "|bytes=" + itoa(n) + "-"; s.asked() != want {
			t.Errorf("asked for %q, want %q", s.asked(), want)
		}

		s = serve(t, cut(n, sends(tag, data)), sends(tag, data))
		j = newJob(t, s, data)
		j.pause = func(context.Context, time.Duration) error { return azure.ErrInterrupted }
		j.failed(t, j.FromURL(t.Context(), s.URL), exitcode.Interrupted, partLeft,
			"download "+name+": interrupted; "+itoa(n)+" of 100000 bytes are kept in DIR/"+name+".part")
		j.arrived(t, j.FromURL(t.Context(), s.URL), data)
		if want := "|bytes=" + itoa(n) + "-"; s.asked() != want {
			t.Errorf("next run: asked for %q, want %q", s.asked(), want)
		}
	}
}

// TestCutOften is a line that breaks ten times: more than the tries in a row,
// but each gets further.
func TestCutOften(t *testing.T) {
	data := content()
	s := serve(t, cut(10_000, sends(tag, data)))
	j := newJob(t, s, data)
	j.arrived(t, j.FromURL(t.Context(), s.URL), data)
	if n := strings.Count(s.asked(), "|"); n != 9 || len(j.pauses) != 9 {
		t.Errorf("%d requests more, pauses %v", n, j.pauses)
	}
	if want := `p: download ` + name + `: the server cut the connection before its answer was complete; trying again in 1s
p: ` + name + `: going on at byte 10000 of 100000
`; !strings.HasPrefix(j.said.String(), want) {
		t.Errorf("%s", j.said)
	}
}

// TestByDate is a server with a date of last change only.
func TestByDate(t *testing.T) {
	data := content()
	dated := func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, name, time.Date(2021, 6, 30, 0, 0, 0, 0, time.UTC), strings.NewReader(string(data)))
	}
	s := serve(t, cut(70_000, dated), dated)
	j := newJob(t, s, data)
	j.arrived(t, j.FromURL(t.Context(), s.URL), data)
	if s.asked() != "|bytes=70000-" {
		t.Errorf("asked for %q", s.asked())
	}
}

// TestFromTheBeginning: where the rest cannot be had, all of it is.
func TestFromTheBeginning(t *testing.T) {
	data := content()
	other := append([]byte("other"), data...)
	noRanges := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", tag)
		w.Header().Set("Content-Length", itoa(len(data)))
		_, _ = w.Write(data)
	}
	chunked := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", tag)
		_, _ = w.Write(data[:1])
		_ = http.NewResponseController(w).Flush()
		_, _ = w.Write(data[1:])
	}
	for what, c := range map[string]struct {
		first, then http.HandlerFunc
		asked       string
	}{
		"no ranges":          {noRanges, noRanges, "|bytes=50000-"},
		"no validator":       {sends("", data), sends("", data), "|"},
		"weak validator":     {sends(`W/"one"`, data), sends(`W/"one"`, data), "|"},
		"no length":          {chunked, chunked, "|"},
		"changed since":      {sends(`"old"`, other), sends(tag, data), "|bytes=50000-"},
		"changed, same size": {sends(`"old"`, other[:len(data)]), sends(tag, data), "|bytes=50000-"},
	} {
		s := serve(t, cut(50_000, c.first), c.then)
		j := newJob(t, s, data)
		j.arrived(t, j.FromURL(t.Context(), s.URL), data)
		if s.asked() != c.asked {
			t.Errorf("%s: asked for %q, want %q", what, s.asked(), c.asked)
		}
	}
}

// TestLyingRest: answers to a Range that are not its answer are thrown away,
// and the file is taken from the beginning.
func TestLyingRest(t *testing.T) {
	data := content()
	lie := func(contentRange, tag string, body []byte) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("ETag", tag)
			w.Header().Set("Content-Range", contentRange)
			w.Header().Set("Content-Length", itoa(len(body)))
			w.WriteHeader(http.StatusPartialContent)
			_, _ = w.Write(body)
		}
	}
	rest := data[50_000:]
	for what, c := range map[string]struct {
		turn http.HandlerFunc
		said string
	}{
		"another start":  {lie("bytes 0-99999/100000", tag, data), "sends another part than the one asked for"},
		"no range":       {lie("", tag, rest), "sends another part than the one asked for"},
		"another length": {lie("bytes 50000-99999/100000", tag, data), "sends another part than the one asked for"},
		"beyond the end": {lie("bytes 50000-100000/100000", tag, rest), "sends another part than the one asked for"},
		"two numbers":    {lie("bytes 50000-99999/100000, 1", tag, rest), "sends another part than the one asked for"},
		"larger":         {lie("bytes 50000-99999/200000", tag, rest), "has another file by now"},
		"another tag":    {lie("bytes 50000-99999/100000", `"two"`, rest), "has another file by now"},
		"no such range":  {status(http.StatusRequestedRangeNotSatisfiable), "has no more of the file"},
	} {
		s := serve(t, cut(50_000, sends(tag, data)), c.turn, sends(tag, data))
		j := newJob(t, s, data)
		j.arrived(t, j.FromURL(t.Context(), s.URL), data)
		if s.asked() != "|bytes=50000-|" {
			t.Errorf("%s: asked for %q", what, s.asked())
		}
		if want := "p: download " + name + ": HOST " + c.said + "; what had arrived is thrown away; trying again in 2s"; !strings.Contains(j.plain(j.said.String()), want) {
			t.Errorf("%s:\n%s", what, j.said)
		}
	}
}

// TestAnotherFileOnResume: a server that keeps its tag and sends the rest of
// another file is found out by the hash, and nothing of it stays.
func TestAnotherFileOnResume(t *testing.T) {
	data, other := content(), content()
	other[99_999] ^= 1
	s := serve(t, cut(50_000, sends(tag, data)), sends(tag, other))
	j := newJob(t, s, data)
	err := j.FromURL(t.Context(), s.URL)
	j.failed(t, err, exitcode.Check, "",
		name+": its SHA-256 is "+fingerprint.Of(other).String()+" and not the published "+fingerprint.Of(data).String()+"; nothing was kept")
	if exitcode.HintOf(err) != "do not use this source before its owner has said why" {
		t.Error(exitcode.HintOf(err))
	}
}

// TestOneBitChanged is a whole file that is not the published one.
func TestOneBitChanged(t *testing.T) {
	data := content()
	for _, at := range []int{0, 50_000, 99_999} {
		other := content()
		other[at] ^= 0x10
		s := serve(t, sends(tag, other))
		j := newJob(t, s, data)
		j.failed(t, j.FromURL(t.Context(), s.URL), exitcode.Check, "",
			name+": its SHA-256 is "+fingerprint.Of(other).String()+" and not the published "+fingerprint.Of(data).String()+"; nothing was kept")
	}
}

// TestLyingLength: a length that is too short ends in a wrong hash, one that
// is too long in tries that get no further.
func TestLyingLength(t *testing.T) {
	data := content()
	says := func(length int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", itoa(length))
			w.Header().Set("ETag", tag)
			_, _ = w.Write(data[:min(length, len(data))])
		}
	}
	s := serve(t, says(90_000))
	j := newJob(t, s, data)
	j.failed(t, j.FromURL(t.Context(), s.URL), exitcode.Check, "",
		name+": its SHA-256 is "+fingerprint.Of(data[:90_000]).String()+" and not the published "+fingerprint.Of(data).String()+"; nothing was kept")

	s = serve(t, says(110_000))
	j = newJob(t, s, data)
	j.failed(t, j.FromURL(t.Context(), s.URL), exitcode.Vault, partLeft,
		"download "+name+": the server cut the connection before its answer was complete; 100000 of 110000 bytes are kept in DIR/"+name+".part")
	if len(j.pauses) != maxTries-1 || j.pauses[3] != 8*time.Second {
		t.Errorf("pauses %v", j.pauses)
	}
}

func TestTooLarge(t *testing.T) {
	data := content()
	s := serve(t, sends(tag, data))
	j := newJob(t, s, data)
	j.Max = 99_999
	j.failed(t, j.FromURL(t.Context(), s.URL), exitcode.Check, "", name+": 100000 bytes, more than the 99999 it may have")

	endless := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		for {
			if _, err := w.Write(data); err != nil {
				return
			}
		}
	})
	j = newJob(t, endless, data)
	j.failed(t, j.FromURL(t.Context(), endless.URL), exitcode.Check, "", name+": more than the 1048576 bytes it may have")
}

func TestAnswers(t *testing.T) {
	data := content()
	busy := func(after string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", after)
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}
	for after, want := range map[string]time.Duration{"7": 7 * time.Second, "": time.Second, "9999": maxPause, "tomorrow": time.Second, "-1": time.Second} {
		s := serve(t, busy(after), sends(tag, data))
		j := newJob(t, s, data)
		j.arrived(t, j.FromURL(t.Context(), s.URL), data)
		if len(j.pauses) != 1 || j.pauses[0] != want {
			t.Errorf("%q: %v", after, j.pauses)
		}
	}
	encoded := func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Encoding", "gzip") }
	for what, c := range map[string]struct {
		turn     http.HandlerFunc
		requests int
		want     string
	}{
		"gone":    {status(http.StatusNotFound), 1, "HOST answers HTTP 404 to /" + name},
		"empty":   {status(http.StatusNoContent), 1, "HOST answers HTTP 204 to /" + name},
		"broken":  {status(http.StatusInternalServerError), maxTries, "HOST answers HTTP 500"},
		"encoded": {encoded, 1, `HOST sends the file encoded ("gzip")`},
		"moved": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://example.com/", http.StatusFound)
		}, 1, "HOST redirects too often, or away from https"},
		"in circles": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, r.URL.Path, http.StatusFound)
		}, maxRedirects + 1, "HOST redirects too often, or away from https"},
	} {
		s := serve(t, c.turn)
		j := newJob(t, s, data)
		j.failed(t, j.FromURL(t.Context(), s.URL), exitcode.Vault, "", "download "+name+": "+c.want)
		if n := strings.Count(s.asked(), "|") + 1; n != c.requests {
			t.Errorf("%s: %d requests", what, n)
		}
	}
}

func TestRedirected(t *testing.T) {
	data := content()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) },
		cut(30_000, sends(tag, data)),
		func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) }, sends(tag, data))
	j := newJob(t, s, data)
	j.arrived(t, j.FromURL(t.Context(), s.URL), data)
	if s.asked() != "||bytes=30000-|bytes=30000-" {
		t.Errorf("asked for %q", s.asked())
	}
}

func TestSilence(t *testing.T) {
	data := content()
	silent := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", tag)
		w.Header().Set("Content-Length", itoa(len(data)))
		_, _ = w.Write(data[:20_000])
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}
	s := serve(t, silent, sends(tag, data))
	j := newJob(t, s, data)
	j.stall = 200 * time.Millisecond
	j.arrived(t, j.FromURL(t.Context(), s.URL), data)
	if !strings.HasPrefix(j.said.String(), "p: download "+name+": the server has sent nothing for 200ms; trying again in 1s\n") {
		t.Errorf("%s", j.said)
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
	j.failed(t, err, exitcode.Interrupted, partLeft, "download "+name+": interrupted; 20000 of 100000 bytes are kept in DIR/"+name+".part")
	if exitcode.HintOf(err) != "the same command again; it goes on from there" {
		t.Error(exitcode.HintOf(err))
	}
	j = newJob(t, s, data)
	j.failed(t, j.FromURL(ctx, s.URL), exitcode.Interrupted, "", "download "+name+": interrupted")
}

// TestPlacingInterrupted: a whole part needs no server any more.
func TestPlacingInterrupted(t *testing.T) {
	data := content()
	s := serve(t, sends(tag, data))
	j := newJob(t, s, data)
	leave(t, j, data, source{Type: sourceType, Version: 1, URL: "https://127.0.0.1:1/x", Validator: tag, Size: int64(len(data))})
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	j.failed(t, j.FromURL(cancelled, "https://127.0.0.1:1/x"), exitcode.Interrupted, partLeft,
		"download "+name+": interrupted; 100000 of 100000 bytes are kept in DIR/"+name+".part")
	j.arrived(t, j.FromURL(t.Context(), "https://127.0.0.1:1/x"), data)
}

func leave(t *testing.T, j *job, data []byte, s source) {
	t.Helper()
	record, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(j.Path+".part", data, 0o644), os.WriteFile(j.Path+".part.json", record, 0o644)); err != nil {
		t.Fatal(err)
	}
}

// TestLeftovers: what cannot be of this file is thrown away unread.
func TestLeftovers(t *testing.T) {
	data := content()
	s := serve(t, sends(tag, data))
	good := source{Type: sourceType, Version: 1, URL: s.URL + "/" + name, Validator: tag, Size: int64(len(data))}
	for what, c := range map[string]struct {
		change func(*source)
		asked  string
	}{
		"ours":              {func(*source) {}, "bytes=40000-"},
		"of another URL":    {func(s *source) { s.URL += "x" }, ""},
		"no validator":      {func(s *source) { s.Validator = "" }, ""},
		"shorter than that": {func(s *source) { s.Size = 39_999 }, ""},
		"of another type":   {func(s *source) { s.Type = "x" }, ""},
		"of a new version":  {func(s *source) { s.Version = 2 }, ""},
	} {
		j := newJob(t, s, data)
		left := good
		c.change(&left)
		leave(t, j, data[:40_000], left)
		s.ranges = nil
		j.arrived(t, j.FromURL(t.Context(), s.URL), data)
		if s.asked() != c.asked {
			t.Errorf("%s: asked for %q", what, s.asked())
		}
	}
	j := newJob(t, s, data)
	leave(t, j, []byte("rubbish"), good)
	if err := os.WriteFile(j.Path+".part.json", []byte("rubbish"), 0o644); err != nil {
		t.Fatal(err)
	}
	j.arrived(t, j.FromURL(t.Context(), s.URL), data)
	// Rubbish that looks like ours is taken for ours until the hash is known.
	j = newJob(t, s, data)
	leave(t, j, make([]byte, 40_000), good)
	if err := j.FromURL(t.Context(), s.URL); exitcode.Of(err) != exitcode.Check || j.left(t) != "" {
		t.Errorf("%v, left %q", err, j.left(t))
	}
	j.arrived(t, j.FromURL(t.Context(), s.URL), data)
}

func TestInTheWay(t *testing.T) {
	data := content()
	s := serve(t, sends(tag, data))
	j := newJob(t, s, data)
	if err := os.WriteFile(j.Path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	j.failed(t, j.FromURL(t.Context(), s.URL), exitcode.Refused, "NAME", "DIR/"+name+" exists already and is never overwritten")
	j.failed(t, j.FromFolder(t.Context(), "."), exitcode.Refused, "NAME", "DIR/"+name+" exists already and is never overwritten")

	j = newJob(t, s, data)
	if err := os.Symlink("elsewhere", j.Path+".part"); err != nil {
		t.Fatal(err)
	}
	j.failed(t, j.FromURL(t.Context(), s.URL), exitcode.Usage, "NAME.part", "open DIR/"+name+".part: too many levels of symbolic links")

	j = newJob(t, s, data)
	held, err := openPart(j.Path, "")
	if err != nil {
		t.Fatal(err)
	}
	defer held.close()
	j.failed(t, j.FromURL(t.Context(), s.URL), exitcode.Refused, partLeft, "DIR/"+name+".part is being written by another process")

	j = newJob(t, s, data)
	if err := unix.Mkfifo(j.Path+".part", 0o600); err != nil {
		t.Fatal(err)
	}
	j.failed(t, j.FromURL(t.Context(), s.URL), exitcode.Usage, "NAME.part", "DIR/"+name+".part: not a file")
	if s.asked() != "" {
		t.Errorf("asked for %q", s.asked())
	}
	j = newJob(t, s, data)
	j.Path = filepath.Join(j.Path, name)
	if err := j.FromURL(t.Context(), s.URL); exitcode.Of(err) != exitcode.Usage || !strings.HasSuffix(err.Error(), ".part: no such file or directory") {
		t.Error(err)
	}
}

func TestSources(t *testing.T) {
	for raw, want := range map[string]string{
		"http://127.0.0.1/x":          "the source is a URL of http, and only https is used",
		"ftp://example.com/x":         "the source is a URL of ftp, and only https is used",
		"https:///x":                  "the source is not a URL such as https://HOST/FOLDER/",
		"https:opaque":                "the source is not a URL such as https://HOST/FOLDER/",
		"https://a b/":                "the source is not a URL such as https://HOST/FOLDER/",
		"https://user:word@a.example": "the source is a URL with a user, a query or a fragment, and command lines are recorded",
		"https://a.example/x?sig=1":   "the source is a URL with a user, a query or a fragment, and command lines are recorded",
		"https://a.example/x?":        "the source is a URL with a user, a query or a fragment, and command lines are recorded",
		"https://a.example/x#y":       "the source is a URL with a user, a query or a fragment, and command lines are recorded",
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
	j.failed(t, j.FromURL(t.Context(), "https://127.0.0.1:1/x"), exitcode.Vault, "", "download "+name+": nothing listens on HOST")
	if len(j.pauses) != maxTries-1 {
		t.Errorf("pauses %v", j.pauses)
	}
	j = newJob(t, s, data)
	j.HTTP = &http.Client{}
	j.failed(t, j.FromURL(t.Context(), s.URL), exitcode.Vault, "",
		"download "+name+`: the certificate of HOST is issued by "O=Acme Co", which this machine does not trust`)
	if len(j.pauses) != 0 {
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
		name+": its SHA-256 is "+fingerprint.Of(data).String()+" and not the published "+fingerprint.Of(data[1:]).String()+"; nothing was kept")
	j = newJob(t, nil, data)
	j.Max = 99_999
	j.failed(t, j.FromFolder(t.Context(), dir), exitcode.Check, "", name+": 100000 bytes, more than the 99999 it may have")
	j = newJob(t, nil, data)
	j.failed(t, j.FromFolder(t.Context(), "testdata"), exitcode.Usage, "", "testdata: there is no "+name+" in this folder")
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
	j.failed(t, j.FromFolder(t.Context(), filepath.Join(dir, "sub")), exitcode.Usage, "", strings.ReplaceAll(filepath.Join(dir, "sub", name), filepath.Dir(j.Path), "DIR")+": not a file")
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
