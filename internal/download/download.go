// Package download gets one large file whose SHA-256 is known beforehand, from
// a server that may be slow, be cut off, or not be honest.
//
// Use Job.FromURL for a server and Job.FromFolder for a copy that came another
// way. Neither gives the file its name before its hash is right, and neither
// overwrites a file. What has arrived until then is in NAME.part, and what is
// needed to go on from there, also in a later run, in NAME.part.json.
//
// The hash decides and nothing else does: lengths, entity tags and ranges are
// the server's word, looked at to save time. Do not use this package where no
// hash is known, and do not give it a URL that holds a secret.
package download

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"byok/internal/durable"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/term"
)

// Job is one file to get.
type Job struct {
	Path    string          // the name for the file; its folder exists
	SHA256  fingerprint.Sum // published out of band
	Max     int64           // the most bytes the file may have
	HTTP    *http.Client    // for FromURL: proxy, authorities, time limits for an answer to begin
	Console *term.Console   // says what is tried again, and draws the progress

	// Explain puts an error of HTTP into words; doing is "download NAME". Nil
	// leaves the words of net/http.
	Explain func(doing string, err error) error

	pause func(context.Context, time.Duration) error // between tries; nil is sleep
	stall time.Duration                              // the longest silence of a server; 0 is maxSilence
}

// FromURL gets the file from an https URL; one that ends with a slash stands
// for the file of that name in it. A broken connection is taken up again where
// it broke (RFC 9110, Range and If-Range), or from the beginning where the
// server cannot, or has another file by now.
//
// A wrong hash or length is a Check error, and nothing is kept. A network or
// server that failed is a Vault error, and an end of ctx is context.Canceled;
// both say what is kept for the next run.
func (j Job) FromURL(ctx context.Context, rawURL string) error {
	u, err := parseURL(rawURL, filepath.Base(j.Path))
	if err != nil {
		return err
	}
	if err := j.checkFree(); err != nil {
		return err
	}
	p, err := openPart(j.Path, u.String())
	if err != nil {
		return err
	}
	defer p.close()
	err = j.newTransfer(u, p).run(ctx)
	if err == nil {
		err = p.rewind()
	}
	if err == nil {
		err = j.place(ctx, p.file)
	}
	return j.finish(err, p)
}

// FromFolder copies the file of that name out of a folder.
func (j Job) FromFolder(ctx context.Context, dir string) error {
	if err := j.checkFree(); err != nil {
		return err
	}
	name := filepath.Base(j.Path)
	f, err := durable.Open(filepath.Join(dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return exitcode.Errorf(exitcode.Usage, "%s: no %s in this folder", dir, name)
	}
	if err != nil {
		return exitcode.Mark(exitcode.Usage, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.Size() > j.Max {
		return j.tooLarge(info.Size())
	}
	return j.place(ctx, f)
}

// checkFree asks before the network is used; place makes sure.
func (j Job) checkFree() error {
	_, err := os.Lstat(j.Path)
	if err == nil {
		return exitcode.Errorf(exitcode.Refused, "%s already exists and is never overwritten", j.Path)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return exitcode.Mark(exitcode.Usage, err)
}

// place copies to a temporary file while hashing, and gives that the name if
// the hash is right: what has the name is what was hashed.
func (j Job) place(ctx context.Context, src io.Reader) error {
	set := durable.NewSet()
	defer set.Discard()
	out, err := set.Create(j.Path, 0o644)
	if err != nil {
		return err
	}
	limited := io.LimitReader(cancellable{ctx, src}, j.Max+1)
	sum, err := fingerprint.Reader(io.TeeReader(limited, out))
	if err != nil {
		return err
	}
	if sum != j.SHA256 {
		return exitcode.Errorf(exitcode.Check, "%s: its SHA-256 is %s, not the published %s; nothing was kept",
			filepath.Base(j.Path), sum, j.SHA256).Hint("do not use this source until its owner explains the difference")
	}
	return set.Commit()
}

// cancellable is a reader that ends with a context.
type cancellable struct {
	ctx context.Context
	io.Reader
}

func (c cancellable) Read(p []byte) (int, error) {
	if c.ctx.Err() != nil {
		return 0, exitcode.ErrInterrupted
	}
	return c.Reader.Read(p)
}

// finish says why a download ended, and what there is of the file.
func (j Job) finish(err error, p *part) error {
	switch exitcode.Of(err) {
	case exitcode.Done, exitcode.Check:
		p.remove()
		return err
	case exitcode.Vault, exitcode.Interrupted:
		err = j.explain(err)
	default:
		return err
	}
	if p.size == 0 || p.source.Validator == "" {
		p.remove()
		return err
	}
	hint := cmp.Or(exitcode.HintOf(err), "run the same command again: it continues from there")
	return exitcode.Hint(fmt.Errorf("%w; %d of %d bytes are kept in %s", err, p.size, p.source.Size, p.path),
		"%s", hint)
}

func (j Job) explain(err error) error {
	doing := "download " + filepath.Base(j.Path)
	if j.Explain == nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return j.Explain(doing, err)
}

func (j Job) tooLarge(size int64) error {
	return exitcode.Errorf(exitcode.Check, "%s: %d bytes, more than the %d it may have",
		filepath.Base(j.Path), size, j.Max)
}

// parseURL takes https alone, from loopback too. User and query are refused
// because that is where secrets are, and the command line is recorded.
func parseURL(raw, name string) (*url.URL, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Hostname() == "" || u.Opaque != "":
		return nil, exitcode.Errorf(exitcode.Usage, "the source is not a URL such as https://HOST/FOLDER/")
	case u.Scheme != "https":
		return nil, exitcode.Errorf(exitcode.Usage, "the source is a URL of %s, and only https is used", u.Scheme)
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, exitcode.Errorf(exitcode.Usage,
			"the source is a URL with a user, a query or a fragment; such parts hold secrets").
			Hint("download it with a browser, and give its folder instead")
	}
	if u.Path == "" {
		u.Path = "/"
	}
	if strings.HasSuffix(u.Path, "/") {
		u = u.JoinPath(name)
	}
	return u, nil
}
