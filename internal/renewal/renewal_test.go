package renewal

import (
	"context"
	"crypto"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"byok/internal/approval"
	"byok/internal/azure"
	"byok/internal/ceremony"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/kek"
	"byok/internal/keykind"
	"byok/internal/kmdata"
	"byok/internal/proof"
	"byok/internal/register"
	"byok/internal/stamp"
	"byok/internal/statement"
	"byok/internal/testkit/rig"
	"byok/internal/testkit/softworld"
	"byok/internal/transfer"
	"byok/internal/vault"
	"byok/internal/worlds"
)

const (
	here  = "https://contoso.vault.azure.net"
	there = "https://fabrikam.vault.azure.net"
)

// fake is the vaults of a test: keys by vault and name, or what each answers.
type fake struct {
	keys    map[string]vault.Key // by vault and name, and by vault, name and version
	fails   map[string]error     // by the same, or by vault
	deleted map[string]vault.Deleted
	lies    bool // it signs with another key
	stop    func()
	asked   []string
}

// at is one vault of them.
type at struct {
	*fake
	url string
}

func refusal(status int) error {
	return exitcode.Mark(exitcode.Vault, &azure.Error{Text: "refused", Status: status})
}

func (a at) Key(_ context.Context, name, version string) (vault.Key, error) {
	place := strings.TrimSuffix(a.url+" "+name+" "+version, " ")
	a.asked = append(a.asked, place)
	for _, failing := range []string{a.url, place} {
		if err := a.fails[failing]; err != nil {
			return vault.Key{}, err
		}
	}
	if k, found := a.keys[place]; found {
		return k, nil
	}
	return vault.Key{}, refusal(http.StatusNotFound)
}

func (a at) ProveTo(_ context.Context, k vault.Key, e vault.Expected, _ []byte) (proof.Proof, error) {
	if a.lies || e.PublicKey != nil && !keykind.SamePublicKey(e.PublicKey, k.PublicKey) {
		return proof.Proof{}, exitcode.Errorf(exitcode.Check, "key %v is another key", k.ID)
	}
	if a.stop != nil {
		a.stop()
	}
	return proof.New(k.ID, kek.Production, stamp.Now()), nil
}

func (a at) Find(_ context.Context, name string, e vault.Expected) (vault.Key, bool, error) {
	for place, k := range a.keys {
		if strings.HasPrefix(place, a.url+" "+name+" ") && keykind.SamePublicKey(e.PublicKey, k.PublicKey) {
			return k, true, nil
		}
	}
	return vault.Key{}, false, a.fails["find"]
}

func (a at) Copies(context.Context, kek.ID, vault.Import) (vault.Copies, error) {
	return vault.Copies{}, a.fails["copies"]
}

func (a at) Deleted(_ context.Context, name string) (vault.Deleted, bool, error) {
	d, held := a.deleted[a.url+" "+name]
	return d, held, nil
}

// trusting is a person who vouched for every world but those.
type trusting struct {
	fake    map[string]error
	asked   int
	refused fingerprint.Sum // hknso of cards that were replaced
}

func (w *trusting) Trust(c worlds.Claim, _ string) (worlds.World, error) {
	w.asked++
	if err := w.fake[c.Label]; err != nil {
		return worlds.World{}, err
	}
	if c.Current == w.refused {
		return worlds.World{}, exitcode.Errorf(exitcode.Refused, "its cards were replaced")
	}
	return worlds.World{Label: c.Label, First: c.First, HKNSO: []worlds.Entry{{SHA256: c.Current}}}, nil
}

// play is a world, its packages in a folder, and the vaults.
type play struct {
	*softworld.World
	*fake
	t      *testing.T
	dir    string
	keks   map[string]softworld.KEK
	keys   map[string]softworld.Key
	log    []ceremony.Event
	worlds *trusting
	proofs []string
	old    *statement.Replaced // that what is packed follows; nil for none
}

