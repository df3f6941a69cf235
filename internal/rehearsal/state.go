package rehearsal

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"byok/internal/base64url"
	"byok/internal/durable"
	"byok/internal/exitcode"
	"byok/internal/term"
)

// The files of a state folder that clients read. Beside them are the private
// ones: lock, tls-private.pem, attestation-private.pem and the folder keys.
const (
	fileURL     = "url"                  // https://localhost:port
	fileToken   = "token"                // the bearer token, mode 0600
	fileService = "service"              // managed-hsm or vault
	fileCA      = "ca.pem"               // whoever serves url has a certificate from it
	fileRoot    = "attestation-root.pem" // managed-hsm only
)

// maxFile is the most bytes a file of the folder may have.
const maxFile = 1 << 20

// state is a state folder held by this process.
type state struct {
	dir     string
	lock    *os.File
	service string
	token   []byte
	url     string // known once listen has run
}

func openState(dir, service string) (*state, error) {
	if dir == "" {
		return nil, exitcode.Errorf(exitcode.Usage, "no folder was given for the rehearsal vault's state")
	}
	if err := os.MkdirAll(filepath.Join(dir, "keys"), 0o700); err != nil {
		return nil, err
	}
	s := &state{dir: dir}
	if err := s.hold(); err != nil {
		return nil, err
	}
	if err := s.identity(service); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *state) path(name string) string { return filepath.Join(s.dir, name) }

func (s *state) close() { _ = s.lock.Close() }

// hold locks the folder for this process; the kernel frees it with us.
func (s *state) hold() error {
	f, err := os.OpenFile(s.path("lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	held, err := durable.TryLock(f)
	if err != nil {
		_ = f.Close()
		return err
	}
	if !held {
		defer f.Close()
		holder, _ := durable.ReadFile(s.path("lock"), maxFile)
		return exitcode.Errorf(exitcode.Refused, "%s is in use by another rehearsal vault (process %s)", s.dir,
			strings.TrimSpace(string(holder))).
			Hint("stop that one, or give this one a folder of its own with --state")
	}
	s.lock = f
	if err := f.Truncate(0); err == nil { // the number is for people only
		_, _ = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	return nil
}

// identity settles what the folder is: its service and its token.
func (s *state) identity(service string) error {
	if service != "" && !known(service) {
		return exitcode.Errorf(exitcode.Usage, "service %s: %s or %s is expected", service, ManagedHSM, Vault)
	}
	held, err := s.once(fileService, 0o644, func() ([]byte, error) {
		if service == "" {
			return []byte(ManagedHSM + "\n"), nil
		}
		return []byte(service + "\n"), nil
	})
	if err != nil {
		return err
	}
	if s.service = line(held); !known(s.service) {
		return fmt.Errorf("%s: neither %s nor %s", s.path(fileService), ManagedHSM, Vault)
	}
	if service != "" && service != s.service {
		return exitcode.Errorf(exitcode.Refused, "the rehearsal vault in %s is a %s, not a %s", s.dir, s.service,
			service).
			Hint("use another folder with --state")
	}
	token, err := s.once(fileToken, 0o600, newToken)
	if s.token = []byte(line(token)); err == nil && len(s.token) != len(base64url.Encode(make([]byte, tokenSize))) {
		err = fmt.Errorf("%s: not a token of a rehearsal vault", s.path(fileToken))
	}
	return err
}

func known(service string) bool { return service == ManagedHSM || service == Vault }

const tokenSize = 32

func newToken() ([]byte, error) {
	var b [tokenSize]byte
	_, _ = rand.Read(b[:]) // never fails, see crypto/rand
	return []byte(base64url.Encode(b[:]) + "\n"), nil
}

// once returns the content of a file of the folder, made on the first run.
func (s *state) once(name string, perm fs.FileMode, first func() ([]byte, error)) ([]byte, error) {
	data, err := durable.ReadFile(s.path(name), maxFile)
	if !errors.Is(err, fs.ErrNotExist) {
		return data, err
	}
	if data, err = first(); err != nil {
		return nil, err
	}
	return data, durable.WriteFile(s.path(name), data, perm)
}

// publish keeps a file that is derived from a private one equal to it.
func (s *state) publish(name string, data []byte) error {
	if held, err := durable.ReadFile(s.path(name), maxFile); err == nil && bytes.Equal(held, data) {
		return nil
	}
	return durable.Replace(s.path(name), data, 0o644)
}

// listen opens the port and settles the folder's URL.
func (s *state) listen(address string) (net.Listener, error) {
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

// announce writes the URL, the last file of a first run: where it is, all the
// others are.
func (s *state) announce() error {
	_, err := s.once(fileURL, 0o644, func() ([]byte, error) { return []byte(s.url + "\n"), nil })
	return err
}

// fixedPort is the port of the folder's URL, or "0" before the first run.
func (s *state) fixedPort() (string, error) {
	data, err := durable.ReadFile(s.path(fileURL), maxFile)
	if errors.Is(err, fs.ErrNotExist) {
		return "0", nil
	}
	if err != nil {
		return "", err
	}
	return portOf(s.path(fileURL), line(data))
}

// loopback splits host:port and lets only this computer's own addresses pass.
func loopback(address string) (host, port string, err error) {
	host, port, err = net.SplitHostPort(address)
	if err != nil {
		return "", "", exitcode.Errorf(exitcode.Usage,
			"listen address %s: host:port is expected, such as 127.0.0.1:8443", address)
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

func line(data []byte) string { return strings.TrimSuffix(string(data), "\n") }
