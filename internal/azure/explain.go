package azure

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"byok/internal/exitcode"
	"byok/internal/printable"
)

// Error is what the service, Entra or the network answered, as one line.
// Raw, through Detail, is for --debug only.
type Error struct {
	Text      string // what is wrong
	Said      string // the first line of the service's own words, where Text is ours
	Status    int    // HTTP status; 0 when no answer came
	Code      string // the service's code and inner code, "Forbidden/ForbiddenByRbac"; Entra's "AADSTS7000215"
	RequestID string // the service's id of the request, for its support
	Raw       string // the whole answer or the SDK's words, without tokens
	cause     error
}

// Error implements error.
func (e *Error) Error() string {
	text, note := e.Text, e.Code
	if e.Said != "" {
		text += ": " + e.Said
	}
	if note == "" && e.Status != 0 {
		note = fmt.Sprintf("HTTP %d", e.Status)
	}
	if e.RequestID != "" {
		note += ", request " + e.RequestID
	}
	if note = strings.TrimPrefix(note, ", "); note == "" {
		return text
	}
	return text + " (" + note + ")"
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.cause }

// Detail returns the raw answers behind err for --debug, or "". It may have
// many lines, and holds no token.
func Detail(err error) string {
	switch e := err.(type) {
	case *Error:
		return e.Raw
	case interface{ Unwrap() []error }:
		var all []string
		for _, one := range e.Unwrap() {
			if d := Detail(one); d != "" {
				all = append(all, d)
			}
		}
		return strings.Join(all, "\n")
	case interface{ Unwrap() error }:
		return Detail(e.Unwrap())
	}
	return ""
}

// Answer is an answer of the service taken apart, for a Rule to match.
type Answer struct {
	Status    int
	Code      string // of the error envelope
	Inner     string // code of its innermost innererror
	Message   string
	RequestID string
}

// Rule matches an answer and says it in our words, which the first line of the
// service's own follows. Empty conditions match anything; Contains is compared
// without regard to case.
type Rule struct {
	Status   int
	Code     string // equals the answer's code or inner code
	Contains string // somewhere in its message
	Text     string
	Hint     string
}

func (r Rule) matches(a Answer) bool {
	return (r.Status == 0 || r.Status == a.Status) &&
		(r.Code == "" || r.Code == a.Code || r.Code == a.Inner) &&
		strings.Contains(strings.ToLower(a.Message), strings.ToLower(r.Contains))
}

// Explain turns err, met while doing something ("import key contoso"), into
// one line, a hint where there is a next step, and status Vault; now is this
// computer's time. The first of rules that matches the answer gives the words,
// else this package's own, then the service's. A cancelled context and an
// error that has a status already keep theirs. Nil stays nil.
func Explain(doing string, err error, now time.Time, rules ...Rule) error {
	var known *Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("%s: %w", doing, ErrInterrupted)
	}
	e, hint := explain(err, now, rules)
	out := exitcode.Mark(exitcode.Vault, fmt.Errorf("%s: %w", doing, e))
	if hint = cmp.Or(hint, exitcode.HintOf(err)); hint != "" {
		out = exitcode.Hint(out, "%s", hint)
	}
	return out
}

// ErrInterrupted is context.Canceled in the operator's words, and is
// context.Canceled to errors.Is.
var ErrInterrupted error = interrupted{}

type interrupted struct{}

// Error implements error.
func (interrupted) Error() string { return "interrupted" }

// Unwrap returns context.Canceled.
func (interrupted) Unwrap() error { return context.Canceled }

func explain(err error, now time.Time, rules []Rule) (*Error, string) {
	secrets := secretsOf(err)
	e := &Error{Raw: redact(err.Error()), cause: err}
	defer func() {
		e.Text, e.Said = redactKnown(e.Text, secrets), redactKnown(e.Said, secrets)
		e.Raw = redactKnown(e.Raw, secrets)
	}()
	var refused *azcore.ResponseError
	var failed *azidentity.AuthenticationFailedError
	var hint string
	var ok bool
	switch {
	case errors.As(err, &refused):
		hint = e.response(refused.RawResponse, rules)
	case errors.As(err, &failed) && failed.RawResponse != nil:
		hint = e.entra(failed.RawResponse, err.Error())
	default:
		if e.Text, hint, ok = network(err, now); ok {
			break
		}
		var said Rule
		if said, ok = signIn(err.Error()); !ok {
			said.Text = firstLine(bare(err).Error())
		}
		e.Text, e.Code, hint = said.Text, said.Code, said.Hint
	}
	return e, hint
}

// bare takes off what net/http puts before a cause: the method, the URL, and
// the dialling.
func bare(err error) error {
	var at *url.Error
	var op *net.OpError
	if errors.As(err, &at) {
		err = at.Err
	}
	if errors.As(err, &op) {
		err = op.Err
	}
	return err
}

