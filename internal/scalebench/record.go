package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"byok/internal/ceremony"
	"byok/internal/fingerprint"
	"byok/internal/keykind"
	"byok/internal/kmdata"
	"byok/internal/statement"
	"byok/internal/testkit/softworld"
)

// log writes a ceremony log of many lines without syncing each of them.
type log struct {
	file *os.File
	to   *bufio.Writer
	head ceremony.Head
	time time.Time
	err  error
}

func newLog(dir string) (*log, error) {
	if err := os.MkdirAll(kmdata.Local(dir), 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(ceremony.Path(dir), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	return &log{file: f, to: bufio.NewWriterSize(f, 1<<20), time: time.Now().UTC().Truncate(time.Second)}, nil
}

// command adds the begin and the end of a command.
func (l *log) command(name string, arguments ...string) {
	e := ceremony.Event{
		Time: l.time, Program: "byok-offline", Version: "1.0.0", Executable: fingerprint.Of([]byte("program")),
		Command: name, Phase: ceremony.Begin, Arguments: arguments, Operator: "olga@room-12",
	}
	l.add(&e)
	e.Began, e.Phase, e.Executable, e.Result, e.Millis = e.Seq, ceremony.End, fingerprint.Sum{}, ceremony.Success, 20
	e.AddInput("BYOK-KEK-pkg-CONTOSO-1", e.Previous)
	l.add(&e)
}

// add puts an event at the end, numbered and chained.
func (l *log) add(e *ceremony.Event) {
	e.Seq, e.Previous = l.head.Lines+1, l.head.SHA256
	line, err := json.Marshal(*e, json.Deterministic(true), jsontext.AllowInvalidUTF8(true))
	l.head = ceremony.Head{Lines: e.Seq, SHA256: fingerprint.Of(line)}
	_, failed := l.to.Write(append(line, '\n'))
	l.err = errors.Join(l.err, err, failed)
}

func (l *log) close() error { return errors.Join(l.err, l.to.Flush(), l.file.Close()) }

// pairsEach is how many keys one authorization is for.
const pairsEach = statement.MaxPairs

// makeRecord makes a kmdata folder with the files of n keys, each with its origin and a
// copy for one KEK, and a log of at least so many lines.
func makeRecord(dir string, n, lines int) error {
	l, err := newLog(dir)
	if err != nil {
		return err
	}
	l.command("world create")
	at := func() statement.LogHead { return statement.LogHead(l.head) }
	w, err := softworld.New(dir, softworld.Options{Log: at})
	if err != nil {
		return err
	}
	exchange, err := softworld.NewKEK("https://contoso.vault.azure.net")
	if err != nil {
		return err
	}
	var list []softworld.Request
	for i := range n {
		r, err := generate(w, l, fmt.Sprintf("key-%05d", i), exchange)
		if err != nil {
			return err
		}
		if list = append(list, r); len(list) == pairsEach || i == n-1 {
			if _, err := w.Transfer(list...); err != nil {
				return err
			}
			list = nil
		}
	}
	for l.head.Lines < lines {
		l.command("fingerprint", "--kmdata="+dir)
	}
	return l.close()
}

// generate makes a key, and what is asked for it.
func generate(w *softworld.World, l *log, ident string, exchange softworld.KEK) (softworld.Request, error) {
	kind, err := keykind.Parse("P-256")
	if err != nil {
		return softworld.Request{}, err
	}
	key, err := softworld.NewKey(kind)
	if err != nil {
		return softworld.Request{}, err
	}
	l.command("key generate", "--ident="+ident)
	_, err = w.Generate(ident, key)
	return softworld.Request{Ident: ident, Key: key, KEK: exchange}, err
}
