package download

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"time"

	"byok/internal/exitcode"
)

// watch ends a try when the server has been silent for too long: a client's
// own limit would be for the whole file, however large.
type watch struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	timer  *time.Timer
	limit  time.Duration
}

var errSilent = errors.New("silent")

func newWatch(ctx context.Context, limit time.Duration) *watch {
	w := &watch{limit: limit}
	w.ctx, w.cancel = context.WithCancelCause(ctx)
	w.timer = time.AfterFunc(limit, func() { w.cancel(errSilent) })
	return w
}

func (w *watch) stop() {
	w.timer.Stop()
	w.cancel(nil)
}

// reader winds the watch up with everything that is read.
func (w *watch) reader(r io.Reader) io.Reader { return watched{r, w} }

type watched struct {
	io.Reader
	watch *watch
}

func (r watched) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.watch.timer.Reset(r.watch.limit)
	return n, err
}

// classify separates failures that may pass from those that another try would
// meet again.
func (w *watch) classify(err error) error {
	var certificate *tls.CertificateVerificationError
	var last final
	switch {
	case errors.As(err, &last):
		return err
	case context.Cause(w.ctx) == errSilent:
		return passing{error: exitcode.Mark(exitcode.Vault, fmt.Errorf("the server has sent nothing for %v", w.limit))}
	case w.ctx.Err() != nil:
		return w.ctx.Err()
	case errors.As(err, &certificate):
		return exitcode.Mark(exitcode.Vault, err)
	}
	return passing{error: exitcode.Mark(exitcode.Vault, err)}
}
