package yubihsm

import (
	"encoding/binary"
	"errors"
	"testing"

	"byok/internal/testkit/yubihsm/wire"
)

// Two logins with rights of their own, as a ceremony has them.
const (
	operatorList = "generate-asymmetric-key,generate-symmetric-key,sign-pkcs,sign-pss,sign-ecdsa,get-opaque,put-opaque," +
		"delete-opaque,delete-asymmetric-key,get-pseudo-random"
	operatorGives = "exportable-under-wrap,sign-pkcs,sign-pss,sign-ecdsa"
	quorumList    = operatorList + ",export-wrapped,put-public-wrap-key,delete-public-wrap-key"
)

func capabilities(t *testing.T, list string) wire.Capability {
	t.Helper()
	c, err := wire.ParseCapabilities(list)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// factory is a new device and a session that may do everything.
func factory(t *testing.T) (*Device, *Session) {
	t.Helper()
	d := New(Options{})
	return d, login(t, d, 1, FactoryPassword)
}

func login(t *testing.T, d *Device, id uint16, password string) *Session {
	t.Helper()
	s, err := Open(d.Exchange, id, password)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// as makes an authentication key and logs in with it.
func as(t *testing.T, d *Device, admin *Session, k Key) *Session {
	t.Helper()
	if err := admin.MakeLogin(k, "a password"); err != nil {
		t.Fatal(err)
	}
	return login(t, d, k.ID, "a password")
}

// made makes an object and fails the test where that fails.
func made(t *testing.T, s *Session, code wire.Code, k Key, data []byte) uint16 {
	t.Helper()
	id, err := s.Make(code, k, data)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func do(t *testing.T, s *Session, code wire.Code, data ...[]byte) []byte {
	t.Helper()
	out, err := s.Do(code, join(data...))
	if err != nil {
		t.Fatalf("command 0x%02x: %v", byte(code), err)
	}
	return out
}

// expect has the device refuse.
func expect(t *testing.T, what string, err error, want wire.Status) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: got %v, want %v", what, err, want)
	}
}

func join(parts ...[]byte) (out []byte) {
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

func u16(n uint16) []byte { return binary.BigEndian.AppendUint16(nil, n) }
