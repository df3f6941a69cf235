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
	"byok/internal/testkit/misfit"
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

// inputs lists every file that the commands read, by option, argument, or place
// in a folder.
func inputs(t *testing.T, s *stage) (list []input) {
	list = append(list, secretInputs(t, s)...)
	list = append(list, fileInputs()...)
	return append(list, kmdataInputs(t, s)...)
}

func secretInputs(t *testing.T, s *stage) []input {
	const (
		change  = "card passphrase --card card1 --card-pin-file secrets/card1 --new-card-pin-file "
		replace = "world replace-cards --acs-quorum 1/1 --new-holder Dan --new-card card4" + theQuorum + " --new-card-pin-file "
	)
	long := map[string]otherwise{holes: {exitcode.Usage, "FILE: over 1024 bytes"}}
	serial := s.chain(t).Modules()[0].Token.Serial
	return []input{
		{"secrets/pin", thenCheck, exitcode.Usage, "", long},
		{"secrets/newpin", "world change-pin" + withPINs + " --new-pin-file FILE", exitcode.Usage, "", long},
		{"secrets/newpin", "world reset-pin --card card1 --card-pin-file secrets/card1 --card card2 --card-pin-file secrets/card2 " +
			"$LAST --new-pin-file FILE", exitcode.Usage, "", long},
		{"secrets/so", "module check --with-test-keys " + serial + withPINs + " --so-pin-file FILE", exitcode.Usage, "", long},
		{"secrets/pin", "module check --with-test-keys " + serial + withPINs, exitcode.Usage, "", long},
		{"secrets/card1", thenSeal, exitcode.Usage, "", long},
		{"secrets/card1", change + "secrets/newcard1", exitcode.Usage, "", long},
		{"secrets/newcard1", change + "FILE", exitcode.Usage, "", long},
		{"secrets/card4", replace + "FILE $LAST", exitcode.Usage, "", long},
		{"card1/byok-card.age", thenSeal, exitcode.Refused, "", map[string]otherwise{
			dangling: {exitcode.Refused, "card1: blank card, no byok-card.age in it"}}},
		{"card1/byok-card.json", thenSeal, exitcode.Refused, "", map[string]otherwise{dangling: {}}},
		{"card4/byok-card.age", replace + "secrets/card4 $LAST", exitcode.Refused,
			"card 1: FILE: this card is not blank, and cards are never overwritten", nil},
	}
}

func fileInputs() []input {
	const (
		library = "PKCS#11 library DIR/FILE: "
		given   = "PKCS#11 library ./FILE: "
		ec      = "acl modify --ident ec --key-friendly-name Other --approve-unseen" + theQuorum
	)
	return []input{
		{"kek/BYOK-KEK-pkg-TEST-1", ec + " -k FILE -w kek/BYOK-SecurityWorld-pkg-TEST-1", exitcode.Usage, "", nil},
		{"pkg", ec + " -w FILE -k kek/BYOK-KEK-pkg-TEST-1", exitcode.Usage, "", nil},
		{"pkg", "verify -k FILE -w FILE", exitcode.Usage, "", nil},
		{"pkg", "verify --attestation FILE", exitcode.Usage, "", nil},
		{"pkg", thenModify + " --exportable --release-policy FILE", exitcode.Usage, "", nil},
		{"pkg", "kmfile dump FILE", exitcode.Usage, "", nil},
		{"pkg", "inspect FILE", exitcode.Usage, "", nil},
		{"pkg", "fingerprint FILE", exitcode.Usage, "", map[string]otherwise{holes: {}}},
		{"t.zip", "toolset install --to tools --sha256 " + strings.Repeat("0", 64) + " FILE", exitcode.Usage, "", nil},
		{"lib.so", "module list --module-path ./FILE", exitcode.Usage, library + "KIND", map[string]otherwise{
			dangling: {exitcode.Usage, library + "no such file"}}},
		{"lib.so", "module accept --module-path ./FILE" + theQuorum, exitcode.Usage, given + "KIND", map[string]otherwise{
			dangling: {exitcode.Usage, given + "no such file or directory"},
			loop:     {exitcode.Usage, given + "too many symbolic links"}}},
		{"out/KeyTransferPackage-Vault-ec.byok", thenPackage, exitcode.Refused,
			"FILE already exists and is never overwritten", nil},
		{"copy", "world backup FILE", exitcode.Refused, "FILE already exists, and a copy never overwrites anything", nil},
	}
}

