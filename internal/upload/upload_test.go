package upload

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"byok/internal/exitcode"
	"byok/internal/kek"
	"byok/internal/vault"
)

// TestUpload has every way in which the vault, the person or a package keeps
// packages out.
func TestUpload(t *testing.T) {
	for _, c := range []struct {
		name   string
		vault  *fakeVault
		change func(*Batch)
		answer error         // the person's
		code   exitcode.Code // of Upload
		err    string
		want   string // outcomes
		status exitcode.Code
		sent   string // imports
	}{
		{name: "all", want: "a: sent\nb: sent", sent: "a b"},
		{
			name: "the person says no", answer: exitcode.Errorf(exitcode.Refused, "not confirmed"),
			code: exitcode.Refused, err: "not confirmed", want: "a: not sent\nb: not sent", status: exitcode.Failed,
		},
		{
			name: "a rehearsal's", change: func(b *Batch) { b.items[0].rehearsal = true }, sent: "b",
			want:   "a: a.byok is from a rehearsal, and https://contoso.vault.azure.net is a production vault\nb: sent",
			status: exitcode.Refused,
		},
		{
			name: "the KEK is unfit", want: "a: KEK gone\nb: KEK gone", status: exitcode.Check,
			vault: &fakeVault{checkKEK: func(kek.ID) (vault.Key, error) {
				return vault.Key{}, exitcode.Errorf(exitcode.Check, "KEK gone")
			}},
		},
		{
			name: "the KEK cannot be read", code: exitcode.Vault, err: "refused (HTTP 403)",
			vault: &fakeVault{checkKEK: func(kek.ID) (vault.Key, error) { return vault.Key{}, refusal(403) }},
			want:  "a: not sent\nb: not sent", status: exitcode.Vault,
		},
		{
			name: "a deleted key", want: "a: a deleted key holds the name a\nb: sent", sent: "b", status: exitcode.Vault,
			vault: &fakeVault{deleted: func(name string) (bool, error) { return name == "a", nil }},
		},
		{
			name: "deleted keys may not be seen", want: "a: sent\nb: sent", sent: "a b",
			vault: &fakeVault{deleted: func(string) (bool, error) { return false, refusal(403) }},
		},
		{
			name: "deleted keys cannot be asked for", code: exitcode.Vault, err: "refused (HTTP 503)",
			vault: &fakeVault{deleted: func(string) (bool, error) { return false, refusal(503) }},
			want:  "a: not sent\nb: not sent", status: exitcode.Vault,
		},
		{
			name: "one is refused", want: "a: refused (HTTP 400)\nb: sent", sent: "a b", status: exitcode.Vault,
			vault: &fakeVault{imported: func(i vault.Import) (vault.Imported, error) {
				if i.Name == "a" {
					return vault.Imported{}, refusal(400)
				}
				return vault.Imported{Key: keyOf(i)}, nil
			}},
		},
		{
			name:   "a file that was damaged",
			change: func(b *Batch) { b.items[1].Err = exitcode.Errorf(exitcode.Usage, "damaged") },
			want:   "a: sent\nb: damaged", sent: "a", status: exitcode.Check,
		},
		{
			name: "every file was damaged", want: "a: damaged\nb: damaged", status: exitcode.Usage,
			change: func(b *Batch) {
				for _, i := range b.items {
					i.Err = exitcode.Errorf(exitcode.Usage, "damaged")
				}
			},
		},
	} {
		b, v, p := batchOf("a", "b"), c.vault, &person{answer: c.answer}
		if v == nil {
			v = &fakeVault{}
		}
		if c.change != nil {
			c.change(b)
		}
		expect(t, c.name, newUploader(t, v, p).Upload(context.Background(), b), c.code, c.err)
		if got := outcomes(b); got != c.want || v.called("import") != c.sent || exitcode.Of(b.Err()) != c.status {
			t.Errorf("%s: status %d, sent %q\n%s\nwant status %d, sent %q\n%s",
				c.name, exitcode.Of(b.Err()), v.called("import"), got, c.status, c.sent, c.want)
		}
	}
}

