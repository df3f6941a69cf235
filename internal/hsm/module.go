package hsm

import (
	"path/filepath"
	"strings"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/hsm/native"
	"byok/internal/hsm/p11"
	"byok/internal/hsm/tokens"
	"byok/internal/library"
)

// Module is a loaded and initialised PKCS#11 library.
type Module struct {
	Path    string // absolute
	Library string // description and version, as C_GetInfo gives them
	Once    bool   // it refuses C_Initialize after C_Finalize
	tokens.Slots

	p      *pkcs11.Ctx
	native *native.Library
	alone  bool              // no two threads may call it at a time
	facts  map[string]*facts // by Token.ID
}

// Load opens the library at path and initialises it. A path that is missing,
// unreadable or no PKCS#11 library is a usage error: nothing was touched.
func Load(path string) (*Module, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if err := library.CheckFile(path); err != nil {
		return nil, err
	}
	m := &Module{Path: path, facts: map[string]*facts{}}
	if m.native, err = native.Open(path); err != nil {
		return nil, err
	}
	m.p = pkcs11.New(path)
	m.Slots = tokens.New(m.p, m.native, path)
	if err := m.initialize(); err != nil {
		m.unload()
		return nil, err
	}
	info, err := m.p.GetInfo()
	if err != nil {
		m.Close()
		return nil, p11.Contact(p11.Fail("C_GetInfo of "+path, err))
	}
	m.Library = strings.TrimSpace(info.LibraryDescription) + " " + tokens.Version(info.LibraryVersion)
	return m, nil
}

func (m *Module) initialize() (err error) {
	if m.alone, err = m.native.Initialize(m.p); err == nil {
		return nil
	}
	return p11.Unreached(exitcode.Hint(p11.Fail("PKCS#11 library "+m.Path+" could not be initialised", err),
		"check the library's own configuration and that the HSM is connected"))
}

// Close finalises the library and unloads it. Closing twice, or closing nil,
// is harmless.
func (m *Module) Close() {
	if m == nil || m.p == nil {
		return
	}
	_ = m.p.Finalize()
	m.unload()
}

func (m *Module) unload() {
	m.p.Destroy()
	m.native.Close()
	m.p, m.native, m.Slots = nil, nil, tokens.Slots{}
}
