package upload

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/rehearsal"
	"byok/internal/testkit/practice"
	"byok/internal/worlds"
)

// everyWorld trusts every world.
type everyWorld struct{}

func (everyWorld) Trust(c worlds.Claim, _ string) (worlds.World, error) {
	return worlds.World{Label: c.Label, First: c.First, HKNSO: []worlds.Entry{{SHA256: c.Current}}}, nil
}

// noWorld answers every question in the same way, and counts them.
type noWorld struct {
	err   error
	asked int
}

func (n *noWorld) Trust(worlds.Claim, string) (worlds.World, error) {
	n.asked++
	return worlds.World{}, n.err
}

// packages writes n packages of EC keys into a folder of their own.
func packages(t *testing.T, v *practice.Vault, n int) string {
	t.Helper()
	dir := t.TempDir()
	for i := range n {
		if _, err := v.Pack(dir, fmt.Sprintf("key-%04d", i), "P-256"); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func blobOf(dir string, i int) string {
	return filepath.Join(dir, fmt.Sprintf("KeyTransferPackage-key-%04d.byok", i))
}

// send uploads the files of a folder to a rehearsal vault.
func send(ctx context.Context, t *testing.T, v *practice.Vault, dir string, o Options) (*Batch, *person) {
	t.Helper()
	files, err := Find([]string{dir})
	if err != nil {
		t.Fatal(err)
	}
	b, err := Read(files, o, everyWorld{})
	if err != nil {
		t.Fatal(err)
	}
	p := &person{}
	u := &Uploader{Vaults: []Vault{v.Client}, UI: p}
	if err := u.Upload(ctx, b); err != nil {
		t.Fatal(err)
	}
	return b, p
}

func sent(b *Batch) (n int) { return b.count((*Item).Sent) }

// TestEveryKind uploads a key of every kind twice: the vault has each once, as
// it was approved.
func TestEveryKind(t *testing.T) {
	t.Parallel()
	v, dir := practice.Start(t, rehearsal.Config{}), t.TempDir()
	kinds := []string{"RSA", "P-256", "P-384", "P-521", "AES"}
	for _, kind := range kinds {
		if _, err := v.Pack(dir, "key-"+kind, kind); err != nil {
			t.Fatal(err)
		}
	}
	b, _ := send(context.Background(), t, v, dir, Options{Tags: map[string]string{"owner": "ada"}})
	if err := b.Err(); err != nil || sent(b) != len(kinds) {
		t.Fatalf("%d sent, %v", sent(b), err)
	}
	for _, i := range b.Items() {
		k, err := v.Client.Key(context.Background(), i.Name(), "")
		if err != nil || !k.ID.Equal(i.Imported.Key.ID) || i.Imported.Already || k.Tags["owner"] != "ada" {
			t.Errorf("%s: %+v, %v", i.File, k, err)
		}
	}
	again, _ := send(context.Background(), t, v, dir, Options{})
	for n, i := range again.Items() {
		if i.Err != nil || !i.Imported.Already || !i.Imported.Key.ID.Equal(b.Items()[n].Imported.Key.ID) {
			t.Errorf("again, %s: %+v, %v", i.File, i.Imported, i.Err)
		}
	}
}

// TestManyFiles has three bad files among sixty: the rest go up, the
// three are named, and the status is that of the first of them.
func TestManyFiles(t *testing.T) {
	t.Parallel()
	v := practice.Start(t, rehearsal.Config{})
	dir := packages(t, v, 60)
	whole, err := os.ReadFile(blobOf(dir, 7))
	if err != nil {
		t.Fatal(err)
	}
	for _, damage := range []error{
		os.WriteFile(blobOf(dir, 50), whole, 0o644),
		os.Truncate(blobOf(dir, 51), 300),
		os.Remove(strings.TrimSuffix(blobOf(dir, 52), ".byok") + ".manifest.json"),
	} {
		if damage != nil {
			t.Fatal(damage)
		}
	}
	b, p := send(context.Background(), t, v, dir, Options{})
	if want := "import 57 packages, leave out 3"; sent(b) != 57 || p.asked != want || len(p.left) != 3 {
		t.Errorf("%d sent, asked %q, left out %v", sent(b), p.asked, p.left)
	}
	lines := strings.Split(b.Err().Error(), "\n")
	for n, want := range []string{
		"key-0050.byok: its SHA-256 is ",
		"key-0051.byok: not valid JSON",
		"key-0052.manifest.json: ",
	} {
		if len(lines) != 3 || !strings.Contains(lines[n], want) {
			t.Errorf("%q is not in %q", want, lines)
		}
	}
	if exitcode.Of(b.Err()) != exitcode.Check {
		t.Errorf("status %d", exitcode.Of(b.Err()))
	}
}

// TestCutAtEveryTenthByte cuts a package short, as ours and as another
// vendor's: each cut is refused before anything is sent.
func TestCutAtEveryTenthByte(t *testing.T) {
	t.Parallel()
	v := practice.Start(t, rehearsal.Config{})
	from := packages(t, v, 1)
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
		copyCompanions(t, blobOf(from, 0), filepath.Join(ours, fmt.Sprintf("cut-%04d.byok", n*10)))
	}
	other, err := NewForeign("EC", "P-256", nil, true)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, dir string
		options   Options
	}{{"ours", ours, Options{}}, {"another vendor's", foreign, Options{Foreign: other}}} {
		b, p := send(context.Background(), t, v, c.dir, c.options)
		failed := b.count(func(i *Item) bool { return exitcode.Of(i.Err) == exitcode.Usage })
		if failed != n || n < 50 || exitcode.Of(b.Err()) != exitcode.Usage || p.asked != "" {
			t.Errorf("%s: %d of %d failed, %v", c.name, failed, n, b.Err())
		}
	}
}

