package ceremony

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"byok/internal/strictjson"
)

// FuzzRead: no log makes Read fail in any other way than with an error; what
// it takes is a chain by other code too, its events encode and decode to
// themselves, and the log can be gone on with.
func FuzzRead(f *testing.F) {
	seeds, err := os.ReadDir("testdata/logs")
	if err != nil || len(seeds) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	for _, s := range seeds {
		data, err := os.ReadFile("testdata/logs/" + s.Name())
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(data))
	}
	dir := newLog(f, 0)
	f.Fuzz(func(t *testing.T, data string) {
		r, err := Parse("log", []byte(data))
		if err != nil {
			return
		}
		if err := chainHolds(data); err != nil {
			t.Errorf("taken, but %v", err)
		}
		for _, e := range r.Events {
			wantSame(t, e)
		}
		setContent(t, dir, data)
		appendEvents(t, &Log{Path(dir)}, 1, 1)
		if again := read(t, dir); len(again.Events) != len(r.Events)+
			1 || again.Events[len(r.Events)].Previous != r.Head.SHA256 {
			t.Errorf("after one more event: %+v", again)
		}
	})
}

func wantSame(t *testing.T, e Event) {
	t.Helper()
	line, err := encode(e)
	if err != nil {
		t.Fatal(err)
	}
	var again Event
	if err := strictjson.Unmarshal("again", line, MaxEvent, &again); err != nil {
		t.Fatal(err)
	}
	twice, err := encode(again)
	if err != nil || string(twice) != string(line) || again.Seq != e.Seq || !again.Time.Equal(e.Time) ||
		!reflect.DeepEqual(again.Arguments, e.Arguments) {
		t.Errorf("%s\nbecame %s (%v)", line, twice, err)
	}
}

// chainHolds follows the chain as a script would, with encoding/json.
func chainHolds(data string) error {
	if data == "" {
		return nil
	}
	previous, covered := strings.Repeat("0", 64), ""
	for i, line := range strings.Split(strings.TrimSuffix(data, "\n"), "\n") {
		var e struct {
			Seq      int
			Previous string
		}
		if !json.Valid([]byte(line)) {
			covered += "\n" + line
			if i == 0 {
				covered = line
			}
			previous = hexSum(covered)
			continue
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			return err
		}
		if e.Seq != i+1 || e.Previous != previous && (i > 0 || e.Previous != "") {
			return fmt.Errorf("line %d is number %d and carries %s, not %s", i+1, e.Seq, e.Previous, previous)
		}
		covered, previous = line, hexSum(line)
	}
	return nil
}

func hexSum(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}
