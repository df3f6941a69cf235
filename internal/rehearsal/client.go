package rehearsal

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"byok/internal/durable"
	"byok/internal/exitcode"
	"byok/internal/rehearsal/state"
	"byok/internal/secret"
	"byok/internal/term"
)

// Client is what a client needs to use the rehearsal vault of a state folder.
type Client struct {
	URL             string // https://localhost:port, without a trailing slash
	Service         string // ManagedHSM or Vault
	Tenant          string
	CA              *x509.CertPool // the folder's CA alone
	CAFile          string         // the same as a PEM file, for other programs
	AttestationRoot []byte         // PEM; nil for a Premium vault, which attests nothing
	token           *secret.Bytes
}

// Open reads the state folder dir, which a server has been started on before;
// it need not be running. A folder without a rehearsal vault is a Usage error,
// a URL that is not this computer's own is Refused.
func Open(dir string) (*Client, error) {
	files := map[string][]byte{}
	for _, name := range []string{state.FileURL, state.FileService, state.FileToken, state.FileCA} {
		if err := readInto(files, dir, name); err != nil {
			return nil, err
		}
	}
	c := &Client{
		URL: state.Line(files[state.FileURL]), Service: state.Line(files[state.FileService]), Tenant: Tenant,
		CA: x509.NewCertPool(), CAFile: filepath.Join(dir, state.FileCA),
		token: secret.Take([]byte(state.Line(files[state.FileToken]))),
	}
	if _, err := state.PortOf(filepath.Join(dir, state.FileURL), c.URL); err != nil {
		return nil, err
	}
	if !c.CA.AppendCertsFromPEM(files[state.FileCA]) {
		return nil, exitcode.Errorf(exitcode.Usage, "%s: no certificate in it", c.CAFile)
	}
	if c.Service == ManagedHSM {
		if err := readInto(files, dir, state.FileRoot); err != nil {
			return nil, err
		}
		c.AttestationRoot = files[state.FileRoot]
	}
	return c, nil
}

func readInto(files map[string][]byte, dir, name string) error {
	data, err := durable.ReadFile(filepath.Join(dir, name), state.MaxFile)
	if errors.Is(err, fs.ErrNotExist) {
		return exitcode.Errorf(exitcode.Usage, "%s holds no rehearsal vault: %s is missing", dir, name).
			Hint("byok-online rehearsal serve --listen 127.0.0.1:8443 --state %s", term.Quote(dir))
	}
	files[name] = data
	return exitcode.Mark(exitcode.Usage, err)
}

// Credential hands out the folder's token, whatever tenant or scope is asked for.
func (c *Client) Credential() azcore.TokenCredential { return credential{c.token} }

type credential struct{ token *secret.Bytes }

// GetToken implements azcore.TokenCredential.
func (c credential) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: string(c.token.Reveal()), ExpiresOn: time.Now().Add(time.Hour)}, nil
}

// HTTP returns a client that trusts the folder's CA alone, uses no proxy and
// no resolver, and can connect to loopback only. Give it to the SDK as
// policy.ClientOptions.Transport.
func (c *Client) HTTP() *http.Client {
	return &http.Client{Transport: &http.Transport{
		DialContext:         dialLoopback,
		TLSClientConfig:     &tls.Config{RootCAs: c.CA, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout: 10 * time.Second,
		MaxIdleConnsPerHost: 16,
		IdleConnTimeout:     30 * time.Second,
	}}
}

// dialLoopback connects to this computer, whoever asks for what.
func dialLoopback(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	hosts := []string{host}
	if host == "localhost" {
		hosts = []string{"127.0.0.1", "::1"}
	}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
			return nil, exitcode.Errorf(exitcode.Refused,
				"%s is not this computer: a rehearsal talks to loopback only", address)
		}
		var conn net.Conn
		if conn, err = new(net.Dialer).DialContext(ctx, network, net.JoinHostPort(host, port)); err == nil {
			return conn, nil
		}
	}
	return nil, err
}