func kmdataInputs(t *testing.T, s *stage) (list []input) {
	const (
		local  = "kmdata/local/"
		unwrit = "ceremony log FILE cannot be written, so nothing was done: "
		held   = "kmdata cannot be held for one command at a time: KIND"
		locked = "FILE cannot be locked: KIND"
	)
	linked := func(says string) map[string]otherwise {
		says = strings.ReplaceAll(says, "KIND", "a symbolic link, not a file")
		return map[string]otherwise{dangling: {exitcode.Refused, says}, loop: {exitcode.Refused, says}, holes: {}}
	}
	list = []input{
		{logFile, thenVerify, exitcode.Check, "FILE cannot be read: KIND", map[string]otherwise{
			dangling: {exitcode.Usage, "FILE: no ceremony log there"}}},
		{logFile, thenCheck, exitcode.Refused, unwrit + "KIND", map[string]otherwise{
			dangling: {exitcode.Refused, unwrit + "a symbolic link that leads nowhere"},
			holes: {exitcode.Refused, "ceremony log: the event could not be recorded: FILE cannot be appended to: " +
				"larger than the 1073741824 bytes that such a file may have"}}},
		{local + ".held-by", thenCheck, exitcode.Refused, held, linked(held)},
		{local + ".quorum-session", thenSeal, exitcode.Refused, locked, linked(locked)},
		{local + ".key-retire_ec.pending", "key retire --ident ec --really-destroy ec" + withPINs, exitcode.Refused, "",
			map[string]otherwise{dangling: {}}},
		{local + "stray", "world backup copy", exitcode.Refused, "", map[string]otherwise{dangling: {}}},
	}
	for _, path := range s.files(t) {
		name, line := filepath.Base(path), "world info"
		switch {
		case !strings.HasPrefix(path, local) || path == logFile || strings.HasPrefix(name, "."):
			continue
		case strings.HasPrefix(name, "key_simple_"):
			line = "key list"
		case strings.HasPrefix(name, "key_xferacld_"):
			line = "acl print --ident " + strings.Split(name, "_")[2]
		}
		var but map[string]otherwise
		if stem, signature := strings.CutSuffix(path, ".sig"); signature {
			if strings.Contains(path, "/statements/") {
				stem += ".json"
			}
			but = map[string]otherwise{dangling: {exitcode.Check, stem + ": its signature " + name + " is missing"}}
		}
		list = append(list, input{path, line, exitcode.Check, "", but})
	}
	return list
}

// TestInputsThatAreNoFiles puts everything that is not a file in place of each
// file that the program reads. It must be refused at once, by name.
func TestInputsThatAreNoFiles(t *testing.T) {
	s := inState(t, modified)
	tried, refused := 0, 0
	all := inputs(t, s)
	for n, kind := range misfit.Kinds(t) {
		for m, in := range all {
			// A process takes its time, and byok-online, which has the same one
			// way to open a file, is held to every kind of every input.
			if m > 0 && n > 0 && n != 1+m%6 {
				continue
			}
			other, differs := in.but[kind.Name]
			if differs {
				in.status, in.says = other.status, other.says
			}
			if in.status == exitcode.Done {
				continue
			}
			tried++
			if s.takesNo(t, in, kind) {
				refused++
			}
		}
	}
	t.Logf("inputs that are not files, refused: %d of %d", refused, tried)
}

// takesNo runs the command with kind in place of the file.
func (s *stage) takesNo(t *testing.T, in input, kind misfit.Kind) bool {
	t.Helper()
	line := s.filled(t, strings.ReplaceAll(in.line, "FILE", in.file))
	restore := kind.Put(t, s.path(in.file))
	defer restore()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := s.command(nil, line)
	ended := make(chan struct{})
	var out []byte
	go func() {
		out, _ = cmd.CombinedOutput()
		close(ended)
	}()
	select {
	case <-ended:
	case <-ctx.Done():
		_ = cmd.Process.Kill()
		t.Fatalf("%s in place of %s: %s does not end", kind.Name, in.file, line)
	}
	says := in.says
	if says == "" {
		says = "FILE: KIND"
	}
	says = strings.NewReplacer("FILE", in.file, "DIR/", "").Replace(says)
	says = strings.ReplaceAll(regexp.QuoteMeta(says), "KIND", kind.Says)
	said := strings.ReplaceAll(string(out), s.dir+"/", "")
	status := cmd.ProcessState.ExitCode()
	if status == int(in.status) && regexp.MustCompile("(?m)^byok-offline: error: "+says+"$").MatchString(said) {
		return true
	}
	t.Errorf("%s in place of %s: %s: status %d, want %d\n%swant %s", kind.Name, in.file, line, status, in.status, said, says)
	return false
}

// TestPINFromStandardInput: /dev/stdin serves where a file is redirected to it.
// What comes through a pipe has passed another process, and is refused.
func TestPINFromStandardInput(t *testing.T) {
	s := inState(t, modified)
	const line = "world check --pin-file /dev/stdin"
	pin := mustDo(os.Open(s.path("secrets/pin")))(t)
	defer pin.Close()
	cmd := s.command(nil, line)
	cmd.Stdin = pin
	if out, err := cmd.CombinedOutput(); err != nil || !strings.HasSuffix(string(out), "\nResult: SUCCESS\n") {
		t.Errorf("%v\n%s", err, out)
	}
	cmd = s.command(nil, line)
	cmd.Stdin = strings.NewReader(stagePIN + "\n") // through a pipe
	const refused = "byok-offline: error: /dev/stdin: a named pipe, not a file\n"
	if out, _ := cmd.CombinedOutput(); cmd.ProcessState.ExitCode() != int(exitcode.Usage) ||
		!strings.Contains(string(out), refused) {
		t.Errorf("%v\n%s", cmd.ProcessState, out)
	}
}
