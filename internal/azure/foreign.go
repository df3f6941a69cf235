package azure

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"net/url"

	"golang.org/x/net/http/httpproxy"

	"byok/internal/exitcode"
)

// Foreign recognises a page for people and a redirect, which no service of Azure
// answers with: a proxy or a portal did. A server error may be one: of that, the
// caller asks again. The error has the status Vault, and names the proxy that
// the environment says the request went through.
func Foreign(resp *http.Response) error {
	page := kindOf(resp) == "text/html" && resp.StatusCode < http.StatusInternalServerError &&
		resp.StatusCode != http.StatusProxyAuthRequired
	if !page && !redirects(resp) {
		return nil
	}
	text, hint := foreign(resp)
	return exitcode.Errorf(exitcode.Vault, "%s", text).Hint("%s", hint)
}

// redirects reports whether an answer sends its reader elsewhere. The services
// use none, and a token must not follow one.
func redirects(resp *http.Response) bool {
	return resp.StatusCode >= http.StatusMultipleChoices && resp.StatusCode < http.StatusBadRequest
}

// foreign says what came instead of the service's answer.
func foreign(resp *http.Response) (text, hint string) {
	what, kind := "an answer that is not JSON", kindOf(resp)
	switch to, err := resp.Location(); {
	case redirects(resp) && err == nil:
		what = "a redirect to " + firstLine(to.Host)
	case redirects(resp):
		what = "a redirect"
	case kind == "text/html":
		what = "a web page"
	}
	text = fmt.Sprintf("%s (HTTP %d, %s) came instead of the service's answer", what, resp.StatusCode, firstLine(kind))
	if proxy := proxyFor(resp.Request); proxy != "" {
		return text + ", through the proxy " + proxy, "sign in at the proxy, or ask who runs it to let this address through"
	}
	return text, "a proxy or portal is in between: sign in there, or set HTTPS_PROXY"
}

// refusedElsewhere reports whether a refusal did not come from the service,
// which gives its reasons in JSON, or, a Managed HSM's challenge, none at all.
// A gateway of the service may have failed in its own words.
func refusedElsewhere(resp *http.Response, body []byte) bool {
	return resp.StatusCode < http.StatusInternalServerError && resp.StatusCode != http.StatusProxyAuthRequired &&
		resp.StatusCode != http.StatusTooManyRequests && len(bytes.TrimSpace(body)) > 0 && !json.Valid(body)
}

// kindOf returns the media type of an answer, "no type" where it has none.
func kindOf(resp *http.Response) string {
	kind, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil {
		return "no type"
	}
	return kind
}

// proxyFor returns host and port of the proxy that the environment names for a
// request, or "".
func proxyFor(r *http.Request) string {
	if r == nil || r.URL == nil {
		return ""
	}
	proxy, err := httpproxy.FromEnvironment().ProxyFunc()(&url.URL{Scheme: r.URL.Scheme, Host: r.URL.Host})
	if err != nil || proxy == nil {
		return ""
	}
	return firstLine(proxy.Host)
}