// response fills e from an answer of the vault or of Resource Manager.
func (e *Error) response(resp *http.Response, rules []Rule) (hint string) {
	if resp == nil {
		e.Text = "the service refused without saying why"
		return ""
	}
	body, _ := runtime.Payload(resp)
	a := parseAnswer(resp, body)
	e.Status, e.RequestID = a.Status, a.RequestID
	e.Code = strings.TrimSuffix(a.Code+"/"+a.Inner, "/")
	e.Raw = redact(raw(resp, body))
	if refusedElsewhere(resp, body) {
		e.Text, hint = foreign(resp)
		return hint
	}
	e.Said = firstLine(a.Message)
	for _, r := range slices.Concat(rules, serviceRules) {
		if r.matches(a) {
			e.Text = r.Text
			return r.Hint
		}
	}
	e.Text, e.Said = "the service refused", cmp.Or(e.Said, http.StatusText(a.Status), "no reason given")
	return ""
}

// parseAnswer reads the error envelope that Key Vault and Resource Manager
// share: {"error":{"code","message","innererror":{"code","innererror":…}}}.
func parseAnswer(resp *http.Response, body []byte) Answer {
	type inner struct {
		Code  string          `json:"code"`
		Inner json.RawMessage `json:"innererror"`
	}
	var envelope struct {
		Error struct {
			inner
			Message string `json:"message"`
		} `json:"error"`
	}
	_ = json.Unmarshal(body, &envelope) // what is not an envelope has no code
	a := Answer{
		Status:    resp.StatusCode,
		Code:      envelope.Error.Code,
		Message:   envelope.Error.Message,
		RequestID: resp.Header.Get("x-ms-request-id"),
	}
	for next := envelope.Error.Inner; len(next) > 0; {
		var deeper inner
		if json.Unmarshal(next, &deeper) != nil {
			break
		}
		a.Inner, next = cmp.Or(deeper.Code, a.Inner), deeper.Inner
	}
	return a
}

// raw is the answer for --debug: no request header, no query.
func raw(resp *http.Response, body []byte) string {
	var b strings.Builder
	if resp.Request != nil {
		fmt.Fprintf(&b, "%s %s://%s%s\n", resp.Request.Method, resp.Request.URL.Scheme, resp.Request.URL.Host,
			resp.Request.URL.Path)
	}
	fmt.Fprintf(&b, "HTTP %d\n", resp.StatusCode)
	for _, name := range []string{"Date", "Retry-After", "Www-Authenticate", "X-Ms-Keyvault-Network-Info",
		"X-Ms-Keyvault-Region", "X-Ms-Request-Id"} {
		if v := resp.Header.Get(name); v != "" {
			fmt.Fprintf(&b, "%s: %s\n", name, v)
		}
	}
	b.WriteString("\n")
	b.Write(body)
	return b.String()
}

var (
	jwt         = regexp.MustCompile(`eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*\.?[A-Za-z0-9_-]*`)
	secretField = regexp.MustCompile(`("?(?:access_token|accessToken|refresh_token|id_token|client_secret|` +
		`client_assertion|assertion|device_code)"?\s*[=:]\s*)("[^"]*"|[^\s&,;"]+)`)
	bearer = regexp.MustCompile(`(?i)(bearer )[A-Za-z0-9._~+/-]{20,}=*`)
)

// redact takes out everything shaped like a token. Error answers hold none;
// this is for the one that does.
func redact(s string) string {
	for _, r := range redactions {
		if slices.ContainsFunc(r.words, func(word string) bool { return strings.Contains(r.fold(s), word) }) {
			s = r.pattern.ReplaceAllString(s, r.with)
		}
	}
	return s
}

// redactions are the shapes, each with words of which one is in whatever has that
// shape: looking for words is cheap, and an upload meets an answer 404 for each
// package.
var redactions = []struct {
	pattern *regexp.Regexp
	with    string
	words   []string
	fold    func(string) string
}{
	{jwt, "[token]", []string{"eyJ"}, whole},
	{secretField, "${1}[token]", []string{"oken", "client_secret", "assertion", "device_code"}, whole},
	{bearer, "${1}[token]", []string{"bearer "}, strings.ToLower},
}

func whole(s string) string { return s }

// boilerplate is what the service ends its messages with: the request's id,
// which the answer's header has too, and the address of a page.
var boilerplate = regexp.MustCompile(
	`(?i) *\(Activity ID: [0-9a-f-]+\)| *For help resolving this issue, please see \S+`)

// firstLine cuts a message of the service to one printable line of at most
// 300 characters, without its full stop and without tokens.
func firstLine(s string) string {
	s, _, _ = strings.Cut(strings.TrimSpace(boilerplate.ReplaceAllString(redact(s), "")), "\n")
	s = strings.TrimSuffix(strings.TrimSpace(s), ".")
	line := []rune(strings.Map(visible, s))
	if len(line) > 300 {
		return string(line[:300]) + "…"
	}
	return string(line)
}

// visible keeps an answer from steering the terminal.
func visible(r rune) rune {
	if !printable.Is(string(r)) {
		return ' '
	}
	return r
}
