// Package native calls a PKCS#11 library where the binding cannot: it looks at
// the function list before anything is called through it, and gives a NULL PIN
// where the PIN is typed on the device.
//
// Use it through package hsm. Everything else goes through
// github.com/miekg/pkcs11, which has the same library open.
package native

/*
#cgo LDFLAGS: -ldl
#include <dlfcn.h>
#include <stdlib.h>

typedef unsigned long rv;

// The function list of PKCS#11 v2.40 (section 3.6): a version, and 68 functions.
enum { init_token = 9, init_pin = 10, set_pin = 11, login = 18, functions = 68 };
typedef struct {
	unsigned char version[2];
	void *function[functions];
} list;

static rv get(void *library, list **out)
{
	rv (*f)(list **) = (rv (*)(list **))dlsym(library, "C_GetFunctionList");
	*out = NULL;
	return f(out);
}

static int has_entry(void *library) { return dlsym(library, "C_GetFunctionList") != NULL; }

static int has_function(list *l, int i) { return l->function[i] != NULL; }

static rv call_login(list *l, unsigned long session, unsigned long user)
{
	return ((rv (*)(unsigned long, unsigned long, void *, unsigned long))l->function[login])(session, user, NULL, 0);
}

static rv call_init_token(list *l, unsigned long slot, char *label)
{
	return ((rv (*)(unsigned long, void *, unsigned long, char *))l->function[init_token])(slot, NULL, 0, label);
}

static rv call_init_pin(list *l, unsigned long session)
{
	return ((rv (*)(unsigned long, void *, unsigned long))l->function[init_pin])(session, NULL, 0);
}

static rv call_set_pin(list *l, unsigned long session)
{
	return ((rv (*)(unsigned long, void *, unsigned long, void *, unsigned long))l->function[set_pin])(
		session, NULL, 0, NULL, 0);
}
*/
import "C"

import (
	"unsafe"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/hsm/p11"
	"byok/internal/term"
)

// Library is an open PKCS#11 library, initialised or not.
type Library struct {
	handle unsafe.Pointer
	list   *C.list
}

// Open loads the library at path and gets its function list. A library that the
// dynamic linker refuses, or that is not a PKCS#11 library, is an error with
// the status Usage; one that gives no function list, or a list without a function
// that is called here, has the status HSM.
func Open(path string) (*Library, error) {
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	l := &Library{handle: C.dlopen(name, C.RTLD_LAZY)}
	if l.handle == nil {
		return nil, exitcode.Errorf(exitcode.Usage,
			"PKCS#11 library %s: the dynamic linker refused it; a library it needs may be missing", path).
			Hint("ldd %s", term.Quote(path))
	}
	if err := l.getList(path); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

func (l *Library) getList(path string) error {
	if C.has_entry(l.handle) == 0 {
		return exitcode.Errorf(exitcode.Usage, "PKCS#11 library %s: it has no C_GetFunctionList", path).
			Hint("give the vendor's PKCS#11 library with --module-path, such as /usr/lib/softhsm/libsofthsm2.so")
	}
	const hint = "check the library's own configuration: its manual names the file and the variable"
	if err := code(C.get(l.handle, &l.list)); err != nil {
		return p11.Unreached(exitcode.Hint(p11.Fail("C_GetFunctionList of "+path, err), hint))
	}
	if l.list == nil {
		return exitcode.Errorf(exitcode.HSM, "C_GetFunctionList of %s: it succeeded, and gave no function list", path).
			Hint(hint)
	}
	for _, f := range called {
		if C.has_function(l.list, C.int(f.index)) == 0 {
			return exitcode.Errorf(exitcode.HSM, "C_GetFunctionList of %s: its list has no %s", path, f.name).
				Hint("a library must have every function, also those it does not support: ask the vendor")
		}
	}
	return nil
}

// called are the functions that this program calls, by their place in the list.
var called = []struct {
	index int
	name  string
}{
	{0, "C_Initialize"}, {1, "C_Finalize"}, {2, "C_GetInfo"}, {4, "C_GetSlotList"}, {6, "C_GetTokenInfo"},
	{7, "C_GetMechanismList"}, {8, "C_GetMechanismInfo"}, {9, "C_InitToken"}, {10, "C_InitPIN"}, {11, "C_SetPIN"},
	{12, "C_OpenSession"}, {13, "C_CloseSession"}, {15, "C_GetSessionInfo"}, {18, "C_Login"}, {19, "C_Logout"},
	{20, "C_CreateObject"}, {21, "C_CopyObject"}, {22, "C_DestroyObject"}, {24, "C_GetAttributeValue"},
	{25, "C_SetAttributeValue"}, {26, "C_FindObjectsInit"}, {27, "C_FindObjects"}, {28, "C_FindObjectsFinal"},
	{29, "C_EncryptInit"}, {30, "C_Encrypt"}, {33, "C_DecryptInit"}, {34, "C_Decrypt"}, {42, "C_SignInit"},
	{43, "C_Sign"}, {58, "C_GenerateKey"}, {59, "C_GenerateKeyPair"}, {60, "C_WrapKey"}, {61, "C_UnwrapKey"},
	{62, "C_DeriveKey"},
}

// Close closes the library. Closing twice, or closing nil, is harmless.
func (l *Library) Close() {
	if l == nil || l.handle == nil {
		return
	}
	C.dlclose(l.handle)
	l.handle, l.list = nil, nil
}

func code(rv C.rv) error {
	if rv == pkcs11.CKR_OK {
		return nil
	}
	return pkcs11.Error(rv)
}

// Login is C_Login with the PIN that is typed on the device.
func (l *Library) Login(h pkcs11.SessionHandle, user uint) error {
	return code(C.call_login(l.list, C.ulong(h), C.ulong(user)))
}

// labelSize is the length of a label in C_InitToken, which has no end mark.
const labelSize = 32

// InitToken is C_InitToken with the SO PIN that is typed on the device. The label
// has at most 32 bytes.
func (l *Library) InitToken(slot uint, label string) error {
	padded := []byte(label)
	for len(padded) < labelSize {
		padded = append(padded, ' ')
	}
	return code(C.call_init_token(l.list, C.ulong(slot), (*C.char)(unsafe.Pointer(&padded[0]))))
}

// InitPIN is C_InitPIN with the user PIN that is typed on the device.
func (l *Library) InitPIN(h pkcs11.SessionHandle) error {
	return code(C.call_init_pin(l.list, C.ulong(h)))
}

// SetPIN is C_SetPIN with both PINs typed on the device.
func (l *Library) SetPIN(h pkcs11.SessionHandle) error {
	return code(C.call_set_pin(l.list, C.ulong(h)))
}
