package renewal

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"byok/internal/ceremony"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/register"
	"byok/internal/stamp"
	"byok/internal/statement"
	"byok/internal/testkit/rig"
	"byok/internal/worlds"
)

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
	if !slices.Equal(read, []string{good}) || len(c.packages) != 1 {
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