// TestVaultFails has the vault itself fail at the first import, or hold
// another key than was sent: the rest is not tried.
func TestVaultFails(t *testing.T) {
	for _, c := range []struct {
		name string
		fail func(vault.Import) (vault.Imported, error)
		code exitcode.Code
		want string
	}{
		{"throttled", func(vault.Import) (vault.Imported, error) { return vault.Imported{}, refusal(429) },
			exitcode.Vault, "refused (HTTP 429)"},
		{"another key", func(i vault.Import) (vault.Imported, error) {
			return vault.Imported{Key: keyOf(i)}, exitcode.Errorf(exitcode.Check, "another public key")
		}, exitcode.Check, "another public key"},
	} {
		var names []string
		for n := range 40 {
			names = append(names, fmt.Sprintf("k%02d", n))
		}
		b, v := batchOf(names...), &fakeVault{imported: c.fail}
		u := newUploader(t, v, &person{})
		expect(t, c.name, u.Upload(context.Background(), b), exitcode.Done, "")
		tried := len(strings.Fields(v.called("import")))
		if tried < 1 || tried > 2*workers {
			t.Errorf("%s: %d tried", c.name, tried)
		}
		err := b.Err()
		lines := strings.Split(err.Error(), "\n")
		last := fmt.Sprintf("%d packages not sent, because the vault had failed", 40-tried)
		if exitcode.Of(err) != c.code || !strings.HasSuffix(lines[0], c.want) || lines[len(lines)-1] != last {
			t.Errorf("%s: status %d, %v; want %s, %s", c.name, exitcode.Of(err), err, c.want, last)
		}
		if hint := exitcode.HintOf(err); hint != "run the same command again: it finds what was done" {
			t.Errorf("%s: hint %q", c.name, hint)
		}
		failed := slices.IndexFunc(b.Items(), func(i *Item) bool { return i.Err != nil })
		if i := b.Items()[failed]; (i.Imported != nil) != (c.code == exitcode.Check) {
			t.Errorf("%s: %+v", c.name, i)
		}
	}
}

// TestRecover brings deleted keys back, if the person said so.
func TestRecover(t *testing.T) {
	b := batchOf("a", "unrecoverable", "c")
	for _, i := range b.items {
		i.mayRecover = true
	}
	v, p := &fakeVault{deleted: func(name string) (bool, error) { return name != "c", nil }}, &person{}
	expect(t, "upload", newUploader(t, v, p).Upload(context.Background(), b), exitcode.Done, "")
	if got, want := outcomes(b), "a: sent\nunrecoverable: refused (HTTP 409)\nc: sent"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if v.called("recover") != "a unrecoverable" || v.called("import") != "a c" {
		t.Errorf("%q", v.calls)
	}
	if want := "import 3 packages, recover 2 deleted keys"; p.asked != want {
		t.Errorf("asked %q, want %q", p.asked, want)
	}
}

// TestHeld asks about what will be sent, and about nothing else; where the vault
// has every key there is no question.
func TestHeld(t *testing.T) {
	differs := exitcode.Errorf(exitcode.Check, "other operations")
	holds := func(names string, err error) func(vault.Import) (vault.Imported, bool, error) {
		return func(i vault.Import) (vault.Imported, bool, error) {
			if !strings.Contains(names, i.Name) {
				return vault.Imported{}, false, nil
			}
			return vault.Imported{Key: keyOf(i), Already: true}, true, err
		}
	}
	for _, c := range []struct {
		name   string
		held   func(vault.Import) (vault.Imported, bool, error)
		gone   string // names that deleted keys hold, to be recovered
		code   exitcode.Code
		err    string
		asked  string
		want   string
		status exitcode.Code
		sent   string
	}{
		{name: "one of them", held: holds("a", nil), asked: "import b.byok as key b (sign, verify)",
			want: "a: sent\nb: sent", sent: "b"},
		{name: "all of them", held: holds("a b", nil), want: "a: sent\nb: sent"},
		{name: "with other operations", held: holds("a", differs), sent: "b", status: exitcode.Check,
			asked: "import b.byok as key b (sign, verify), leave out 1", want: "a: other operations\nb: sent"},
		{name: "a deleted key is not looked for", held: holds("a", nil), gone: "a", sent: "a b",
			asked: "import 2 packages, recover 1 deleted key", want: "a: sent\nb: sent"},
		{name: "the vault fails", code: exitcode.Vault, err: "refused (HTTP 503)", status: exitcode.Vault,
			held: func(vault.Import) (vault.Imported, bool, error) { return vault.Imported{}, false, refusal(503) },
			want: "a: not sent\nb: not sent"},
	} {
		b, p := batchOf("a", "b"), &person{}
		b.items[0].mayRecover = true
		v := &fakeVault{held: c.held, deleted: func(name string) (bool, error) { return name == c.gone, nil }}
		expect(t, c.name, newUploader(t, v, p).Upload(context.Background(), b), c.code, c.err)
		if got := outcomes(b); got != c.want || v.called("import") != c.sent || exitcode.Of(b.Err()) != c.status ||
			p.asked != c.asked {
			t.Errorf("%s: status %d, sent %q, asked %q\n%s", c.name, exitcode.Of(b.Err()), v.called("import"), p.asked, got)
		}
	}
}

