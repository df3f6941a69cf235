// Package rehearsal is a vault for practice: it speaks the REST of Azure Key
// Vault and Managed HSM over TLS on loopback, so that a whole ceremony can be
// held with the real client and nothing of value.
//
// Serve runs it on a state folder, which holds the vault's keys, certificates
// and token and survives a restart; Open gives a client all it needs to reach
// it. What the service documents, or answers in recordings, is answered the
// same way, refusals included; where neither says, the text is ours and says
// so beside the code.
//
// Nothing in a rehearsal is protected: its HSM is this process, its keys are
// files (mode 0600) and its attestation ends in a root made for the folder,
// with REHEARSAL in every name. Never import this package into byok-offline,
// and never let it listen beyond loopback.
package rehearsal

import (
	"context"
	"crypto/tls"
	"errors"
	"log"
	"net"
	"net/http"
	"time"

	"golang.org/x/net/netutil"

	"byok/internal/exitcode"
	"byok/internal/kek"
	"byok/internal/rehearsal/limit"
	"byok/internal/rehearsal/state"
)

// The services a rehearsal can play, as the SecurityWorld package names them.
const (
	ManagedHSM = kek.ServiceManagedHSM // attestation, AES keys
	Vault      = kek.ServiceVault      // a Premium vault: neither
)

// Limits on what one client can hold up: a request must have arrived within
// readTimeout, and further connections wait.
const (
	headerTimeout  = 10 * time.Second
	readTimeout    = 15 * time.Second
	maxConnections = 512
)

// Tenant is the Entra tenant the rehearsal claims to be in. No one owns it.
const Tenant = "72656865-6172-7361-6c00-000000000000"

// Config says which rehearsal vault to serve.
type Config struct {
	State   string            // folder of the vault's state; made, with mode 0700, where missing
	Listen  string            // loopback host:port; port 0 takes the folder's port, or a free one on the first run
	Service string            // ManagedHSM or Vault; empty takes the folder's, or ManagedHSM on the first run
	Log     func(line string) // told of every request, from several goroutines; nil is silence
	Limit   string            // new keys in a time, such as 10/10s; "documented" is the service's own, empty is none
	Faults  []string          // ways to fail on purpose, see FaultHelp; Client.SetFaults replaces them
}

// Info is what the operator of a running rehearsal vault needs.
type Info struct {
	URL     string // https://localhost:port, without a trailing slash
	Service string
	Tenant  string
	State   string
}

// Serve runs the rehearsal vault until ctx is done, which is not an error. ready
// is called once, when the vault answers and the state folder holds all that
// Open reads. Refused are an address beyond loopback, a folder that another
// server uses, and a folder made for another address or service: a vault's
// URL is part of every key identifier, so it cannot change.
func Serve(ctx context.Context, c Config, ready func(Info)) error {
	most, err := limit.Parse(c.Limit)
	if err != nil {
		return err
	}
	faults, err := parseFaults(c.Faults)
	if err != nil {
		return err
	}
	s, err := state.Open(c.State, c.Service)
	if err != nil {
		return err
	}
	defer s.Close()
	listener, err := s.Listen(c.Listen)
	if err != nil {
		return exitcode.Mark(exitcode.Vault, err)
	}
	defer listener.Close()
	v, err := newVault(s, most, c.Log)
	if err != nil {
		return err
	}
	v.faults.set(faults)
	config, err := s.TLSConfig(v.certificateExpired)
	if err == nil {
		err = s.Announce()
	}
	if err != nil {
		return err
	}
	server := newServer(v.handler(), config, v.log)
	if ready != nil {
		ready(Info{URL: s.URL(), Service: s.Service(), Tenant: Tenant, State: c.State})
	}
	return serveUntil(ctx, server, netutil.LimitListener(listener, maxConnections))
}

// newServer keeps a client from holding a connection without a request.
func newServer(handler http.Handler, config *tls.Config, logged func(string)) *http.Server {
	return &http.Server{
		Handler:           handler,
		TLSConfig:         config,
		Protocols:         http1(),
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		IdleTimeout:       time.Minute,
		ErrorLog:          log.New(lineWriter(logged), "", 0),
	}
}

// serveUntil serves until ctx is done and lets requests under way finish, so
// that no client is left wondering whether its key was stored.
func serveUntil(ctx context.Context, server *http.Server, listener net.Listener) error {
	stopped := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if server.Shutdown(grace) != nil {
			_ = server.Close()
		}
		close(stopped)
	})
	if err := server.ServeTLS(listener, "", ""); stop() || !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	<-stopped
	return nil
}

// http1 leaves HTTP/2 out: its shutdown takes a second, and a connection that
// serves one request at a time can be cut at one.
func http1() *http.Protocols {
	p := new(http.Protocols)
	p.SetHTTP1(true)
	return p
}
