// Package state is the state folder of a rehearsal vault: whose it is, where the
// vault answers, its token, its CA. A server holds it with [Open]; a client
// reads its files by the names here.
package state

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"byok/internal/access"
	"byok/internal/base64url"
	"byok/internal/durable"
	"byok/internal/exitcode"
	"byok/internal/kek"
	"byok/internal/term"
)

// The files of a state folder that clients read. Beside them are the private
// ones: lock, tls-private.pem, attestation-private.pem and the folder keys.
const (
	FileURL     = "url"                  // https://localhost:port
	FileToken   = "token"                // the bearer token, mode 0600
	FileService = "service"              // managed-hsm or vault
	FileCA      = "ca.pem"               // whoever serves url has a certificate from it
	FileRoot    = "attestation-root.pem" // managed-hsm only
)

// MaxFile is the most bytes a file of the folder may have.
const MaxFile = 1 << 20

// State is a state folder held by this process.
type State struct {
	dir     string
	release func() // lets the folder go
	service string
	token   []byte
	url     string // known once Listen has run
}

// Open makes the folder dir (mode 0700) where it is missing and holds it; Close
// lets it go. An empty service is the folder's own, or a Managed HSM on the
// first run. The error is Refused where another server holds the folder or it
// is of another service.
func Open(dir, service string) (*State, error) {
	if dir == "" {
		return nil, exitcode.Errorf(exitcode.Usage, "no folder was given for the rehearsal vault's state")
	}
	if err := access.MkdirAll(filepath.Join(dir, "keys"), 0o700); err != nil {
		return nil, err
	}
	s := &State{dir: dir}
	if err := s.hold(); err != nil {
		return nil, err
	}
	if err := s.identity(service); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Path returns the path of a file of the folder.
func (s *State) Path(name string) string { return filepath.Join(s.dir, name) }

// Service returns what the folder plays: kek.ServiceManagedHSM or kek.ServiceVault.
func (s *State) Service() string { return s.service }

// Token returns the bearer token of the folder.
func (s *State) Token() []byte { return s.token }

// URL returns https://localhost:PORT, once Listen has settled the port.
func (s *State) URL() string { return s.url }

// Close lets the folder go.
func (s *State) Close() { s.release() }

// hold locks the folder for this process; the kernel frees it with us.
func (s *State) hold() error {
	release, err := durable.Lock(s.Path("lock"), fmt.Sprintf("process %d", os.Getpid()))
	var other durable.InUse
	if errors.As(err, &other) {
		return exitcode.Errorf(exitcode.Refused, "%s is in use by another rehearsal vault (%s)", s.dir, other.By).
			Hint("stop that one, or give this one a folder of its own with --state")
	}
	s.release = release
	return err
}

// identity settles what the folder is: its service and its token.
func (s *State) identity(service string) error {
	if service != "" && !known(service) {
		return exitcode.Errorf(exitcode.Usage, "service %s: expected %s or %s", service,
			kek.ServiceManagedHSM, kek.ServiceVault)
	}
	held, err := s.Once(FileService, 0o644, func() ([]byte, error) {
		if service == "" {
			return []byte(kek.ServiceManagedHSM + "\n"), nil
		}
		return []byte(service + "\n"), nil
	})
	if err != nil {
		return err
	}
	if s.service = Line(held); !known(s.service) {
		return fmt.Errorf("%s: neither %s nor %s", s.Path(FileService), kek.ServiceManagedHSM, kek.ServiceVault)
	}
	if service != "" && service != s.service {
		return exitcode.Errorf(exitcode.Refused, "the rehearsal vault in %s is a %s, not a %s", s.dir, s.service,
			service).
			Hint("use another folder with --state")
	}
	token, err := s.Once(FileToken, 0o600, newToken)
	if s.token = []byte(Line(token)); err == nil && len(s.token) != len(base64url.Encode(make([]byte, tokenSize))) {
		err = fmt.Errorf("%s: not a token of a rehearsal vault", s.Path(FileToken))
	}
	return err
}

func known(service string) bool {
	return service == kek.ServiceManagedHSM || service == kek.ServiceVault
}

const tokenSize = 32

func newToken() ([]byte, error) {
	var b [tokenSize]byte
	_, _ = rand.Read(b[:]) // never fails, see crypto/rand
	return []byte(base64url.Encode(b[:]) + "\n"), nil
}

// Once returns the content of a file of the folder, made on the first run.
func (s *State) Once(name string, perm fs.FileMode, first func() ([]byte, error)) ([]byte, error) {
	data, err := durable.ReadFile(s.Path(name), MaxFile)
	if !errors.Is(err, fs.ErrNotExist) {
		return data, err
	}
	if data, err = first(); err != nil {
		return nil, err
	}
	return data, durable.WriteFile(s.Path(name), data, perm)
}

// Publish keeps a file that is derived from a private one equal to it.
func (s *State) Publish(name string, data []byte) error {
	if held, err := durable.ReadFile(s.Path(name), MaxFile); err == nil && bytes.Equal(held, data) {
		return nil
	}
	return durable.Replace(s.Path(name), data, 0o644)
}

// Listen opens the port and settles the folder's URL.
func (s *State) Listen(address string) (net.Listener, error) {
	host, port, err := loopback(address)
	if err != nil {
		return nil, err
	}
	fixed, err := s.fixedPort()
	if err != nil {
		return nil, err
	}
	if port == "0" {
		port = fixed
	}
	if fixed != "0" && port != fixed {
		return nil, exitcode.Errorf(exitcode.Refused, "the rehearsal vault in %s is https://localhost:%s, which "+
			"cannot change: it is part of every key identifier", s.dir, fixed).
			Hint("byok-online rehearsal serve --listen 127.0.0.1:%s --state %s", fixed, term.Quote(s.dir))
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(host, port))
	if err != nil {
		return nil, err
	}
	s.url = fmt.Sprintf("https://localhost:%d", listener.Addr().(*net.TCPAddr).Port)
	return listener, nil
}

// Announce writes the URL, the last file of a first run: where it is, all the
// others are.
func (s *State) Announce() error {
	_, err := s.Once(FileURL, 0o644, func() ([]byte, error) { return []byte(s.url + "\n"), nil })
	return err
}

// fixedPort is the port of the folder's URL, or "0" before the first run.
func (s *State) fixedPort() (string, error) {
	data, err := durable.ReadFile(s.Path(FileURL), MaxFile)
	if errors.Is(err, fs.ErrNotExist) {
		return "0", nil
	}
	if err != nil {
		return "", exitcode.Mark(exitcode.Refused, err)
	}
	return PortOf(s.Path(FileURL), Line(data))
}

// loopback splits host:port and lets only this computer's own addresses pass.
func loopback(address string) (host, port string, err error) {
	host, port, err = net.SplitHostPort(address)
	if err != nil {
		return "", "", exitcode.Errorf(exitcode.Usage,
			"listen address %s: expected host:port, such as 127.0.0.1:8443", address)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || strconv.FormatUint(n, 10) != port {
		return "", "", exitcode.Errorf(exitcode.Usage, "listen address %s: %s is not a port number", address, port)
	}
	if host == "localhost" {
		host = "127.0.0.1" // whatever the resolver says
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return "", "", exitcode.Errorf(exitcode.Refused, "listen address %s is not loopback: a rehearsal vault "+
			"never serves another computer", address).
			Hint("byok-online rehearsal serve --listen 127.0.0.1:8443 --state DIR")
	}
	return host, port, nil
}

// Line returns data as text without its end of line.
func Line(data []byte) string { return strings.TrimSuffix(string(data), "\n") }

// PortOf returns the port of a rehearsal vault's URL, read from the file named. The
// error is Refused: it is not on this computer.
func PortOf(file, address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil || u.Port() == "" || address != "https://localhost:"+u.Port() {
		return "", exitcode.Errorf(exitcode.Refused, "%s: a rehearsal vault's URL is https://localhost:PORT", file)
	}
	return u.Port(), nil
}
