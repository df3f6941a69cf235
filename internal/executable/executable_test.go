package executable

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"reflect"
	"testing"
)

func TestRead(t *testing.T) {
	functions := func(text uint64) []Function {
		return []Function{{"main.main", text, text + 16}, {"net.Dial", text + 16, text + 32}}
	}
	names := []string{"", "inlined", "main.main", "net.Dial"}
	for _, test := range []struct {
		name string
		file []byte
		want Image
	}{
		{"ELF, amd64", specimenELF(elf.EM_X86_64), Image{
			Format: "ELF", OS: "linux", Arch: "amd64", Interpreter: "/lib/ld.so", Libraries: []string{"libc.so.6"},
			Imports: []Import{{Name: "connect"}},
			Tables:  []Table{{functions(base + text), names, base + text, base + text + 32}},
		}},
		{"ELF, arm64", specimenELF(elf.EM_AARCH64), Image{
			Format: "ELF", OS: "linux", Arch: "arm64", Interpreter: "/lib/ld.so", Libraries: []string{"libc.so.6"},
			Imports: []Import{{Name: "connect"}},
			Tables:  []Table{{functions(base + text), names, base + text, base + text + 32}},
		}},
		{"PE", specimenPE(), Image{
			Format: "PE", OS: "windows", Arch: "amd64", Libraries: []string{"WS2_32.dll", "winhttp.dll"},
			Imports: []Import{
				{Library: "WS2_32.dll", Name: "connect"}, {Library: "WS2_32.dll", Name: "#12"}, {Library: "winhttp.dll", Name: "WinHttpOpen"},
			},
			Tables: []Table{{functions(base + 0x1000 + text), names, base + 0x1000 + text, base + 0x1000 + text + 32}},
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			image, err := Read(test.file)
			if err != nil {
				t.Fatal(err)
			}
			if len(image.Segments) != 1 || !image.Segments[0].Executable || len(image.Segments[0].Data) != whole {
				t.Fatalf("segments %+v", image.Segments)
			}
			start := image.Segments[0].Address
			if !image.InCode(start) || image.InCode(start+whole) || image.InCode(start-1) || image.At(start+whole) != nil {
				t.Errorf("the segment is not from %#x to %#x", start, image.Segments[0].End())
			}
			image.Segments = nil
			if !reflect.DeepEqual(*image, test.want) {
				t.Errorf("%+v\nwant %+v", *image, test.want)
			}
		})
	}
}

func TestReadRefuses(t *testing.T) {
	e, p := specimenELF(elf.EM_X86_64), specimenPE()
	for _, test := range []struct {
		name, text string
		file       []byte
	}{
		{"nothing", "neither an ELF nor a PE file", nil},
		{"a script", "neither an ELF nor a PE file", []byte("#!/bin/sh\n")},
		{"a header cut short", "damaged: the header is beyond the end of the file", e[:30]},
		{"32 bits", "not a 64-bit little-endian ELF file", changed(e, 4, byte(1))},
		{"big-endian", "not a 64-bit little-endian ELF file", changed(e, 5, byte(2))},
		{"another processor", "code for EM_RISCV, which is not read here", changed(e, 18, uint16(elf.EM_RISCV))},
		{"an object file", "ET_REL, not a program", changed(e, 16, uint16(elf.ET_REL))},
		{"no program headers", "damaged: it has no program headers", changed(e, 56, uint16(0))},
		{"program headers elsewhere", "damaged: the table of program headers is beyond the end of the file",
			changed(e, 32, ^uint64(0))},
		{"a segment cut short", "damaged: a segment is beyond the end of the file", e[:whole-1]},
		{"segments over one another", "damaged: its segments overlap", changed(e, 64+16, ^uint64(0))},
		{"a dynamic section elsewhere", "damaged: the dynamic section is beyond the end of the file",
			changed(e, 64+2*56+16, uint64(1))},
		{"relocations elsewhere", "damaged: the table of relocations is beyond the end of the file",
			changed(e, dynamic+4*16+8, uint64(1<<40))},
		{"DOS", "neither an ELF nor a PE file", append([]byte("MZ"), make([]byte, 200)...)},
		{"MZ alone", "damaged: the header is beyond the end of the file", []byte("MZ")},
		{"PE cut short", "damaged: the PE header is beyond the end of the file", p[:0x90]},
		{"PE for another processor", "code for machine 0x14c, which is not read here", changed(p, 0x84, uint16(0x14c))},
		{"PE without its optional header", "damaged: the optional header is beyond the end of the file", p[:0x98+100]},
		{"PE of 32 bits", "not a 64-bit PE file", changed(p, 0x98, uint16(0x10b))},
		{"PE without sections", "damaged: the table of sections is beyond the end of the file",
			changed(p, 0x86, uint16(0xffff))},
		{"a section cut short", "damaged: a section is beyond the end of the file", p[:len(p)-1]},
		{"imports elsewhere", "damaged: the table of imports is beyond the end of the file",
			changed(p, 0x98+112+8, uint32(1))},
		{"a list of imports elsewhere", "damaged: a list of imports is beyond the end of the file",
			changed(p, 0x400+0x110, uint32(1))},
	} {
		t.Run(test.name, func(t *testing.T) {
			if image, err := Read(test.file); err == nil || err.Error() != test.text {
				t.Errorf("%+v, %v, want %s", image, err, test.text)
			}
		})
	}
}

