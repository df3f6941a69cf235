package azure

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"

	"byok/internal/stamp"
)

const (
	hintProxy  = "check the network, and set HTTPS_PROXY if it needs a proxy"
	hintCA     = "if this network inspects TLS, give its authority with --ca-file PEM; otherwise do not continue"
	hintPortal = "check that no proxy or portal answers in the service's place"
	hintClock  = "set the clock of this computer (timedatectl set-ntp true)"
)

// network explains an error that came instead of an answer. ok is false when
// err is something else.
func network(err error, now time.Time) (text, hint string, ok bool) {
	host := hostOf(err)
	if text, hint, ok = certificate(err, host, now); ok {
		return text, hint, true
	}
	if text, hint, ok = unreachable(err); ok {
		return text, hint, true
	}
	var timeout net.Error
	var large *http.MaxBytesError
	var notTLS tls.RecordHeaderError
	var alert tls.AlertError
	switch {
	case errors.As(err, &notTLS), errors.Is(err, http.ErrSchemeMismatch):
		return host + " does not speak TLS", hintProxy, true
	case errors.As(err, &alert):
		return fmt.Sprintf("%s broke off the TLS handshake: %s", host, alert), hintProxy, true
	case errors.As(err, &large):
		return fmt.Sprintf("the answer is larger than %d bytes", large.Limit), hintPortal, true
	case strings.Contains(err.Error(), "unmarshalling type"): // azcore has no type for it
		return "the answer is not JSON as the service writes it", hintPortal, true
	case errors.Is(err, io.EOF),
		errors.Is(err, io.ErrUnexpectedEOF),
		among(err, cut):
		return host + " cut the connection before its answer was complete",
			"run the same command again: it finds what was done", true
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return host + " did not answer in time", "run the same command again; if that does not help, " + hintProxy, true
	}
	return "", "", false
}

// among reports whether an error is that of one of the numbers.
func among(err error, numbers []syscall.Errno) bool {
	return slices.ContainsFunc(numbers, func(n syscall.Errno) bool { return errors.Is(err, n) })
}

// unreachable explains why no connection was made.
func unreachable(err error) (text, hint string, ok bool) {
	var dns *net.DNSError
	var op *net.OpError
	var refusal proxyRefusal
	switch {
	case errors.As(err, &refusal) && refusal.status == http.StatusProxyAuthRequired:
		return "the proxy " + refusal.proxy + " requires a user name and password",
			"HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT", true
	case errors.As(err, &refusal):
		return refusal.Error(), "check HTTPS_PROXY and NO_PROXY, and what the proxy allows", true
	case errors.As(err, &op) && op.Op == "proxyconnect":
		return "the proxy cannot be reached: " + firstLine(op.Err.Error()), "check HTTPS_PROXY and NO_PROXY", true
	case errors.As(err, &dns) && dns.IsNotFound:
		return "no host is called " + dns.Name, "check the name; that of a private endpoint resolves only inside " +
			"its network", true
	case errors.As(err, &dns):
		return "the name " + dns.Name + " could not be looked up: " + firstLine(dns.Err), hintProxy, true
	case among(err, refused):
		return "nothing listens on " + address(err),
			"check the address; a rehearsal's vault is started with byok-online rehearsal serve", true
	case among(err, routeless):
		return "there is no route to " + address(err), hintProxy, true
	}
	return "", "", false
}

func certificate(err error, host string, now time.Time) (text, hint string, ok bool) {
	var unknown x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	var name x509.HostnameError
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired && now.Before(invalid.Cert.NotBefore):
		return fmt.Sprintf("the certificate of %s is not valid before %s, but it is %s here", host,
			stamp.Text(invalid.Cert.NotBefore), stamp.Text(now)), hintClock, true
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return fmt.Sprintf("the certificate of %s expired on %s, and it is %s here", host,
				stamp.Text(invalid.Cert.NotAfter), stamp.Text(now)),
			"if the clock of this computer is right, the server's certificate must be renewed", true
	case errors.As(err, &name):
		return fmt.Sprintf("%s shows a certificate for %s", host, namesOf(name.Certificate)), hintCA, true
	case errors.As(err, &unknown) && unknown.Cert != nil:
		return fmt.Sprintf("the certificate of %s is issued by %q, which this computer does not trust", host,
			firstLine(unknown.Cert.Issuer.String())), hintCA, true
	case errors.As(err, &invalid):
		return fmt.Sprintf("the certificate of %s cannot be used: %s", host, firstLine(invalid.Error())), hintCA, true
	}
	return "", "", false
}

func namesOf(c *x509.Certificate) string {
	names := c.DNSNames
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	if len(names) == 0 {
		return "no name at all"
	}
	return firstLine(strings.Join(names[:min(3, len(names))], ", "))
}

func hostOf(err error) string {
	var at *url.Error
	if errors.As(err, &at) {
		if u, parseErr := url.Parse(at.URL); parseErr == nil && u.Host != "" {
			return u.Host
		}
	}
	return "the server"
}

func address(err error) string {
	var op *net.OpError
	if errors.As(err, &op) && op.Addr != nil {
		return op.Addr.String()
	}
	return hostOf(err)
}
