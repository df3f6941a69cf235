package azure

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"slices"
	"time"

	"byok/internal/durable"
	"byok/internal/exitcode"
	"byok/internal/strictjson"
)

// Network says how this computer reaches Azure. A rehearsal's vault has a
// client of its own, see package rehearsal.
type Network struct {
	CAFile string // PEM certificates of authorities trusted beside the system's, for networks that inspect TLS
}

const maxCAFile = 1 << 20

// Client returns the HTTP client for the vault, Entra and Resource Manager:
// TLS 1.2 or newer, the proxy of HTTPS_PROXY and NO_PROXY, no redirects (the
// services use none, and a token must not follow one). An address of a proxy
// or a CA file that cannot be read, and no file in SSL_CERT_FILE or
// SSL_CERT_DIR, is an error of status Usage.
func (n Network) Client() (*http.Client, error) {
	if err := checkProxy(); err != nil {
		return nil, err
	}
	if err := checkAuthorities(); err != nil {
		return nil, err
	}
	roots, err := n.roots()
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
		TLSHandshakeTimeout:   10 * time.Second,
		ResponseHeaderTimeout: 2 * time.Minute,
		IdleConnTimeout:       90 * time.Second,
		MaxIdleConnsPerHost:   16,
		ForceAttemptHTTP2:     true,

		OnProxyConnectResponse: proxyAnswer,
	}
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, nil
}

func (n Network) roots() (*x509.CertPool, error) {
	if n.CAFile == "" {
		return nil, nil // the system's
	}
	pem, err := durable.ReadFile(n.CAFile, maxCAFile)
	if err != nil {
		return nil, exitcode.Errorf(exitcode.Usage, "CA file: %w", err)
	}
	if err := strictjson.CheckEncoding(pem); err != nil {
		return nil, exitcode.Errorf(exitcode.Usage, "CA file %s: %w", n.CAFile, err)
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		return nil, exitcode.Errorf(exitcode.Failed, "the system's certificate authorities: %w", err)
	}
	if !roots.AppendCertsFromPEM(pem) {
		return nil, exitcode.Errorf(exitcode.Usage, "CA file %s: no PEM certificate in it", n.CAFile).
			Hint("openssl x509 -inform DER -in CERT -out ca.pem")
	}
	return roots, nil
}

// worthAnotherTry is the SDK's own choice, except for a host that is not there
// or not trusted, and for what this program itself refuses: a person should
// hear of that at once.
func worthAnotherTry(resp *http.Response, err error) bool {
	if err != nil {
		return !NeverSent(err) && exitcode.Of(err) == exitcode.Failed
	}
	return slices.Contains(
		[]int{
			http.StatusRequestTimeout,
			http.StatusTooManyRequests,
			http.StatusInternalServerError,
			http.StatusBadGateway,
			http.StatusServiceUnavailable,
			http.StatusGatewayTimeout,
		},
		resp.StatusCode,
	)
}

// NeverSent recognises failures before the first byte of a request: no
// address, no connection, no trust. Of all others one does not know.
func NeverSent(err error) bool {
	var dns *net.DNSError
	var op *net.OpError
	var untrusted *tls.CertificateVerificationError
	return errors.As(err, new(proxyRefusal)) || errors.As(err, &dns) || errors.As(err, &untrusted) ||
		errors.As(err, &op) && (op.Op == "dial" || op.Op == "proxyconnect")
}