func begin(t *testing.T) *play {
	t.Helper()
	w, err := softworld.New(filepath.Join(t.TempDir(), "kmdata"), softworld.Options{Label: "Contoso"})
	rig.OK(t, err)
	p := &play{
		World: w, t: t, dir: t.TempDir(), worlds: &trusting{fake: map[string]error{}},
		fake: &fake{
			keys: map[string]vault.Key{}, fails: map[string]error{}, deleted: map[string]vault.Deleted{},
		},
		keks: map[string]softworld.KEK{}, keys: map[string]softworld.Key{},
	}
	for _, url := range []string{here, there} {
		p.keks[url], err = softworld.NewKEK(url)
		rig.OK(t, err)
		p.hold(url, p.keks[url].ID.Name, 9, nil, kek.OpImport)
	}
	return p
}

// hold puts a key into a vault, as the current version.
func (p *play) hold(url, name string, digit int, public crypto.PublicKey, ops ...string) vault.Key {
	k := vault.Key{
		ID:        kek.ID{Vault: url, Name: name, Version: strings.Repeat(string(rune('0'+digit)), 32)},
		PublicKey: public, Ops: ops, Enabled: true,
	}
	p.fake.keys[url+" "+name], p.fake.keys[url+" "+name+" "+k.ID.Version] = k, k
	return k
}

// pack generates the key where there is none, has it approved and packs it.
func (p *play) pack(ident, kind, url, name string) string {
	p.t.Helper()
	if _, made := p.keys[ident]; !made {
		of, err := keykind.Parse(kind)
		rig.OK(p.t, err)
		p.keys[ident], err = softworld.NewKey(of)
		rig.OK(p.t, err)
		_, err = p.GenerateAfter(p.old, ident, p.keys[ident])
		rig.OK(p.t, err)
	}
	copies, err := p.Transfer(softworld.Request{
		Ident: ident, Key: p.keys[ident], KEK: p.keks[url], Name: name,
		Change: func(a *statement.Approval) { a.Replaces = p.old },
	})
	rig.OK(p.t, err)
	made, err := transfer.Make(p.Chain, transfer.Request{
		Copy: copies[0], SubscriptionID: "00000000-0000-0000-0000-000000000000", Generator: "test",
	}, p.KML[p.Module()])
	rig.OK(p.t, err)
	folder := filepath.Join(p.dir, copies[0].Name())
	rig.OK(p.t, os.MkdirAll(folder, 0o755))
	paths, err := made.Write(folder)
	rig.OK(p.t, err)
	return paths[0]
}

// uploaded puts the key of a package into its vault, as the approval has it.
func (p *play) uploaded(ident, url, name string, digit int) vault.Key {
	ops := []string{"sign", "verify"}
	if p.keys[ident].Public() == nil {
		ops = []string{"encrypt", "decrypt", "wrapKey", "unwrapKey"}
	}
	return p.hold(url, name, digit, p.keys[ident].Public(), ops...)
}

func (p *play) collect() *Collection {
	p.t.Helper()
	files, err := register.Find([]string{p.dir})
	rig.OK(p.t, err)
	c, err := Gather(files, p.log, p.worlds)
	rig.OK(p.t, err)
	return c
}

func (p *play) renew(ctx context.Context, change ...func(*Renewer)) Outcome {
	p.t.Helper()
	r := Renewer{
		Open: func(a approval.Package) (Vault, error) {
			if err := p.fails["open "+a.Approved().Vault]; err != nil {
				return nil, err
			}
			return at{p.fake, a.Approved().Vault}, nil
		},
		Write: func(file string, answer proof.Proof) (string, error) {
			p.proofs = append(p.proofs, filepath.Base(file))
			return ProofName(filepath.Base(file), answer), p.fails["write"]
		},
		Say: func(Entry) {},
	}
	for _, c := range change {
		c(&r)
	}
	return r.Renew(ctx, p.collect())
}

