package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/rehearsal"
	"byok/internal/testkit/practice"
)

// stick is packages of one world for several vaults, a folder for each.
type stick struct {
	dir    string
	vaults []*practice.Vault
	hknso  string
}

func newStick(t *testing.T, vaults int) stick {
	t.Helper()
	s := stick{dir: t.TempDir()}
	for range vaults {
		v := practice.Start(t, rehearsal.Config{})
		if len(s.vaults) > 0 {
			if err := v.World.Close(); err != nil {
				t.Fatal(err)
			}
			v.World = s.vaults[0].World
		}
		s.vaults = append(s.vaults, v)
	}
	hknso, err := s.vaults[0].HKNSO()
	if err != nil {
		t.Fatal(err)
	}
	s.hknso = hknso.FirstWords(8)
	for i, v := range s.vaults {
		dir := filepath.Join(s.dir, string(rune('a'+i)))
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"payroll", "signing"} {
			if _, err := v.Pack(dir, name, "P-256"); err != nil {
				t.Fatal(err)
			}
		}
	}
	return s
}

// upload is the command line for all packages and these vaults.
func (s stick) upload(options ...string) []string {
	return slices.Concat([]string{"upload", s.dir, "--yes", "--hknso", s.hknso}, options)
}

func (s stick) rehearsals(vaults ...int) (options []string) {
	for _, n := range vaults {
		options = append(options, "--rehearsal", s.vaults[n].Dir)
	}
	return options
}

// TestWholeStick uploads the packages of three vaults with one command: each
// goes to its vault. The same command again finds them, and sends nothing.
func TestWholeStick(t *testing.T) {
	s := newStick(t, 3)
	all := s.upload(s.rehearsals(0, 1, 2)...)
	status, out, said := play(context.Background(), t, all...)
	if status != 0 || !strings.Contains(out, "6 uploaded, 0 already there, 0 failed, 0 not sent\n") {
		t.Fatalf("status %d, %s%s", status, out, said)
	}
	if n := strings.Count(said, "warning: REHEARSAL vault"); n != 1 {
		t.Errorf("warned %d times:\n%s", n, said)
	}
	for _, v := range s.vaults {
		if !strings.Contains(said, "byok-online: "+v.Open.URL+": 2 packages\n") {
			t.Errorf("%s is not listed:\n%s", v.Open.URL, said)
		}
		for _, name := range []string{"payroll", "signing"} {
			if _, err := v.Client.Key(t.Context(), name, ""); err != nil {
				t.Errorf("%s in %s: %v", name, v.Open.URL, err)
			}
		}
	}
	status, out, said = play(context.Background(), t, append(all, "--output", "json")...)
	var answer struct {
		Data struct {
			Vaults []struct {
				Vault    string
				Uploaded int
				Already  int
			}
		}
	}
	if err := json.Unmarshal([]byte(out), &answer); err != nil || status != 0 || len(answer.Data.Vaults) != 3 {
		t.Fatalf("status %d, %v, %s%s", status, err, out, said)
	}
	for _, v := range answer.Data.Vaults {
		if v.Already != 2 || v.Uploaded != 0 {
			t.Errorf("%+v", v)
		}
	}
}

// TestStickRefused has what keeps all packages of a stick out, or those of one
// vault.
func TestStickRefused(t *testing.T) {
	s := newStick(t, 2)
	outside := s.vaults[1].Open.URL
	for _, c := range []struct {
		name    string
		options []string
		status  exitcode.Code
		want    []string
	}{
		{"no vault of a rehearsal", nil, exitcode.Usage, []string{
			"KeyTransferPackage-payroll.byok: vault " + outside +
				": a port other than 443 is for rehearsals and test vaults"}},
		{"a test vault that is not named", []string{"--test-vault"}, exitcode.Usage, []string{"upload needs --vault"}},
		{"another vendor's, to no vault", []string{"--kty", "RSA", "--unchecked"}, exitcode.Usage,
			[]string{"upload needs --vault"}},
		{"one vault twice", s.rehearsals(0, 0), exitcode.Usage, []string{
			"--rehearsal " + s.vaults[0].Dir + " and --rehearsal " + s.vaults[0].Dir + " are the same vault"}},
		{"one vault of two", s.rehearsals(0), exitcode.Check, []string{
			"the package is for a KEK of " + outside + ", not of " + s.vaults[0].Open.URL}},
	} {
		status, out, said := play(context.Background(), t, s.upload(c.options...)...)
		for _, want := range c.want {
			if status != int(c.status) || !strings.Contains(said, want) {
				t.Errorf("%s: status %d, %s%s", c.name, status, out, said)
			}
		}
		if _, err := s.vaults[1].Client.Key(t.Context(), "payroll", ""); err == nil {
			t.Errorf("%s: the other vault has a key", c.name)
		}
	}
}

// TestOneVaultRefuses has one vault of five refuse every import: the others get
// their keys, and the same command goes on once it does not.
func TestOneVaultRefuses(t *testing.T) {
	s := newStick(t, 5)
	if _, err := s.vaults[1].Open.SetFaults(t.Context(), "forbidden=role,on=import,times=always"); err != nil {
		t.Fatal(err)
	}
	all := s.upload(s.rehearsals(0, 1, 2, 3, 4)...)
	status, out, said := play(context.Background(), t, all...)
	if status != int(exitcode.Vault) || !strings.Contains(out, "8 uploaded, 0 already there, 2 failed, 0 not sent\n") {
		t.Errorf("status %d, %s%s", status, out, said)
	}
	for _, name := range []string{"payroll", "signing"} {
		want := "byok-online: error: KeyTransferPackage-" + name + ".byok: import key " + name +
			": the account has no role in the vault that allows this: Caller is not authorized to perform action on resource " +
			"(Forbidden/ForbiddenByRbac, request "
		if strings.Count(said, want) != 1 {
			t.Errorf("not %q:\n%s", want, said)
		}
	}
	if _, err := s.vaults[1].Open.SetFaults(t.Context()); err != nil {
		t.Fatal(err)
	}
	status, out, said = play(context.Background(), t, all...)
	if status != 0 || !strings.Contains(out, "2 uploaded, 8 already there, 0 failed, 0 not sent\n") {
		t.Errorf("again: status %d, %s%s", status, out, said)
	}
}
