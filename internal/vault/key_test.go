package vault

import (
	"context"
	"crypto"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"byok/internal/exitcode"
	"byok/internal/kek"
	"byok/internal/keykind"
	"byok/internal/vault/endpoint"
)

func TestKey(t *testing.T) {
	for name, c := range map[string]struct {
		kty, crv string
		bits     int
	}{
		"RSA": {"RSA-HSM", "", 2048}, "P-256": {"EC-HSM", "P-256", 256}, "P-384": {"EC-HSM", "P-384", 384},
		"P-521": {"EC-HSM", "P-521", 521}, "P-256K": {"EC-HSM", "P-256K", 256},
	} {
		pub := keys()[name].Public()
		s := newScript(t, step{"GET /keys/contoso/" + version1, fakeKey{"contoso", version1, c.kty, pub, []string{"sign", "verify"},
			map[string]any{"nbf": noon.Unix(), "exp": noon.Add(time.Hour).Unix(), "exportable": true}, map[string]string{"a": "b"}, []byte("{}")}.bundle})
		client, _ := s.client()
		k, err := client.Key(context.Background(), "contoso", version1)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !keykind.SamePublicKey(k.PublicKey, pub) || k.Kty != c.kty || k.Crv != c.crv || k.Bits != c.bits {
			t.Errorf("%s: %+v", name, k)
		}
		if k.ID.String() != s.server.URL+"/keys/contoso/"+version1 || !slices.Equal(k.Ops, []string{"sign", "verify"}) || k.Tags["a"] != "b" ||
			!k.Enabled || !k.Exportable || !k.NotBefore.Equal(noon) || !k.Expires.Equal(noon.Add(time.Hour)) || !k.Created.Equal(noon) ||
			k.HSMPlatform != "2" || k.Recovery != "Recoverable+Purgeable" || !k.InHSM() || string(k.ReleasePolicy) != "{}" {
			t.Errorf("%s: %+v", name, k)
		}
	}
}

func TestAESKeyHasNoPublicKey(t *testing.T) {
	s := newScript(t, step{"GET /keys/contoso/", anAESKey.bundle})
	client, _ := s.client()
	k, err := client.Key(context.Background(), "contoso", "")
	if err != nil || k.PublicKey != nil || k.Bits != 0 || k.Kty != "oct-HSM" {
		t.Errorf("%+v, %v", k, err)
	}
}

func TestKeyAnswersRefused(t *testing.T) {
	jwk := func(rest string) string {
		return `{"key":{"kid":"https://HOST/keys/contoso/` + version1 + `",` + rest + `},"attributes":{"enabled":true}}`
	}
	for name, c := range map[string]struct{ body, want string }{
		"empty":                 {`{}`, "read key contoso: the vault's answer has no key in it"},
		"no attributes":         {`{"key":{"kty":"RSA"}}`, "read key contoso: the vault's answer has no key in it"},
		"no kid":                {`{"key":{"kty":"RSA"},"attributes":{}}`, `read key contoso: key identifier "": expected https://<host>/keys/<name>/<version>`},
		"another vault's":       {`{"key":{"kty":"RSA","kid":"https://other.example/keys/contoso/` + version1 + `"},"attributes":{}}`, "read key contoso: the vault answered with another key, https://other.example/keys/contoso/" + version1},
		"another name":          {`{"key":{"kty":"RSA","kid":"https://HOST/keys/other/` + version1 + `"},"attributes":{}}`, "read key contoso: the vault answered with another key, https://HOST/keys/other/" + version1},
		"unknown type":          {jwk(`"kty":"OKP"`), `read key contoso: the vault's answer: a key of the unknown type "OKP"`},
		"no modulus":            {jwk(`"kty":"RSA-HSM","e":"AQAB"`), "read key contoso: the vault's answer: public key: RSA key of 0 bits: expected 2048, 3072 or 4096"},
		"an enormous e":         {jwk(`"kty":"RSA-HSM","n":"AQ","e":"________________"`), "read key contoso: the vault's answer: an RSA exponent that is too large"},
		"unknown curve":         {jwk(`"kty":"EC","crv":"X25519"`), `read key contoso: the vault's answer: EC curve "X25519": expected P-256, P-384, P-521 or P-256K`},
		"a point off the curve": {jwk(`"kty":"EC-HSM","crv":"P-256","x":"AQ","y":"AQ"`), "read key contoso: the vault's answer: EC point: not on P-256"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScript(t)
			s.steps = []step{{"GET /keys/contoso/", func(w http.ResponseWriter, r *http.Request, _ []byte) {
				fmt.Fprint(w, replaceHost(c.body, r.Host))
			}}}
			client, _ := s.client()
			_, err := client.Key(context.Background(), "contoso", "")
			check(t, err, exitcode.Check, s.host(), c.want, "")
		})
	}
}