// lines are the entries in words, one a line.
func lines(o Outcome) string {
	var all []string
	for _, e := range o.Entries {
		all = append(all, e.Name()+": "+string(e.Result)+": "+e.Detail)
	}
	return strings.Join(all, "\n")
}

// exchanges are the KEKs in words.
func exchanges(o Outcome) string {
	var all []string
	for _, k := range o.KEKs {
		all = append(all, kek.HostOf(k.KID.Vault)+" "+string(k.State)+": "+k.Detail)
	}
	return strings.Join(all, "\n")
}

// TestRenew: what came of each key, whatever the vaults do.
func TestRenew(t *testing.T) {
	gone := refusal(http.StatusNotFound).Error()
	for _, c := range []struct {
		name   string
		change func(*play)
		want   string
		status exitcode.Code
	}{
		{"proved", func(*play) {}, "One in " + here + ": proved: \nTwo in " + there + ": proved: ", exitcode.Done},
		{"a vault that does not answer", func(p *play) { p.fails[here] = refusal(0) },
			"One in " + here + ": FAILED: refused\nTwo in " + there + ": proved: ", exitcode.Vault},
		{"a vault that the account may not use", func(p *play) { p.fails["open "+here] = refusal(http.StatusForbidden) },
			"One in " + here + ": FAILED: refused (HTTP 403)\nTwo in " + there + ": proved: ", exitcode.Vault},
		{"another key, and a vault that fails", func(p *play) {
			p.hold(there, "Two", 2, p.keys["one"].Public(), "sign", "verify")
			p.fails[here] = refusal(http.StatusBadGateway)
		}, "One in " + here + ": FAILED: refused (HTTP 502)\nTwo in " + there + ": FAILED: key " + there + "/keys/Two/" +
			strings.Repeat("2", 32) + " is another key", exitcode.Check},
		{"other operations", func(p *play) { p.hold(here, "One", 1, p.keys["one"].Public(), "sign") },
			"One in " + here + ": FAILED: key " + here + "/keys/One/" + strings.Repeat("1", 32) +
				": KEY-OPS: sign where the quorum approved sign, verify\nTwo in " + there + ": proved: ", exitcode.Check},
		{"never uploaded", func(p *play) { delete(p.fake.keys, here+" One") },
			"One in " + here + ": FAILED: " + gone + "; no upload of it is in the record\nTwo in " + there + ": proved: ",
			exitcode.Vault},
		{"deleted", func(p *play) {
			delete(p.fake.keys, here+" One")
			p.deleted[here+" One"] = vault.Deleted{DeletedAt: time.Unix(0, 0).UTC(), PurgeAt: time.Unix(86400, 0).UTC()}
		}, "One in " + here + ": FAILED: " + gone + "; it was deleted on 1970-01-01T00:00:00Z\nTwo in " + there +
			": proved: ", exitcode.Vault},
		{"purged", func(p *play) {
			delete(p.fake.keys, here+" One")
			p.logged("upload", "key", here+"/keys/One/"+strings.Repeat("1", 32))
		}, "One in " + here + ": FAILED: " + gone + "\nTwo in " + there + ": proved: ", exitcode.Vault},
		{"no room for the proof", func(p *play) { p.fails["write"] = exitcode.Errorf(exitcode.Failed, "disk full") },
			"One in " + here + ": FAILED: disk full\nTwo in " + there + ": FAILED: disk full", exitcode.Failed},
	} {
		p := begin(t)
		p.pack("one", "P-256", here, "One")
		p.pack("two", "P-256", there, "Two")
		p.uploaded("one", here, "One", 1)
		p.uploaded("two", there, "Two", 2)
		c.change(p)
		o := p.renew(context.Background())
		got := strings.ReplaceAll(lines(o), signedAs, "")
		if got != c.want || exitcode.Of(o.Err()) != c.status {
			t.Errorf("%s: status %d\n got\n%s\nwant\n%s", c.name, exitcode.Of(o.Err()), got, c.want)
		}
		if n := o.Count(Proved); c.status != exitcode.Failed && n != len(p.proofs) {
			t.Errorf("%s: %d proofs of %d keys", c.name, len(p.proofs), n)
		}
	}
}

