package renewal

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"byok/internal/ceremony"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/kmdata"
	"byok/internal/register"
	"byok/internal/stamp"
	"byok/internal/testkit/rig"
	"byok/internal/vault"
)

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
	if o := p.renew(context.Background()); o.Count(Failed) != 1 || exitcode.Of(o.Err()) != exitcode.Refused ||
		exitcode.HintOf(o.Err()) != "--from a bundle that was made since: its record shows what the old cards approved" {
		t.Errorf("%v, %s", o.Err(), exitcode.HintOf(o.Err()))
	}
	rig.OK(t, os.CopyFS(filepath.Join(p.dir, "disconnected"), os.DirFS(p.Dir)))
	if o := p.renew(context.Background()); o.Count(Proved) != 1 || o.Err() != nil {
		t.Errorf("%v", o.Err())
	}
}
