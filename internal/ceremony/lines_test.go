package ceremony

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
)

// headByHand is the head of a log, read whole.
func headByHand(data string) (h Head) {
	if data == "" {
		return h
	}
	lines := strings.Split(strings.TrimSuffix(data, "\n"), "\n")
	from := len(lines) - 1
	for from > 0 && torn([]byte(lines[from])) {
		from--
	}
	return Head{len(lines), fingerprint.Of([]byte(strings.Join(lines[from:], "\n")))}
}

// TestHeadOfAnyLog: whoever appends sees only the end of a log, and whoever checks it
// reads it in blocks. Both have the head that the whole of it has.
func TestHeadOfAnyLog(t *testing.T) {
	long := func(n int) string { return `{"a":"` + strings.Repeat("x", n) + `"}` }
	for _, c := range []struct{ name, data string }{
		{"empty", ""},
		{"one line", "{}\n"},
		{"without its end", "{}"},
		{"an empty line", "\n"},
		{"empty lines behind a whole one", "{}\n\n\n"},
		{"empty lines alone", "\n\n\n"},
		{"a torn line", "{}\n{\"a"},
		{"torn lines", "{}\n{\"a\n{\n{\"b\n"},
		{"torn lines alone", "{\n{\n{"},
		{"a whole one behind them", "{\n{\n{}\n"},
		{"a block and its end", long(block-9) + "\n"},
		{"more than a block", long(block) + "\n"},
		{"three blocks, torn", "{}\n" + long(3 * block)[:3*block] + "\n{"},
		{"an end on the edge of a block", long(block-10) + "\n{}\n{}\n"},
		{"many lines", strings.Repeat(long(1000)+"\n", 1000)},
		{"many lines and a torn one", strings.Repeat(long(1000)+"\n", 1000) + long(2 * block)[:block]},
	} {
		want := headByHand(c.data)
		got, _, err := headOf(section([]byte(c.data)))
		if err != nil || got != want {
			t.Errorf("%s: head of %d lines, %v; want %d", c.name, got.Lines, err, want.Lines)
		}
		var chain link
		text := newLines(strings.NewReader(c.data), int64(len(c.data)))
		for line, _, err := text.next(); err == nil; line, _, err = text.next() {
			chain.add(line, torn(line))
		}
		if chain.head() != want {
			t.Errorf("%s: read line by line, %d lines; want %d", c.name, chain.head().Lines, want.Lines)
		}
	}
}

// TestEach: events go to who takes them, and are not kept.
func TestEach(t *testing.T) {
	dir := newLog(t, 6)
	var numbers []int
	var size int64
	r, err := Reading{
		Each:     func(e Event) { numbers = append(numbers, e.Seq) },
		Progress: func(n int64) { size += n },
	}.Check(dir)
	if err != nil || r.Count != 6 || len(numbers) != 6 || numbers[5] != 6 || r.Events != nil {
		t.Errorf("%d events, %v, %v", r.Count, numbers, err)
	}
	if want := int64(len(content(t, dir))); size != want {
		t.Errorf("%d bytes of %d", size, want)
	}
}

// TestWholeLog: what befalls a file of many blocks is seen without keeping it.
func TestWholeLog(t *testing.T) {
	dir := newLog(t, 2)
	good := content(t, dir)
	for _, c := range []struct{ name, data, want string }{
		{"zeros", strings.Repeat("\x00", 3*block),
			"nothing but zero bytes; the record was overwritten, or its medium lost it"},
		{"zeros and a line", strings.Repeat("\x00", 2*block) + "\n" + good,
			"line 1: zero bytes; the record was overwritten there, or its medium lost it"},
		{"text mode", strings.ReplaceAll(good, "\n", "\r\n"), "its lines end in CR LF: it was copied in text mode"},
		{"text mode at the end", strings.TrimSuffix(good, "\n") + "\r\n",
			"line 2: not as the program writes it; the log was altered there"},
	} {
		setContent(t, dir, c.data)
		_, err := Read(dir)
		wantErr(t, c.name, dir, err, exitcode.Check, "DIR/local/ceremony.jsonl: "+c.want)
	}
}

// gone is a log that cannot be read from some byte on.
type gone struct {
	io.ReaderAt
	from int64
}

var errGone = errors.New("input/output error")

func (g gone) ReadAt(p []byte, at int64) (int, error) {
	if at+int64(len(p)) > g.from {
		return 0, errGone
	}
	return g.ReaderAt.ReadAt(p, at)
}

// TestUnreadable: a log whose medium fails is neither good nor altered.
func TestUnreadable(t *testing.T) {
	data := []byte(strings.Repeat("x", 3*block) + "\n")
	at := func(from int64) *io.SectionReader {
		return io.NewSectionReader(gone{bytes.NewReader(data), from}, 0, int64(len(data)))
	}
	for _, from := range []int64{0, 10, block, 2 * block, int64(len(data)) - 1} {
		if _, _, err := headOf(at(from)); !errors.Is(err, errGone) {
			t.Errorf("the head, from byte %d: %v", from, err)
		}
		if _, err := newScan("log", Reading{}, 0).read(at(from)); !errors.Is(err, errGone) {
			t.Errorf("the whole, from byte %d: %v", from, err)
		}
	}
}

// TestTimeBefore: the time of the last whole event, if it has one.
func TestTimeBefore(t *testing.T) {
	when := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, c := range []struct {
		data string
		want time.Time
	}{
		{`{"time":"2026-01-02T03:04:05Z","later":1}` + "\n{", when},
		{`{"time":5}`, time.Time{}},
		{"{", time.Time{}},
	} {
		if _, got, err := headOf(section([]byte(c.data))); err != nil || !got.Equal(c.want) {
			t.Errorf("%s: %v, %v", c.data, got, err)
		}
	}
}