// signedAs is what readback says of the proofs of the fake vault, which name no
// method.
const signedAs = " ()"

// logged adds to the connected workstation's log what a command noted of every
// package in the folder.
func (p *play) logged(command, note, value string) {
	p.t.Helper()
	files, err := register.Find([]string{p.dir})
	rig.OK(p.t, err)
	e := ceremony.Event{Time: stamp.Now(), Command: command, Phase: ceremony.End, Result: ceremony.Success}
	for _, file := range files.Packages {
		data, err := os.ReadFile(file)
		rig.OK(p.t, err)
		e.AddInput(file, fingerprint.Of(data))
	}
	e.AddNote(note, value)
	p.log = append(p.log, e)
}

// TestVaultIsAskedOnce: a vault that does not answer is not asked about the next
// key, and one vault alone may be asked.
func TestVaultIsAskedOnce(t *testing.T) {
	p := begin(t)
	for _, ident := range []string{"one", "two"} {
		p.pack(ident, "P-256", here, ident)
		p.uploaded(ident, here, ident, 1)
	}
	p.pack("three", "P-256", there, "three")
	p.uploaded("three", there, "three", 1)
	p.fails[here] = refusal(http.StatusServiceUnavailable)
	o := p.renew(context.Background())
	if got := lines(o); !strings.Contains(got, "two in "+here+": FAILED: not asked, because the vault had failed\nthree in ") ||
		!strings.Contains(exchanges(o), "contoso.vault.azure.net not known: \n") {
		t.Errorf("%s\n%s", got, exchanges(o))
	}
	delete(p.fails, here)
	o = p.renew(context.Background(), func(r *Renewer) { r.Vault = here })
	if len(o.Entries) != 2 || o.Elsewhere != 1 || len(o.KEKs) != 1 || o.Err() != nil {
		t.Errorf("%s\n%v", lines(o), o.Err())
	}
}

// TestInterrupted: what was not asked about is said, and the status is 130.
func TestInterrupted(t *testing.T) {
	p := begin(t)
	for _, ident := range []string{"one", "two"} {
		p.pack(ident, "P-256", here, ident)
		p.uploaded(ident, here, ident, 1)
	}
	ctx, cancel := context.WithCancel(context.Background())
	p.stop = cancel
	o := p.renew(ctx)
	err := o.Err()
	if o.Count(Proved) != 1 || o.Count(NotAsked) != 1 || exitcode.Of(err) != exitcode.Interrupted ||
		err.Error() != "interrupted: 1 of 2 keys were not asked about" || exchanges(o) != "contoso.vault.azure.net not known: " {
		t.Errorf("%v\n%s\n%s", err, lines(o), exchanges(o))
	}
	p.stop, p.fails["copies"] = nil, context.Canceled
	if o = p.renew(context.Background()); o.Count(NotAsked) != 2 {
		t.Error(lines(o))
	}
}

