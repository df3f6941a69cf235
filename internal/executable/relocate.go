package executable

import (
	"cmp"
	"debug/elf"
	"encoding/binary"
	"strings"

	"byok/internal/ordered"
)

// relative are the relocations that stand for an address in the program itself.
var relative = map[string]uint32{
	"amd64": uint32(elf.R_X86_64_RELATIVE),
	"arm64": uint32(elf.R_AARCH64_RELATIVE),
}

// relocate reads the relocations. Those that name a symbol which is not local are
// all that the dynamic linker binds to other libraries, also where the table
// claims that the program itself has it; whatever else a symbol table lists comes
// to nothing. Addresses in the program itself are written to where they belong.
func (e *elfFile) relocate() error {
	if _, text := e.dynamic[elf.DT_TEXTREL]; text || e.dynamic[elf.DT_FLAGS]&uint64(elf.DF_TEXTREL) != 0 {
		e.image.Alterable = append(e.image.Alterable, "the loader changes its code (DT_TEXTREL)")
	}
	imports := map[Import]bool{}
	for _, table := range [][2]elf.DynTag{{elf.DT_RELA, elf.DT_RELASZ}, {elf.DT_JMPREL, elf.DT_PLTRELSZ}} {
		memory := view(e.image.At(e.dynamic[table[0]]))
		for offset := uint64(0); offset < e.dynamic[table[1]]; offset += 24 {
			var r elf.Rela64
			if err := decode(memory, offset, &r, "the table of relocations"); err != nil {
				return err
			}
			var symbol elf.Sym64
			if elf.R_TYPE64(r.Info) != relative[e.image.Arch] {
				symbol = e.symbol(elf.R_SYM64(r.Info))
			}
			e.place(r, symbol)
			name := e.strings().text(uint64(symbol.Name))
			if name != "" && (elf.ST_BIND(symbol.Info) != elf.STB_LOCAL || symbol.Value == 0) {
				imports[Import{Name: name, Offset: r.Addend}] = true
			}
			if len(imports) > mostImports {
				return errImports
			}
		}
	}
	for i := range imports {
		e.image.Imports = append(e.image.Imports, i)
	}
	ordered.Sort(e.image.Imports, func(a, b Import) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), cmp.Compare(a.Offset, b.Offset))
	})
	return nil
}

// place writes an address of the program itself.
func (e *elfFile) place(r elf.Rela64, symbol elf.Sym64) {
	if elf.R_TYPE64(r.Info) != relative[e.image.Arch] && symbol.Value == 0 {
		return
	}
	if at := e.image.At(r.Off); len(at) >= 8 {
		binary.LittleEndian.PutUint64(at, symbol.Value+uint64(r.Addend))
	}
}

// symbol reads an entry of the symbol table; what there is none of is all zero.
func (e *elfFile) symbol(index uint32) (symbol elf.Sym64) {
	memory := view(e.image.At(e.dynamic[elf.DT_SYMTAB]))
	if index == 0 || decode(memory, uint64(index)*24, &symbol, "a symbol") != nil {
		return elf.Sym64{}
	}
	return symbol
}
