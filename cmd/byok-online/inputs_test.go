package main

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"byok/internal/exitcode"
	"byok/internal/rehearsal"
	"byok/internal/testkit/misfit"
	"byok/internal/testkit/practice"
	"byok/internal/worlds"
)

// input is a file that a command reads, or writes in place.
type input struct {
	file   string // the path
	line   string // the command; FILE stands for the path
	status exitcode.Code
	says   string // the error; FILE and KIND stand for path and kind. "" is "FILE: KIND"
	but    map[string]otherwise
}

// otherwise is what is said of some kinds, by their names.
type otherwise struct {
	status exitcode.Code // Done: this input takes the kind
	says   string
}

const dangling, loop, holes, folder = "a dangling link", "a loop of links", "a terabyte of holes", "a folder"

// Kinds that some inputs take.
var (
	mayMiss = map[string]otherwise{dangling: {}}
	anySize = map[string]otherwise{holes: {}}
)

// linked is for a file that is opened as no link, and that has to be there no
// more than its size matters.
func linked(says string) map[string]otherwise {
	says = strings.ReplaceAll(says, "KIND", "a symbolic link, not a file")
	return map[string]otherwise{dangling: {exitcode.Refused, says}, loop: {exitcode.Refused, says}, holes: {}}
}

// inputs lists every file that the commands read, by option, argument, name
// beside another one, or place in a folder.
func inputs() []input {
	const (
		pack    = "usb/KeyTransferPackage-payroll"
		upload  = "upload " + pack + ".byok --rehearsal vault --yes"
		verify  = "verify --manifest " + pack + ".manifest.json --rehearsal vault"
		foreign = "upload other.byok --rehearsal vault --yes"
		login   = "login --tenant t --client-id c --auth client-"
		serve   = "rehearsal serve --listen 127.0.0.1:0 --state state"
		log     = "kmdata/local/ceremony.jsonl"
		held    = "kmdata cannot be held for one command at a time: KIND"
		locked  = "FILE cannot be locked: KIND"
		unwrit  = "ceremony log FILE cannot be written, so nothing was done: "
	)
	long := map[string]otherwise{holes: {exitcode.Usage, "FILE: over 1024 bytes"}}
	noLog := map[string]otherwise{dangling: {exitcode.Usage, "FILE: no ceremony log there"}}
	asFolder := "FILE: this folder has no .byok file"
	list := []input{
		{"other.byok", foreign + " --kty RSA --unchecked", exitcode.Usage, "", map[string]otherwise{
			folder:   {exitcode.Usage, asFolder},
			dangling: {exitcode.Usage, "FILE: no such file or directory"},
			loop:     {exitcode.Usage, "FILE: too many levels of symbolic links"},
		}},
		{"pem", foreign + " --public-key FILE", exitcode.Usage, "", nil},
		{"policy", foreign + " --kty RSA --unchecked --exportable --release-policy FILE", exitcode.Usage, "", nil},
		{"pem", "verify --name payroll --rehearsal vault --public-key FILE", exitcode.Usage, "", nil},
		{"config/worlds.json", upload, exitcode.Refused, pack + ".byok: FILE: KIND", mayMiss},
		{"config/worlds.json", verify, exitcode.Refused, pack + ".byok: FILE: KIND", mayMiss},
		{"config/worlds.json", "inspect " + pack + ".byok", exitcode.Refused, pack + ".byok: FILE: KIND", mayMiss},
		{"fresh/worlds.json.lock", upload + " --config fresh --hknso OTHER", exitcode.Refused, pack + ".byok: " + locked,
			linked(pack + ".byok: " + locked)},
		{"file", "inspect FILE", exitcode.Usage, "", nil},
		{"file", "fingerprint FILE", exitcode.Usage, "", anySize},
		{"file", "toolset verify FILE", exitcode.Usage, "", anySize},
		{"SHA256SUMS", "toolset verify other", exitcode.Usage, "", mayMiss},
		{"from/KeyVault-BYOK-Tools-Europe.zip", "toolset download --region EU --from from", exitcode.Usage, "",
			map[string]otherwise{
				dangling: {exitcode.Usage, "from: no KeyVault-BYOK-Tools-Europe.zip in this folder"},
				holes: {exitcode.Check,
					"KeyVault-BYOK-Tools-Europe.zip: 1099511627776 bytes, more than the 268435456 it may have"},
			}},
		{"ca.pem", "toolset download --region EU --from https://localhost/ --ca-file FILE", exitcode.Usage,
			"CA file: FILE: KIND", nil},
		{"secret", login + "secret --client-secret-file FILE", exitcode.Usage, "", long},
		{"pem", login + "certificate --client-certificate FILE", exitcode.Usage,
			"--auth client-certificate: FILE: KIND", nil},
		{"secret", login + "certificate --client-certificate pem --client-certificate-password-file FILE",
			exitcode.Usage, "", long},
		{log, "ceremony verify", exitcode.Check, "FILE cannot be read: KIND", noLog},
		{log, "ceremony log", exitcode.Check, "FILE cannot be read: KIND", noLog},
		{log, upload, exitcode.Refused, unwrit + "KIND", map[string]otherwise{
			dangling: {exitcode.Refused, unwrit + "a symbolic link that leads nowhere"},
			holes: {exitcode.Refused, "ceremony log: the event could not be recorded: FILE cannot be appended to: " +
				"larger than the 1073741824 bytes that such a file may have"},
		}},
		{"kmdata/local/.held-by", upload, exitcode.Refused, held, linked(held)},
		{"state/keys/k.json", serve, exitcode.Refused, "", map[string]otherwise{dangling: {exitcode.Failed, "FILE: KIND"}}},
		{"state/lock", serve, exitcode.Refused, locked, linked(locked)},
	}
	list = append(list, outputs()...)
	list = append(list, folders()...)
	for _, name := range []string{".byok", ".manifest.json", ".manifest.sig", ".authorization.json", ".authorization.sig",
		".world.json", ".world.sig", ".module.json", ".module.sig", ".pop.sig"} {
		var one, several, proved map[string]otherwise
		switch name {
		case ".byok":
			one = map[string]otherwise{folder: {exitcode.Usage, asFolder},
				dangling: {exitcode.Usage, "FILE: no such file or directory"}}
			several = map[string]otherwise{folder: {exitcode.Usage, "usb: this folder has no .byok file"}}
		case ".pop.sig":
			one = map[string]otherwise{dangling: {exitcode.Check,
				"FILE: it is missing: the transferred key must have signed the authorization"}}
			several, proved = one, one
		}
		list = append(list,
			input{pack + name, upload, exitcode.Usage, "", one},
			input{pack + name, "upload usb --rehearsal vault --yes", exitcode.Usage, "", several},
			input{pack + name, verify, exitcode.Usage, "", proved})
	}
	for _, name := range []string{"url", "service", "token", "ca.pem", "attestation-root.pem"} {
		missing := otherwise{exitcode.Usage, "vault holds no rehearsal vault: " + name + " is missing"}
		for _, line := range []string{verify, "rehearsal faults --state vault"} {
			list = append(list, input{"vault/" + name, line, exitcode.Usage, "", map[string]otherwise{dangling: missing}})
		}
	}
	for _, name := range []string{"url", "service", "token", "tls-private.pem", "attestation-private.pem"} {
		list = append(list, input{"state/" + name, serve, exitcode.Refused, "", mayMiss})
	}
	return list
}

