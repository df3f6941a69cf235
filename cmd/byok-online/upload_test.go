package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"byok/internal/azure"
	"byok/internal/exitcode"
	"byok/internal/rehearsal"
	"byok/internal/transfer"
	"byok/internal/vault"
)

// play runs the program in this process.
func play(ctx context.Context, t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, err syncBuffer
	status = program(strings.NewReader(""), &out, &err).Main(ctx, append(args, "--kmdata", filepath.Join(t.TempDir(), "kmdata")))
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

// packages writes n packages of EC keys into a folder of their own.
func (p *practice) packages(t *testing.T, n int) string {
	t.Helper()
	dir := t.TempDir()
	for i := range n {
		if _, err := p.pack(dir, fmt.Sprintf("key-%04d", i), "P-256"); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func blobOf(dir string, i int) string {
	return filepath.Join(dir, fmt.Sprintf("KeyTransferPackage-key-%04d.byok", i))
}

// TestThousandFiles has three bad files among a thousand: the rest go up, the
// three are named, and the status is that of the first of them.
func TestThousandFiles(t *testing.T) {
	t.Parallel()
	p := practise(t, rehearsal.Config{})
	dir := p.packages(t, 1000)
	whole, err := os.ReadFile(blobOf(dir, 7))
	if err != nil {
		t.Fatal(err)
	}
	damage := map[string]func() error{
		"key-0500: its SHA-256 is":           func() error { return os.WriteFile(blobOf(dir, 500), whole, 0o644) },
		"key-0700: not valid JSON":           func() error { return os.Truncate(blobOf(dir, 700), 300) },
		"key-0900.manifest.json: no such fi": func() error { return os.Remove(strings.TrimSuffix(blobOf(dir, 900), ".byok") + ".manifest.json") },
	}
	for _, do := range damage {
		if err := do(); err != nil {
			t.Fatal(err)
		}
	}
	status, out, said := play(context.Background(), t, "upload", dir, "--rehearsal", p.dir, "--rate", "0", "--yes")
	if want := "997 uploaded, 0 already there, 3 failed, 0 not sent\nResult: FAILURE\n"; status != int(exitcode.Check) || !strings.HasSuffix(out, want) {
		t.Errorf("status %d, %s", status, out[max(0, len(out)-300):])
	}
	said = strings.ReplaceAll(said, ".byok", "")
	for want := range damage {
		if !strings.Contains(said, want) {
			t.Errorf("%q is not in %s", want, said)
		}
	}
	if n := strings.Count(said, "byok-online: error: "); n != 3 {
		t.Errorf("%d errors: %s", n, said)
	}
}

// TestCutAtEveryTenthByte cuts a package short, as ours and as another
// vendor's: each cut is refused before anything is sent.
func TestCutAtEveryTenthByte(t *testing.T) {
	t.Parallel()
	p := practise(t, rehearsal.Config{})
	from := p.packages(t, 1)
	whole, err := os.ReadFile(blobOf(from, 0))
	if err != nil {
		t.Fatal(err)
	}
	ours, foreign, n := t.TempDir(), t.TempDir(), 0
	for ; n*10 < len(whole)-1; n++ {
		for _, dir := range []string{ours, foreign} {
			if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("cut-%04d.byok", n*10)), whole[:n*10], 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if err := copyCompanions(blobOf(from, 0), filepath.Join(ours, fmt.Sprintf("cut-%04d.byok", n*10))); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{ours}, {foreign, "--unchecked", "--kty", "EC", "--curve", "P-256"}} {
		status, out, said := play(context.Background(), t, append([]string{"upload", "--rehearsal", p.dir, "--rate", "0", "--yes"}, args...)...)
		if want := fmt.Sprintf("0 uploaded, 0 already there, %d failed, 0 not sent\nResult: FAILURE\n", n); status != int(exitcode.Usage) || !strings.HasSuffix(out, want) {
			t.Errorf("status %d, %s", status, out)
		}
		if want := fmt.Sprintf("%d more failed; --output json tells why of each\n", n-maxNamed); !strings.Contains(said, want) {
			t.Errorf("%q is not in %s", want, said)
		}
	}
	if n < 50 {
		t.Errorf("only %d cuts", n)
	}
}

func copyCompanions(from, to string) error {
	for _, suffix := range []string{".manifest.json", ".manifest.sig", ".pop.sig"} {
		data, err := os.ReadFile(strings.TrimSuffix(from, ".byok") + suffix)
		if err != nil {
			return err
		}
		if err := os.WriteFile(strings.TrimSuffix(to, ".byok")+suffix, data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// TestInterrupted presses Ctrl-C while packages are on their way: what was
// accepted is said, what is under way is waited for, and the same command
// again uploads the rest.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	p := practise(t, rehearsal.Config{})
	dir := p.packages(t, 40)
	if _, err := p.open.SetFaults(context.Background(), "slow=50ms,on=import,times=always"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		for {
			if _, err := p.vault.Key(context.Background(), "key-0005", ""); err == nil {
				cancel()
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
	}()
	status, out, said := play(ctx, t, "upload", dir, "--rehearsal", p.dir, "--rate", "0", "--yes")
	m := regexp.MustCompile(`(?m)^byok-online: error: interrupted: (\d+) of 40 packages are in the vault, (\d+) not sent$`).FindStringSubmatch(said)
	if status != int(exitcode.Interrupted) || m == nil {
		t.Fatalf("status %d, %s", status, said)
	}
	for _, want := range []string{
		"byok-online: interrupted: waiting for the answers to what is under way; once more ends at once\n",
		"byok-online: hint: the same command again; it finds what was done\n",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is not in %s", want, said)
		}
	}
	if n := strings.Count(out, "  uploaded  "); fmt.Sprint(n) != m[1] || n < 5 || n == 40 {
		t.Errorf("%d uploaded according to\n%s", n, out)
	}
	for i := range 40 {
		_, err := p.vault.Key(context.Background(), fmt.Sprintf("key-%04d", i), "")
		accepted := regexp.MustCompile(fmt.Sprintf(`(?m)^KeyTransferPackage-key-%04d.byok +uploaded `, i)).MatchString(out)
		if accepted != (err == nil) {
			t.Errorf("key %d: %v, but said to be uploaded: %t", i, err, accepted)
		}
	}
	status, out, said = play(context.Background(), t, "upload", dir, "--rehearsal", p.dir, "--rate", "0", "--yes")
	if status != 0 || !strings.Contains(out, m[1]+" already there, 0 failed, 0 not sent\nResult: SUCCESS\n") {
		t.Errorf("status %d, %s%s", status, out, said)
	}
}

func TestEach(t *testing.T) {
	parcels := make([]*parcel, 100)
	for i := range parcels {
		parcels[i] = &parcel{file: fmt.Sprint(i)}
	}
	fails := errors.New("fails")
	for name, c := range map[string]struct {
		failAt string
		least  int
		most   int
		want   error
	}{
		"all":          {"", 100, 100, nil},
		"one fails":    {"10", 11, 10 + workers + 1, fails},
		"at once":      {"0", 1, workers + 1, fails},
		"the last one": {"99", 100, 100, fails},
	} {
		var mu sync.Mutex
		var done []string
		err := each(context.Background(), parcels, func(p *parcel) error {
			mu.Lock()
			defer mu.Unlock()
			done = append(done, p.file)
			if p.file == c.failAt {
				return fails
			}
			time.Sleep(time.Millisecond)
			return nil
		})
		if !errors.Is(err, c.want) || len(done) < c.least || len(done) > c.most || len(slices.Compact(slices.Sorted(slices.Values(done)))) != len(done) {
			t.Errorf("%s: %v after %d", name, err, len(done))
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := each(ctx, parcels, func(*parcel) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestEveryones tells the errors that end an upload from those of one package.
func TestEveryones(t *testing.T) {
	for status, want := range map[int]bool{0: true, 400: false, 401: true, 403: true, 404: false, 409: false, 429: true, 500: true, 503: true} {
		err := error(&azure.Error{Text: "x", Status: status})
		if got := everyones(fmt.Errorf("import: %w", err)); (got != nil) != want {
			t.Errorf("%d: %v", status, got)
		}
	}
	for _, c := range []struct {
		err  error
		want bool
	}{
		{nil, false}, {context.Canceled, true}, {exitcode.Errorf(exitcode.Vault, "no vault"), true}, {exitcode.Errorf(exitcode.Usage, "name"), false}, {exitcode.Errorf(exitcode.Check, "ops"), false},
	} {
		if got := everyones(c.err); (got != nil) != c.want {
			t.Errorf("%v: %v", c.err, got)
		}
	}
}

func TestUploadRefusals(t *testing.T) {
	t.Parallel()
	p, other := practise(t, rehearsal.Config{}), practise(t, rehearsal.Config{})
	dir, many := other.packages(t, 1), t.TempDir()
	for i := range 3000 {
		if err := os.WriteFile(filepath.Join(many, fmt.Sprintf("%04d.byok", i)), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	stopped, cancel := context.WithCancel(context.Background())
	cancel()
	kek, err := other.kek("KEKforBYOK")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		ctx    context.Context
		dir    string
		status exitcode.Code
		want   string
	}{
		"another vault's KEK": {context.Background(), dir, exitcode.Check, "the package is for a KEK of " + other.open.URL + ", not of " + p.open.URL},
		"too many files":      {context.Background(), many, exitcode.Usage, "3000 files are more than the ceremony log takes as one event"},
		"interrupted before":  {stopped, dir, exitcode.Interrupted, "read key KEKforBYOK/" + kek.ID.Version + ": interrupted"},
	} {
		at := p.dir
		if name == "interrupted before" {
			at = other.dir
		}
		status, out, said := play(c.ctx, t, "upload", c.dir, "--rehearsal", at, "--yes")
		if status != int(c.status) || !strings.Contains(said, "byok-online: error: "+c.want+"\n") || !strings.HasSuffix(out, "Result: FAILURE\n") {
			t.Errorf("%s: status %d, %s%s", name, status, out, said)
		}
	}
}

func TestFits(t *testing.T) {
	p := &parcel{file: "x.byok", blob: transfer.Blob{Ciphertext: make([]byte, 400)}}
	if err := p.fits(vault.Key{Bits: 2048}); err != nil {
		t.Error(err)
	}
	err := p.fits(vault.Key{Bits: 4096})
	if want := "x.byok: " + p.blob.CheckSize(4096).Error(); err == nil || err.Error() != want || exitcode.Of(err) != exitcode.Check {
		t.Errorf("%v; want %s", err, want)
	}
}
