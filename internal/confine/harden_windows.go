package confine

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/windows"
)

// Harden keeps the search for a DLL away from the working folder and %PATH%, where
// anybody may put one, and memory out of the reports that Windows makes of a crash;
// and it makes room for locked pages. What could not be done is in [Check]'s table.
func Harden() {
	_ = narrowSearch()
	_ = withoutHeap()
	_ = windows.SetProcessWorkingSetSizeEx(windows.CurrentProcess(), leastMemory, mostMemory, 0)
}

// The working set in bytes. A process can lock few pages beyond the least, which is
// 200 KiB by default (VirtualLock).
const (
	leastMemory = 16 << 20
	mostMemory  = 256 << 20
)

// What the functions of kernel32 take: LOAD_LIBRARY_SEARCH_SYSTEM32 of libloaderapi.h
// and WER_FAULT_REPORTING_FLAG_NOHEAP of werapi.h.
const (
	searchSystem = 0x800
	noHeap       = 1
)

// kernel32 is looked for in System32 alone.
var kernel32 = windows.NewLazySystemDLL("kernel32.dll")

// call calls a function of kernel32 that returns what ok accepts.
func call(name string, ok func(uintptr) bool, arguments ...uintptr) error {
	f := kernel32.NewProc(name)
	if err := f.Find(); err != nil {
		return fmt.Errorf("this Windows has no %s", name)
	}
	if result, _, _ := f.Call(arguments...); !ok(result) {
		return fmt.Errorf("%s failed: 0x%X", name, uint32(result))
	}
	return nil
}

// narrowSearch is for every DLL that is loaded from now on without a path. The HSM's
// library has its own folder besides: see package native.
func narrowSearch() error {
	return call("SetDefaultDllDirectories", func(r uintptr) bool { return r != 0 }, searchSystem)
}

func withoutHeap() error { return call("WerSetFlags", succeeded, noHeap) }

// succeeded reads a HRESULT.
func succeeded(result uintptr) bool { return int32(result) >= 0 }

func hardened() []Row { return []Row{search(), crashes(), Memory()} }

// search narrows the search again, which changes nothing: Windows does not say what
// it is.
func search() Row {
	const name = "search for DLLs"
	if err := narrowSearch(); err != nil {
		return Row{name, false, "the working folder and %PATH% are searched: " + err.Error()}
	}
	return Row{name, true, "System32 and the library's own folder"}
}

func crashes() Row {
	const name = "memory left out of crash reports"
	var flags uint32
	err := call("WerGetFlags", succeeded, uintptr(windows.CurrentProcess()), uintptr(unsafe.Pointer(&flags)))
	switch {
	case err != nil:
		return Row{name, false, err.Error()}
	case flags&noHeap == 0:
		return Row{name, false, "Windows may write PINs and keys to a report"}
	}
	return Row{name, true, "by Windows Error Reporting; a debugger's dump holds it"}
}

// Memory reports whether Windows locks this process's memory, so that no secret
// reaches the page file. It tries it as package secret does.
func Memory() Row {
	const name = "locked memory"
	const page = 4096
	at, err := windows.VirtualAlloc(0, page, windows.MEM_COMMIT|windows.MEM_RESERVE, windows.PAGE_READWRITE)
	if err == nil {
		defer func() { _ = windows.VirtualFree(at, 0, windows.MEM_RELEASE) }()
		err = windows.VirtualLock(at, page)
	}
	if err != nil {
		return Row{name, false, "secrets may reach the page file: " + err.Error()}
	}
	return Row{name, true, "out of the page file; hibernation writes all memory"}
}
