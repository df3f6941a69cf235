package uploadoptions_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/urfave/cli/v2"

	"byok/internal/command"
	"byok/internal/exitcode"
	"byok/internal/term"
	"byok/internal/upload"
	"byok/internal/uploadoptions"
)

// got is what a command line says.
type got struct {
	options upload.Options
	rate    float64
	status  int
	err     string // stderr
}

// Print implements command.Result.
func (got) Print(io.Writer) error { return nil }

// read reads a command line of options alone.
func read(t *testing.T, args ...string) (g got) {
	t.Helper()
	var out, said bytes.Buffer
	p := &command.Program{
		Name: "byok-test", Version: "1.2.3", Console: &term.Console{Program: "byok-test", Out: &out, Err: &said},
	}
	p.Commands = []*cli.Command{{
		Name: "upload", Usage: "upload", Flags: uploadoptions.Flags(),
		Action: p.Action(func(r *command.Run) (command.Result, error) {
			var err error
			if g.options, err = uploadoptions.Read(r); err == nil {
				g.rate, err = uploadoptions.Rate(r)
			}
			return g, err
		}),
	}}
	t.Setenv("BYOK_KMDATA", filepath.Join(t.TempDir(), "kmdata"))
	g.status = p.Main(context.Background(), append([]string{"upload"}, args...))
	g.err = said.String()
	return g
}

// files are the files that command lines name.
func files(t *testing.T) (dir string, public *ecdsa.PublicKey) {
	t.Helper()
	dir = t.TempDir()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&private.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"policy": `{"version":"1.0.0"}`, "other": "{}", "text": "policy", "marked": "\xef\xbb\xbf{}",
		"key": string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir, &private.PublicKey
}

func TestRead(t *testing.T) {
	dir, public := files(t)
	in := func(name string) string { return filepath.Join(dir, name) }
	if g := read(t); g.status != 0 || g.rate != 10 || g.options.Foreign != nil || len(g.options.Policies) != 0 {
		t.Errorf("nothing said: %+v", g)
	}
	g := read(t, "--name", "payroll", "--ops", "sign, verify", "--exportable", "--disabled", "--recover",
		"--force-new-version", "--release-policy", in("policy"), "--release-policy", in("other"), "--tag", "owner=ada",
		"--tag", "why=a=b", "--not-before", "2027-01-02T03:04:05Z", "--expires", "2028-01-02T03:04:05Z", "--rate", "2.5")
	o := g.options
	if g.status != 0 || g.rate != 2.5 || o.Name != "payroll" || strings.Join(o.Ops, " ") != "sign verify" ||
		!o.Exportable || !o.Disabled || !o.Recover || !o.NewVersion || o.Foreign != nil {
		t.Errorf("everything said: %+v", g)
	}
	if fmt.Sprintf("%s", o.Policies) != `[{"version":"1.0.0"} {}]` || o.Tags["owner"] != "ada" || o.Tags["why"] != "a=b" ||
		o.NotBefore != time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC) ||
		o.Expires != time.Date(2028, 1, 2, 3, 4, 5, 0, time.UTC) {
		t.Errorf("everything said: %+v", g)
	}
	g = read(t, "--public-key", in("key"))
	if g.status != 0 || g.options.Foreign == nil || !public.Equal(g.options.Foreign.Key.PublicKey) {
		t.Errorf("another vendor's: %+v", g)
	}
	if g = read(t, "--kty", "RSA", "--unchecked"); g.status != 0 || g.options.Foreign.Key.Kty != "RSA-HSM" {
		t.Errorf("unchecked: %+v", g)
	}
}

func TestRefused(t *testing.T) {
	dir, _ := files(t)
	in := func(name string) string { return filepath.Join(dir, name) }
	year := time.Now().AddDate(1, 0, 0).UTC().Format("2006-")
	for _, c := range []struct {
		args []string
		want string
		hint string // its beginning
	}{
		{[]string{"--tag", "owner"}, "--tag owner: expected NAME=VALUE, each name once", ""},
		{[]string{"--tag", "a=1", "--tag", "a=2"}, "--tag a=2: expected NAME=VALUE, each name once", ""},
		{[]string{"--not-before", "now"}, `--not-before: "now" is not a time; expected one in RFC 3339, such as 2026-11-25T19:05:00Z`,
			"--not-before " + year},
		{[]string{"--expires", "never"}, `--expires: "never" is not a time; expected one in RFC 3339, such as 2026-11-25T19:05:00Z`,
			"--expires " + year},
		{[]string{"--release-policy", in("none")}, in("none") + ": no such file", ""},
		{[]string{"--release-policy", in("text")}, in("text") + ": a release policy is JSON", ""},
		{[]string{"--release-policy", in("marked")}, in("marked") + ": it begins with a byte order mark, as Windows PowerShell " +
			"writes it; expected UTF-8 without a byte order mark", ""},
		{[]string{"--public-key", in("none")}, in("none") + ": no such file", ""},
		{[]string{"--public-key", in("policy")}, in("policy") + ": ", "openssl pkey -pubin -in "},
		{[]string{"--kty", "RSA"}, "--kty: no public key to check the uploaded key against", "give --public-key PEM"},
		{[]string{"--rate", "-1"}, "--rate -1: expected a number of keys in ten seconds, or 0 for no limit", ""},
		{[]string{"--rate", "NaN"}, "--rate NaN: expected a number of keys in ten seconds, or 0 for no limit", ""},
	} {
		g := read(t, c.args...)
		first, rest, _ := strings.Cut(g.err, "\n")
		if g.status != int(exitcode.Usage) || !strings.HasPrefix(first, "byok-test: error: "+c.want) ||
			!strings.HasSuffix(c.want, ": ") && first != "byok-test: error: "+c.want {
			t.Errorf("%q: status %d, %s", c.args, g.status, g.err)
		}
		if c.hint != "" && !strings.HasPrefix(rest, "byok-test: hint: "+c.hint) {
			t.Errorf("%q: %s", c.args, rest)
		}
	}
}
