package vault

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"math"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"byok/internal/azure"
	"byok/internal/exitcode"
	"byok/internal/vault/endpoint"
)

var anAESKey = fakeKey{name: "contoso", version: version1, kty: "oct-HSM", ops: []string{"encrypt"}}

func after(seconds string, reply func(http.ResponseWriter, *http.Request, []byte)) func(http.ResponseWriter, *http.Request, []byte) {
	return func(w http.ResponseWriter, r *http.Request, body []byte) {
		w.Header().Set("Retry-After", seconds)
		reply(w, r, body)
	}
}

var throttle = refusal(429, "Throttled", "", "Request was not processed because too many requests were received.")

func TestReadRepeats(t *testing.T) {
	get := func(reply func(http.ResponseWriter, *http.Request, []byte)) step {
		return step{"GET /keys/contoso/", reply}
	}
	for name, c := range map[string]struct {
		steps []step
		slept []time.Duration
		want  string // error
		hint  string
	}{
		"throttled without Retry-After": {[]step{get(throttle), get(throttle), get(throttle), get(anAESKey.bundle)},
			[]time.Duration{1e9, 2e9, 4e9}, "", ""},
		"throttled with Retry-After": {[]step{get(after("7", throttle)), get(anAESKey.bundle)}, []time.Duration{7e9}, "", ""},
		"Retry-After is shorter":     {[]step{get(throttle), get(throttle), get(after("1", throttle)), get(anAESKey.bundle)}, []time.Duration{1e9, 2e9, 1e9}, "", ""},
		"Retry-After is a date":      {[]step{get(after(noon.Add(9*time.Second).Format(http.TimeFormat), throttle)), get(anAESKey.bundle)}, []time.Duration{9e9}, "", ""},
		"Retry-After is in the past": {[]step{get(after(noon.Add(-time.Hour).Format(http.TimeFormat), throttle)), get(anAESKey.bundle)}, []time.Duration{1e9}, "", ""},
		"Retry-After is nonsense":    {[]step{get(after("soon", throttle)), get(anAESKey.bundle)}, []time.Duration{1e9}, "", ""},
		"Retry-After is a day":       {[]step{get(after("86400", throttle)), get(anAESKey.bundle)}, []time.Duration{5 * time.Minute}, "", ""},
		"server errors":              {[]step{get(answer(503, "")), get(answer(500, "<html>")), get(anAESKey.bundle)}, []time.Duration{1e9, 2e9}, "", ""},
		"an answer cut short":        {[]step{get(short), get(anAESKey.bundle)}, []time.Duration{1e9}, "", ""},
		"forever": {[]step{get(throttle), get(throttle), get(throttle), get(throttle), get(throttle), get(throttle)}, []time.Duration{1e9, 2e9, 4e9, 8e9, 16e9},
			"read key contoso: the service receives too many requests: Request was not processed because too many requests were received (Throttled, request req-1)", "wait a minute; for uploads lower --rate"},
		"refused": {[]step{get(refusal(403, "Forbidden", "ForbiddenByRbac", "Caller is not authorized to perform action on resource."))}, nil,
			"read key contoso: the account has no role in the vault that allows this: Caller is not authorized to perform action on resource (Forbidden/ForbiddenByRbac, request req-1)", hintRole},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScript(t, c.steps...)
			client, clock := s.client()
			_, err := client.Key(context.Background(), "contoso", "")
			if !slices.Equal(clock.slept, c.slept) {
				t.Errorf("waited %v, want %v", clock.slept, c.slept)
			}
			if c.want == "" && err != nil {
				t.Error(err)
			} else if c.want != "" {
				check(t, err, exitcode.Vault, "", c.want, c.hint)
			}
		})
	}
}

// short announces more than it sends.
func short(w http.ResponseWriter, _ *http.Request, _ []byte) {
	w.Header().Set("Content-Length", "100")
	_, _ = io.WriteString(w, `{"key":{`)
}

// TestHopeless: what another try would not mend is asked for once.
func TestHopeless(t *testing.T) {
	page := func(status int) func(http.ResponseWriter, *http.Request, []byte) {
		return func(w http.ResponseWriter, r *http.Request, body []byte) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			answer(status, "<html>Please sign in to the guest network</html>")(w, r, body)
		}
	}
	const proxy = "a proxy or portal is in between: sign in there, or set HTTPS_PROXY"
	for _, c := range []struct {
		name       string
		reply      func(http.ResponseWriter, *http.Request, []byte)
		want, hint string
	}{
		{"no JSON", answer(200, "hello"), "read key contoso: the answer is not JSON as the service writes it", proxyOrPortal},
		{"broken JSON", answer(200, `{"key":{`), "read key contoso: the answer is not JSON as the service writes it", proxyOrPortal},
		{"over-size", answer(200, `{"key":"`+strings.Repeat("a", 4<<20)+`"}`), "read key contoso: the answer is larger than 4194304 bytes", proxyOrPortal},
		{"a portal's page", page(200), "read key contoso: a web page (HTTP 200, text/html) came instead of the service's answer", proxy},
		{"a proxy's page", page(403), "read key contoso: a web page (HTTP 403, text/html) came instead of the service's answer", proxy},
	} {
		s := newScript(t, step{"GET /keys/contoso/", c.reply})
		client, clock := s.client()
		_, err := client.Key(context.Background(), "contoso", "")
		check(t, err, exitcode.Vault, s.host(), c.want, c.hint)
		if len(clock.slept) > 0 {
			t.Errorf("%s: tried again after %v", c.name, clock.slept)
		}
	}
	s := newScript(t, step{"GET /keys/contoso/versions", answer(200, `{"value":[],"nextLink":"http://HOST/keys/contoso/versions?x"}`)})
	client, clock := s.client()
	if _, err := client.versions(context.Background(), "contoso"); err == nil || len(clock.slept) > 0 {
		t.Errorf("a page on http: %v after %v", err, clock.slept)
	}
}

