package download

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"byok/internal/exitcode"
	"byok/internal/term"
)

const (
	maxTries     = 5           // in a row that get no further
	firstPause   = time.Second // before the second try; it doubles
	maxPause     = time.Minute // that a server may ask for
	maxSilence   = time.Minute // of a server in the middle of an answer
	maxRedirects = 5
)

// transfer brings a part to its whole length.
type transfer struct {
	http    *http.Client
	url     *url.URL
	part    *part
	max     int64
	name    string
	console *term.Console
	explain func(error) error
	pause   func(context.Context, time.Duration) error
	stall   time.Duration
}

func (j Job) newTransfer(u *url.URL, p *part) *transfer {
	t := &transfer{
		http:    following(j.HTTP),
		url:     u,
		part:    p,
		max:     j.Max,
		name:    filepath.Base(j.Path),
		console: j.Console,
		explain: j.explain,
		pause:   j.pause,
		stall:   j.stall,
	}
	if t.pause == nil {
		t.pause = sleep
	}
	if t.stall == 0 {
		t.stall = maxSilence
	}
	return t
}

// following follows redirects, which the clients for the vault do not: no
// token goes along, and the hash says whether they led to the right file.
func following(client *http.Client) *http.Client {
	c := *client
	c.CheckRedirect = func(r *http.Request, via []*http.Request) error {
		if len(via) > maxRedirects || r.URL.Scheme != "https" {
			return final{exitcode.Errorf(exitcode.Vault, "%s redirects too often, or away from https", via[0].URL.Host)}
		}
		return nil
	}
	return &c
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return exitcode.ErrInterrupted
	case <-time.After(d):
		return nil
	}
}

// passing is a failure that another try may not meet again.
type passing struct {
	error
	after time.Duration // that the server asks to wait; 0 where it does not
}

func (p passing) Unwrap() error { return p.error }

// run tries until all has arrived, as long as it gets further.
func (t *transfer) run(ctx context.Context) error {
	furthest, tries := t.part.size, 0
	for !t.part.whole() {
		err := t.try(ctx)
		if err == nil {
			continue
		}
		if t.part.size > furthest {
			furthest, tries = t.part.size, 0
		}
		tries++
		var again passing
		if !errors.As(err, &again) || tries == maxTries {
			return err
		}
		wait := min(maxPause, max(again.after, firstPause<<(tries-1)))
		t.console.Say("%v; trying again in %v", t.explain(err), wait)
		if err := t.pause(ctx, wait); err != nil {
			return err
		}
	}
	return nil
}

// try makes one request for what is missing, and writes what arrives.
func (t *transfer) try(ctx context.Context) error {
	w := newWatch(ctx, t.stall)
	defer w.stop()
	resp, err := t.http.Do(t.request(w.ctx))
	if err != nil {
		return w.classify(err)
	}
	defer resp.Body.Close()
	length, err := t.accept(resp)
	if err != nil {
		return err
	}
	progress := t.console.Progress(t.what(), max(length, 0))
	defer progress.Done()
	if length < 0 {
		length = t.max + 1
	}
	body := io.TeeReader(w.reader(io.LimitReader(resp.Body, length)), counter{progress})
	if _, err := io.Copy(t.part, body); err != nil {
		return w.classify(err)
	}
	return t.arrived()
}

// what names the progress line: its rate and time left are those of the rest.
func (t *transfer) what() string {
	if t.part.size > 0 {
		return "rest of " + t.name
	}
	return t.name
}

func (t *transfer) request(ctx context.Context) *http.Request {
	r := (&http.Request{Method: http.MethodGet, URL: t.url, Header: http.Header{}}).WithContext(ctx)
	// The published hash is of the file as it is stored.
	r.Header.Set("Accept-Encoding", "identity")
	if t.part.size > 0 && t.part.source.Validator != "" {
		r.Header.Set("Range", fmt.Sprintf("bytes=%d-", t.part.size))
		r.Header.Set("If-Range", t.part.source.Validator)
	}
	return r
}

// accept judges the head of an answer, and returns how many bytes it brings,
// or -1 if it does not say.
func (t *transfer) accept(resp *http.Response) (int64, error) {
	if e := resp.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return 0, exitcode.Errorf(exitcode.Vault, "%s sends the file encoded (%.40q)", t.url.Host, e)
	}
	switch resp.StatusCode {
	case http.StatusOK:
		return t.acceptWhole(resp)
	case http.StatusPartialContent:
		return t.acceptRest(resp)
	case http.StatusRequestedRangeNotSatisfiable:
		return 0, t.again("has no more of the file")
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway,
		http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return 0, passing{exitcode.Errorf(exitcode.Vault, "%s answers HTTP %d", t.url.Host, resp.StatusCode),
			retryAfter(resp.Header)}
	}
	return 0, exitcode.Errorf(exitcode.Vault, "%s answers HTTP %d to %s", t.url.Host, resp.StatusCode, t.url.Path)
}

// acceptWhole starts over: the server does not support ranges, or the file has
// changed.
func (t *transfer) acceptWhole(resp *http.Response) (int64, error) {
	if t.part.size > 0 {
		t.console.Say("%s sends the whole file; from the beginning", t.url.Host)
	}
	if resp.ContentLength > t.max {
		return 0, exitcode.Errorf(exitcode.Check, "%s: %d bytes, more than the %d it may have", t.name,
			resp.ContentLength, t.max)
	}
	s := source{URL: t.url.String(), Validator: validator(resp.Header), Size: resp.ContentLength}
	if s.Size < 0 {
		s.Validator = "" // how much is missing would be unknown
	}
	return s.Size, t.part.restart(s)
}

// acceptRest goes on where the part ends, if this is the same file still.
func (t *transfer) acceptRest(resp *http.Response) (int64, error) {
	r, ok := parseRange(resp.Header.Get("Content-Range"))
	tag, s := resp.Header.Get("ETag"), t.part.source
	switch {
	case !ok || s.Validator == "" || r.first != t.part.size ||
		resp.ContentLength >= 0 && resp.ContentLength != r.length():
		return 0, t.again("sends a different part than requested")
	case r.size != s.Size || r.size > t.max || strings.HasPrefix(s.Validator, `"`) && tag != "" && tag != s.Validator:
		return 0, t.again("has another file by now")
	}
	t.console.Say("%s: going on at byte %d of %d", t.name, r.first, r.size)
	return r.length(), nil
}

// again throws away what has arrived.
func (t *transfer) again(why string) error {
	if err := t.part.restart(source{URL: t.url.String(), Size: -1}); err != nil {
		return err
	}
	return passing{error: exitcode.Errorf(exitcode.Vault, "%s %s; what had arrived is thrown away", t.url.Host, why)}
}

// arrived judges an answer that has ended without an error.
func (t *transfer) arrived() error {
	switch p := t.part; {
	case p.size > t.max:
		return exitcode.Errorf(exitcode.Check, "%s: more than the %d bytes it may have", t.name, t.max)
	case p.source.Size < 0:
		p.source.Size = p.size // the answer was chunked, and its last chunk came
	case p.size < p.source.Size:
		return passing{error: exitcode.Mark(exitcode.Vault, io.ErrUnexpectedEOF)}
	}
	return nil
}

// counter advances the progress line.
type counter struct{ *term.Progress }

func (c counter) Write(p []byte) (int, error) {
	c.Add(int64(len(p)))
	return len(p), nil
}