// TestAccordingToTheRecord: what the record says is gone is no failure, and of
// two approvals the newest counts.
func TestAccordingToTheRecord(t *testing.T) {
	p := begin(t)
	p.pack("one", "P-256", here, "One")
	p.pack("one", "P-256", here, "one")
	last := p.pack("one", "P-256", here, "Another")
	p.pack("two", "AES-256", here, "Two")
	p.uploaded("one", here, "one", 1)
	p.uploaded("one", here, "Another", 1)
	p.uploaded("two", here, "Two", 2)
	two, err := p.Chain.Key("two")
	rig.OK(t, err)
	record := &kmdata.Retired{
		Signed: p.Chain.NewSigned(kmdata.TypeRetired, p.Module()), Ident: "two", Identity: two.Identity, Destroyed: 1,
	}
	rig.OK(t, p.Chain.WriteRetired(record, p.KML[p.Module()]))
	rig.OK(t, os.CopyFS(filepath.Join(p.dir, "disconnected"), os.DirFS(p.Dir)))
	o := p.renew(context.Background())
	if got := o.Count(Proved); got != 3 || o.Count(Superseded) != 1 || o.Err() != nil || o.Entries[0].Result != Superseded {
		t.Errorf("%v\n%s", o.Err(), lines(o))
	}
	delete(p.fake.keys, here+" Two")
	o = p.renew(context.Background())
	if e := o.Entries[3]; e.Result != Gone || e.Detail != "retired on "+stamp.Text(record.Created) || o.Err() != nil {
		t.Errorf("%v\n%s", o.Err(), lines(o))
	}
	// The record of a world that is not the packages' is no record.
	rig.OK(t, os.RemoveAll(filepath.Join(p.dir, "disconnected")))
	other := begin(t)
	rig.OK(t, os.CopyFS(filepath.Join(p.dir, "disconnected"), os.DirFS(other.Dir)))
	if o = p.renew(context.Background()); o.Count(Failed) != 1 {
		t.Error(lines(o))
	}
	rig.OK(t, os.WriteFile(filepath.Join(p.dir, "disconnected", "local", "world"), []byte("torn"), 0o600))
	if o = p.renew(context.Background()); o.Count(Failed) != 1 {
		t.Error(lines(o))
	}
	if !slices.Contains(p.proofs, filepath.Base(last)) {
		t.Errorf("%v", p.proofs)
	}
}

// TestKEKs: how each stands, by the record and by the vault.
func TestKEKs(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*play)
		want   string
		fails  bool
	}{
		{"open for ever", func(*play) {}, "open: it never expires", false},
		{"open until", func(p *play) { p.expires(time.Unix(4102444800, 0)) }, "open: until 2100-01-01T00:00:00Z", false},
		{"expired", func(p *play) { p.expires(time.Unix(86400, 0)) }, "open: expired on 1970-01-02T00:00:00Z", false},
		{"gone", func(p *play) { p.closed() }, "gone: no longer in the vault; the record does not say who deleted it", false},
		{"closed", func(p *play) {
			p.closed()
			p.logged("kek delete", register.NoteClosed, p.keks[here].ID.String())
		}, "closed: on TIME", false},
		{"closed, and recovered", func(p *play) {
			p.logged("kek delete", register.NoteClosed, p.keks[here].ID.String())
		}, "REOPENED: closed on TIME, and the vault has it again", true},
		{"disabled", func(p *play) { p.fails[here+" "+p.keks[here].ID.Name] = refusal(http.StatusForbidden) },
			"not known: refused (HTTP 403)", false},
	} {
		p := begin(t)
		p.pack("one", "P-256", here, "One")
		p.uploaded("one", here, "One", 1)
		c.change(p)
		o := p.renew(context.Background())
		got := exchanges(o)
		if len(p.log) > 0 {
			got = strings.ReplaceAll(got, stamp.Text(p.log[0].Time), "TIME")
		}
		if got != "contoso.vault.azure.net "+c.want || (o.Err() != nil) != c.fails {
			t.Errorf("%s: %s, %v; want %s", c.name, got, o.Err(), c.want)
		}
		if c.fails && (exitcode.Of(o.Err()) != exitcode.Check || exitcode.HintOf(o.Err()) != "find out who recovered it, and "+
			"close it again: byok-online kek delete --vault "+here+" --name "+p.keks[here].ID.Name) {
			t.Errorf("%s: %v, %s", c.name, o.Err(), exitcode.HintOf(o.Err()))
		}
	}
	p := begin(t)
	p.pack("one", "P-256", here, "One")
	p.fails["open "+here] = refusal(http.StatusForbidden)
	if got := exchanges(p.renew(context.Background())); got != "contoso.vault.azure.net not known: refused (HTTP 403)" {
		t.Error(got)
	}
}

