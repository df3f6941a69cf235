// Package vault talks to one Azure key vault or Managed HSM about the keys
// of this project: it makes and checks the key exchange key (KEK), imports
// transfer packages without ever making a version twice, and has the vault
// prove that it holds the key that was made offline.
//
// [endpoint.Parse], then [New], then the methods of [Client]; a Client may be used
// by several goroutines. Whoever imports a package verifies it first (package
// approval), asks [Client.CheckKEK], and calls [Client.Prove] afterwards.
//
// Do not use the azkeys client as well: its own retry makes duplicate
// versions after a lost answer, and it panics on a malformed challenge.
// Nothing here purges a key. byok-offline must not import this package.
package vault

import (
	"context"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azkeys"

	"byok/internal/azure"
	"byok/internal/exitcode"
	"byok/internal/vault/endpoint"
	"byok/internal/vault/pace"
)

// ServiceRate is the documented limit of a vault: HSM keys made or imported in
// ten seconds.
const ServiceRate = pace.PerVault

// Options of a Client. The zero value is usable.
type Options struct {
	HTTP    *http.Client  // azure.Network.Client, or the rehearsal's; nil is the SDK's default
	Rate    float64       // keys made or imported in ten seconds, such as ServiceRate; 0 for no limit
	Timeout time.Duration // for one request; 0 is one minute
	Clock   Clock         // nil is the system's

	// Say is told in one line why the client waits, by whichever goroutine
	// waits. Nil is silence.
	Say func(format string, args ...any)
}

// Clock says the time and waits, so that tests need not.
type Clock interface {
	Now() time.Time
	Sleep(ctx context.Context, d time.Duration) error // ctx.Err() when ctx ends first
}

// Client is one vault under one credential.
type Client struct {
	address endpoint.Address
	keys    *azkeys.Client
	cred    *credential
	pace    *pace.Pace
	shared  *pace.Pace  // see Share; nil for none
	gate    *sync.Mutex // one request at a time waits for shared
	timeout time.Duration
	clock   Clock
	say     func(format string, args ...any)
	jitter  func() float64 // [0,1)
	patient bool           // wait for a vault that cannot be reached as well
}

// New returns a client of the vault at address. It connects nowhere yet.
func New(address endpoint.Address, cred azcore.TokenCredential, o Options) (*Client, error) {
	return newClient(address, cred, o, net.DefaultResolver.LookupNetIP)
}

func newClient(
	address endpoint.Address, cred azcore.TokenCredential, o Options, lookup endpoint.Resolver,
) (*Client, error) {
	if address.IsZero() {
		return nil, exitcode.Errorf(exitcode.Usage, "no vault was given")
	}
	if o.Rate < 0 || math.IsNaN(o.Rate) {
		return nil, exitcode.Errorf(exitcode.Usage,
			"rate %v: expected a number of keys in ten seconds, or 0 for no limit", o.Rate)
	}
	c := &Client{
		address: address,
		pace:    pace.New(o.Rate),
		timeout: o.Timeout,
		clock:   o.Clock,
		say:     o.Say,
		jitter:  rand.Float64,
		cred:    &credential{inner: cred},
	}
	if c.timeout == 0 {
		c.timeout = time.Minute
	}
	if c.clock == nil {
		c.clock = systemClock{}
	}
	if c.say == nil {
		c.say = func(string, ...any) {}
	}
	options := azcore.ClientOptions{
		Retry:            policy.RetryOptions{MaxRetries: -1}, // ours knows what may be repeated
		Telemetry:        policy.TelemetryOptions{ApplicationID: "byok-online"},
		PerRetryPolicies: []policy.Policy{endpoint.NewGuard(address, c.clock.Now, lookup)},
	}
	if o.HTTP != nil {
		options.Transport = o.HTTP
	}
	var err error
	c.keys, err = azkeys.NewClient(address.String(), c.cred, &azkeys.ClientOptions{
		ClientOptions:                        options,
		DisableChallengeResourceVerification: address.Rehearsal() || address.Test(),
	})
	return c, exitcode.Mark(exitcode.Failed, err)
}

// Share has c take its turns from p as well, which the vaults of a subscription
// share. Call it before the first request.
func (c *Client) Share(p *pace.Pace) { c.shared, c.gate = p, &sync.Mutex{} }

// Address is the vault's.
func (c *Client) Address() endpoint.Address { return c.address }

func (c *Client) explain(doing string, err error) error {
	return azure.Explain(doing, azure.WithSecrets(err, c.cred.token()), c.clock.Now(), rules...)
}

type systemClock struct{}

// Now implements Clock.
func (systemClock) Now() time.Time { return time.Now() }

// Sleep implements Clock.
func (systemClock) Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// credential marks what signing in said, so that it is never taken for an
// answer of the vault that got lost, and keeps the last token, so that it is
// found where an answer echoes it.
type credential struct {
	inner azcore.TokenCredential

	mu   sync.Mutex
	last string
}

type signInError struct{ error }

// Unwrap returns the cause.
func (s signInError) Unwrap() error { return s.error }

// GetToken implements azcore.TokenCredential.
func (c *credential) GetToken(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	token, err := c.inner.GetToken(ctx, o)
	if err != nil {
		return token, signInError{err}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last = token.Token
	return token, nil
}

// token is the last one, "" before there was one.
func (c *credential) token() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.last
}