// TestOldTLS: a server that speaks no TLS of this century is asked once.
func TestOldTLS(t *testing.T) {
	s := newScript(t)
	s.server.TLS.MaxVersion = tls.VersionTLS11
	s.server.TLS.MinVersion = tls.VersionTLS10
	client, clock := s.client()
	_, err := client.Key(context.Background(), "contoso", "")
	if exitcode.Of(err) != exitcode.Vault || len(clock.slept) > 0 {
		t.Errorf("%v after %v", err, clock.slept)
	}
}

const proxyOrPortal = "check that no proxy or portal answers in the service's place"

func TestJitterLengthensOnly(t *testing.T) {
	s := newScript(t, step{"GET /keys/contoso/", throttle}, step{"GET /keys/contoso/", anAESKey.bundle})
	client, clock := s.client()
	client.jitter = func() float64 { return 0.5 }
	var said []string
	client.say = func(format string, args ...any) { said = append(said, format) }
	if _, err := client.Key(context.Background(), "contoso", ""); err != nil || !slices.Equal(clock.slept, []time.Duration{1125 * time.Millisecond}) {
		t.Errorf("waited %v (%v)", clock.slept, err)
	}
	if len(said) != 1 {
		t.Errorf("said %q", said)
	}
}

func TestVaultDown(t *testing.T) {
	s := newScript(t)
	client, clock := s.client()
	host := s.host()
	s.server.Close()
	_, err := client.Key(context.Background(), "contoso", "")
	check(t, err, exitcode.Vault, host, "read key contoso: nothing listens on HOST", "check the address; a rehearsal's vault is started with byok-online rehearsal serve")
	if len(clock.slept) > 0 {
		t.Errorf("waited %v for a vault that is not there", clock.slept)
	}
}

func TestTimeout(t *testing.T) {
	slow := func(w http.ResponseWriter, r *http.Request, _ []byte) { <-r.Context().Done() }
	s := newScript(t, step{"GET /keys/contoso/", slow}, step{"GET /keys/contoso/", anAESKey.bundle})
	client, clock := s.client()
	client.timeout = 200 * time.Millisecond
	if _, err := client.Key(context.Background(), "contoso", ""); err != nil || len(clock.slept) != 1 {
		t.Errorf("%v after %v", err, clock.slept)
	}
}

func TestInterruptedRead(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	s := newScript(t, step{"GET /keys/contoso/", then(cancel, cut)})
	client, _ := s.client()
	_, err := client.Key(ctx, "contoso", "")
	check(t, err, exitcode.Interrupted, "", "read key contoso: interrupted", "")
}

func TestPanicBecomesAnError(t *testing.T) {
	s := newScript(t)
	client, _ := s.client()
	err := client.read(context.Background(), "read key contoso", func(context.Context) error {
		var none []string
		_ = none[3] // what the SDK does with a challenge it cannot take apart
		return nil
	})
	check(t, err, exitcode.Vault, "", "read key contoso: the SDK failed on the vault's answer: runtime error: index out of range [3] with length 0",
		"check that the address is a key vault's or a Managed HSM's")
}

// TestRateRefused: nothing stands for another number than it is.
func TestRateRefused(t *testing.T) {
	address, err := endpoint.Parse("https://localhost:1", endpoint.Allow{Rehearsal: true})
	if err != nil {
		t.Fatal(err)
	}
	for rate, text := range map[float64]string{-1: "-1", math.NaN(): "NaN"} {
		_, err := New(address, token("x"), Options{Rate: rate})
		check(t, err, exitcode.Usage, "",
			"rate "+text+": expected a number of keys in ten seconds, or 0 for no limit", "")
	}
}

func TestDetailIsRaw(t *testing.T) {
	s := newScript(t, step{"GET /keys/contoso/", missing})
	client, _ := s.client()
	_, err := client.Key(context.Background(), "contoso", "")
	want := "GET " + s.server.URL + "/keys/contoso/\nHTTP 404\nDate: Fri, 02 Jan 2026 12:00:00 GMT\nX-Ms-Request-Id: req-1\n\n" +
		`{"error":{"code":"KeyNotFound","message":"A key with (name/id) was not found in this key vault."}}`
	if got := azure.Detail(err); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if !errors.As(err, new(*azure.Error)) {
		t.Error("no *azure.Error in it")
	}
}

func TestSystemClock(t *testing.T) {
	if err := (systemClock{}).Sleep(context.Background(), time.Millisecond); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := (systemClock{}).Sleep(ctx, time.Hour); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestNewWantsAnAddress(t *testing.T) {
	_, err := New(endpoint.Address{}, token(""), Options{})
	check(t, err, exitcode.Usage, "", "no vault was given", "")
}
