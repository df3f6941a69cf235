//go:build linux

package ceremonytest

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"byok/internal/testkit/softhsm"
)

// stage is what one script plays on.
type stage struct {
	t       testing.TB
	dir     string
	secrets map[string]string // by the name of their file
	kmdata  map[string]string // kmdata folder of each program, relative to dir
	said    bytes.Buffer      // everything that was printed, for the search for secrets
	last    outcome
	vault   *server
}

type stageKey struct{}

func of(ts *testscript.TestScript) *stage { return ts.Value(stageKey{}).(*stage) }

// setup lays out the folders of a ceremony and a SoftHSM without tokens.
func setup(env *testscript.Env) error {
	s := &stage{
		t: env.T().(testing.TB), dir: env.WorkDir, secrets: map[string]string{},
		kmdata: map[string]string{"byok-offline": "offline/kmdata", "byok-online": "online/kmdata"},
	}
	for _, dir := range []string{"card1", "card2", "card3", "online", "offline", "usb"} {
		if err := os.MkdirAll(filepath.Join(s.dir, dir), 0o755); err != nil {
			return err
		}
	}
	if err := s.invent("pin", "card1", "card2", "card3", "wrong", "newpin", "new3"); err != nil {
		return err
	}
	library, err := softhsm.Library()
	if err != nil {
		return err
	}
	genuine, err := filepath.Abs("../attest/testdata/mhsm-rsa-2048.json")
	if err != nil {
		return err
	}
	docs, err := filepath.Abs("../../docs")
	if err != nil {
		return err
	}
	conf, err := softhsm.Configure(filepath.Join(s.dir, "softhsm"))
	if err != nil {
		return err
	}
	env.Setenv("SOFTHSM2_CONF", conf)
	env.Setenv("MODULE", library)
	env.Setenv("GENUINE", genuine)
	env.Setenv("DOCS", docs)
	env.Setenv("PATH", os.Getenv(programs)+":"+env.Getenv("PATH"))
	env.Values[stageKey{}] = s
	env.Defer(s.end)
	return nil
}

