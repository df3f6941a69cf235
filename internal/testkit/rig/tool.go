package rig

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"byok/internal/hsm"
	"byok/internal/officer"
	"byok/internal/secret"
	"byok/internal/statement"
	"byok/internal/world"
)

// ToolPIN is the user PIN of a token that a vendor's tool has made.
const ToolPIN = "crypto-user:user-pin-of-the-test"

// NewTool makes an empty token as AWS CloudHSM has it, and n blank cards: the
// vendor's tool has made its user, and trusts an object when [Rig.Trust] says
// so. See the shim's profile.
func NewTool(t testing.TB, n int) *Rig {
	t.Helper()
	r := New(t, n)
	r.People.PIN = ToolPIN
	r.InitToken(t, r.Label, ToolPIN)
	r.Tool(t)
	return r
}

// InitToken initialises the free token, as a vendor's tool does: past what the
// library itself does not offer.
func (r *Rig) InitToken(t testing.TB, label, pin string) {
	t.Helper()
	r.InitTokenWith(t, label, pin, pin)
}

// InitTokenWith is [Rig.InitToken] with an SO PIN of its own.
func (r *Rig) InitTokenWith(t testing.TB, label, so, pin string) {
	t.Helper()
	profile, tool := os.Getenv("SHIM_PROFILE"), os.Getenv("SHIM_TOOL")
	set := func(profile, tool string) {
		t.Setenv("SHIM_PROFILE", profile)
		t.Setenv("SHIM_TOOL", tool)
	}
	set("", "")
	defer set(profile, tool)
	m, err := hsm.Load(r.Library)
	OK(t, err)
	defer m.Close()
	free, err := m.Free()
	OK(t, err)
	token, err := m.Initialise(free, Secret(so), label)
	OK(t, err)
	s, err := m.Open(token)
	OK(t, err)
	defer s.Close()
	OK(t, s.Login(hsm.RoleSO, Secret(so)))
	OK(t, s.InitPIN(Secret(pin)))
}

// Tool makes the module one whose keys the vendor's tool trusts.
func (r *Rig) Tool(t testing.TB) {
	t.Helper()
	r.trusting = t.TempDir()
	t.Setenv("SHIM_PROFILE", "cloudhsm")
	t.Setenv("SHIM_TOOL", r.trusting)
	r.People.Officer = r.Trust
}

// ToolCreation is [Rig.Creation] with guard trust-by-tool.
func (r *Rig) ToolCreation(k int) world.Creation {
	o := r.Creation(k)
	o.Guard = statement.GuardTrustByTool
	o.UserPIN = func(hsm.Token, bool) (*secret.Bytes, error) { return Secret(ToolPIN), nil }
	return o
}

// Trust is what the officer does with the object that is shown.
func (r *Rig) Trust(order officer.Order) error {
	return os.WriteFile(r.trustFile(order.ID), nil, 0o600)
}

// Untrust has the officer take that back, of an object with the CKA_ID.
func (r *Rig) Untrust(id []byte) error { return os.Remove(r.trustFile(id)) }

func (r *Rig) trustFile(id []byte) string { return filepath.Join(r.trusting, fmt.Sprintf("%x", id)) }

// IDOf is the CKA_ID of the first token object with the label.
func (r *Rig) IDOf(t testing.TB, label string) []byte {
	t.Helper()
	m, err := hsm.Load(r.Library)
	OK(t, err)
	token, err := m.Labelled(r.Label)
	OK(t, err)
	s, err := m.Open(token[0])
	OK(t, err)
	defer s.Close()
	items, err := s.Inventory()
	OK(t, err)
	for _, i := range items {
		if i.Label == label {
			return i.ID
		}
	}
	t.Fatalf("no object labelled %s", label)
	return nil
}

// NewToolWorld is a rehearsal world with guard trust-by-tool and a quorum of
// 2/3, whose officer has trusted KM and is not called again.
func NewToolWorld(t testing.TB) *Rig {
	t.Helper()
	r := NewTool(t, 3)
	_, err := world.Create(r.ToolCreation(2))
	OK(t, err)
	r.People.Officer = func(officer.Order) error { return errors.New("the officer was called") }
	r.People.Paper = r.Paper(t)
	return r
}

// LoginCreation is [Rig.Creation] with a guard that rests on the login: no one
// is asked for a user PIN.
func (r *Rig) LoginCreation(k int, guard statement.Guard) world.Creation {
	o := r.Creation(k)
	o.Guard = guard
	if guard == statement.GuardLogin {
		o.UserPIN = func(hsm.Token, bool) (*secret.Bytes, error) { return nil, errors.New("the user PIN was asked for") }
	}
	return o
}

// NewLoginWorld is a rehearsal world with guard login and a quorum of 2/3.
// Nobody knows its user PIN.
func NewLoginWorld(t testing.TB) *Rig {
	t.Helper()
	r := New(t, 3)
	_, err := world.Create(r.LoginCreation(2, statement.GuardLogin))
	OK(t, err)
	r.People.Paper = r.Paper(t)
	return r
}