// TestAnotherVersion: the version answered is the version asked for.
func TestAnotherVersion(t *testing.T) {
	for _, c := range []struct{ name, asked, want string }{
		{"another", strings.Repeat("b", 32), "read key contoso/" + strings.Repeat("b", 32) +
			": the vault answered with another version, https://HOST/keys/contoso/" + strings.Repeat("a", 32)},
		{"the current", "", ""},
		{"in capitals", strings.Repeat("A", 32), ""},
	} {
		k := anAESKey.with(func(k *fakeKey) { k.version = strings.Repeat("a", 32) })
		s := newScript(t, step{"GET /keys/contoso/" + c.asked, k.bundle})
		client, _ := s.client()
		_, err := client.Key(context.Background(), "contoso", c.asked)
		if c.want != "" {
			check(t, err, exitcode.Check, s.host(), c.want, "")
		} else if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestTestVaultCallsItselfOtherwise: a test vault's keys are in the vault that
// was asked, so that nothing it says looks like production.
func TestTestVaultCallsItselfOtherwise(t *testing.T) {
	s := newScript(t, step{"GET /keys/contoso/", answer(200, `{"key":{"kty":"oct","kid":"https://contoso.vault.azure.net/keys/contoso/`+version1+`"},"attributes":{}}`)})
	address, err := endpoint.Parse(s.server.URL, endpoint.Allow{TestVault: true})
	if err != nil {
		t.Fatal(err)
	}
	s.challenge = `Bearer authorization="https://login.microsoftonline.com/t", resource="https://vault.azure.net"`
	c, err := New(address, token("rehearsal-token"), Options{HTTP: s.server.Client(), Clock: &fakeClock{now: noon}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Key(context.Background(), "contoso", "")
	check(t, err, exitcode.Check, "", "read key contoso: the vault answered with another key, https://contoso.vault.azure.net/keys/contoso/"+version1, "")
	if mark := c.Address().Mark(); mark != kek.Test || !c.Address().Test() {
		t.Errorf("marked %s", mark)
	}
}

func TestKeyNameIsChecked(t *testing.T) {
	client, _ := newScript(t).client()
	if _, err := client.Key(context.Background(), "con/toso", ""); exitcode.Of(err) != exitcode.Usage {
		t.Error(err)
	}
}

func TestUnusable(t *testing.T) {
	for want, k := range map[string]Key{
		"":               {Enabled: true, NotBefore: noon, Expires: noon.Add(time.Second)},
		"it is disabled": {Expires: noon},
		"it is not valid before 2026-01-02T12:00:01Z": {Enabled: true, NotBefore: noon.Add(time.Second)},
		"it expired on 2026-01-02T12:00:00Z":          {Enabled: true, Expires: noon},
	} {
		if got := k.unusable(noon); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestInHSM(t *testing.T) {
	for _, c := range []struct {
		kty, platform string
		want          bool
	}{{"RSA-HSM", "2", true}, {"RSA-HSM", "", true}, {"RSA-HSM", "0", false}, {"RSA", "2", false}} {
		if got := (Key{Kty: c.kty, HSMPlatform: c.platform}).InHSM(); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

// public is the public half of the test key called name.
func public(name string) crypto.PublicKey { return keys()[name].Public() }
