package executable

import (
	"byok/internal/ordered"
	"debug/elf"
	"encoding/binary"
	"strings"
)

// relative are the relocations that stand for an address in the program itself.
var relative = map[string]uint32{
	"amd64": uint32(elf.R_X86_64_RELATIVE),
	"arm64": uint32(elf.R_AARCH64_RELATIVE),
}

// relocate reads the relocations. Those that name a symbol without an address
// are all that the dynamic linker binds to other libraries; whatever else a
// symbol table lists comes to nothing. Addresses in the program itself are
// written to where they belong.
func (e *elfFile) relocate() error {
	imports := map[string]bool{}
	for _, table := range [][2]elf.DynTag{{elf.DT_RELA, elf.DT_RELASZ}, {elf.DT_JMPREL, elf.DT_PLTRELSZ}} {
		memory := view(e.image.At(e.dynamic[table[0]]))
		for offset := uint64(0); offset < e.dynamic[table[1]]; offset += 24 {
			var r elf.Rela64
			if err := decode(memory, offset, &r, "the table of relocations"); err != nil {
				return err
			}
			e.place(r)
			if name := e.undefined(elf.R_SYM64(r.Info)); name != "" {
				imports[name] = true
			}
			if len(imports) > mostImports {
				return errImports
			}
		}
	}
	for name := range imports {
		e.image.Imports = append(e.image.Imports, Import{Name: name})
	}
	ordered.Sort(e.image.Imports, func(a, b Import) int { return strings.Compare(a.Name, b.Name) })
	return nil
}

// place writes an address of the program itself.
func (e *elfFile) place(r elf.Rela64) {
	if elf.R_TYPE64(r.Info) != relative[e.image.Arch] {
		return
	}
	if at := e.image.At(r.Off); len(at) >= 8 {
		binary.LittleEndian.PutUint64(at, uint64(r.Addend))
	}
}

// undefined returns the name of a symbol that the program does not define, or "".
func (e *elfFile) undefined(index uint32) string {
	var symbol elf.Sym64
	memory := view(e.image.At(e.dynamic[elf.DT_SYMTAB]))
	if index == 0 || decode(memory, uint64(index)*24, &symbol, "a symbol") != nil {
		return ""
	}
	if elf.SectionIndex(symbol.Shndx) != elf.SHN_UNDEF {
		return ""
	}
	return e.strings().text(uint64(symbol.Name))
}
