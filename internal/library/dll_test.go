package library

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"runtime"
	"testing"
)

// dllOf reads one that testdata/dll.c was built to.
func dllOf(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Where the headers of these DLLs have what is changed here.
const (
	atFlags    = 22 // IMAGE_FILE_HEADER.Characteristics, behind the signature
	atMagic    = 24 // of the optional header
	atExports  = 24 + 112
	atSections = 24 + 240
)

// patched writes a number of 2 or 4 bytes behind the signature of a DLL.
func patched(data []byte, at int, n uint32, size int) []byte {
	data = bytes.Clone(data)
	at += int(binary.LittleEndian.Uint32(data[0x3c:]))
	for i := range size {
		data[at+i] = byte(n >> (8 * i))
	}
	return data
}

// directoryOf is where a DLL's file has its export directory, and its address.
func directoryOf(t *testing.T, data []byte) (at int, address uint32) {
	t.Helper()
	head := int(binary.LittleEndian.Uint32(data[0x3c:]))
	address = binary.LittleEndian.Uint32(data[head+atExports:])
	for s := head + atSections; ; s += 40 {
		begin, size := binary.LittleEndian.Uint32(data[s+12:]), binary.LittleEndian.Uint32(data[s+16:])
		if address >= begin && address-begin < size {
			return int(binary.LittleEndian.Uint32(data[s+20:]) + address - begin), address
		}
	}
}

func TestDLLExports(t *testing.T) {
	entry := dllOf(t, "entry.dll")
	directory, _ := directoryOf(t, entry)
	changed := func(at int, n uint32) []byte {
		data := bytes.Clone(entry)
		binary.LittleEndian.PutUint32(data[directory+at:], n)
		return data
	}
	narrow := patched(patched(entry, atMagic, 0x10b, 2), atMagic-4, 224, 2) // a PE32 header of its size
	narrow = patched(patched(narrow, atMagic+92, 16, 4), 6, 0, 2)           // with 16 directories, and no sections
	const none = "not a shared library"
	const other = "not a PKCS#11 library: it does not export C_GetFunctionList"
	const damaged = "a damaged shared library"
	for _, c := range []struct {
		name string
		data []byte
		own  string
		err  string
	}{
		{"a PKCS#11 library", entry, "entry.dll", "<nil>"},
		{"another library", dllOf(t, "other.dll"), "", other},
		{"a program", patched(entry, atFlags, 0x22, 2), "", none},
		{"cut in its headers", entry[:200], "", damaged},
		{"cut before them", entry[:100], "", none},
		{"for 32 bits", narrow, "", "a library for programs of 32 bits"},
		{"no export directory", patched(entry, atExports, 0, 4), "", other},
		{"an export directory nowhere", patched(entry, atExports, 0x7fffffff, 4), "", other},
		{"too many names", changed(atCount, 1<<20), "", damaged},
		{"names nowhere", changed(atNames, 0x7fffffff), "", damaged},
		{"a name nowhere", changed(atNames, 0x1000), "", other},
		{"no name of its own", changed(atName, 0x7fffffff), "", "<nil>"},
	} {
		own, err := dllExports(bytes.NewReader(c.data))
		if own != c.own || fmt.Sprint(err) != c.err {
			t.Errorf("%s: %q, %v", c.name, own, err)
		}
	}
}

// TestOwnName: a library is one of the system that is to load it.
func TestOwnName(t *testing.T) {
	for name, c := range map[string]struct {
		data []byte
		err  string
	}{
		"a DLL":     {dllOf(t, "entry.dll"), "a library for another system than " + runtime.GOOS},
		"text":      {[]byte("text, and more"), "not a shared library"},
		"two bytes": {[]byte("MZ"), "not a shared library"},
	} {
		if own, err := ownName(bytes.NewReader(c.data)); own != "" || err == nil || err.Error() != c.err {
			t.Errorf("%s: %q, %v", name, own, err)
		}
	}
}
