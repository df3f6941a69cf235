// Package hsm is the project's only cgo: one PKCS#11 library and one token of
// it, with the attributes, wraps and copies that a security world needs, and
// the probes that tell whether the token enforces them.
//
// Open a library with Load, pick a Token, then work in one role at a time:
// SecurityOfficer or User. Login state belongs to the token and not to a
// session (PKCS#11 v2.40, section 5.6), so close one before opening the other.
//
// Keys are generated, found and used through crypto11; what crypto11 has not
// (SO login, wrapping, copying, secp256k1) goes through miekg/pkcs11.
package hsm

import (
	"crypto/rsa"
	"debug/elf"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
)

// Module is a loaded and initialised PKCS#11 library.
type Module struct {
	Path    string
	Library string // description and version, as C_GetInfo gives them

	p        *pkcs11.Ctx
	attacker *rsa.PrivateKey   // untrusted, for probes; made for the first one
	facts    map[string]*facts // by Token.ID
}

// Load opens the library at path and initialises it. A path that is missing,
// unreadable or no PKCS#11 library is a usage error: nothing was touched.
func Load(path string) (*Module, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if err := checkLibrary(path); err != nil {
		return nil, exitcode.Hint(err, "give the vendor's PKCS#11 library with --module-path, such as /usr/lib/softhsm/libsofthsm2.so")
	}
	m := &Module{Path: path, p: pkcs11.New(path)}
	if m.p == nil {
		return nil, exitcode.Hint(exitcode.Errorf(exitcode.Usage, "PKCS#11 library %s: the dynamic linker refused it; a library it needs may be missing", path), "ldd %s", path)
	}
	if err := m.initialize(); err != nil {
		m.p.Destroy()
		return nil, err
	}
	info, err := m.p.GetInfo()
	if err != nil {
		m.Close()
		return nil, fail("C_GetInfo of "+path, err)
	}
	m.Library = strings.TrimSpace(info.LibraryDescription) + " " + version(info.LibraryVersion)
	return m, nil
}

// initialize calls C_Initialize. "Already initialised" is success: crypto11
// initialises the same library for the user's session (see User).
func (m *Module) initialize() error {
	if err := m.p.Initialize(); err != nil && !is(err, pkcs11.CKR_CRYPTOKI_ALREADY_INITIALIZED) {
		return exitcode.Hint(fail("PKCS#11 library "+m.Path+" could not be initialised", err),
			"check the library's own configuration and that the HSM is connected")
	}
	return nil
}

// Close finalises the library and unloads it.
func (m *Module) Close() {
	if m == nil || m.p == nil {
		return
	}
	_ = m.p.Finalize()
	m.p.Destroy()
	m.p = nil
}

// checkLibrary looks before the dynamic linker does, because dlopen's reason
// does not reach us: a regular ELF shared object that exports C_GetFunctionList
// (PKCS#11 v2.40, section 5.4).
func checkLibrary(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		var cause *fs.PathError
		if errors.As(err, &cause) {
			err = cause.Err
		}
		return exitcode.Errorf(exitcode.Usage, "PKCS#11 library %s: %w", path, err)
	}
	if info.IsDir() {
		return exitcode.Errorf(exitcode.Usage, "PKCS#11 library %s: is a folder", path)
	}
	file, err := elf.Open(path)
	if errors.Is(err, fs.ErrPermission) {
		return exitcode.Errorf(exitcode.Usage, "PKCS#11 library %s: permission denied", path)
	}
	if err != nil {
		return exitcode.Errorf(exitcode.Usage, "PKCS#11 library %s: is not a shared library", path)
	}
	defer file.Close()
	symbols, _ := file.DynamicSymbols()
	if !slices.ContainsFunc(symbols, func(s elf.Symbol) bool { return s.Name == "C_GetFunctionList" && s.Section != elf.SHN_UNDEF }) {
		return exitcode.Errorf(exitcode.Usage, "PKCS#11 library %s: has no C_GetFunctionList, so it is not a PKCS#11 library", path)
	}
	return nil
}
