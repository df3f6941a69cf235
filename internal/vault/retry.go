package vault

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"byok/internal/azure"
	"byok/internal/exitcode"
	"byok/internal/vault/endpoint"
	"byok/internal/vault/pace"
)

const (
	maxPause = 5 * time.Minute  // bounds what a Retry-After may ask for
	grace    = 10 * time.Second // how long an interruption waits for the answer to a change
)

// pauses are those Microsoft documents for a throttled vault whose answer has
// no Retry-After (Azure Key Vault throttling guidance).
func pauses() []time.Duration {
	return []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second}
}

// outcome is what may be done about an answer, or the lack of one.
type outcome int

const (
	done      outcome = iota
	refused           // for good
	throttled         // it did not take effect; ask again later
	lost              // it may have taken effect
	unreached         // it was never sent
)

func judge(err error) outcome {
	var answer *azcore.ResponseError
	var signIn signInError
	var limbo limboError
	switch {
	case err == nil:
		return done
	case errors.As(err, &signIn):
		return refused
	case errors.Is(err, context.Canceled):
		return lost
	case errors.As(err, &limbo):
		return throttled
	case errors.As(err, &answer):
		return judgeStatus(answer)
	case exitcode.Of(err) != exitcode.Failed: // our own word: guard, panic
		return refused
	case azure.NeverSent(err):
		return unreached
	}
	return lost
}

func judgeStatus(answer *azcore.ResponseError) outcome {
	switch status := answer.StatusCode; {
	case status == http.StatusTooManyRequests,
		answer.ErrorCode == "ConflictError": // two requests for one key at a time
		return throttled
	case status == http.StatusRequestTimeout, status >= 500:
		return lost
	}
	return refused
}

// attempt runs one request of the SDK under the time limit. A panic in the
// SDK becomes an error.
func (c *Client) attempt(ctx context.Context, request func(context.Context) error) (err error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	defer func() {
		if cause := recover(); cause != nil {
			err = exitcode.Errorf(exitcode.Vault, "the SDK failed on the vault's answer: %v", cause).Hint(endpoint.HintNoVault)
		}
	}()
	return request(ctx)
}

// finish is attempt for a request that changes the vault. When ctx ends while
// it is under way, its answer is waited for: what it did would otherwise not
// be known.
func (c *Client) finish(ctx context.Context, request func(context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	slow, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	stop := context.AfterFunc(ctx, func() {
		if (systemClock{}).Sleep(slow, grace) == nil {
			cancel()
		}
	})
	defer stop()
	return c.attempt(slow, request)
}

// read sends a request that may be repeated: after throttling, a server error
// or a lost answer, and for a patient client whatever kept it from the vault.
func (c *Client) read(ctx context.Context, doing string, request func(context.Context) error) error {
	for try := 0; ; try++ {
		err := c.attempt(ctx, request)
		v := judge(err)
		again := v == throttled || v == lost && !hopeless(err) || v == unreached && c.patient
		if !again || try == len(pauses()) {
			return c.explain(doing, err)
		}
		if err := c.pause(ctx, doing, try, err); err != nil {
			return c.explain(doing, err)
		}
	}
}

// hopeless recognises the lack of an answer that another try would not mend.
func hopeless(err error) bool {
	var large *http.MaxBytesError
	var alert tls.AlertError
	var record tls.RecordHeaderError
	if errors.As(err, &large) || errors.As(err, &alert) || errors.As(err, &record) ||
		errors.Is(err, http.ErrSchemeMismatch) {
		return true
	}
	words := err.Error()
	for _, w := range []string{
		"unmarshalling type",        // azcore's: an answer, but no JSON
		"tls: ",                     // crypto/tls: no version or suite in common
		"not permitted for non-TLS", // azcore's: a page of a list on http
	} {
		if strings.Contains(words, w) {
			return true
		}
	}
	return false
}

// write is a request that must not take effect twice.
type write struct {
	doing   string
	paced   bool // counts against the vault's limit for new keys
	request func(context.Context) error
	// settled looks, with a patient client, whether a try whose answer was
	// lost took effect after all.
	settled func(context.Context, *Client) (bool, error)
}

// write repeats w blindly only after throttling. After a lost answer it first
// looks, and repeats only what did not take effect.
func (c *Client) write(ctx context.Context, w write) error {
	for try := 0; ; try++ {
		if err := c.turnOf(ctx, w); err != nil {
			return c.explain(w.doing, err)
		}
		err := c.finish(ctx, w.request)
		switch v := judge(err); {
		case v == lost:
			if ended, err := c.settle(ctx, w, try, err); ended {
				return err
			}
		case v == throttled && try < len(pauses()):
			if err := c.pause(ctx, w.doing, try, err); err != nil {
				return c.explain(w.doing, err)
			}
		default:
			return c.explain(w.doing, err)
		}
	}
}

// turnOf waits for the turn of a write that counts against the vault's limit.
func (c *Client) turnOf(ctx context.Context, w write) error {
	if !w.paced {
		return nil
	}
	return c.turn(ctx)
}

// settle looks, after the answer to a try was lost, whether it took effect. It
// reports whether that is the end of w, and with which error; err is the loss.
func (c *Client) settle(ctx context.Context, w write, try int, err error) (ended bool, _ error) {
	took, lookErr := w.look(ctx, c, c.pause(ctx, w.doing, try, err))
	switch {
	case took || lookErr != nil:
		return true, unknown(w.doing, lookErr)
	case try == len(pauses()):
		return true, c.explain(w.doing, err)
	}
	return false, nil
}

func (w write) look(ctx context.Context, c *Client, paused error) (bool, error) {
	if paused != nil {
		return false, paused
	}
	return w.settled(ctx, c.patiently())
}

// ErrUnknown is in the error of a call after which it is unknown whether the
// vault did what it was asked for. The same call again finds out. Test with
// errors.Is.
var ErrUnknown = errors.New("it is unknown whether the vault did it")

// unknown says that it is not known whether a request took effect.
func unknown(doing string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled):
		err = fmt.Errorf("%s: %w, and %w", doing, azure.ErrInterrupted, ErrUnknown)
	default:
		err = exitcode.Mark(exitcode.Vault, fmt.Errorf("%s: the answer was lost, and %w: %w", doing, ErrUnknown, err))
	}
	return exitcode.Hint(err, "run the same command again: it finds what was done")
}

