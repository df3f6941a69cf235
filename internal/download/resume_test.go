package download

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"byok/internal/exitcode"
)

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
		j.pause = func(context.Context, time.Duration) error { return context.Canceled }
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
	want := `p: download ` + name + `: the server cut the connection before its answer was complete; trying again in 1s
p: ` + name + `: going on at byte 10000 of 100000
`
	if !strings.HasPrefix(j.said.String(), want) {
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

// TestPlacingInterrupted: a whole part needs no server any more.
func TestPlacingInterrupted(t *testing.T) {
	data := content()
	s := serve(t, sends(tag, data))
	j := newJob(t, s, data)
	leave(t, j, data, source{Type: sourceType, Version: 1, URL: "https://127.0.0.1:1/x", Validator: tag,
		Size: int64(len(data))})
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
	err = errors.Join(os.WriteFile(j.Path+".part", data, 0o644), os.WriteFile(j.Path+".part.json", record, 0o644))
	if err != nil {
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
	// A named pipe in place of the record is none, and is not waited for.
	j = newJob(t, s, data)
	leave(t, j, data[:40_000], good)
	if err := os.Remove(j.Path + ".part.json"); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mkfifo", j.Path+".part.json").CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
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
