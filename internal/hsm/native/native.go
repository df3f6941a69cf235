// Package native calls a PKCS#11 library where the binding cannot: it looks at
// the function list before anything is called through it, gives a NULL PIN where
// the PIN is typed on the device, and wraps without asking for the length first.
//
// Use it through package hsm. Everything else goes through
// github.com/miekg/pkcs11, which has the same library open.
package native

/*
#include <stddef.h>

typedef unsigned long rv;

// On Windows structures are packed (PKCS#11 v2.40, section 2.1), and Go cannot
// read the fields of those.
#ifdef _WIN32
#pragma pack(push, 1)
#endif

// The function list of PKCS#11 v2.40 (section 3.6): a version, and 68 functions.
enum { init_token = 9, init_pin = 10, set_pin = 11, login = 18, wrap_key = 60, functions = 68 };
typedef struct {
	unsigned char version[2];
	void *function[functions];
} list;

// Mechanisms and their parameters (PKCS#11 v2.40, sections 2.1.8, 2.1.21, 2.12.3).
typedef struct { unsigned long type; void *parameter; unsigned long length; } mechanism;
typedef struct { unsigned long hash, mgf, source; void *data; unsigned long length; } oaep_params;
typedef struct { unsigned long aes_bits; oaep_params *oaep; } rsa_aes_params;
typedef struct {
	void *iv;
	unsigned long iv_length, iv_bits;
	void *aad;
	unsigned long aad_length, tag_bits;
} gcm_params;

#ifdef _WIN32
#pragma pack(pop)
#endif

static rv get(void *entry, list **out)
{
	*out = NULL;
	return ((rv (*)(list **))entry)(out);
}

static rv call_initialize(list *l) { return ((rv (*)(void *))l->function[0])(NULL); }

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

enum { oaep = 0x9, rsa_aes = 0x1054, gcm = 0x1087, sha1 = 0x220, mgf1_sha1 = 1, data_specified = 1 };

// A call of C_WrapKey. The parameter is that of a mechanism which takes bytes.
typedef struct { unsigned long session, type, outer, key; } wrapping;

static rv call_wrap(list *l, wrapping w, unsigned char *parameter, unsigned long size, unsigned char *out,
	unsigned long *length)
{
	oaep_params hash = { sha1, mgf1_sha1, data_specified, NULL, 0 };
	rsa_aes_params both = { 256, &hash };
	gcm_params iv = { parameter, size, 8 * size, NULL, 0, 128 };
	mechanism m = { w.type, parameter, size };
	if (w.type == oaep)
		m = (mechanism){ w.type, &hash, sizeof hash };
	if (w.type == rsa_aes)
		m = (mechanism){ w.type, &both, sizeof both };
	if (w.type == gcm)
		m = (mechanism){ w.type, &iv, sizeof iv };
	return ((rv (*)(unsigned long, mechanism *, unsigned long, unsigned long, unsigned char *, unsigned long *))
		l->function[wrap_key])(w.session, &m, w.outer, w.key, out, length);
}
*/
import "C"

import (
	"slices"
	"unsafe"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/hsm/p11"
	"byok/internal/library"
)

// Library is an open PKCS#11 library, initialised or not.
type Library struct {
	loaded
	list *C.list
}

// Open loads the library at path and gets its function list. A library that the
// dynamic linker refuses, or that is not a PKCS#11 library, is an error with
// the status Usage; one that gives no function list, or a list without a function
// that is called here, has the status HSM.
func Open(path string) (*Library, error) {
	handle, err := load(path)
	if err != nil {
		return nil, err
	}
	l := &Library{loaded: handle}
	if err := l.getList(path); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

func (l *Library) getList(path string) error {
	entry := l.entry("C_GetFunctionList")
	if entry == nil {
		return exitcode.Errorf(exitcode.Usage, "PKCS#11 library %s: it has no C_GetFunctionList", path).
			Hint("give the vendor's PKCS#11 library with --module-path, such as " + library.Example)
	}
	const hint = "check the library's own configuration: its manual names the file and the variable"
	if err := code(C.get(entry, &l.list)); err != nil {
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
	if l == nil || l.handle == none {
		return
	}
	l.unload()
	l.handle, l.list = none, nil
}

func code(rv C.rv) error {
	if rv == pkcs11.CKR_OK {
		return nil
	}
	return pkcs11.Error(rv)
}

// initializeAlone is C_Initialize without arguments (PKCS#11 v2.40, section 5.4).
func (l *Library) initializeAlone() error { return code(C.call_initialize(l.list)) }

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

// room is larger than what any key kind is wrapped to, in bytes: the PKCS#8 of
// RSA-4096 takes 2.4 kB, and 512 bytes of RSA-OAEP may stand before it. most is
// more than a module has reason to ask for.
const (
	room = 8 << 10
	most = 1 << 20
)

// WrapKey is C_WrapKey. The length is not asked for first, as the binding does:
// NSS softoken answers too little then. A module that finds the room too small
// says how much it takes, and is called once more. The parameters of RSA-OAEP and
// CKM_RSA_AES_KEY_WRAP are those of [p11.OAEP] and [p11.RSAAES]; CKM_AES_GCM has
// its IV for a parameter, and a tag of 128 bits; others have their bytes, or none.
func (l *Library) WrapKey(h pkcs11.SessionHandle, m *pkcs11.Mechanism, outer, key p11.Object) ([]byte, error) {
	w := C.wrapping{C.ulong(h), C.ulong(m.Mechanism), C.ulong(outer), C.ulong(key)}
	blob, size, err := l.wrap(w, m.Parameter, room)
	if p11.Is(err, pkcs11.CKR_BUFFER_TOO_SMALL) && size > room && size <= most {
		blob, _, err = l.wrap(w, m.Parameter, size)
	}
	return blob, err
}

// wrap calls with room for n bytes. size is the length that the module gives.
func (l *Library) wrap(w C.wrapping, parameter []byte, n uint) (blob []byte, size uint, err error) {
	out, length := make([]byte, n), C.ulong(n)
	err = code(C.call_wrap(l.list, w, bytes(parameter), C.ulong(len(parameter)), bytes(out), &length))
	size = uint(length)
	if err == nil && size > n { // it wrote past the end, or lies
		err = pkcs11.Error(pkcs11.CKR_GENERAL_ERROR)
	}
	if err != nil {
		return nil, size, err
	}
	return slices.Clone(out[:size]), size, nil
}

func bytes(b []byte) *C.uchar { return (*C.uchar)(unsafe.SliceData(b)) }
