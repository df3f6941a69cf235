package upload

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"byok/internal/azure"
	"byok/internal/exitcode"
	"byok/internal/kek"
	"byok/internal/vault"
	"byok/internal/vault/endpoint"
)

// fleet has a fake vault for each letter, and each three packages.
type fleet struct {
	vaults map[string]*fakeVault
	list   []Vault
	batch  *Batch
}

func urlOf(letter string) string { return "https://contoso-" + letter + ".vault.azure.net" }

func newFleet(t *testing.T, letters string) fleet {
	t.Helper()
	cloud, err := azure.FindCloud("", azure.CloudOptions{})
	if err != nil {
		t.Fatal(err)
	}
	f := fleet{vaults: map[string]*fakeVault{}, batch: &Batch{}}
	for _, letter := range strings.Split(letters, "") {
		address, err := endpoint.Parse(urlOf(letter), endpoint.Allow{Cloud: cloud})
		if err != nil {
			t.Fatal(err)
		}
		f.vaults[letter] = &fakeVault{address: address}
		f.list = append(f.list, f.vaults[letter])
		for n := range 3 {
			b := batchOf(fmt.Sprintf("%s%d", letter, n))
			b.items[0].kek.Vault = urlOf(letter)
			f.batch.items = append(f.batch.items, b.items...)
		}
	}
	return f
}

// TestVaults has vaults that fail in every way beside others: each stops its own
// packages and no others, and the highest status counts.
func TestVaults(t *testing.T) {
	expired := func(i vault.Import) (vault.Imported, error) {
		if strings.HasSuffix(i.Name, "0") {
			return vault.Imported{Key: keyOf(i)}, nil
		}
		return vault.Imported{}, refusal(400)
	}
	for _, c := range []struct {
		name   string
		change func(map[string]*fakeVault)
		status exitcode.Code
		err    []string // lines
		sent   string   // how many in each vault
		asked  string
	}{
		{name: "all", sent: "3 3 3 3 3", asked: "import 15 packages"},
		{
			name: "one of five refuses", status: exitcode.Vault, sent: "3 3 0 3 3",
			asked: "import 12 packages, leave out 3",
			err:   []string{"3 packages for " + urlOf("c") + " not sent: refused (HTTP 403)"},
			change: func(v map[string]*fakeVault) {
				v["c"].checkKEK = func(kek.ID) (vault.Key, error) { return vault.Key{}, refusal(403) }
			},
		},
		{
			name: "a KEK expires midway", status: exitcode.Vault, sent: "3 1 3 3 3", asked: "import 15 packages",
			err:    []string{"b1.byok: refused (HTTP 400)", "b2.byok: refused (HTTP 400)"},
			change: func(v map[string]*fakeVault) { v["b"].imported = expired },
		},
		{
			name: "a KEK is unfit, and a vault cannot be asked", status: exitcode.Vault, sent: "0 3 3 0 3",
			asked: "import 9 packages, leave out 6",
			err: []string{"a0.byok: KEK gone", "a1.byok: KEK gone", "a2.byok: KEK gone",
				"3 packages for " + urlOf("d") + " not sent: refused (HTTP 503)"},
			change: func(v map[string]*fakeVault) {
				v["a"].checkKEK = func(kek.ID) (vault.Key, error) {
					return vault.Key{}, exitcode.Errorf(exitcode.Check, "KEK gone")
				}
				v["d"].deleted = func(string) (bool, error) { return false, refusal(503) }
			},
		},
	} {
		f, p := newFleet(t, "abcde"), &person{}
		if c.change != nil {
			c.change(f.vaults)
		}
		u := &Uploader{Vaults: f.list, UI: p}
		expect(t, c.name, u.Upload(context.Background(), f.batch), exitcode.Done, "")
		expect(t, c.name, f.batch.Err(), c.status, strings.Join(c.err, "\n"))
		var sent []string
		for _, s := range f.batch.Summaries() {
			sent = append(sent, fmt.Sprint(s.Sent))
			if s.Sent+s.Failed+s.NotSent != 3 || (s.Err != nil) != (s.NotSent > 0) {
				t.Errorf("%s: %+v", c.name, s)
			}
		}
		if got := strings.Join(sent, " "); got != c.sent || p.asked != c.asked {
			t.Errorf("%s: sent %s, asked %q", c.name, got, p.asked)
		}
	}
}

// TestEveryVaultFails ends before anything is asked.
func TestEveryVaultFails(t *testing.T) {
	f, p := newFleet(t, "ab"), &person{}
	for _, v := range f.vaults {
		v.checkKEK = func(kek.ID) (vault.Key, error) { return vault.Key{}, refusal(403) }
	}
	u := &Uploader{Vaults: f.list, UI: p}
	expect(t, "all", u.Upload(context.Background(), f.batch), exitcode.Vault,
		urlOf("a")+": refused (HTTP 403)\n"+urlOf("b")+": refused (HTTP 403)")
	if p.asked != "" {
		t.Errorf("asked %q", p.asked)
	}
	ctx, cancel := context.WithCancel(context.Background())
	f = newFleet(t, "ab")
	f.vaults["b"].checkKEK = func(kek.ID) (vault.Key, error) { cancel(); return vault.Key{}, azure.ErrInterrupted }
	u = &Uploader{Vaults: f.list, UI: p}
	expect(t, "interrupted", u.Upload(ctx, f.batch), exitcode.Interrupted, "interrupted")
}

