package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/rehearsal"
	"byok/internal/testkit/practice"
)

// play runs the program in this process, without a terminal's person.
func play(ctx context.Context, t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, err syncBuffer
	args = append(args, "--kmdata", filepath.Join(t.TempDir(), "kmdata"), "--config", t.TempDir())
	status = program(strings.NewReader(""), &out, &err).Main(ctx, args)
	return status, out.String(), err.String()
}

// syncBuffer is a buffer for several goroutines.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// TestUploadEnds has what ends an upload before anything is sent.
func TestUploadEnds(t *testing.T) {
	p, other := practice.Start(t, rehearsal.Config{}), practice.Start(t, rehearsal.Config{})
	dir, many := t.TempDir(), filepath.Join(t.TempDir(), strings.Repeat(strings.Repeat("x", 200)+"/", 17))
	if err := os.MkdirAll(many, 0o755); err != nil { // an event holds the paths
		t.Fatal(err)
	}
	if _, err := other.Pack(dir, "payroll", "P-256"); err != nil {
		t.Fatal(err)
	}
	for i := range 9000 {
		if err := os.WriteFile(filepath.Join(many, fmt.Sprintf("%04d.byok", i)), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	stopped, cancel := context.WithCancel(context.Background())
	cancel()
	hknso, err := other.HKNSO()
	if err != nil {
		t.Fatal(err)
	}
	kek, err := other.KEK(practice.KEKName)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		ctx    context.Context
		dir    string
		at     *practice.Vault
		status exitcode.Code
		want   string
	}{
		{"another vault's KEK", context.Background(), dir, p, exitcode.Check,
			"the package is for a KEK of " + other.Open.URL + ", not of " + p.Open.URL},
		{"too many files", context.Background(), many, p, exitcode.Usage,
			"9000 files are more than the ceremony log holds as one event"},
		{"interrupted before", stopped, dir, other, exitcode.Interrupted,
			"read key KEKforBYOK/" + kek.ID.Version + ": interrupted"},
	} {
		status, out, said := play(c.ctx, t, "upload", c.dir, "--rehearsal", c.at.Dir, "--yes",
			"--hknso", hknso.FirstWords(8))
		if status != int(c.status) || !strings.Contains(said, "byok-online: error: "+c.want+"\n") ||
			!strings.HasSuffix(out, "Result: FAILURE\n") {
			t.Errorf("%s: status %d, %s%s", c.name, status, out, said)
		}
	}
}
