package session_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/session"
	"byok/internal/testkit/rig"
	"byok/internal/world"
)

func TestConnect(t *testing.T) {
	r := rig.NewWorld(t)
	s, err := session.Connect(r.Chain(t), "", hsm.TokenName{}, r.People) // the statement's own library
	rig.OK(t, err)
	defer s.Close()
	if s.Module.Module != r.Chain(t).Modules()[0].Module || s.Behind() || s.Current() != nil {
		t.Errorf("%+v", s.Module)
	}
	if !strings.HasPrefix(s.Description(), "Implementation of PKCS11") {
		t.Errorf("description %q", s.Description())
	}
}

// altered is another library of the same name: a byte behind SoftHSM's file.
func altered(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile(rig.Library(t))
	rig.OK(t, err)
	path := filepath.Join(t.TempDir(), "libsofthsm2.so")
	rig.OK(t, os.WriteFile(path, append(data, 0), 0o700))
	return path
}

// TestConnectForeignLibrary loads nothing but what a statement names.
func TestConnectForeignLibrary(t *testing.T) {
	r := rig.NewWorld(t)
	was := r.Library
	r.Library = altered(t)
	_, err := r.Connect()
	r.Refused(t, err, exitcode.Refused,
		"PKCS#11 library LIBRARY is not the one that the card holders accepted: library was SHA256, is SHA256; "+
			"library path was "+was+", is LIBRARY",
		"byok-offline module accept --module-path LIBRARY --card DIR … has the quorum accept it")
	r.Library = filepath.Join(t.TempDir(), "none.so")
	_, err = r.Connect()
	r.Refused(t, err, exitcode.Usage, "PKCS#11 library LIBRARY: no such file or directory",
		"give the vendor's PKCS#11 library with --module-path, such as /usr/lib/softhsm/libsofthsm2.so")
}

// TestConnectRedirectedLibrary refuses a configuration that was changed, or
// that the environment puts in place of the recorded one.
func TestConnectRedirectedLibrary(t *testing.T) {
	r := rig.NewWorld(t)
	conf := os.Getenv("SOFTHSM2_CONF")
	data, err := os.ReadFile(conf)
	rig.OK(t, err)
	rig.OK(t, os.WriteFile(conf, append(data, "# elsewhere\n"...), 0o600))
	_, err = r.Connect()
	hint := "byok-offline module accept --module-path LIBRARY --card DIR … has the quorum accept it"
	const not = "PKCS#11 library LIBRARY is not the one that the card holders accepted: "
	r.Refused(t, err, exitcode.Refused, not+"configuration file STAGE/softhsm2.conf was SHA256, is SHA256", hint)
	rig.OK(t, os.WriteFile(conf, data, 0o600))
	other := filepath.Join(filepath.Dir(conf), "z.conf")
	rig.OK(t, os.WriteFile(other, data, 0o600))
	defer os.Remove(other)
	t.Setenv("SOFTHSM2_CONF", other)
	_, err = r.Connect()
	r.Refused(t, err, exitcode.Refused, not+"configuration file STAGE/softhsm2.conf was SHA256, is none; "+
		"configuration file STAGE/z.conf was none, is SHA256; "+
		"environment variable SOFTHSM2_CONF was STAGE/softhsm2.conf, is STAGE/z.conf", hint)
}

// twoModules recovers a world onto a second token.
func twoModules(t *testing.T) (r *rig.Rig, first, second string) {
	t.Helper()
	r = rig.NewWorld(t)
	r.People.Paper = r.Paper(t)
	before := r.Plugged(t)
	_, err := world.Recover(r.Recovery("second"))
	rig.OK(t, err)
	after := slices.DeleteFunc(r.Plugged(t), func(n string) bool { return slices.Contains(before, n) })
	return r, before[0], after[0]
}

// slotOf is the number of the slot with the token of the label.
func slotOf(t *testing.T, r *rig.Rig, label string) uint {
	t.Helper()
	m, err := hsm.Load(r.Library)
	rig.OK(t, err)
	defer m.Close()
	token, err := m.Token("label:" + label)
	rig.OK(t, err)
	return token.Slot
}

// connectsNamed connects each of two modules by each kind of name.
func connectsNamed(t *testing.T, r *rig.Rig) {
	t.Helper()
	for i, label := range []string{r.Label, "second"} {
		slot := slotOf(t, r, label)
		for _, text := range []string{
			fmt.Sprintf("slot:%d", slot), "label:" + label, r.Chain(t).Modules()[i].Token.Serial,
			fmt.Sprintf("pkcs11:slot-id=%d;manufacturer=SoftHSM%%20project", slot),
		} {
			name, err := hsm.ParseTokenName(text)
			rig.OK(t, err)
			s, err := session.Connect(r.Chain(t), r.Library, name, r.People)
			rig.OK(t, err)
			if s.Token.Label != label || s.Module.Module != r.Chain(t).Modules()[i].Module {
				t.Errorf("%s is %v", text, s.Token)
			}
			s.Close()
		}
	}
	name, err := hsm.ParseTokenName("label:third")
	rig.OK(t, err)
	_, err = session.Connect(r.Chain(t), r.Library, name, r.People)
	r.Refused(t, err, exitcode.HSM, `no module of this world, token labelled "third", is in LIBRARY`, "connect one of: "+
		"SoftHSM project SoftHSM v2, serial SERIAL; SoftHSM project SoftHSM v2, serial SERIAL; or byok-offline world recover")
}