// outputs lists files that the commands make, and that must not be there.
func outputs() []input {
	const exists = "FILE already exists and is never overwritten"
	return []input{
		{"proof", "verify --manifest usb/KeyTransferPackage-payroll.manifest.json --rehearsal vault --proof FILE",
			exitcode.Refused, exists, nil},
		{"KeyVault-BYOK-Tools-CONTOSO.zip", "toolset build --rehearsal vault --kek KEKforBYOK --suffix CONTOSO --out .",
			exitcode.Refused, exists, nil},
		{"KeyVault-BYOK-Tools-Europe.zip", "toolset download --region EU --from from", exitcode.Refused, exists, nil},
	}
}

// folders lists the folders that the commands read files in.
func folders() []input {
	const (
		none   = "FILE holds no rehearsal vault: url is missing"
		loops  = "FILE/url: too many levels of symbolic links"
		upload = "upload usb/KeyTransferPackage-payroll.byok --rehearsal vault --yes"
		below  = "usb/KeyTransferPackage-payroll.byok: FILE/worlds.json: not a directory"
	)
	vault := map[string]otherwise{
		folder: {exitcode.Usage, none}, dangling: {exitcode.Usage, none}, loop: {exitcode.Usage, loops},
	}
	return []input{
		{"at", "verify --manifest usb/KeyTransferPackage-payroll.manifest.json --rehearsal FILE", exitcode.Usage,
			"FILE/url: not a directory", vault},
		{"at", "rehearsal faults --state FILE", exitcode.Usage, "FILE/url: not a directory", vault},
		{"at", upload + " --config FILE", exitcode.Refused, below, map[string]otherwise{folder: {}, dangling: {},
			loop: {exitcode.Refused, "usb/KeyTransferPackage-payroll.byok: FILE/worlds.json: too many levels of symbolic links"}}},
		{"at", "ceremony verify --kmdata FILE", exitcode.Check, "FILE/local/ceremony.jsonl cannot be read: not a directory",
			map[string]otherwise{
				folder:   {exitcode.Usage, "FILE/local/ceremony.jsonl: no ceremony log there"},
				dangling: {exitcode.Usage, "FILE/local/ceremony.jsonl: no ceremony log there"},
				loop:     {exitcode.Check, "FILE/local/ceremony.jsonl cannot be read: too many levels of symbolic links"},
			}},
	}
}