func copyCompanions(t *testing.T, from, to string) {
	t.Helper()
	stem := strings.TrimSuffix(from, ".byok")
	files, err := filepath.Glob(stem + ".*")
	if err != nil || len(files) < 2 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, file := range files {
		suffix := strings.TrimPrefix(file, stem)
		if suffix == ".byok" {
			continue
		}
		data, err := os.ReadFile(file)
		if err == nil {
			err = os.WriteFile(strings.TrimSuffix(to, ".byok")+suffix, data, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestInterrupted stops an upload while packages are on their way: what was
// accepted is known, what is under way is waited for, and the same upload
// again sends the rest.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	v := practice.Start(t, rehearsal.Config{})
	dir := packages(t, v, 40)
	if _, err := v.Open.SetFaults(context.Background(), "slow=50ms,on=import,times=always"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		defer cancel()
		for {
			if _, err := v.Client.Key(context.Background(), "key-0005", ""); err == nil {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
	}()
	b, p := send(ctx, t, v, dir, Options{})
	n := sent(b)
	expect(t, "interrupted", b.Err(), exitcode.Interrupted,
		fmt.Sprintf("interrupted: %d of 40 packages are in the vault, %d not sent", n, 40-n))
	const said = "interrupted: waiting for the requests under way; interrupt again to stop at once"
	if n < 5 || n == 40 || p.said[0] != said {
		t.Errorf("%d sent, said %q", n, p.said)
	}
	for _, i := range b.Items() {
		if _, err := v.Client.Key(context.Background(), i.Name(), ""); i.Sent() != (err == nil) {
			t.Errorf("%s: %v, but Sent is %t", i.File, err, i.Sent())
		}
	}
	again, _ := send(context.Background(), t, v, dir, Options{})
	already := again.count(func(i *Item) bool { return i.Sent() && i.Imported.Already })
	if again.Err() != nil || sent(again) != 40 || already != n {
		t.Errorf("%d sent, %d there before, %v", sent(again), already, again.Err())
	}
}

// TestRead has what keeps a file out before any vault is asked.
func TestRead(t *testing.T) {
	t.Parallel()
	v, dir := practice.Start(t, rehearsal.Config{}), t.TempDir()
	good, err := v.Pack(dir, "good", "P-256")
	if err != nil {
		t.Fatal(err)
	}
	in := func(name string) string { return filepath.Join(dir, name) }
	twin := in("twin.byok")
	copyFile(t, good, twin)
	copyCompanions(t, good, twin)
	copyFile(t, good, in("bare.byok"))
	if err := syscall.Mkfifo(in("pipe.byok"), 0o600); err != nil {
		t.Fatal(err)
	}
	foreign, err := NewForeign("EC", "P-256", nil, true)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		file    string
		options Options
		code    exitcode.Code
		want    string
	}{
		{"ours", good, Options{}, 0, ""},
		{"another name", good, Options{Name: "shadow"}, exitcode.Refused,
			good + ": KEY-NAME: shadow where the quorum approved good"},
		{"expired", good, Options{Expires: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)}, exitcode.Usage,
			"import key good: it would expire on 2020-01-01T00:00:00Z, before it can be used"},
		{"a named pipe", in("pipe.byok"), Options{}, exitcode.Usage, in("pipe.byok") + ": a named pipe, not a file"},
		{"not there", in("none.byok"), Options{}, exitcode.Usage, in("none.byok") + ": no such file"},
		{"another extension", in("good.zip"), Options{}, exitcode.Usage,
			in("good.zip") + ": the name of a transfer package ends in .byok"},
		{"without its manifest", in("bare.byok"), Options{}, exitcode.Usage, in("bare.manifest.json") + ": no such file"},
		{"foreign", in("bare.byok"), Options{Foreign: foreign}, 0, ""},
		{"ours as foreign", good, Options{Foreign: foreign}, exitcode.Usage,
			good + " has a manifest: --kty, --curve, --public-key and --unchecked are only for packages without one"},
		{"foreign, a named pipe", in("pipe.byok"), Options{Foreign: foreign}, exitcode.Usage,
			in("pipe.byok") + ": a named pipe, not a file"},
		{"foreign, another extension", in("good.zip"), Options{Foreign: foreign}, exitcode.Usage,
			in("good.zip") + ": the name of a transfer package ends in .byok"},
	} {
		b, err := Read([]string{c.file}, c.options, everyWorld{})
		if err != nil {
			t.Fatal(err)
		}
		i := b.Items()[0]
		expect(t, c.name, i.Err, c.code, c.want)
		if c.want == "" && (i.SHA256.IsZero() || i.Name() == "" || i.Approved != (c.options.Foreign == nil)) {
			t.Errorf("%s: %+v", c.name, i)
		}
	}
	_, err = Read([]string{good, twin}, Options{}, everyWorld{})
	expect(t, "twice", err, exitcode.Usage, good+" and "+twin+" are the same package; nothing was sent")
	again := packedAgain(t, v)
	b, err := Read([]string{good, again}, Options{}, everyWorld{})
	if err != nil {
		t.Fatal(err)
	}
	expect(t, "one name", b.Items()[1].Err, exitcode.Usage, good+" and "+again+" are both for the key good")
}

// TestWorlds asks about a world once, and ends where the person does.
func TestWorlds(t *testing.T) {
	t.Parallel()
	v := practice.Start(t, rehearsal.Config{})
	files, err := Find([]string{packages(t, v, 3)})
	if err != nil {
		t.Fatal(err)
	}
	unknown := &noWorld{err: exitcode.Errorf(exitcode.Refused, "not known")}
	b, err := Read(files, Options{}, unknown)
	if err != nil || unknown.asked != 1 {
		t.Fatalf("asked %d times, %v", unknown.asked, err)
	}
	for _, i := range b.Items() {
		expect(t, i.File, i.Err, exitcode.Refused, i.File+": not known")
		if i.Approved || i.Name() != "" {
			t.Errorf("%s: %+v", i.File, i)
		}
	}
	gone := &noWorld{err: context.Canceled}
	_, err = Read(files, Options{}, gone)
	expect(t, "interrupted", err, exitcode.Interrupted, files[0]+": context canceled")
	another := everyOther{}
	b, err = Read(files[:1], Options{}, another)
	if err != nil || exitcode.Of(b.Err()) != exitcode.Check {
		t.Errorf("another world: %v, %v", err, b.Err())
	}
}

// everyOther trusts, for every world, another one.
type everyOther struct{}

func (everyOther) Trust(worlds.Claim, string) (worlds.World, error) {
	return worlds.World{HKNSO: []worlds.Entry{{SHA256: fingerprint.Of([]byte("another"))}}}, nil
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, data, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}