// patiently is c for looking after a lost answer, when giving up would leave
// the operator with less than before.
func (c *Client) patiently() *Client {
	p := *c
	p.patient = true
	return &p
}

// pause waits before the next try: as long as the answer asks for, else as
// documented and up to a quarter longer, so that many clients spread out.
func (c *Client) pause(ctx context.Context, doing string, try int, cause error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	wait := pauses()[min(try, len(pauses())-1)]
	var answer *azcore.ResponseError
	if errors.As(cause, &answer) {
		wait = cmp.Or(c.retryAfter(answer.RawResponse), wait)
	}
	wait = min(wait+time.Duration(c.jitter()*float64(wait)/4).Round(time.Millisecond), maxPause)
	if answer != nil && answer.StatusCode == http.StatusTooManyRequests {
		c.pace.Hold(c.clock.Now().Add(wait))
	}
	c.say("%v; trying again in %s", c.explain(doing, cause), wait.Round(time.Second))
	return c.clock.Sleep(ctx, wait)
}

// turn waits for the next turn to make or import a key: this vault's, then its
// subscription's.
func (c *Client) turn(ctx context.Context) error {
	if c.shared == nil {
		return c.await(ctx, c.pace)
	}
	c.gate.Lock()
	defer c.gate.Unlock()
	if err := c.await(ctx, c.pace); err != nil {
		return err
	}
	if err := c.await(ctx, c.shared); err != nil {
		return err
	}
	c.pace.Used(c.clock.Now())
	return nil
}

func (c *Client) await(ctx context.Context, p *pace.Pace) error {
	if wait := p.Next(c.clock.Now()); wait > 0 {
		return c.clock.Sleep(ctx, wait)
	}
	return ctx.Err()
}

// retryAfter reads Retry-After: seconds or a date (RFC 9110, section 10.2.3).
func (c *Client) retryAfter(resp *http.Response) time.Duration {
	if resp == nil {
		return 0
	}
	value := resp.Header.Get("Retry-After")
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return min(time.Duration(seconds)*time.Second, maxPause)
	}
	if at, err := http.ParseTime(value); err == nil {
		return min(max(0, at.Sub(c.clock.Now())), maxPause)
	}
	return 0
}

// limboError is a refusal that passes by itself: for some seconds after a
// purge the service still refuses the name, though no key holds it.
type limboError struct{ error }

// Unwrap returns the cause.
func (l limboError) Unwrap() error { return l.error }

func notFound(err error) bool { return hasStatus(err, http.StatusNotFound) }

func hasStatus(err error, status int) bool {
	var e *azure.Error
	return errors.As(err, &e) && e.Status == status
}

// disabled recognises the refusal of a key because it is disabled.
func disabled(err error) bool {
	var e *azure.Error
	return errors.As(err, &e) && e.Text == textDisabled
}
