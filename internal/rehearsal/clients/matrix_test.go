package clients

import (
	"context"
	"crypto/rsa"
	"fmt"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"byok/internal/exitcode"
	"byok/internal/keykind"
	"byok/internal/rehearsal"
	"byok/internal/vault"
)

// outcome is how an upload ends.
type outcome struct {
	status exitcode.Code
	text   string // of the error, see matrix.plain; empty for none
	hint   string
	held   int // versions in the vault that are our key
}

// cell is one fault at one moment of an upload.
type cell struct {
	what   string
	faults []string
	want   outcome
	final  bool // the same command, without the fault, cannot succeed now
}

// TestFaultMatrix uploads a key of each type through each fault at each moment.
// Each ends with exactly one version in the vault or none, and with the right
// words and status. Where the fault passes, the same upload is done again: it
// succeeds, and there is exactly one version.
func TestFaultMatrix(t *testing.T) {
	var good, all atomic.Int64
	t.Run("types", func(t *testing.T) {
		for name, s := range samples(t) {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				m := newMatrix(t, s)
				for i, c := range cells(s) {
					all.Add(1)
					if m.try(t, fmt.Sprintf("%s-%d", name, i), c) {
						good.Add(1)
					}
				}
			})
		}
	})
	t.Logf("fault matrix: %d of %d", good.Load(), all.Load())
	if all.Load() < 400 {
		t.Error("cells are missing")
	}
}

// matrix is a vault in which one sample is uploaded over and over.
type matrix struct {
	practice
	auditor
	sample
	kek  vault.Key
	blob []byte
}

func newMatrix(t *testing.T, s sample) *matrix {
	t.Helper()
	p := served(t, rehearsal.Config{Service: s.service})
	m := &matrix{practice: p, auditor: newAuditor(t, p), sample: s}
	m.renew(t)
	return m
}

// renew makes a KEK and wraps the sample for it.
func (m *matrix) renew(t *testing.T) {
	t.Helper()
	var err error
	m.kek, err = m.client(t, vault.Options{}).CreateKEK(context.Background(), fmt.Sprintf("KEK-%d", time.Now().UnixNano()), 2048, time.Now().Add(time.Hour))
	must(t, err)
	m.blob = seal(t, m.kek.ID, m.kek.PublicKey.(*rsa.PublicKey), m.plain)
}

// try runs one cell, and reports whether all came as it should.
func (m *matrix) try(t *testing.T, name string, c cell) bool {
	t.Helper()
	ctx := context.Background()
	_, err := m.SetFaults(ctx, c.faults...)
	must(t, err)
	_, err = m.upload(ctx, t, name, c)
	_, clearing := m.SetFaults(ctx)
	must(t, clearing)
	got := outcome{exitcode.Of(err), m.anonymous(name, err), m.anonymous(name, fmt.Errorf("%s", exitcode.HintOf(err))), m.count(t, name, m.sample)}
	ok := got == c.want
	if !ok {
		t.Errorf("%s: %s\n got %d version(s), status %d: %s\n     hint %s\nwant %d version(s), status %d: %s\n     hint %s", name, c.what,
			got.held, got.status, got.text, got.hint, c.want.held, c.want.status, c.want.text, c.want.hint)
	}
	if strings.Contains(strings.Join(c.faults, " "), "kek=") {
		m.renew(t)
	}
	return ok && (c.final || m.again(t, name, c))
}

// again uploads once more, now that nothing is wrong.
func (m *matrix) again(t *testing.T, name string, c cell) bool {
	t.Helper()
	done, err := m.upload(context.Background(), t, name, cell{})
	held := m.count(t, name, m.sample)
	ok := err == nil && done.Already == (c.want.held == 1) && held == 1
	if !ok {
		t.Errorf("%s: %s, and then again: found %v, %d version(s), %v", name, c.what, done.Already, held, err)
	}
	return ok
}

// upload is what byok-online upload and verify do with one package.
func (m *matrix) upload(ctx context.Context, t *testing.T, name string, c cell) (vault.Imported, error) {
	o := vault.Options{Clock: hurried{}, Timeout: 5 * time.Second}
	if strings.Contains(strings.Join(c.faults, " "), "slow=") {
		o.Timeout = 250 * time.Millisecond
	}
	client := m.client(t, o)
	hash, err := keykind.SPKIHash(m.kek.PublicKey)
	must(t, err)
	if _, err := client.CheckKEK(ctx, m.kek.ID, hash); err != nil {
		return vault.Imported{}, err
	}
	done, err := client.Import(ctx, vault.Import{Name: name, Blob: m.blob, Expected: m.expected, Ops: m.ops})
	if err != nil {
		return done, err
	}
	_, err = client.Prove(ctx, done.Key, m.expected)
	return done, err
}

// hurried is a clock by which waiting takes a thousandth of its time.
type hurried struct{}

func (hurried) Now() time.Time { return time.Now() }

func (hurried) Sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d / 1000):
		return nil
	}
}

var (
	aRequest = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)
	aHash    = regexp.MustCompile(`[0-9a-f]{64}`)
	aVersion = regexp.MustCompile(`[0-9a-f]{32}`)
	aTime    = regexp.MustCompile(`[0-9-]{10}T[0-9:]{8}Z`)
)

// anonymous is an error's text with NAME, KEK, HOST and such for what differs
// from run to run.
func (m *matrix) anonymous(name string, err error) string {
	if err == nil {
		return ""
	}
	text := strings.NewReplacer("keys/"+name+"/", "keys/NAME/", "key "+name, "key NAME", "Key "+name, "Key NAME", "(name/id) "+name, "(name/id) NAME", m.kek.ID.Name, "KEK", strings.TrimPrefix(m.URL, "https://"), "HOST").Replace(err.Error())
	text = aRequest.ReplaceAllString(text, "ID")
	text = aHash.ReplaceAllString(text, "HASH")
	text = aVersion.ReplaceAllString(text, "VERSION")
	return aTime.ReplaceAllString(text, "TIME")
}
