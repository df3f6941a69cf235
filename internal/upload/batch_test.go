package upload

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"byok/internal/azure"
	"byok/internal/exitcode"
	"byok/internal/transfer"
	"byok/internal/vault"
)

// TestEach has one item fail: what is under way then is finished, and nothing
// else begins.
func TestEach(t *testing.T) {
	items := make([]*Item, 100)
	for i := range items {
		items[i] = &Item{File: fmt.Sprint(i)}
	}
	fails := errors.New("fails")
	for _, c := range []struct {
		name   string
		failAt int // -1 does not
		want   error
	}{
		{"all", -1, nil},
		{"one fails", 10, fails},
		{"at once", 0, fails},
		{"the last one", 99, fails},
	} {
		var mu sync.Mutex
		done := map[string]int{}
		err := each(context.Background(), items, func(ctx context.Context, i *Item) error {
			n, _ := strconv.Atoi(i.File)
			if c.failAt >= 0 && n > c.failAt {
				<-ctx.Done() // under way while another fails
			}
			mu.Lock()
			defer mu.Unlock()
			done[i.File]++
			if n == c.failAt {
				return fails
			}
			return nil
		})
		least, most := max(1, c.failAt+2-workers), min(c.failAt+workers, len(items))
		if c.failAt < 0 {
			least, most = len(items), len(items)
		}
		if !errors.Is(err, c.want) || len(done) < least || len(done) > most {
			t.Errorf("%s: %v after %d", c.name, err, len(done))
		}
		for file, times := range done {
			if times != 1 {
				t.Errorf("%s: %s was done %d times", c.name, file, times)
			}
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := each(ctx, items, func(context.Context, *Item) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestEndsUpload holds apart the errors that end an upload and those of one
// package.
func TestEndsUpload(t *testing.T) {
	answer := func(status int) error { return fmt.Errorf("import: %w", &azure.Error{Text: "x", Status: status}) }
	for _, c := range []struct {
		err  error
		want bool
	}{
		{answer(0), true},
		{answer(400), false},
		{answer(401), true},
		{answer(403), true},
		{answer(404), false},
		{answer(409), false},
		{answer(429), true},
		{answer(500), true},
		{answer(503), true},
		{nil, false},
		{context.Canceled, true},
		{exitcode.Errorf(exitcode.Vault, "no vault"), true},
		{exitcode.Errorf(exitcode.Usage, "name"), false},
		{exitcode.Errorf(exitcode.Check, "ops"), false},
	} {
		if got := endsUpload(c.err); (got != nil) != c.want {
			t.Errorf("%v: %v", c.err, got)
		}
	}
}

func TestFits(t *testing.T) {
	i := &Item{File: "x.byok", blob: transfer.Blob{Ciphertext: make([]byte, 400)}}
	expect(t, "2048", i.fits(vault.Key{Bits: 2048}), exitcode.Done, "")
	expect(t, "4096", i.fits(vault.Key{Bits: 4096}), exitcode.Check, "x.byok: "+i.blob.CheckSize(4096).Error())
}

func TestFind(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"b.byok", "a.byok", "a.manifest.json"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"c.byok", "empty"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	in := func(names ...string) (paths []string) {
		for _, name := range names {
			paths = append(paths, filepath.Join(dir, name))
		}
		return paths
	}
	for _, c := range []struct {
		name string
		args []string
		want []string
		err  string
	}{
		{"nothing", nil, nil, ""},
		{"files as given", in("b.byok", "a.manifest.json"), in("b.byok", "a.manifest.json"), ""},
		{"a folder, sorted", []string{dir}, in("a.byok", "b.byok"), ""},
		{"missing", in("d.byok"), nil, in("d.byok")[0] + ": no such file or directory"},
		{"an empty folder", in("a.byok", "empty"), nil, in("empty")[0] + ": this folder has no .byok file"},
	} {
		got, err := Find(c.args)
		code := exitcode.Done
		if c.err != "" {
			code = exitcode.Usage
		}
		expect(t, c.name, err, code, c.err)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestErr(t *testing.T) {
	b := &Batch{}
	for n := range 25 {
		b.items = append(b.items, &Item{File: fmt.Sprintf("usb/%02d.byok", n), Err: exitcode.Errorf(exitcode.Check, "bad")})
	}
	b.items[3].Err = exitcode.Errorf(exitcode.Check, "usb/03.byok: bad")
	lines := strings.Split(b.Err().Error(), "\n")
	for n, want := range map[int]string{0: "00.byok: bad", 3: "usb/03.byok: bad", 19: "19.byok: bad",
		20: "5 more failed; --output json says why of each"} {
		if len(lines) != 21 || lines[n] != want {
			t.Errorf("line %d: %q, want %q", n, lines[n], want)
		}
	}
	single := &Batch{items: []*Item{{File: "usb/a.byok", Err: exitcode.Errorf(exitcode.Usage, "bad")}}}
	expect(t, "single", single.Err(), exitcode.Usage, "bad")
	expect(t, "nothing wrong", (&Batch{}).Err(), exitcode.Done, "")
}
