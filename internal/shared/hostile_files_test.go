package shared_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"byok/internal/ceremony"
	"byok/internal/testkit/hostile"
)

// TestHostileFiles inspects each kind of file with each of its texts made
// hostile, and an event of the log that holds nothing else.
func TestHostileFiles(t *testing.T) {
	dir := kmdataDir(t)
	tried, harmless := 0, 0
	try := func(what string, args ...string) {
		for _, output := range []string{"text", "json"} {
			tried++
			got := run(t, append(args, "--output", output)...)
			if hostile.Check(t, what, got.out+got.err) {
				harmless++
			}
		}
	}
	folder := t.TempDir()
	for name, data := range crossing(t) {
		for i, changed := range hostiles(data) {
			path := write(t, fmt.Sprintf("%s/%d-%s", folder, i, name), string(changed))
			try(fmt.Sprintf("%s, text %d", name, i), "inspect", "--show-words", path)
		}
	}
	for _, typ := range []string{"byok-world", "byok-module", "byok-cards", "byok-origin", "byok-authorization", "byok-seal",
		"byok-key", "byok-retired", "byok-proof", "byok-card-header", "byok-worlds", hostile.Valid()} {
		data, _ := json.Marshal(map[string]any{"type": typ, "version": 1, hostile.Valid(): hostile.Valid(),
			"list": []string{hostile.Valid()}})
		try(typ, "inspect", write(t, folder+"/"+typ[:min(len(typ), 9)], string(data)))
	}
	try("no file", "inspect", folder+"/"+strings.ReplaceAll(hostile.Text, "\x00", ""))
	try("a foreign file", "inspect", write(t, folder+"/a\x1b[2J\nb", "no file of ours"))

	log, err := ceremony.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	e := hostile.Fill[ceremony.Event]()
	e.Seal, e.Began, e.Time = nil, 0, time.Now()
	for _, e.Phase = range []ceremony.Phase{ceremony.Begin, ceremony.End, ceremony.Noted} {
		if _, err := log.Append(e); err != nil {
			t.Fatal(err)
		}
	}
	try("log", "ceremony", "log")
	try("verify", "ceremony", "verify")
	t.Logf("hostile files, shown harmlessly: %d of %d", harmless, tried)
}

// hostiles returns a JSON file again and again, each time with another of its
// texts, or of the names of its fields, made hostile.
func hostiles(data []byte) (changed [][]byte) {
	texts := bytes.Split(data, []byte(`"`))
	if !json.Valid(data) {
		texts = nil
		changed = append(changed, append(slices.Clone(data), hostile.Text...), []byte(hostile.Text))
	}
	for i := 1; i < len(texts); i += 2 {
		for _, raw := range [][]byte{[]byte("\u009b31m\u202e\x7f\u200b"), []byte(`\u001b[2J\nResult: FORGED\nx`), []byte("\x1b[2J\xff\n")} {
			with := slices.Clone(texts)
			with[i] = raw
			changed = append(changed, bytes.Join(with, []byte(`"`)))
		}
	}
	return changed
}