// TestQuestion has what the person is asked, and about what is left out.
func TestQuestion(t *testing.T) {
	for _, c := range []struct {
		name  string
		batch *Batch
		rate  float64
		want  string
		left  string
	}{
		{"one", batchOf("a"), 0, "import a.byok as key a (sign, verify)", "[]"},
		{"two", batchOf("a", "b"), 10, "import 2 packages", "[]"},
		{"slow", batchOf("a", "b"), 0.1, "import 2 packages, which takes 3m20s", "[]"},
		{"one left out", func() *Batch {
			b := batchOf("a", "b")
			b.items[1].Err = exitcode.Errorf(exitcode.Check, "its hash differs")
			return b
		}(), 10, "import a.byok as key a (sign, verify), leave out 1", "[b.byok: its hash differs]"},
	} {
		p := &person{answer: context.Canceled}
		u := newUploader(t, &fakeVault{}, p)
		u.Rate = c.rate
		expect(t, c.name, u.Upload(context.Background(), c.batch), exitcode.Interrupted, "context canceled")
		if left := fmt.Sprint(p.left); p.asked != c.want || left != c.left {
			t.Errorf("%s: asked %q, left out %s; want %q, %s", c.name, p.asked, left, c.want, c.left)
		}
	}
}

// TestAskedOnce reads a KEK once for all packages.
func TestAskedOnce(t *testing.T) {
	b, v := batchOf("a", "b", "c"), &fakeVault{}
	b.items[2].kek.Name = "another"
	expires := time.Now().Add(30 * time.Second)
	v.checkKEK = func(id kek.ID) (vault.Key, error) { return vault.Key{ID: id, Bits: 2048, Expires: expires}, nil }
	p := &person{}
	u := newUploader(t, v, p)
	u.Rate = 0.1
	expect(t, "upload", u.Upload(context.Background(), b), exitcode.Done, "")
	if got := v.called("check"); got != "KEKforBYOK another" {
		t.Errorf("%q", got)
	}
	for n, name := range []string{"KEKforBYOK", "another"} {
		want := "warning: KEK " + keyID(name).String() + " expires in 30s, but the upload takes 5m0s"
		if len(p.said) != 2 || p.said[n] != want {
			t.Errorf("said %q, want %q", p.said, want)
		}
	}
}

// TestReport has what the table of results does not show.
func TestReport(t *testing.T) {
	kid := keyID("a").String()
	for _, c := range []struct {
		name   string
		change func(*Item)
		done   vault.Imported
		want   string
	}{
		{name: "as it should be"},
		{
			name: "there before", done: vault.Imported{Already: true},
			want: "the vault already has the key of a.byok, as " + kid + "; nothing was sent",
		},
		{
			name: "other dates", done: vault.Imported{Differs: "it is enabled"},
			want: "warning: key " + kid + " differs from this request: it is enabled; " +
				"its attributes can be changed in the vault",
		},
		{
			name: "disabled", done: vault.Imported{Unread: true},
			want: "warning: key " + kid + " is disabled and may not be read, so it was not compared with the package; " +
				"byok-online verify does once it is enabled",
		},
		{
			name: "another vendor's", change: func(i *Item) { i.Approved = false },
			want: "warning: key " + kid + ": it came without a quorum's authorization\n" +
				"warning: key " + kid + " was not checked: no public key was given (--unchecked)",
		},
	} {
		b, p := batchOf("a"), &person{}
		if c.change != nil {
			c.change(b.items[0])
			b.items[0].blob.Ciphertext = make([]byte, 400)
		}
		v := &fakeVault{imported: func(i vault.Import) (vault.Imported, error) {
			c.done.Key = keyOf(i)
			return c.done, nil
		}}
		expect(t, c.name, newUploader(t, v, p).Upload(context.Background(), b), exitcode.Done, "")
		if got := strings.Join(p.said, "\n"); got != c.want || p.done != 3 {
			t.Errorf("%s: %d shown as done\n got %s\nwant %s", c.name, p.done, got, c.want)
		}
	}
}

// TestInterruptedBefore is stopped while the vault is asked, and when the
// first package is about to be sent.
func TestInterruptedBefore(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	b := batchOf("a", "b")
	expect(t, "asked", newUploader(t, &fakeVault{}, &person{}).Upload(ctx, b), exitcode.Interrupted, "interrupted")

	ctx, cancel = context.WithCancel(context.Background())
	v := &fakeVault{imported: func(vault.Import) (vault.Imported, error) { return vault.Imported{}, context.Canceled }}
	expect(t, "sent", newUploader(t, v, &person{onSend: cancel}).Upload(ctx, b), exitcode.Done, "")
	err := b.Err()
	expect(t, "outcome", err, exitcode.Interrupted, "interrupted: 0 of 2 packages are in the vault, 2 not sent")
	if hint := exitcode.HintOf(err); hint != "run the same command again: it finds what was done" {
		t.Errorf("hint %q", hint)
	}
}
