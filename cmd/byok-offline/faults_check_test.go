package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/keywrap"
	"byok/internal/kmdata"
	"byok/internal/session"
	"byok/internal/statement"
	"byok/internal/testkit/softhsm"
	"byok/internal/transfer"
)

// locked matches the files that say who has a lock, which stay.
var locked = regexp.MustCompile(`^\.(held-by|quorum-session)$`)

// varying takes out of a file's name what differs from run to run: the number
// of a statement, and the time at which a record was put aside.
var varying = patterns{
	regexp.MustCompile(`\b[0-9]{6}-`), regexp.MustCompile(`_[0-9]{6}-`), regexp.MustCompile(`\.20[0-9]{6}T[0-9]{6}Z`),
}

type patterns []*regexp.Regexp

// Replace puts an ellipsis for every match.
func (p patterns) Replace(name string) string {
	for _, one := range p {
		name = one.ReplaceAllString(name, "…")
	}
	return name
}

// shape lists the files of a stage, each kind once: a command that ran twice
// may have signed two statements of a kind.
func (s *stage) shape(t testing.TB) (list []string) {
	t.Helper()
	for _, path := range s.files(t) {
		list = append(list, varying.Replace(path))
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// files lists the files of a stage, except the token's and those of locked.
func (s *stage) files(t testing.TB) (list []string) {
	t.Helper()
	err := filepath.WalkDir(s.dir, func(path string, d fs.DirEntry, err error) error {
		rel := strings.TrimPrefix(path, s.dir+"/")
		if d.IsDir() && (rel == "tokens" || rel == "tmp" || rel == "secrets" || rel == ".config") {
			return filepath.SkipDir
		}
		if err == nil && !d.IsDir() && !locked.MatchString(d.Name()) {
			list = append(list, rel)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// sound holds a stage to everything that must be true after a subject ended
// well: the program's own checks pass, the token holds this world's objects and
// no other, and every file is whole and has the signature it needs.
func (s *stage) sound(t testing.TB, of subject) {
	t.Helper()
	s.whole(t)
	if of.noWorld {
		return
	}
	pin, cards := of.inForce()
	s.must(t, "world check --pin-file "+pin+cards)
	s.must(t, "ceremony verify")
	chain := s.chain(t)
	for _, problem := range differences(s.objects(t, s.text(t, pin)), s.expected(t, chain)) {
		t.Errorf("on the token: %s", problem)
	}
	s.packages(t, chain)
}

// text is the first line of a file of the stage.
func (s *stage) text(t testing.TB, path string) string {
	t.Helper()
	return strings.TrimSpace(string(mustDo(os.ReadFile(s.path(path)))(t)))
}

// whole holds every file to its signature, and every signature to its file.
func (s *stage) whole(t testing.TB) {
	t.Helper()
	all := s.files(t)
	for _, path := range all {
		name := filepath.Base(path)
		local := strings.Contains(path, "/local/")
		base := strings.TrimSuffix(strings.TrimSuffix(path, ".sig"), ".new")
		switch {
		case strings.HasPrefix(name, "."):
			t.Errorf("left behind: %s", path)
		case !local || name == kmdata.LogName:
		case strings.HasSuffix(name, ".sig") && !slices.Contains(all, base) && !slices.Contains(all, base+".json"):
			t.Errorf("a signature without its file: %s", path)
		case !strings.HasSuffix(name, ".sig") && !slices.Contains(all, kmdata.SignaturePath(path)):
			t.Errorf("a file without its signature: %s", path)
		}
	}
}

// packages holds every transfer package to the world.
func (s *stage) packages(t testing.TB, chain *kmdata.Chain) {
	t.Helper()
	for _, path := range mustDo(filepath.Glob(s.path("out/*.byok")))(t) {
		p, err := transfer.ReadPackage(path)
		if err == nil {
			_, err = p.Verify(chain.HKNSO())
		}
		if err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// expected lists the objects that the token must hold, by the statements and
// key files alone.
func (s *stage) expected(t testing.TB, chain *kmdata.Chain) []string {
	t.Helper()
	m := s.module(t, chain)
	set := chain.Set().Cards.Number
	list := bothHalves(statement.KMLLabel(m.Module))
	list = append(list, "trusted public "+statement.KMLabel(m.Module, set), "trusted public anchor")
	if m.Form == keywrap.TwoSteps {
		list = append(list, "trusted secret "+statement.KWLabel(m.Module, set))
	}
	for _, k := range mustDo(chain.Keys())(t) {
		switch retired := mustDo(chain.Retired(k.Ident))(t); {
		case retired != nil:
		case k.Identity.Secret():
			list = append(list, "secret "+k.Name())
		default:
			list = append(list, bothHalves(k.Name())...)
		}
	}
	return numbered(list)
}

// module is the statement of the module at hand.
func (s *stage) module(t testing.TB, chain *kmdata.Chain) (module *statement.Module) {
	t.Helper()
	s.onToken(t, func(p *pkcs11.Ctx) {
		info := mustDo(p.GetTokenInfo(initialised(t, p)))(t)
		for _, m := range chain.Modules() {
			if m.Token.Serial == strings.TrimSpace(info.SerialNumber) {
				module = m
			}
		}
	})
	if module == nil {
		t.Fatal("no statement names the token")
	}
	return module
}

func bothHalves(label string) []string { return []string{"public " + label, "private " + label} }

// numbered gives each of a list its number among those of its name.
func numbered(list []string) []string {
	slices.Sort(list)
	out := make([]string, len(list))
	for i, name := range list {
		out[i] = fmt.Sprintf("%s (%d)", name, i-slices.Index(list, name)+1)
	}
	return out
}

// objects lists what is on the stage's one token, as the operator sees it.
func (s *stage) objects(t testing.TB, pin string) (list []string) {
	t.Helper()
	s.onToken(t, func(p *pkcs11.Ctx) {
		h := s.login(t, p, pin)
		if err := p.FindObjectsInit(h, []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true)}); err != nil {
			t.Fatal(err)
		}
		found, _, err := p.FindObjects(h, 1000)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range found {
			list = append(list, describe(t, p, h, o))
		}
	})
	return numbered(list)
}

// login opens a read-write session as user on the one initialised token.
func (s *stage) login(t testing.TB, p *pkcs11.Ctx, pin string) pkcs11.SessionHandle {
	t.Helper()
	h := mustDo(p.OpenSession(initialised(t, p), pkcs11.CKF_SERIAL_SESSION|pkcs11.CKF_RW_SESSION))(t)
	if err := p.Login(h, pkcs11.CKU_USER, pin); err != nil {
		t.Fatal(err)
	}
	return h
}

// initialised is the slot of the one initialised token.
func initialised(t testing.TB, p *pkcs11.Ctx) uint {
	t.Helper()
	var slots []uint
	for _, slot := range mustDo(p.GetSlotList(true))(t) {
		if info := mustDo(p.GetTokenInfo(slot))(t); info.Flags&pkcs11.CKF_TOKEN_INITIALIZED != 0 {
			slots = append(slots, slot)
		}
	}
	if len(slots) != 1 {
		t.Fatalf("%d tokens are initialised instead of one", len(slots))
	}
	return slots[0]
}

// describe is an object by trust, class and label; an anchor's label says more.
func describe(t testing.TB, p *pkcs11.Ctx, h pkcs11.SessionHandle, o pkcs11.ObjectHandle) string {
	t.Helper()
	values := mustDo(p.GetAttributeValue(h, o, []*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_CLASS, nil), pkcs11.NewAttribute(pkcs11.CKA_LABEL, nil)}))(t)
	class, label := uint(values[0].Value[0]), string(values[1].Value)
	if _, anchored := session.ParseAnchor(label); anchored {
		label = "anchor"
	}
	kind := map[uint]string{
		pkcs11.CKO_PUBLIC_KEY: "public ", pkcs11.CKO_PRIVATE_KEY: "private ", pkcs11.CKO_SECRET_KEY: "secret ",
	}[class]
	trusted, err := p.GetAttributeValue(h, o, []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_TRUSTED, nil)})
	if err == nil && len(trusted[0].Value) == 1 && trusted[0].Value[0] == 1 {
		kind = "trusted " + kind
	}
	return kind + label
}

// inProcess is held by whoever has SoftHSM loaded: its configuration is the
// process's.
var inProcess sync.Mutex

// onToken loads SoftHSM, without the shim, on the stage's tokens.
func (s *stage) onToken(t testing.TB, f func(*pkcs11.Ctx)) {
	t.Helper()
	inProcess.Lock()
	defer inProcess.Unlock()
	before, set := os.LookupEnv("SOFTHSM2_CONF")
	_ = os.Setenv("SOFTHSM2_CONF", s.path(".config/softhsm2/softhsm2.conf"))
	defer func() {
		_ = os.Unsetenv("SOFTHSM2_CONF")
		if set {
			_ = os.Setenv("SOFTHSM2_CONF", before)
		}
	}()
	p := pkcs11.New(mustDo(softhsm.Library())(t))
	defer p.Destroy()
	if err := p.Initialize(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = p.Finalize() }()
	f(p)
}

func differences(got, want []string) (list []string) {
	for _, line := range got {
		if !slices.Contains(want, line) {
			list = append(list, "left behind: "+line)
		}
	}
	for _, line := range want {
		if !slices.Contains(got, line) {
			list = append(list, "missing: "+line)
		}
	}
	return list
}

// oneClearLine expects one line of error, of the status given, or none and success.
func (o ending) oneClearLine(t testing.TB, status exitcode.Code) {
	t.Helper()
	want, last := 1, "Result: FAILURE"
	if o.status == exitcode.Done {
		want, last, status = 0, "Result: SUCCESS", exitcode.Done
	}
	bad := !strings.Contains(o.text, last) || strings.Contains(o.text, "internal error")
	if bad || o.status != status || len(o.errors) != want {
		t.Errorf("status %d, want %d; %d lines of error, want %d:\n%s", o.status, status, len(o.errors), want, o.text)
	}
	for line := range strings.Lines(strings.TrimSpace(o.text[max(strings.Index(o.text, last), 0):])) {
		if !strings.HasPrefix(line, "byok-offline: ") && !strings.HasPrefix(line, last) {
			t.Errorf("a line of its own: %q in\n%s", line, o.text)
		}
	}
}