// invent writes a new secret into each file.
func (s *stage) invent(names ...string) error {
	dir := filepath.Join(s.dir, "secrets")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for _, name := range names {
		var b [9]byte
		_, _ = rand.Read(b[:]) // never fails
		s.secrets[name] = hex.EncodeToString(b[:])
		if err := os.WriteFile(filepath.Join(dir, name), []byte(s.secrets[name]+"\n"), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// expand replaces the words that stand for several.
func (s *stage) expand(ts *testscript.TestScript, words []string) []string {
	var all []string
	for _, word := range words {
		name, short := strings.CutPrefix(word, "@")
		if !short {
			all = append(all, word)
			continue
		}
		all = append(all, s.meaning(ts, name)...)
	}
	return all
}

// meaning of @word. Cards are of Alice, Bob and Carol.
func (s *stage) meaning(ts *testscript.TestScript, word string) []string {
	kind, number := strings.TrimRight(word, "123"), strings.TrimLeft(word, "abcdefghijklmnopqrstuvwxyz")
	card := []string{"--card", "card" + number, "--card-pin-file", "secrets/card" + number}
	holder := map[string]string{"1": "Alice", "2": "Bob", "3": "Carol"}[number]
	words, known := map[string][]string{
		"pin":      {"--pin-file", "secrets/pin"},
		"new":      append(card, "--holder", holder),
		"card":     card,
		"module":   {"--module-path", ts.Getenv("MODULE")},
		"packages": {"-k", "tools/BYOK-KEK-pkg-CONTOSO-1", "-w", "tools/BYOK-SecurityWorld-pkg-CONTOSO-1"},
		"vault":    {"--rehearsal", "vault", "--vault", ts.Getenv("VAULT")},
		"azure":    {"--subscription-id", "00000000-0000-0000-0000-000000000000"},
		"quorum":   {"--card", "card1", "--card", "card3", "--card-pin-file", "secrets/card1", "--card-pin-file", "secrets/card3"},
		"said":     {"--fingerprint", ts.Getenv("KEK"), "--kid", ts.Getenv("KID"), "--import-only", "--said-by", "Olga"},
		"hknso":    {"--hknso", ts.Getenv("HKNSO")},
	}[kind]
	if !known {
		ts.Fatalf("@%s stands for nothing", word)
	}
	return words
}

// end stops what still runs and looks at what the script leaves behind.
func (s *stage) end() {
	if err := s.stopVault(); err != nil {
		s.t.Errorf("the rehearsal vault: %v", err)
	}
	if s.t.Failed() {
		return
	}
	s.walk(func(name string, _ fs.DirEntry) error {
		if kmdata, found := strings.CutSuffix(name, "/local/ceremony.jsonl"); found {
			s.verifyLog(kmdata)
		}
		return nil
	})
	s.checkLeftovers()
	s.checkSecrets()
}

// verifyLog has the program whose log it is verify and show it.
func (s *stage) verifyLog(kmdata string) {
	p := process{program: "byok-offline", dir: s.dir}
	if strings.HasPrefix(kmdata, "online/") {
		p.program = "byok-online"
	}
	for _, command := range []string{"verify", "log"} {
		p.words = []string{"ceremony", command, "--kmdata", kmdata}
		if o := s.run(p); o.status != 0 {
			s.t.Errorf("%v: status %d\n%s%s", p, o.status, o.out, o.err)
		}
	}
}

// env is a program's environment: what the script set, of the variables that matter here.
func (s *stage) env(ts *testscript.TestScript, program string) []string {
	env := []string{"BYOK_KMDATA=" + filepath.Join(s.dir, s.kmdata[program]), "HOME=" + filepath.Join(s.dir, "offline"), "TERM=dumb",
		"BYOK_CONFIG=" + filepath.Join(s.dir, "online", "config")}
	for _, name := range []string{"PATH", "TMPDIR", "SOFTHSM2_CONF", "BYOK_KMDATA", "BYOK_PKCS11_MODULE", "HTTPS_PROXY",
		"BYOK_SHIM_MODULE", "BYOK_SHIM_HIDE_FREE", "BYOK_SHIM_FLAGS", "BYOK_SHIM_WEAK", "BYOK_SHIM_RSA_AES", "BYOK_SHIM_AT", "BYOK_SHIM_DO",
		"BYOK_SHIM_TRUST_LATER", "BYOK_SHIM_PROFILE", "BYOK_SHIM_TOOL", "BYOK_SHIM_UNTRUSTED_WRAP", "BYOK_SHIM_UNKNOWN",
		"BYOK_SHIM_GHOST", "BYOK_SHIM_GHOST_LAST", "BYOK_SHIM_NO_SLOTS", "BYOK_SHIM_EC_POINT", "BYOK_SHIM_EC_PARAMS",
		"BYOK_SHIM_EXPONENT", "BYOK_SHIM_PIN_PAD", "BYOK_SHIM_PAD_USER", "BYOK_SHIM_PAD_SO", "BYOK_SHIM_SESSIONS",
		"BYOK_SHIM_PRINTS", "BYOK_SHIM_ONE_INIT", "BYOK_SHIM_SERIAL", "BYOK_SHIM_STALE_PIN", "BYOK_SHIM_PRELOAD", "BYOK_SHIM_SAM",
		"BYOK_SHIM_ADMIN", "BYOK_SHIM_NUL_PADDED", "BYOK_SHIM_RIGHTS", "BYOK_SHIM_QUIRKS"} {
		if value := ts.Getenv(name); value != "" {
			env = append(env, name+"="+value) // the last one counts
		}
	}
	return env
}

// String is the command line, for failures.
func (p process) String() string { return fmt.Sprintf("%s %s", p.program, strings.Join(p.words, " ")) }