// TestInputsThatAreNoFiles puts everything that is not a file in place of each
// file that the program reads. It must be refused at once, by name.
func TestInputsThatAreNoFiles(t *testing.T) {
	s := inputScene(t)
	tried, refused := 0, 0
	for _, kind := range misfit.Kinds(t) {
		for _, in := range inputs() {
			other, differs := in.but[kind.Name]
			if differs {
				in.status, in.says = other.status, other.says
			}
			if in.status == exitcode.Done {
				continue
			}
			tried++
			if s.refuses(t, in, kind) {
				refused++
			}
		}
	}
	t.Logf("inputs that are not files, refused: %d of %d", refused, tried)
}

// scenery is a folder with every file that inputs name.
type scenery struct{ other string }

func inputScene(t *testing.T) scenery {
	t.Helper()
	t.Chdir(t.TempDir())
	v := practice.Start(t, rehearsal.Config{})
	_, stop, err := practice.New(rehearsal.Config{State: "state"})
	if err == nil {
		err = stop()
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"usb", "from", "config", "fresh", "kmdata/local"} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile("other", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Pack("usb", "payroll", "P-256"); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS("vault", os.DirFS(v.Dir)); err != nil {
		t.Fatal(err)
	}
	hknso, err := v.HKNSO()
	if err != nil {
		t.Fatal(err)
	}
	claim := worlds.Claim{Label: "Specimen", First: hknso, Current: hknso}
	if _, err := worlds.NewStore("config").Add(claim, "ada@host", time.Now()); err != nil {
		t.Fatal(err)
	}
	s := scenery{hknso.FirstWords(8)}
	if status, said := s.run(t, strings.Fields("upload usb --rehearsal vault --yes")); status != 0 {
		t.Fatal(said)
	}
	return s
}

// refuses runs the command with kind in place of the file.
func (s scenery) refuses(t *testing.T, in input, kind misfit.Kind) bool {
	t.Helper()
	restore := kind.Put(t, in.file)
	defer restore()
	line := strings.ReplaceAll(in.line, "FILE", in.file)
	status, said := s.run(t, strings.Fields(line))
	says := in.says
	if says == "" {
		says = "FILE: KIND"
	}
	says = strings.NewReplacer("FILE", regexp.QuoteMeta(in.file), "KIND", kind.Says).Replace(says)
	want := regexp.MustCompile("(?m)^byok-online: error: " + says + "$")
	if status == int(in.status) && want.MatchString(said) {
		return true
	}
	t.Errorf("%s in place of %s: %s: status %d, want %d\n%swant %s", kind.Name, in.file, line, status, in.status, said, says)
	return false
}

// run runs the program in this process. It has to end by itself.
func (s scenery) run(t *testing.T, args []string) (status int, said string) {
	t.Helper()
	return s.runUntil(t.Context(), t, args)
}

func (s scenery) runUntil(ctx context.Context, t *testing.T, args []string) (status int, said string) {
	t.Helper()
	for i, word := range args {
		if word == "OTHER" {
			args[i] = s.other
		}
	}
	config, err := filepath.Abs("config")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("BYOK_CONFIG", config)
	t.Setenv("BYOK_KMDATA", "kmdata")
	var out, messages syncBuffer
	ended := make(chan int, 1)
	go func() { ended <- program(strings.NewReader(""), &out, &messages).Main(ctx, args) }()
	select {
	case status = <-ended:
		return status, strings.ReplaceAll(messages.String(), filepath.Dir(config)+"/", "")
	case <-time.After(time.Minute):
		t.Fatalf("%q does not end", args)
		return 0, ""
	}
}

// TestATerabyteIsInterrupted: a file of any size may be hashed, and the person
// who is tired of it is heard.
func TestATerabyteIsInterrupted(t *testing.T) {
	s := inputScene(t)
	if err := os.Truncate("other", misfit.Holes); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	for _, line := range []string{"fingerprint other", "toolset verify other"} {
		status, said := s.runUntil(ctx, t, strings.Fields(line))
		if status != int(exitcode.Interrupted) || !strings.Contains(said, "byok-online: error: interrupted\n") {
			t.Errorf("%s: status %d, %s", line, status, said)
		}
	}
}