// expires changes the KEK's date.
func (p *play) expires(at time.Time) {
	place := here + " " + p.keks[here].ID.Name
	k := p.fake.keys[place]
	k.Expires = at
	p.fake.keys[place] = k
}

// closed takes the KEK out of the vault.
func (p *play) closed() { delete(p.fake.keys, here+" "+p.keks[here].ID.Name) }

// TestGather: a package that cannot be read is one entry, and each world is asked
// about once.
func TestGather(t *testing.T) {
	p := begin(t)
	good := p.pack("one", "P-256", here, "One")
	bad := p.pack("two", "P-256", here, "Two")
	p.uploaded("one", here, "One", 1)
	rig.OK(t, os.WriteFile(bad, []byte("{}"), 0o644))
	rig.OK(t, os.WriteFile(strings.TrimSuffix(bad, ".byok")+".proof-1.json", []byte("{}"), 0o644))
	o := p.renew(context.Background())
	if p.worlds.asked != 1 || len(o.Entries) != 2 || o.Entries[0].Result != Failed ||
		o.Entries[0].Name() != filepath.Base(bad) || o.Count(Proved) != 1 || exitcode.Of(o.Err()) != exitcode.Check || len(o.Strays) > 0 {
		t.Errorf("%d asked; %v\n%s", p.worlds.asked, o.Err(), lines(o))
	}
	c := p.collect()
	var read []string
	c.Inputs(func(path string, _ fingerprint.Sum) { read = append(read, path) })
	if !slices.Equal(read, []string{good}) || c.Packages() != 1 {
		t.Errorf("read %v", read)
	}
	p.worlds.fake["Contoso"] = exitcode.Mark(exitcode.Refused, worlds.ErrUnknown)
	if o = p.renew(context.Background()); o.Count(Failed) != 2 || exitcode.Of(o.Err()) != exitcode.Refused {
		t.Errorf("%v\n%s", o.Err(), lines(o))
	}
	p.worlds.fake["Contoso"] = exitcode.ErrInterrupted
	files, err := register.Find([]string{p.dir})
	rig.OK(t, err)
	if _, err := Gather(files, nil, p.worlds); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if _, err := Gather(register.Files{Proofs: []string{"none.json"}}, nil, p.worlds); exitcode.Of(err) != exitcode.Usage {
		t.Errorf("%v", err)
	}
}

// TestManyFail: twenty are named, and the rest are counted.
func TestManyFail(t *testing.T) {
	var o Outcome
	for range 25 {
		e := Entry{File: "usb/x.byok"}
		e.fail(exitcode.Errorf(exitcode.Vault, "refused"))
		o.Entries = append(o.Entries, e)
	}
	err := o.Err()
	if text := err.Error(); strings.Count(text, "x.byok: refused") != maxNamed ||
		!strings.HasSuffix(text, "\n5 more failed; --output json says why of each") || exitcode.Of(err) != exitcode.Vault {
		t.Error(text)
	}
}

// TestUploaded: what the log says was uploaded, once each, and the proofs that
// are still there.
func TestUploaded(t *testing.T) {
	dir := t.TempDir()
	pack, kept := filepath.Join(dir, "a.byok"), filepath.Join(dir, "kept.json")
	beside := filepath.Join(dir, "a.proof-1.json")
	for _, file := range []string{kept, beside} {
		rig.OK(t, os.WriteFile(file, nil, 0o644))
	}
	event := func(command string, phase ceremony.Phase) ceremony.Event {
		e := ceremony.Event{Command: command, Phase: phase}
		e.AddInput(pack, fingerprint.Sum{})
		e.AddInput("policy.json", fingerprint.Sum{})
		e.AddInput("missing/b.byok", fingerprint.Sum{})
		e.AddOutput(kept, fingerprint.Sum{})
		e.AddOutput("gone.json", fingerprint.Sum{})
		return e
	}
	files := Uploaded([]ceremony.Event{
		event("upload", ceremony.Begin), event("upload", ceremony.End), event("upload", ceremony.End),
		event("verify", ceremony.End), event("toolset build", ceremony.End),
	})
	if !slices.Equal(files.Packages, []string{pack, "missing/b.byok"}) || !slices.Equal(files.Proofs, []string{beside, kept}) {
		t.Errorf("%+v", files)
	}
	if files = Uploaded([]ceremony.Event{event("verify", ceremony.End)}); len(files.Packages) > 0 {
		t.Errorf("%+v", files)
	}
}

