//go:build linux

package ceremonytest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// envelope is what --output json prints, as docs and scripts know it.
type envelope struct {
	Command string          `json:"command"`
	Result  string          `json:"result"`
	Status  int             `json:"status"`
	Error   string          `json:"error"`
	Hint    string          `json:"hint"`
	Data    json.RawMessage `json:"data"`
}

// answers is exits with --output json behind the words.
func answers(ts *testscript.TestScript, args []string) {
	exits(ts, append(args, "--output", "json"))
	_, p := invocation(ts, args)
	ts.Check(of(ts).last.checkEnvelope(p))
}

// checkEnvelope judges stdout with encoding/json, not with our own decoder.
func (o outcome) checkEnvelope(p process) error {
	var e envelope
	d := json.NewDecoder(bytes.NewReader([]byte(o.out)))
	d.DisallowUnknownFields()
	if err := d.Decode(&e); err != nil {
		return fmt.Errorf("stdout is not an envelope: %w", err)
	}
	if d.More() || !strings.HasSuffix(o.out, "}\n") {
		return errors.New("stdout has more than the envelope, or no line end")
	}
	result := "SUCCESS"
	if o.status != 0 {
		result = "FAILURE"
	}
	switch {
	case e.Status != o.status || e.Result != result:
		return fmt.Errorf("the envelope says %s and %d, the status is %d", e.Result, e.Status, o.status)
	case !strings.HasPrefix(strings.Join(p.words, " ")+" ", e.Command+" "):
		return fmt.Errorf("the envelope says command %q", e.Command)
	case said(o.err, "error: ") != e.Error || o.status != 0 && said(o.err, "hint: ") != e.Hint:
		return fmt.Errorf("the envelope says error %q and hint %q, stderr %q", e.Error, e.Hint, o.err)
	case o.status == 0 && !strings.HasSuffix(e.Command, "-pin") && (len(e.Data) == 0 || e.Data[0] != '{'):
		return errors.New("the envelope has no data")
	}
	return nil
}

// said is the texts of the messages of a kind, each on its line.
func said(messages, kind string) string {
	var texts []string
	for line := range strings.Lines(messages) {
		if _, text, found := strings.Cut(strings.TrimSuffix(line, "\n"), ": "+kind); found {
			texts = append(texts, text)
		}
	}
	return strings.Join(texts, "\n")
}
