package library

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// compiled builds a library with one kind of hash table, the entry point and 300
// more functions, or without the entry point.
func compiled(t *testing.T, style, entry string) []byte {
	t.Helper()
	var source strings.Builder
	for i := range 300 {
		fmt.Fprintf(&source, "int f%d(void) { return %d; }\n", i, i)
	}
	source.WriteString(entry)
	file := put(t, t.TempDir()+"/many.c", source.String())
	out, err := exec.Command("cc", "-shared", "-fPIC", "-Wl,-soname,many.so.1", "-Wl,--hash-style="+style,
		"-o", file+".so", file).CombinedOutput()
	if err != nil {
		t.Fatalf("these tests need a C compiler (apt-get install gcc libc6-dev): %v: %s", err, out)
	}
	return readFile(t, file+".so")
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

const entrySource = "int C_GetFunctionList(void *p) { return p != 0; }\n"

// TestExports looks up every symbol of real libraries that package debug/elf
// lists, and some that they do not define.
func TestExports(t *testing.T) {
	for name, data := range map[string][]byte{
		"SoftHSM":      readFile(t, softHSM(t)),
		"libc":         readFile(t, installed(t, "libc.so.6", "libc6")),
		"sysv":         compiled(t, "sysv", entrySource),
		"gnu":          compiled(t, "gnu", entrySource),
		"both":         compiled(t, "both", entrySource),
		"sysv, others": compiled(t, "sysv", ""),
		"gnu, others":  compiled(t, "gnu", ""),
	} {
		t.Run(name, func(t *testing.T) {
			judge, err := elf.NewFile(bytes.NewReader(data))
			if err != nil {
				t.Fatal(err)
			}
			symbols, err := judge.DynamicSymbols()
			if err != nil {
				t.Fatal(err)
			}
			o := sharedObject{mapped{file: bytes.NewReader(data)}, map[uint64]uint64{}}
			if !o.readSegments(binary.LittleEndian.Uint64(data[atSegments:]), len(judge.Progs)) {
				t.Fatal("no dynamic section")
			}
			defined := map[string]bool{"C_GetFunctionLists": false, "": false, "f": false}
			for _, s := range symbols {
				defined[s.Name] = defined[s.Name] || s.Section != elf.SHN_UNDEF
			}
			for symbol, want := range defined {
				if len(symbol) < longestName && o.exports(symbol) != want {
					t.Errorf("%q: %t", symbol, !want)
				}
			}
			own, err := elfExports(bytes.NewReader(data))
			if !defined[entryPoint] {
				if err != errOther {
					t.Error(own, err)
				}
				return
			}
			if names, _ := judge.DynString(elf.DT_SONAME); err != nil || !slices.Equal(names, []string{own}) {
				t.Errorf("%q, %v, want %q", own, err, names)
			}
		})
	}
}

// TestExportsOf: one fault each.
func TestExportsOf(t *testing.T) {
	gnu, sysv := compiled(t, "gnu", entrySource), compiled(t, "sysv", entrySource)
	dynamic := func(data []byte) int { return sectionOf(t, data, elf.SHT_DYNAMIC) }
	for _, c := range []struct {
		name string
		data []byte
		err  error
	}{
		{"as it is", gnu, nil},
		{"without sections", with(gnu, 40, make([]byte, 8)), nil},
		{"four bytes", gnu[:4], errNone},
		{"of 32 bits", with(gnu, 4, []byte{1}), errMachine},
		{"big-endian", with(gnu, 5, []byte{2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 22}), errMachine}, // s390x
		{"of another processor", with(gnu, atMachine, []byte{243}), errMachine},
		{"a program", with(gnu, atType, []byte{2}), errNone},
		{"segments of another size", with(gnu, atSegmentSize, []byte{57}), errDamaged},
		{"segments nowhere", with(gnu, atSegments, []byte{255, 255, 255, 255, 255, 255, 255, 255}), errDamaged},
		{"no segments", with(gnu, atSegmentCount, []byte{0}), errDamaged},
		{"too many segments", with(gnu, atSegmentCount, []byte{255, 255}), errDamaged},
		{"a dynamic section without an end", with(gnu[:dynamic(gnu)+4096], dynamic(gnu), bytes.Repeat([]byte{1}, 4096)), errDamaged},
		{"an empty dynamic section", with(gnu, dynamic(gnu), make([]byte, 16)), errOther},
		{"no buckets, GNU", with(gnu, sectionOf(t, gnu, elf.SHT_GNU_HASH), make([]byte, 4)), errOther},
		{"a huge filter", with(gnu, sectionOf(t, gnu, elf.SHT_GNU_HASH)+8, bytes.Repeat([]byte{255}, 4)), errOther},
		{"no buckets", with(sysv, sectionOf(t, sysv, elf.SHT_HASH), make([]byte, 4)), errOther},
		{"buckets nowhere", with(sysv, sectionOf(t, sysv, elf.SHT_HASH), bytes.Repeat([]byte{255}, 4)), errOther},
		{"a chain in a circle", circle(t, sysv), errOther},
	} {
		if _, err := elfExports(bytes.NewReader(c.data)); err != c.err {
			t.Errorf("%s: %v, want %v", c.name, err, c.err)
		}
	}
	if text := errMachine.Error(); text != "a library for another processor than "+runtime.GOARCH {
		t.Error(text)
	}
}

// with returns data with other bytes at a place.
func with(data []byte, at int, more []byte) []byte {
	data = slices.Clone(data)
	copy(data[at:], more)
	return data
}

// sectionOf is where a file has the first section of a kind.
func sectionOf(t *testing.T, data []byte, kind elf.SectionType) int {
	t.Helper()
	file, err := elf.NewFile(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range file.Sections {
		if s.Type == kind {
			return int(s.Offset)
		}
	}
	t.Fatalf("no section %v", kind)
	return 0
}

// circle has every bucket of a table begin with symbol 1, and every symbol be
// followed by itself.
func circle(t *testing.T, data []byte) []byte {
	data, at := slices.Clone(data), sectionOf(t, data, elf.SHT_HASH)
	buckets := binary.LittleEndian.Uint32(data[at:])
	for i := range binary.LittleEndian.Uint32(data[at:]) + binary.LittleEndian.Uint32(data[at+4:]) {
		binary.LittleEndian.PutUint32(data[at+8+4*int(i):], max(1, i-min(i, buckets)))
	}
	return data
}

// FuzzOwnName: no file makes the look at it fail in another way than by an error,
// or take long.
func FuzzOwnName(f *testing.F) {
	for _, name := range []string{"testdata/entry.dll", "testdata/other.dll", "testdata/entry.so"} {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, look := range []func() (string, error){
			func() (string, error) { return elfExports(bytes.NewReader(data)) },
			func() (string, error) { return dllExports(bytes.NewReader(data)) },
		} {
			if name, err := look(); err != nil && name != "" {
				t.Errorf("%q, %v", name, err)
			}
		}
	})
}