// follow packs a key that follows another one under its name.
func (p *play) follow(ident, kind, url, name, old string) {
	p.t.Helper()
	before, err := p.Chain.Key(old)
	rig.OK(p.t, err)
	p.old = &statement.Replaced{Ident: old, Identity: before.Identity}
	p.pack(ident, kind, url, name)
	p.old = nil
}

// TestFollowed: a key that another one followed is asked by its own version, and
// may be gone.
func TestFollowed(t *testing.T) {
	p := begin(t)
	p.pack("old", "P-256", here, "One")
	p.pack("secret", "AES-256", here, "Two")
	p.follow("new", "P-256", here, "One", "old")
	p.follow("fresh", "AES-256", here, "Two", "secret")
	first := p.uploaded("old", here, "One", 1)
	p.uploaded("new", here, "One", 2)
	p.uploaded("secret", here, "Two", 3)
	p.uploaded("fresh", here, "Two", 4)
	o := p.renew(context.Background())
	if o.Count(Proved) != 3 || !o.Entries[0].Report.Key.ID.Equal(first.ID) || o.Err() != nil ||
		o.Entries[1].Result != Gone || o.Entries[1].Detail != "replaced by fresh, by statement "+
		strconv.Itoa(o.Entries[3].Destination.Number) {
		t.Errorf("%v\n%s", o.Err(), lines(o))
	}
	// The version is in the record
	p.logged("upload", "key", first.ID.String())
	p.logged("upload", "key", here+"/keys/Two/"+strings.Repeat("3", 32))
	if o = p.renew(context.Background()); o.Count(Proved) != 4 || o.Err() != nil {
		t.Errorf("%v\n%s", o.Err(), lines(o))
	}
	delete(p.fake.keys, here+" One "+first.ID.Version)
	if o = p.renew(context.Background()); o.Count(Gone) != 1 || o.Count(Proved) != 3 || o.Err() != nil {
		t.Errorf("%v\n%s", o.Err(), lines(o))
	}
	p.log, p.fails["find"] = nil, refusal(http.StatusForbidden)
	if o = p.renew(context.Background()); o.Count(Failed) != 1 || exitcode.Of(o.Err()) != exitcode.Vault {
		t.Errorf("%v\n%s", o.Err(), lines(o))
	}
}

// TestReplacedCards: what was authorized before the world's cards were replaced is
// proved under the new hknso, by the record.
func TestReplacedCards(t *testing.T) {
	p := begin(t)
	p.pack("one", "P-256", here, "One")
	p.uploaded("one", here, "One", 1)
	old := p.Chain.HKNSO()
	rig.OK(t, p.ReplaceCards(p.Module()))
	p.worlds.refused = old
	if o := p.renew(context.Background()); o.Count(Failed) != 1 || exitcode.Of(o.Err()) != exitcode.Refused {
		t.Errorf("%v", o.Err())
	}
	rig.OK(t, os.CopyFS(filepath.Join(p.dir, "disconnected"), os.DirFS(p.Dir)))
	if o := p.renew(context.Background()); o.Count(Proved) != 1 || o.Err() != nil {
		t.Errorf("%v", o.Err())
	}
}