func TestConnectFindsOneModule(t *testing.T) {
	r, first, second := twoModules(t)
	_, err := r.Connect()
	r.Refused(t, err, exitcode.HSM, "2 modules of this world are in LIBRARY at once: "+
		"SoftHSM project SoftHSM v2, serial SERIAL; SoftHSM project SoftHSM v2, serial SERIAL",
		fmt.Sprintf("name the one to work with: --token slot:%d or --token slot:%d",
			slotOf(t, r, r.Label), slotOf(t, r, "second")))
	connectsNamed(t, r)
	r.Unplug(t, first)
	s, err := r.Connect()
	rig.OK(t, err)
	if s.Module.Module != r.Chain(t).Modules()[1].Module || s.Token.Label != "second" {
		t.Errorf("%+v", s.Token)
	}
	s.Close()
	r.Unplug(t, second)
	_, err = r.Connect()
	r.Refused(t, err, exitcode.HSM, "no module of this world is in LIBRARY", "connect one of: "+
		"SoftHSM project SoftHSM v2, serial SERIAL; SoftHSM project SoftHSM v2, serial SERIAL; or byok-offline world recover")
}

// TestConnectWithoutModules: each module was struck off, or the creation was
// cut short between world file and module statement.
func TestConnectWithoutModules(t *testing.T) {
	r := rig.NewWorld(t)
	rig.OK(t, os.RemoveAll(filepath.Join(r.Dir, "local", "statements")))
	const text = "this world's statements name no active module"
	const hint = "byok-offline world create finishes an interrupted creation; otherwise byok-offline world recover"
	_, err := r.Connect()
	r.Refused(t, err, exitcode.Refused, text, hint)
	_, err = session.ConnectNew(r.Chain(t), r.Library, hsm.TokenName{}, r.People)
	r.Refused(t, err, exitcode.Refused, text, hint)
}

// TestConnectSaysFirmware shows a change that binds nothing.
func TestConnectSaysFirmware(t *testing.T) {
	r := rig.NewWorld(t)
	chain := r.Chain(t)
	chain.Modules()[0].Token.Firmware = "1.0"
	s, err := session.Connect(chain, r.Library, hsm.TokenName{}, r.People)
	rig.OK(t, err)
	s.Close()
	r.Heard(t, r.People.Warned,
		`token "test world" (serial SERIAL): its firmware was 1.0 when the card holders accepted it, and now is 2.6`)
}

func TestConnectNew(t *testing.T) {
	r := rig.NewWorld(t)
	r.Library = altered(t)
	var asked []string
	r.People.Accept = func(c session.LibraryChange) error {
		asked = append(asked, "library "+c.New.Path+" for "+filepath.Base(c.Old.Path))
		return nil
	}
	r.People.Serial = func(token, serial string) error {
		asked = append(asked, r.Plain(token))
		return nil
	}
	s, err := session.ConnectNew(r.Chain(t), r.Library, hsm.TokenName{}, r.People)
	rig.OK(t, err)
	defer s.Close()
	if want := []string{"library " + r.Library + " for libsofthsm2.so", `token "test world" (serial SERIAL)`}; !slices.Equal(asked, want) {
		t.Errorf("asked %q", asked)
	}
	if s.Module.Library.Path != r.Library {
		t.Errorf("library %s", s.Module.Library.Path)
	}
	words := s.Module.Library.SHA256.FirstWords(8)
	old := r.Chain(t).Modules()[0].Library
	r.Heard(t, r.People.Said, "PKCS#11 library to be loaded: LIBRARY", "  SHA-256 "+words,
		"  before  "+old.SHA256.FirstWords(8), "  library was SHA256, is SHA256", "  library path was "+old.Path+", is LIBRARY")
}

// TestConnectNewRefused: nothing is loaded that the holders did not accept, and
// no device is used whose serial they did not read.
func TestConnectNewRefused(t *testing.T) {
	r := rig.NewWorld(t)
	refused := errors.New("not the vendor's words")
	r.People.Accept = func(session.LibraryChange) error { return refused }
	if _, err := session.ConnectNew(r.Chain(t), altered(t), hsm.TokenName{}, r.People); !errors.Is(err, refused) {
		t.Errorf("%v", err)
	}
	r.People.Accept = nil
	r.People.Serial = func(string, string) error { return refused }
	if _, err := session.ConnectNew(r.Chain(t), altered(t), hsm.TokenName{}, r.People); !errors.Is(err, refused) {
		t.Errorf("%v", err)
	}
	if _, err := session.ConnectNew(r.Chain(t), "/etc/passwd", hsm.TokenName{}, r.People); exitcode.Of(err) != exitcode.Usage {
		t.Errorf("%v", err)
	}
	for _, name := range r.Plugged(t) {
		r.Unplug(t, name)
	}
	_, err := session.ConnectNew(r.Chain(t), r.Library, hsm.TokenName{}, r.People)
	r.Refused(t, err, exitcode.HSM, "no module of this world is in LIBRARY",
		"connect one of: SoftHSM project SoftHSM v2, serial SERIAL; or byok-offline world recover")
}
