package record_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"byok/internal/ceremony"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/record"
	"byok/internal/stamp"
	"byok/internal/testkit/held"
)

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// seal appends a seal to a log.
func seal(t *testing.T, dir string, s ceremony.Seal) {
	t.Helper()
	log, err := ceremony.Open(dir)
	check(t, err)
	e := ceremony.Event{Time: stamp.Now(), Program: "byok-offline", Version: "1", Command: "ceremony seal", Began: 1}
	_, err = log.Seal(e, func(ceremony.Head) (ceremony.Seal, error) { return s, nil })
	check(t, err)
}

// edit replaces a text in a file.
func edit(t *testing.T, path, old, text string) {
	t.Helper()
	data, err := os.ReadFile(path)
	check(t, err)
	if !bytes.Contains(data, []byte(old)) {
		t.Fatalf("%s does not hold %q", path, old)
	}
	check(t, os.WriteFile(path, bytes.Replace(data, []byte(old), []byte(text), 1), 0o600))
}

// TestCheck holds a log to what its world and its modules signed.
func TestCheck(t *testing.T) {
	h := held.Hold(t)
	c, err := record.Check(h.Dir)
	check(t, err)
	if c.Chain == nil || c.Seals != 1 || len(c.Events) != 11 {
		t.Errorf("%d seals, %d events", c.Seals, len(c.Events))
	}
	const log = "local/ceremony.jsonl"
	for _, c := range []struct {
		name   string
		damage func(t *testing.T, h held.Ceremony)
		want   string // behind the log's path and ": "
		events int    // that can be shown
	}{
		{"a command renamed", func(t *testing.T, h held.Ceremony) {
			edit(t, filepath.Join(h.Dir, log), `"command":"key generate"`, `"command":"key genarate"`)
		}, "line 6: does not carry the hash of line 5; the log was altered there or before", 5},
		{"a statement changed", func(t *testing.T, h held.Ceremony) {
			edit(t, filepath.Join(h.Dir, "local/world"), `"label": "Contoso"`, `"label": "Contosa"`)
		}, "", 11},
		{"a seal of another key", func(t *testing.T, h held.Ceremony) {
			kml := h.KML[h.Module()]
			sig, err := kml.Sign([]byte("another text"))
			check(t, err)
			seal(t, h.Dir, ceremony.Seal{Module: h.Module(), KML: kml.Sum(), Signature: sig})
		}, "line 12: the seal does not hold: ", 12},
		{"a seal of an unknown module", func(t *testing.T, h held.Ceremony) {
			seal(t, h.Dir, ceremony.Seal{Module: strings.Repeat("0", 32), Signature: []byte("x")})
		}, "line 12: the seal does not hold: no statement certifies the module signing key that made it", 12},
		{"a seal of an earlier key", func(t *testing.T, h held.Ceremony) {
			seal(t, h.Dir, ceremony.Seal{Module: h.Module(), KML: fingerprint.Of(nil), Signature: []byte("x")})
		}, "line 12: the seal does not hold: no statement certifies the module signing key that made it", 12},
	} {
		h := held.Hold(t)
		c.damage(t, h)
		got, err := record.Check(h.Dir)
		want := filepath.Join(h.Dir, log) + ": " + c.want
		if c.want == "" {
			want = filepath.Join(h.Dir, "local/world")
		}
		if err == nil || !strings.HasPrefix(err.Error(), want) || exitcode.Of(err) != exitcode.Check {
			t.Errorf("%s: status %d, %v\nwant %s", c.name, exitcode.Of(err), err, want)
		}
		if len(got.Events) != c.events {
			t.Errorf("%s: %d events can be shown", c.name, len(got.Events))
		}
	}
}

// TestWithoutWorld: a log is judged by itself where there is no world, and a seal
// has nothing to be held to.
func TestWithoutWorld(t *testing.T) {
	dir := t.TempDir()
	log, err := ceremony.Open(dir)
	check(t, err)
	e := ceremony.Event{Time: stamp.Now(), Program: "byok-offline", Version: "1", Command: "key list", Phase: ceremony.Begin}
	_, err = log.Append(e)
	check(t, err)
	c, err := record.Check(dir)
	if err != nil || c.Chain != nil || len(c.Events) != 1 {
		t.Errorf("%v, %+v", err, c)
	}
	seal(t, dir, ceremony.Seal{Module: "m", Signature: []byte("x")})
	_, err = record.Check(dir)
	want := filepath.Join(dir, "local/ceremony.jsonl") +
		": line 2: the seal does not hold: there is no security world here that certifies its module"
	if err == nil || err.Error() != want {
		t.Errorf("%v\nwant %s", err, want)
	}
	if _, err := record.Check(t.TempDir()); err == nil {
		t.Error("a folder without a log is a record")
	}
}

// TestPrograms lists the programs of statements and logs, each once.
func TestPrograms(t *testing.T) {
	h := held.Hold(t)
	c, err := record.Check(h.Dir)
	check(t, err)
	other := []ceremony.Event{
		{Program: "byok-online", Version: "2", Phase: ceremony.Begin},
		{Program: "byok-online", Version: "2", Phase: ceremony.Begin},
		{Program: "byok-online", Version: "3", Phase: ceremony.End},
	}
	var all []string
	for _, p := range c.Programs(other) {
		all = append(all, p.String())
	}
	signed := c.Chain.World().Program
	want := []string{
		"byok-offline " + signed.Version + ", SHA-256 " + signed.SHA256.String(),
		"byok-offline 1, SHA-256 " + fingerprint.Of([]byte("byok-offline")).String(),
		"byok-online 2, whose SHA-256 was not recorded",
	}
	if !slices.Equal(all, want) {
		t.Errorf("%q\nwant %q", all, want)
	}
}
