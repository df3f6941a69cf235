package uploadoptions_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/urfave/cli/v2"

	"byok/internal/command"
	"byok/internal/term"
	"byok/internal/upload"
	"byok/internal/uploadoptions"
)

// list runs a command line that names packages.
func list(t *testing.T, args ...string) (files []string, o upload.Options, said string) {
	t.Helper()
	var out, err bytes.Buffer
	p := &command.Program{
		Name: "byok-test", Version: "1.2.3", Console: &term.Console{Program: "byok-test", Out: &out, Err: &err},
	}
	p.Commands = []*cli.Command{{
		Name: "upload", Usage: "upload", Flags: append(uploadoptions.Flags(), &cli.StringFlag{Name: "vault"},
			&cli.StringFlag{Name: "plan"}),
		Action: p.Action(func(r *command.Run) (command.Result, error) {
			var err error
			files, err = uploadoptions.Files(r, &o)
			return got{}, err
		}),
	}}
	t.Setenv("BYOK_KMDATA", filepath.Join(t.TempDir(), "kmdata"))
	_ = p.Main(context.Background(), append([]string{"upload"}, args...))
	return files, o, err.String()
}

// planned writes the plan of package plan's tests, with a change.
func planned(t *testing.T, dir, old, with string) string {
	t.Helper()
	data, err := os.ReadFile("../plan/testdata/good.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(data), old) {
		t.Fatalf("%q is not in the plan", old)
	}
	path := filepath.Join(dir, "plan.yaml")
	if err := os.WriteFile(path, []byte(strings.Replace(string(data), old, with, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestAll has every package of a plan, each with what the plan says of it.
func TestAll(t *testing.T) {
	dir, _ := files(t)
	policy := filepath.Join(dir, "policy")
	plan := planned(t, dir, "exportable: false", "exportable: true\n    release_policy: "+policy)
	paths, o, said := list(t, "--all", "--plan", plan)
	var want []string
	for _, file := range []string{"hsm/KeyTransferPackage-contosokey", "premium/KeyTransferPackage-contosokey",
		"hsm/KeyTransferPackage-Payroll", "hsm/KeyTransferPackage-Signing"} {
		want = append(want, filepath.Join("/media/stick", file+".byok"))
	}
	if !slices.Equal(paths, want) || said != "" || len(o.Planned) != 4 {
		t.Fatalf("%q, %s", paths, said)
	}
	if first := o.Planned[want[1]]; first != (upload.Planned{
		Vault:     "https://contoso-premium.vault.azure.net",
		NotBefore: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC),
		Expires:   time.Date(2031, 1, 1, 0, 0, 0, 0, time.UTC),
	}) {
		t.Errorf("%+v", first)
	}
	if last := o.Planned[want[3]]; last != (upload.Planned{Vault: "https://contoso.managedhsm.azure.net"}) {
		t.Errorf("%+v", last)
	}
	if fmt.Sprintf("%s", o.Policies) != `[{"version":"1.0.0"}]` {
		t.Errorf("%s", o.Policies)
	}
}

func TestAllRefused(t *testing.T) {
	dir, _ := files(t)
	plan := planned(t, dir, "exportable: false", "exportable: true\n    release_policy: "+filepath.Join(dir, "none"))
	for _, c := range []struct {
		name string
		args []string
		want string // the first line begins so
	}{
		{"no plan", []string{"--all"}, "upload: --all is every package of a plan\n"},
		{"a file as well", []string{"--all", "--plan", plan, "a.byok"},
			"--all is every package of the plan, and \"a.byok\" is named as well\n"},
		{"a name", []string{"--all", "--plan", plan, "--name", "a"}, "--name and --all: the plan says that of each key\n"},
		{"a vault", []string{"--all", "--plan", plan, "--vault", "a"}, "--vault and --all: the plan says that of each key\n"},
		{"a plan that is not there", []string{"--all", "--plan", filepath.Join(dir, "no")},
			filepath.Join(dir, "no") + ": no such file\n"},
		{"a policy that is not there", []string{"--all", "--plan", plan}, filepath.Join(dir, "none") + ": no such file\n"},
	} {
		paths, _, said := list(t, c.args...)
		if len(paths) > 0 || !strings.HasPrefix(said, "byok-test: error: "+c.want) {
			t.Errorf("%s: %q, %s", c.name, paths, said)
		}
	}
	one := filepath.Join(dir, "a.byok")
	if err := os.WriteFile(one, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if paths, _, said := list(t, one); len(paths) != 1 || paths[0] != one || said != "" {
		t.Errorf("%q, %s", paths, said)
	}
}