// TestDamagedTable: a table that does not hold together is none.
func TestDamagedTable(t *testing.T) {
	e := specimenELF(elf.EM_X86_64)
	for _, test := range []struct {
		name string
		file []byte
	}{
		{"pointers of 4 bytes", changed(e, table+7, byte(4))},
		{"names that end before they begin", changed(e, table+8+8*headerUnits, uint64(1))},
		{"names elsewhere", changed(e, table+8+8*headerUnits, ^uint64(0))},
		{"no module", changed(e, module+8*moduleNames, uint64(1))},
		{"more functions than bytes", changed(e, table+8, uint64(1<<40))},
		{"another count than the module's", changed(e, table+8, uint64(1))},
		{"a list elsewhere", changed(changed(e, table+8+8*headerTable, uint64(0x7f0)), module+8*moduleTable, uint64(base+0xff0))},
		{"a function elsewhere", changed(e, table+0xc0+4, ^uint32(0))},
		{"a function that ends before it begins", changed(e, table+0xc0+16, uint32(1))},
	} {
		t.Run(test.name, func(t *testing.T) {
			image, err := Read(test.file)
			if err != nil || len(image.Tables) > 0 {
				t.Errorf("%+v, %v", image, err)
			}
		})
	}
}

// TestBombs: a small file in which every byte stands for many takes no more
// memory than a program does.
func TestBombs(t *testing.T) {
	const count, manySymbols, manyRelocs, manyTexts = 30000, 0x1000, 0x100000, 0x1c0000
	e := append(specimenELF(elf.EM_X86_64), make([]byte, 1<<21)...)
	at(e, 64+32, uint64(len(e))) // the segment is the whole file
	at(e, dynamic+16,
		elf.Dyn64{Tag: int64(elf.DT_STRTAB), Val: base + manyTexts}, elf.Dyn64{Tag: int64(elf.DT_SYMTAB), Val: base + manySymbols},
		elf.Dyn64{Tag: int64(elf.DT_RELA), Val: base + manyRelocs}, elf.Dyn64{Tag: int64(elf.DT_RELASZ), Val: 24 * count})
	for i := range uint32(count) {
		at(e, manySymbols+24*int(i+1), elf.Sym64{Name: i})
		at(e, manyRelocs+24*int(i), elf.Rela64{Info: elf.R_INFO(i+1, 6)})
	}
	for i := range count {
		copy(e[manyTexts+4*i:], fmt.Sprintf("%x", 0x100000+i)) // none ends, so each that begins elsewhere is another
	}
	if _, err := Read(e); !errors.Is(err, errImports) {
		t.Errorf("ELF: %v", err)
	}
	p := append(specimenPE(), make([]byte, 1<<18)...)
	at(p, 0x98+240+16, uint32(len(p)-0x400))
	copy(p[0x400+0x340:], bytes.Repeat([]byte{1, 0, 0, 0, 0, 0, 0, 0x80}, 0x7000))
	if _, err := Read(p); !errors.Is(err, errImports) {
		t.Errorf("PE: %v", err)
	}
}
