package executable

import (
	"debug/elf"
	"debug/pe"
	"reflect"
	"testing"
)

// TestLoader: what the loader goes by, and what a table of symbols only claims.
func TestLoader(t *testing.T) {
	const stack, last = 64 + 3*56, dynamic + 5*16
	e := specimenELF(elf.EM_X86_64)
	const changes, executes = "the loader changes its code (DT_TEXTREL)", "code on its stack can be executed"
	symbol := func(s elf.Sym64) []byte { return changed(e, symbols+2*24, s) }
	for _, test := range []struct {
		name string
		file []byte
		want Image
	}{
		{"no header for the stack", changed(e, stack, uint32(elf.PT_NULL)), Image{Alterable: []string{executes}}},
		{"a stack with code", changed(e, stack+4, uint32(elf.PF_X)), Image{Alterable: []string{executes}}},
		{"code that is relocated", changed(e, last, elf.Dyn64{Tag: int64(elf.DT_TEXTREL)}, elf.Dyn64{}), Image{Alterable: []string{changes}}},
		{
			"code that is relocated, by a flag", changed(e, last, elf.Dyn64{Tag: int64(elf.DT_FLAGS), Val: 6}, elf.Dyn64{}),
			Image{Alterable: []string{changes}},
		},
		{"other flags", changed(e, last, elf.Dyn64{Tag: int64(elf.DT_FLAGS), Val: 8}, elf.Dyn64{}), Image{}},
		{"a folder", changed(e, last, elf.Dyn64{Tag: int64(elf.DT_RUNPATH), Val: 22}, elf.Dyn64{}), Image{Folders: []string{"connect"}}},
		{
			"an auditor", changed(e, last, elf.Dyn64{Tag: int64(elf.DT_AUDIT), Val: 22}, elf.Dyn64{}),
			Image{Libraries: []string{"libc.so.6", "connect"}},
		},
		{
			"a function that it claims to have", symbol(elf.Sym64{Name: 11, Info: elf.ST_INFO(elf.STB_GLOBAL, elf.STT_FUNC), Shndx: 1}),
			Image{Imports: []Import{{Name: "connect"}, {Name: "socket"}}},
		},
		{
			"a weak one with an address", symbol(elf.Sym64{Name: 11, Info: elf.ST_INFO(elf.STB_WEAK, elf.STT_FUNC), Shndx: 1, Value: base}),
			Image{Imports: []Import{{Name: "connect"}, {Name: "socket"}}},
		},
		{
			"beside a function", changed(e, relocs+24+16, int64(-32)),
			Image{Imports: []Import{{Name: "connect", Offset: -32}}},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			image, err := Read(test.file)
			if err != nil {
				t.Fatal(err)
			}
			if test.want.Libraries == nil {
				test.want.Libraries = []string{"libc.so.6"}
			}
			if test.want.Imports == nil {
				test.want.Imports = []Import{{Name: "connect"}}
			}
			got := Image{Libraries: image.Libraries, Folders: image.Folders, Imports: image.Imports, Alterable: image.Alterable}
			if !reflect.DeepEqual(got, test.want) {
				t.Errorf("%+v\nwant %+v", got, test.want)
			}
		})
	}
}

// TestPages: what shares a page with code is executed like it.
func TestPages(t *testing.T) {
	const segment = 64
	for _, test := range []struct {
		name       string
		machine    elf.Machine
		flags      elf.ProgFlag
		from, size uint64
		start, end uint64 // what is read
	}{
		{"code", elf.EM_X86_64, elf.PF_X, 0x100, 0x200, base, base + whole},
		{"code, where pages can be larger", elf.EM_AARCH64, elf.PF_X, 0x100, 0x200, base, base + whole + 0x10},
		{"data", elf.EM_X86_64, elf.PF_W, 0x100, 0x200, base + 0x100, base + 0x300},
	} {
		t.Run(test.name, func(t *testing.T) {
			file := append(specimenELF(test.machine), make([]byte, 0x10)...)
			at(file, segment, elf.Prog64{
				Type: uint32(elf.PT_LOAD), Flags: uint32(test.flags), Off: test.from, Vaddr: base + test.from, Filesz: test.size, Memsz: test.size,
			})
			at(file, segment+2*56, uint32(elf.PT_NULL)) // without what is loaded with it
			image, err := Read(file)
			if err != nil {
				t.Fatal(err)
			}
			if s := image.Segments[0]; s.Address != test.start || s.End() != test.end {
				t.Errorf("from %#x to %#x, want %#x to %#x", s.Address, s.End(), test.start, test.end)
			}
		})
	}
}

// TestNeighbours: what is read behind code does not lie over another segment.
func TestNeighbours(t *testing.T) {
	file := append(specimenELF(elf.EM_AARCH64), make([]byte, 0x10000)...)
	for i := range file[whole:] {
		file[whole+i] = 'a'
	}
	data := elf.Prog64{Type: uint32(elf.PT_LOAD), Off: 0x8000, Vaddr: base + 2*whole, Filesz: 0x10, Memsz: 0x10}
	below := data
	below.Vaddr = base - 0x100
	copy(file[0x8000:], "0123456789abcdef")
	code := elf.Prog64{Type: uint32(elf.PT_LOAD), Flags: uint32(elf.PF_X), Off: 0x100, Vaddr: base + 0x100, Filesz: 0x200, Memsz: 0x200}
	at(file, 64, code, below, elf.Prog64{}, data)
	image, err := Read(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, address := range []uint64{data.Vaddr, below.Vaddr} {
		if got := string(image.At(address)); got != "0123456789abcdef" {
			t.Errorf("%#x: %.16q", address, got)
		}
	}
	if s := image.Segments[0]; s.Address != base || s.End() != base+2*whole {
		t.Errorf("from %#x to %#x", s.Address, s.End())
	}
}

// TestAmbiguous: what systems can read in more than one way is refused.
func TestAmbiguous(t *testing.T) {
	const header, optional, directories = 64 + 3*56, 0x98, 0x98 + 112
	e, p := specimenELF(elf.EM_X86_64), specimenPE()
	second := pe.SectionHeader32{VirtualAddress: 0x1fff, VirtualSize: 2, PointerToRawData: 0x400, SizeOfRawData: 2}
	for _, test := range []struct {
		name, text string
		file       []byte
	}{
		{"two dynamic sections", "damaged: it has more than one PT_DYNAMIC", changed(e, header, uint32(elf.PT_DYNAMIC))},
		{"two interpreters", "damaged: it has more than one PT_INTERP", changed(e, header, uint32(elf.PT_INTERP))},
		{"a segment in the same page", "damaged: its segments overlap", changed(e, header, elf.Prog64{
			Type: uint32(elf.PT_LOAD), Vaddr: base + whole - 1, Filesz: 2, Memsz: 2,
		})},
		{"a section in the same page", "damaged: its segments overlap", changed(changed(p, 0x86, uint16(2)), 0x98+240+40, second)},
		{"code of .NET", "code for .NET, which is not read here", changed(p, directories+14*8, uint32(0x1000))},
		{"sections within a page", "damaged: its sections do not begin at pages", changed(p, optional+32, uint32(0x200))},
	} {
		t.Run(test.name, func(t *testing.T) {
			if image, err := Read(test.file); err == nil || err.Error() != test.text {
				t.Errorf("%+v, %v, want %s", image, err, test.text)
			}
		})
	}
}
