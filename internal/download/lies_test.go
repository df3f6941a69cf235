package download

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
)

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
		"another start":  {lie("bytes 0-99999/100000", tag, data), "sends a different part than requested"},
		"no range":       {lie("", tag, rest), "sends a different part than requested"},
		"another length": {lie("bytes 50000-99999/100000", tag, data), "sends a different part than requested"},
		"beyond the end": {lie("bytes 50000-100000/100000", tag, rest), "sends a different part than requested"},
		"two numbers":    {lie("bytes 50000-99999/100000, 1", tag, rest), "sends a different part than requested"},
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
		want := "p: download " + name + ": HOST " + c.said + "; what had arrived is thrown away; trying again in 2s"
		if !strings.Contains(j.plain(j.said.String()), want) {
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
		name+": its SHA-256 is "+fingerprint.Of(other).String()+", not the published "+
			fingerprint.Of(data).String()+"; nothing was kept")
	if exitcode.HintOf(err) != "do not use this source until its owner explains the difference" {
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
			name+": its SHA-256 is "+fingerprint.Of(other).String()+", not the published "+
				fingerprint.Of(data).String()+"; nothing was kept")
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
		name+": its SHA-256 is "+fingerprint.Of(data[:90_000]).String()+", not the published "+
			fingerprint.Of(data).String()+"; nothing was kept")

	s = serve(t, says(110_000))
	j = newJob(t, s, data)
	j.failed(t, j.FromURL(t.Context(), s.URL), exitcode.Vault, partLeft,
		"download "+name+": the server cut the connection before its answer was complete; 100000 of 110000 "+
			"bytes are kept in DIR/"+name+".part")
	if len(j.pauses) != maxTries-1 || j.pauses[3] != 8*time.Second {
		t.Errorf("pauses %v", j.pauses)
	}
}

func TestTooLarge(t *testing.T) {
	data := content()
	s := serve(t, sends(tag, data))
	j := newJob(t, s, data)
	j.Max = 99_999
	j.failed(t, j.FromURL(t.Context(), s.URL), exitcode.Check, "", name+
		": 100000 bytes, more than the 99999 it may have")

	endless := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		for {
			if _, err := w.Write(data); err != nil {
				return
			}
		}
	})
	j = newJob(t, endless, data)
	j.failed(t, j.FromURL(t.Context(), endless.URL), exitcode.Check, "", name+
		": more than the 1048576 bytes it may have")
}

func TestAnswers(t *testing.T) {
	data := content()
	busy := func(after string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", after)
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}
	for after, want := range map[string]time.Duration{"7": 7 * time.Second, "": time.Second, "9999": maxPause,
		"tomorrow": time.Second, "-1": time.Second} {
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
	if !strings.HasPrefix(j.said.String(), "p: download "+name+
		": the server has sent nothing for 200ms; trying again in 1s\n") {
		t.Errorf("%s", j.said)
	}
}