// TestListed lists the vaults before the person is asked, and what each takes.
func TestListed(t *testing.T) {
	f, p := newFleet(t, "abcdef"), &person{answer: context.Canceled}
	for _, i := range f.batch.items {
		i.subscription = "one"
	}
	f.batch.items[0].Err = exitcode.Errorf(exitcode.Check, "its hash differs")
	u := &Uploader{Vaults: f.list, UI: p, Rate: 0.5}
	expect(t, "no", u.Upload(context.Background(), f.batch), exitcode.Interrupted, "context canceled")
	if want := "import 17 packages, leave out 1, which takes 1m8s"; p.asked != want { // 17 at 2.5 in ten seconds
		t.Errorf("asked %q, want %q", p.asked, want)
	}
	for n, letter := range strings.Split("abcdef", "") {
		want := urlOf(letter) + ": 3 packages"
		if n == 0 {
			want = urlOf(letter) + ": 2 packages"
		}
		if len(p.said) != 6 || p.said[n] != want {
			t.Errorf("said %q, want %q", p.said, want)
		}
	}
	if got := strings.Join(f.batch.Vaults(), " "); got != strings.Join([]string{urlOf("a"), urlOf("b"), urlOf("c"),
		urlOf("d"), urlOf("e"), urlOf("f")}, " ") || f.batch.Subscription(urlOf("b")) != "one" ||
		f.batch.Subscription("another") != "" {
		t.Errorf("%s, %s", got, f.batch.Subscription(urlOf("b")))
	}
}

// TestElsewhere has packages for a vault that was not given, and for one that is
// no vault.
func TestElsewhere(t *testing.T) {
	f := newFleet(t, "abc")
	f.batch.Refuse(urlOf("b"), exitcode.Errorf(exitcode.Usage, "no vault"))
	u := &Uploader{Vaults: []Vault{f.vaults["a"], f.vaults["b"]}, UI: &person{}}
	expect(t, "upload", u.Upload(context.Background(), f.batch), exitcode.Done, "")
	elsewhere := func(name string) string {
		return name + ".byok is for " + urlOf("c") + ", which is not one of the 2 vaults given"
	}
	expect(t, "batch", f.batch.Err(), exitcode.Refused, strings.Join([]string{
		"b0.byok: no vault", "b1.byok: no vault", "b2.byok: no vault", elsewhere("c0"), elsewhere("c1"), elsewhere("c2"),
	}, "\n"))
	if f.vaults["a"].called("import") != "a0 a1 a2" || f.vaults["b"].called("import") != "" {
		t.Errorf("%q, %q", f.vaults["a"].calls, f.vaults["b"].calls)
	}
}

// TestSideBySide has every vault wait for the others: a vault after the other
// would wait until they fail.
func TestSideBySide(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	f := newFleet(t, "abc")
	arrived, all := make(chan string, 9), make(chan struct{})
	for letter, v := range f.vaults {
		v.imported = func(i vault.Import) (vault.Imported, error) {
			arrived <- letter
			select {
			case <-all:
				return vault.Imported{Key: keyOf(i)}, nil
			case <-ctx.Done():
				return vault.Imported{}, refusal(503)
			}
		}
	}
	go func() {
		seen := map[string]bool{}
		for len(seen) < 3 {
			seen[<-arrived] = true
		}
		close(all)
	}()
	u := &Uploader{Vaults: f.list, UI: &person{}}
	expect(t, "upload", u.Upload(context.Background(), f.batch), exitcode.Done, "")
	expect(t, "batch", f.batch.Err(), exitcode.Done, "")
}

// TestGoesOn is stopped in the middle, in all vaults: what is done and left is
// said, and the same packages again make nothing twice.
func TestGoesOn(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	f := newFleet(t, "abc")
	var mu sync.Mutex
	there := map[string]int{} // how often each was imported
	for letter, v := range f.vaults {
		v.imported = func(i vault.Import) (vault.Imported, error) {
			mu.Lock()
			defer mu.Unlock()
			if len(there) == 4 {
				cancel()
				return vault.Imported{}, azure.ErrInterrupted
			}
			there[letter+i.Name]++
			return vault.Imported{Key: keyOf(i)}, nil
		}
		v.held = func(i vault.Import) (vault.Imported, bool, error) {
			mu.Lock()
			defer mu.Unlock()
			return vault.Imported{Key: keyOf(i), Already: true}, there[letter+i.Name] > 0, nil
		}
	}
	u := &Uploader{Vaults: f.list, UI: &person{}}
	expect(t, "upload", u.Upload(ctx, f.batch), exitcode.Done, "")
	expect(t, "stopped", f.batch.Err(), exitcode.Interrupted, "interrupted: 4 of 9 packages are in the vault, 5 not sent")
	if hint := exitcode.HintOf(f.batch.Err()); hint != "run the same command again: it finds what was done" {
		t.Errorf("hint %q", hint)
	}
	again := newFleet(t, "abc")
	for letter, v := range again.vaults {
		v.held = f.vaults[letter].held
		v.imported = func(i vault.Import) (vault.Imported, error) {
			mu.Lock()
			defer mu.Unlock()
			there[letter+i.Name]++
			return vault.Imported{Key: keyOf(i)}, nil
		}
	}
	u.Vaults = again.list
	expect(t, "again", u.Upload(context.Background(), again.batch), exitcode.Done, "")
	expect(t, "all there", again.batch.Err(), exitcode.Done, "")
	for key, times := range there {
		if times != 1 || len(there) != 9 {
			t.Errorf("%s: imported %d times, of %d keys", key, times, len(there))
		}
	}
}
