// Package renewal asks the vaults again about every key of a register, as
// byok-online verify asks about one: each gets a fresh challenge, and a new proof.
//
// [Gather] reads the packages, proofs and records that a register is made of,
// and holds each package to a world that a person vouched for; [Renewer.Renew]
// asks the vaults. Neither stops at a key that fails: look at every [Entry], and
// at [Outcome.Err] for the whole.
//
// What the record says is gone is not a failure. A key that the vault no longer
// has, and of which the record says nothing, is.
package renewal

import (
	"context"
	"errors"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"

	"byok/internal/approval"
	"byok/internal/azure"
	"byok/internal/exitcode"
	"byok/internal/proof"
	"byok/internal/readback"
	"byok/internal/register"
	"byok/internal/stamp"
	"byok/internal/statement"
	"byok/internal/upload"
	"byok/internal/vault"
)

// Vault is what is asked of a vault; [vault.Client] is one.
type Vault interface {
	readback.Vault
	upload.DeletedKeys
}

// Renewer asks the vaults of a register.
type Renewer struct {
	// Open returns the vault that a package was approved for. It is asked for each
	// package.
	Open func(p approval.Package) (Vault, error)
	// Write writes the proof of the package in a file, and returns its path.
	Write func(file string, p proof.Proof) (string, error)
	// Nonce is an auditor's, of [proof.NonceSize] bytes; nil draws a fresh one for
	// each key.
	Nonce []byte
	// Vault is the only vault to ask; "" asks all.
	Vault string
	// Say is told of each entry as soon as it is known.
	Say func(Entry)
}

// Result is what came of a key.
type Result string

// The results.
const (
	Proved     Result = "proved"
	Gone       Result = "gone"       // the vault no longer has it, and the record says why
	Superseded Result = "superseded" // a later approval of the same key took its place: nothing was asked
	NotAsked   Result = "not asked"  // the work was interrupted before
	Failed     Result = "FAILED"
)

// Entry is what came of one approval of a key, or of a package that could not be
// read.
type Entry struct {
	File   string // the package's .byok
	Result Result
	Detail string // what was found, in a clause; of a failure, Err
	Err    error  // why it failed; nil for all other results

	Key         *register.Key         // nil for a package that could not be read
	Destination *register.Destination // nil for one too
	Report      readback.Report       // what the vault showed
	Proof       string                // path of the new proof
}

// Renew asks about every key, and then about every KEK. It goes on after a
// failure, and stops when ctx is done.
func (r Renewer) Renew(ctx context.Context, c *Collection) Outcome {
	o := Outcome{Strays: c.Register.Strays}
	for _, e := range c.Unread {
		o.add(r, e)
	}
	down := map[string]bool{}
	for _, k := range c.Register.Keys {
		for _, d := range k.Went {
			p, read := c.packages[d]
			if !read || r.Vault != "" && d.Target.Vault != r.Vault {
				o.Elsewhere++
				continue
			}
			e := Entry{File: d.File, Key: k, Destination: d}
			r.one(ctx, &e, p, down)
			o.add(r, e)
		}
	}
	o.KEKs = r.exchanges(ctx, c, down)
	return o
}

// one fills in what came of a key.
func (r Renewer) one(ctx context.Context, e *Entry, p approval.Package, down map[string]bool) {
	at := e.Destination.Target.Vault
	switch {
	case ctx.Err() != nil:
		e.Result, e.Detail = NotAsked, "interrupted"
		return
	case e.Destination.Later > 0:
		e.Result = Superseded
		e.Detail = "approved again by statement " + strconv.Itoa(e.Destination.Later) + ", which counts"
		return
	case down[at]:
		e.fail(exitcode.Errorf(exitcode.Vault, "not asked, because the vault had failed"))
		return
	}
	v, err := r.Open(p)
	if err != nil {
		e.fail(err)
		return
	}
	err = r.ask(ctx, e, v, p)
	if errors.Is(err, context.Canceled) {
		e.Result, e.Detail = NotAsked, "interrupted"
		return
	}
	down[at] = unreachable(err)
	if err != nil {
		e.missing(ctx, v, err)
	}
}

