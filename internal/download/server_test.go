package download

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"byok/internal/azure"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/term"
)

const name = "KeyVault-BYOK-Tools-Europe.zip"

// content is a file of 100 kB that compresses badly.
func content() []byte {
	data := make([]byte, 100_000)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(data)
	return data
}

// server serves one file after another over TLS, and notes what it is asked.
type server struct {
	*httptest.Server
	mu     sync.Mutex
	ranges []string // the Range of each request
	turns  []http.HandlerFunc
}

// serve answers the first request with the first turn, and so on; the last
// turn answers all that follow.
func serve(t *testing.T, turns ...http.HandlerFunc) *server {
	s := &server{turns: turns}
	s.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		turn := s.turns[min(len(s.ranges), len(s.turns)-1)]
		s.ranges = append(s.ranges, r.Header.Get("Range"))
		s.mu.Unlock()
		turn(w, r)
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	t.Cleanup(s.Close)
	return s
}

func (s *server) asked() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.ranges, "|")
}

// sends is an honest server with ranges and an entity tag.
func sends(tag string, data []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if tag != "" {
			w.Header().Set("ETag", tag)
		}
		http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(data))
	}
}

// cut breaks the connection after n bytes of an answer.
func cut(n int, turn http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { turn(&cutter{w, n}, r) }
}

type cutter struct {
	http.ResponseWriter
	left int
}

func (c *cutter) Write(p []byte) (int, error) {
	n, _ := c.ResponseWriter.Write(p[:min(len(p), c.left)])
	if c.left -= n; c.left == 0 {
		_ = http.NewResponseController(c.ResponseWriter).Flush()
		panic(http.ErrAbortHandler)
	}
	return n, nil
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

// job is a download into a new folder, with what it says.
type job struct {
	Job
	said   *bytes.Buffer
	pauses []time.Duration
}

func newJob(t *testing.T, s *server, want []byte) *job {
	j := &job{said: new(bytes.Buffer)}
	j.Job = Job{
		Path: filepath.Join(t.TempDir(), name), SHA256: fingerprint.Of(want), Max: 1 << 20,
		Console: &term.Console{Program: "p", Err: j.said},
		Explain: func(doing string, err error) error { return azure.Explain(doing, err, time.Now()) },
		pause: func(_ context.Context, d time.Duration) error {
			j.pauses = append(j.pauses, d)
			return nil
		},
	}
	if s != nil {
		j.HTTP = s.Client()
	}
	return j
}

// left lists the files in the folder with their sizes.
func (j *job) left(t *testing.T) string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(j.Path))
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, e := range entries {
		list = append(list, strings.Replace(e.Name(), name, "NAME", 1))
	}
	return strings.Join(list, " ")
}

// arrived expects the file whole under its name, and nothing beside it.
func (j *job) arrived(t *testing.T, err error, want []byte) {
	t.Helper()
	got, readErr := os.ReadFile(j.Path)
	if err != nil || readErr != nil || !bytes.Equal(got, want) || j.left(t) != "NAME" {
		t.Errorf("%v, %v, %d bytes, %s\n%s", err, readErr, len(got), j.left(t), j.said)
	}
}

// failed expects an error by its whole text, in which HOST and DIR stand for
// what differs from run to run, and the files that are left.
func (j *job) failed(t *testing.T, err error, code exitcode.Code, left, want string) {
	t.Helper()
	got := j.plain(fmt.Sprint(err))
	if got != want || exitcode.Of(err) != code || j.left(t) != left {
		t.Errorf("status %d, left %q\n got %s\nwant %s\n%s", exitcode.Of(err), j.left(t), got, want, j.said)
	}
}

func (j *job) plain(text string) string {
	text = strings.ReplaceAll(text, filepath.Dir(j.Path), "DIR")
	words := strings.Fields(text)
	for i, w := range words {
		if strings.HasPrefix(w, "127.0.0.1:") {
			words[i] = "HOST"
		}
	}
	return strings.Join(words, " ")
}
