package upload

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"byok/internal/azure"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/kek"
	"byok/internal/vault"
	"byok/internal/vault/endpoint"
)

// fakeVault answers as its functions say, and by default takes everything.
type fakeVault struct {
	address  endpoint.Address
	checkKEK func(kek.ID) (vault.Key, error)
	deleted  func(name string) (bool, error)
	held     func(vault.Import) (vault.Imported, bool, error)
	imported func(vault.Import) (vault.Imported, error)
	current  func(name string) (vault.Key, error)

	mu    sync.Mutex
	calls []string
}

func (f *fakeVault) call(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, fmt.Sprintf(format, args...))
}

// called lists the calls of a method, sorted.
func (f *fakeVault) called(method string) string {
	var list []string
	for _, c := range f.calls {
		if rest, found := strings.CutPrefix(c, method+" "); found {
			list = append(list, rest)
		}
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}

func (f *fakeVault) Address() endpoint.Address { return f.address }

func (f *fakeVault) CheckKEK(_ context.Context, kid kek.ID, _ fingerprint.Sum) (vault.Key, error) {
	f.call("check %s", kid.Name)
	if f.checkKEK == nil {
		return vault.Key{ID: kid, Bits: 2048}, nil
	}
	return f.checkKEK(kid)
}

func (f *fakeVault) Deleted(_ context.Context, name string) (vault.Deleted, bool, error) {
	f.call("deleted %s", name)
	if f.deleted == nil {
		return vault.Deleted{}, false, nil
	}
	held, err := f.deleted(name)
	return vault.Deleted{Name: name}, held, err
}

func (f *fakeVault) Recover(_ context.Context, name string) error {
	f.call("recover %s", name)
	if name == "unrecoverable" {
		return refusal(409)
	}
	return nil
}

func (f *fakeVault) Held(_ context.Context, i vault.Import) (vault.Imported, bool, error) {
	f.call("held %s", i.Name)
	if f.held == nil {
		return vault.Imported{}, false, nil
	}
	return f.held(i)
}

func (f *fakeVault) Import(_ context.Context, i vault.Import) (vault.Imported, error) {
	f.call("import %s", i.Name)
	if f.imported == nil {
		return vault.Imported{Key: keyOf(i)}, nil
	}
	return f.imported(i)
}

// keyOf is what the vault has after an import.
func keyOf(i vault.Import) vault.Key {
	return vault.Key{ID: keyID(i.Name), Kty: i.Expected.Kty, Ops: i.Ops, Enabled: !i.Disabled}
}

func keyID(name string) kek.ID {
	return kek.ID{Vault: "https://contoso.vault.azure.net", Name: name, Version: "00112233445566778899aabbccddeeff"}
}

// refusal is an answer of the vault.
func refusal(status int) error {
	return exitcode.Mark(exitcode.Vault, &azure.Error{Text: "refused", Status: status})
}

// production is the address of a vault that is not a rehearsal's.
func production(t *testing.T) endpoint.Address {
	t.Helper()
	cloud, err := azure.FindCloud("", azure.CloudOptions{})
	if err != nil {
		t.Fatal(err)
	}
	address, err := endpoint.Parse("https://contoso.vault.azure.net", endpoint.Allow{Cloud: cloud})
	if err != nil {
		t.Fatal(err)
	}
	return address
}

// person is somebody at the terminal who says yes unless told otherwise.
type person struct {
	answer error

	mu     sync.Mutex
	said   []string
	asked  string
	left   []error
	done   int64
	onSend func() // called when the upload begins
}

func (p *person) Say(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.said = append(p.said, fmt.Sprintf(format, args...))
}

func (p *person) Warning(format string, args ...any) { p.Say("warning: "+format, args...) }

func (p *person) Confirm(question string, leftOut []error) error {
	p.asked, p.left = question, leftOut
	return p.answer
}

func (p *person) Progress(what string, _ int64) Progress {
	if p.onSend != nil && what == "uploading" {
		p.onSend()
	}
	return p
}

func (p *person) Add(n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done += n
}

func (p *person) Done() {}

// batchOf makes a batch of packages for one KEK, with these names.
func batchOf(names ...string) *Batch {
	b := &Batch{}
	for _, name := range names {
		b.items = append(b.items, &Item{
			File:     name + ".byok",
			Approved: true,
			kek:      keyID("KEKforBYOK"),
			request:  vault.Import{Name: name, Blob: make([]byte, 10), Ops: []string{"sign", "verify"}},
		})
	}
	return b
}

func newUploader(t *testing.T, v *fakeVault, p *person) *Uploader {
	t.Helper()
	v.address = production(t)
	return &Uploader{Vaults: []Vault{v}, UI: p}
}

// expect fails the test unless err has this status and text; "" for no error.
func expect(t *testing.T, what string, err error, code exitcode.Code, text string) {
	t.Helper()
	got := ""
	if err != nil {
		got = err.Error()
	}
	if got != text || exitcode.Of(err) != code {
		t.Errorf("%s:\n got status %d, %s\nwant status %d, %s", what, exitcode.Of(err), got, code, text)
	}
}

// outcomes is a line an item: its name, and what came of it.
func outcomes(b *Batch) string {
	var lines []string
	for _, i := range b.Items() {
		what := "not sent"
		switch {
		case i.Err != nil:
			what = i.Err.Error()
		case i.Sent():
			what = "sent"
		}
		lines = append(lines, strings.TrimSuffix(i.File, ".byok")+": "+what)
	}
	return strings.Join(lines, "\n")
}