// ask has the vault prove the key, and writes the proof.
func (r Renewer) ask(ctx context.Context, e *Entry, v Vault, p approval.Package) error {
	expected, err := vault.ExpectedOf(p.Facts())
	if err != nil {
		return err
	}
	target := p.Approved()
	version, known, err := e.version(ctx, v, expected)
	if err != nil {
		return err
	}
	if !known {
		e.Result, e.Detail = Gone, e.reason()
		return nil
	}
	e.Report, err = readback.Read(ctx, v, readback.Subject{
		Name:     target.Name,
		Version:  version,
		Key:      expected,
		Nonce:    r.Nonce,
		Approved: &target,
		Others:   e.others(),
		Blob:     p.Blob(),
		HSM:      p.Facts().Pair.HSM,
	})
	if err != nil {
		return err
	}
	if err := e.Report.Err(); err != nil {
		return err
	}
	if e.Proof, err = r.Write(e.File, e.Report.Proof); err != nil {
		return err
	}
	e.Result, e.Detail = Proved, e.Report.Findings[0].Detail
	return nil
}

// version is the version to ask: the current one, unless another key followed
// this one under its name. It reports whether there is one to ask.
func (e *Entry) version(ctx context.Context, v Vault, expected vault.Expected) (version string, known bool, err error) {
	d := e.Destination
	if d.Followed == 0 {
		return "", true, nil
	}
	if n := len(d.Versions); n > 0 {
		return d.Versions[n-1].Version, true, nil
	}
	if expected.PublicKey == nil {
		return "", false, nil // an AES key shows nothing to find it by
	}
	k, found, err := v.Find(ctx, d.Target.Name, expected)
	return k.ID.Version, found, err
}

// others are the key's other approvals, whose copies are no surprise.
func (e *Entry) others() (all []statement.Target) {
	for _, d := range e.Key.Went {
		if d != e.Destination {
			all = append(all, d.Target)
		}
	}
	return all
}

// missing says what became of a key that was not proved. One that the vault no
// longer has may be gone with reason.
func (e *Entry) missing(ctx context.Context, v Vault, err error) {
	if !notFound(err) {
		e.fail(err)
		return
	}
	if why := e.reason(); why != "" {
		e.Result, e.Detail = Gone, why
		return
	}
	switch d, held, asked := upload.Reserved(ctx, v, e.Destination.Target.Name); {
	case asked == nil && held:
		err = exitcode.Hint(exitcode.Errorf(exitcode.Vault, "%w; it was deleted on %s", err, stamp.Text(d.DeletedAt)),
			"find out who deleted it; until %s the vault's owner can recover it", stamp.Text(d.PurgeAt))
	case e.Destination.Uploaded.IsZero() && len(e.Destination.Versions) == 0:
		err = exitcode.Hint(exitcode.Errorf(exitcode.Vault, "%w; no upload of it is in the record", err),
			"upload the package, or leave its file out")
	}
	e.fail(err)
}

// reason is why the record expects the key to be gone; "" if it does not.
func (e *Entry) reason() string {
	switch {
	case e.Destination.Followed > 0:
		return "replaced by " + e.Key.Follower.Ident + ", by statement " + strconv.Itoa(e.Destination.Followed)
	case !e.Key.Retired.IsZero():
		return "retired on " + stamp.Text(e.Key.Retired)
	}
	return ""
}

func (e *Entry) fail(err error) {
	e.Result, e.Err, e.Detail = Failed, err, err.Error()
}

// Name is the key as people call it: its name in the vault, or the package's file.
func (e Entry) Name() string {
	if e.Destination == nil {
		return filepath.Base(e.File)
	}
	return e.Destination.Target.Name + " in " + e.Destination.Target.Vault
}

// notFound reports whether the vault has no such key.
func notFound(err error) bool {
	var answer *azure.Error
	return errors.As(err, &answer) && answer.Status == http.StatusNotFound
}

// unreachable reports whether an error would meet every key of the vault: no
// answer came, or the account or the service failed.
func unreachable(err error) bool {
	var answer *azure.Error
	if !errors.As(err, &answer) {
		return false
	}
	s := answer.Status
	return s == 0 || s >= http.StatusInternalServerError || s == http.StatusUnauthorized ||
		s == http.StatusTooManyRequests
}

// ProofName is the name of the proof beside a package's .byok.
func ProofName(file string, p proof.Proof) string {
	stem := strings.TrimSuffix(file, filepath.Ext(file))
	return stem + ".proof-" + p.Time.Format("20060102T150405Z") + ".json"
}
