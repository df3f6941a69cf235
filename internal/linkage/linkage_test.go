package linkage

import (
	"os"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"byok/internal/executable"
	"byok/internal/machinecode"
)

// checked is what the rules say of a subject, those that find nothing left out.
func checked(s subject) map[string]Check {
	found := map[string]Check{}
	for _, r := range Rules() {
		if c := r.check(s); r.applies(s.image) && len(c.Found)+len(c.Expected) > 0 {
			found[r.Name] = c
		}
	}
	return found
}

// TestRules: what each rule finds, beside what is expected of byok-offline.
func TestRules(t *testing.T) {
	linux := func(s subject) subject {
		s.image = &executable.Image{Format: "ELF", OS: "linux", Arch: "amd64"}
		return s
	}
	call := func(by string, number int64) machinecode.Call {
		return machinecode.Call{By: by, Address: 0x1000, Number: number}
	}
	for _, test := range []struct {
		name  string
		s     subject
		check string
		want  []string
	}{
		{"a dialler", subject{names: []string{"net.Dial", "net.ParseIP"}}, "dialler", []string{"net.Dial"}},
		{"QUIC", subject{names: []string{"golang.org/x/net/quic.Dial"}}, "QUIC", []string{"golang.org/x/net/quic.Dial"}},
		{
			"confine opens a socket", subject{code: machinecode.Code{Kernel: []machinecode.Call{call("byok/internal/confine.socket", 41)}}},
			"system calls", nil,
		},
		{
			"confine connects", subject{code: machinecode.Code{Kernel: []machinecode.Call{call("byok/internal/confine.socket", 42)}}},
			"system calls", []string{"connect in byok/internal/confine.socket"},
		},
		{
			"syscall connects", subject{code: machinecode.Code{Kernel: []machinecode.Call{call("syscall.connect", 42)}}},
			"system calls", []string{"connect in syscall.connect"},
		},
		{
			"a package with a longer name", subject{code: machinecode.Code{Kernel: []machinecode.Call{call("byok/internal/confined.socket", 41)}}},
			"system calls", []string{"socket in byok/internal/confined.socket"},
		},
		{
			"x32", subject{code: machinecode.Code{Kernel: []machinecode.Call{call("main.a", x32+41)}}},
			"system calls", []string{"call 0x40000029 of x32 in main.a"},
		},
		{
			"another table", subject{code: machinecode.Code{Kernel: []machinecode.Call{{By: "main.a", Number: 102, Foreign: true}}}},
			"system calls", []string{"a call of the 32-bit table in main.a"},
		},
		{
			"code without a name", subject{code: machinecode.Code{Kernel: []machinecode.Call{call(machinecode.NoName, 41)}}},
			"system calls", []string{"socket in code without a name at 0x1000"},
		},
		{
			"a number that is not known, elsewhere in confine",
			subject{code: machinecode.Code{Kernel: []machinecode.Call{call("byok/internal/confine.callRows", -1), call("byok/internal/confine.apply", -1)}}},
			"calls without a number", []string{"a number in byok/internal/confine.apply"},
		},
		{
			"registers that are set by a signal's end", subject{code: machinecode.Code{Kernel: []machinecode.Call{
				call("runtime.sigreturn__sigaction", 15), call("main.a", 15),
			}}},
			"calls without a number", []string{"all registers in main.a"},
		},
		{
			"a network file system", subject{code: machinecode.Code{Kernel: []machinecode.Call{
				call("syscall.forkAndExecInChild1", 165), call("main.a", 165),
			}}},
			"system calls", []string{"mount in main.a"},
		},
		{
			"a gate as a value", subject{code: machinecode.Code{
				Gates: []string{"syscall.RawSyscall"},
				Uses: []machinecode.Use{
					{By: "main.a", Name: "syscall.RawSyscall"}, {By: "main.b", Name: "syscall.RawSyscall", Address: true},
				},
			}},
			"calls by function values", []string{"syscall.RawSyscall in main.b"},
		},
		{
			"an open descriptor's function", subject{code: machinecode.Code{Uses: []machinecode.Use{
				{By: "internal/poll.(*FD).WriteTo", Name: "syscall.Sendto"}, {By: "main.a", Name: "syscall.Sendto"},
			}}},
			"open descriptors", []string{"syscall.Sendto in main.a"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			if c := checked(linux(test.s))[test.check]; !slices.Equal(c.Found, test.want) {
				t.Errorf("%q, want %q", c.Found, test.want)
			}
		})
	}
}

// TestLibraries: what is loaded with a program, and what is named in its data.
func TestLibraries(t *testing.T) {
	pe := &executable.Image{
		Format: "PE", OS: "windows", Arch: "amd64", Libraries: []string{"KERNEL32.dll", "WS2_32.dll", "vendor.dll"},
		Imports:  []executable.Import{{Library: "WS2_32.dll", Name: "#23"}, {Library: "KERNEL32.dll", Name: "LoadLibraryW"}},
		Segments: []executable.Segment{{Address: 0x1000, Data: []byte("WinHTTP.dll d\x00n\x00s\x00a\x00p\x00i\x00 \xff\xfe")}},
	}
	data := namedLibraries(pe)
	if want := map[uint64]string{0x1000: "winhttp", 0x100c: "dnsapi"}; !reflect.DeepEqual(data, want) {
		t.Errorf("%v, want %v", data, want)
	}
	s := subject{image: pe, data: data, code: machinecode.Code{
		Uses: []machinecode.Use{
			{By: "syscall.init", Target: 0x100c}, {Target: 0x100c}, {Target: 0x100c}, {By: "main.a", Target: 0x100c},
		},
		Kernel: []machinecode.Call{{By: "main.b", Number: 5}},
	}}
	got := map[string][]string{}
	for name, c := range checked(s) {
		got[name] = c.Found
	}
	want := map[string][]string{
		"network libraries":  {"WS2_32.dll"},
		"other libraries":    {"vendor.dll"},
		"imported functions": {"WS2_32.dll #23"},
		"libraries by name":  {"dnsapi in data", "dnsapi in main.a", "winhttp"},
		"system calls":       {"a system call in main.b"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%q\nwant %q", got, want)
	}
	if list := beyond(s); len(list) != 2 || list[1].Places[1] != "KERNEL32.dll" || !slices.Equal(list[0].Places, []string{"LoadLibraryW"}) {
		t.Errorf("%+v", list)
	}
}

// TestLoader: what else brings code into a program of ELF.
func TestLoader(t *testing.T) {
	s := subject{image: &executable.Image{
		Format: "ELF", OS: "linux", Arch: "amd64", Interpreter: "/tmp/loader",
		Libraries: []string{"libc.so.6", "/tmp/libc.so.6"}, Folders: []string{"/tmp/libraries"},
		Imports: []executable.Import{
			{Name: "free", Offset: 466640}, {Name: "malloc", Offset: -8}, {Name: "read"}, {Name: "getgroups"},
			{Name: "__recv_chk"}, {Name: "getpwnam_r"}, {Name: "syslog"}, {Name: "gethostid"}, {Name: "sendfile"},
		},
	}}
	got := map[string][]string{}
	for name, c := range checked(s) {
		got[name] = c.Found
	}
	want := map[string][]string{
		"other libraries":           {"/tmp/libc.so.6", "/tmp/loader, in place of the loader", "any of /tmp/libraries"},
		"imported functions":        {"__recv_chk", "gethostid", "getpwnam_r", "syslog"},
		"beside imported functions": {"free+466640", "malloc-8"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%q\nwant %q", got, want)
	}
}

// TestBeyond: ways to what is not in the file, by functions of Go, imports and
// calls of the kernel.
func TestBeyond(t *testing.T) {
	s := subject{
		image: &executable.Image{
			Format: "ELF", OS: "linux", Arch: "arm64", Libraries: []string{"libc.so.6"},
			Imports: []executable.Import{{Name: "dlvsym"}, {Name: "fexecve"}, {Name: "wordexp"}, {Name: "mprotect"}, {Name: "read"}},
		},
		names: []string{"os.OpenFile", "os.ReadFile", "syscall.Exec"},
		code: machinecode.Code{Kernel: []machinecode.Call{
			{By: "main.a", Number: 221}, {By: "main.a", Number: 281}, {By: "main.b", Number: 226}, {By: "runtime.mmap", Number: 222},
		}},
	}
	got := map[string][]string{}
	for _, b := range beyond(s) {
		got[b.Name] = b.Places
	}
	want := map[string][]string{
		"loads libraries at run time":       {"dlvsym"},
		"starts programs":                   {"execve in main.a", "execveat in main.a", "fexecve", "syscall.Exec", "wordexp"},
		"maps memory":                       {"mprotect", "mprotect in main.b"},
		"opens files, and uses descriptors": {"os.OpenFile"},
		"jumps to addresses":                {"in its own code", "libc.so.6"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%q\nwant %q", got, want)
	}
}

// TestProgramsInside: wherever they lie, and whatever their headers say that
// nothing goes by.
func TestProgramsInside(t *testing.T) {
	file := func(inside string) []byte {
		return append(append([]byte("MZ This program cannot be run in DOS mode PE\x00\x00"), make([]byte, 600)...), inside...)
	}
	pe := "PE\x00\x00\x64\xaa" + strings.Repeat(" ", 18) + "\x0b\x02"
	for _, test := range []struct {
		name, inside string
		found        int
	}{
		{"nothing", "", 0},
		{"ELF", "\x7fELF\x02\x01\x01\x00" + strings.Repeat(" ", 12), 1},
		{"ELF of 32 bits, for another system", "\x7fELF\x01\x01\x01\x03" + strings.Repeat(" ", 12), 1},
		{"ELF that says nothing of itself", "\x7fELF" + strings.Repeat(" ", 12) + "\x02\x00\x3e\x00", 1},
		{"the magic alone", "\x7fELF" + strings.Repeat(" ", 16), 0},
		{"ELF cut short", "\x7fELF\x02\x01\x01", 0},
		{"PE without its program for DOS", pe, 1},
		{"PE for another processor", strings.Replace(pe, "\xaa", "\xab", 1), 0},
		{"PE cut short", pe[:25], 0},
		{"a program for DOS", "This program cannot be run in DOS mode", 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := subject{file: file(test.inside), image: &executable.Image{Format: "PE"}}
			if found := programsInside(s); len(found) != test.found {
				t.Errorf("%v, want %d", found, test.found)
			}
		})
	}
}

// TestNumbers compares with the numbers that golang.org/x/sys has for this platform.
func TestNumbers(t *testing.T) {
	want := map[string]int64{
		"socket": unix.SYS_SOCKET, "connect": unix.SYS_CONNECT, "accept": unix.SYS_ACCEPT, "sendto": unix.SYS_SENDTO,
		"recvfrom": unix.SYS_RECVFROM, "sendmsg": unix.SYS_SENDMSG, "recvmsg": unix.SYS_RECVMSG, "shutdown": unix.SYS_SHUTDOWN,
		"bind": unix.SYS_BIND, "listen": unix.SYS_LISTEN, "getsockname": unix.SYS_GETSOCKNAME,
		"getpeername": unix.SYS_GETPEERNAME, "socketpair": unix.SYS_SOCKETPAIR, "setsockopt": unix.SYS_SETSOCKOPT,
		"getsockopt": unix.SYS_GETSOCKOPT, "accept4": unix.SYS_ACCEPT4, "recvmmsg": unix.SYS_RECVMMSG,
		"sendmmsg": unix.SYS_SENDMMSG, "ptrace": unix.SYS_PTRACE, "process_vm_writev": unix.SYS_PROCESS_VM_WRITEV,
		"io_uring_setup": unix.SYS_IO_URING_SETUP, "io_uring_enter": unix.SYS_IO_URING_ENTER,
		"io_uring_register": unix.SYS_IO_URING_REGISTER, "pidfd_getfd": unix.SYS_PIDFD_GETFD,
		"mount": unix.SYS_MOUNT, "fsopen": unix.SYS_FSOPEN, "request_key": unix.SYS_REQUEST_KEY,
		"init_module": unix.SYS_INIT_MODULE, "finit_module": unix.SYS_FINIT_MODULE,
		"kexec_load": unix.SYS_KEXEC_LOAD, "kexec_file_load": unix.SYS_KEXEC_FILE_LOAD, "bpf": unix.SYS_BPF,
		"rt_sigreturn": unix.SYS_RT_SIGRETURN, "execve": unix.SYS_EXECVE, "execveat": unix.SYS_EXECVEAT,
		"mmap": unix.SYS_MMAP, "mprotect": unix.SYS_MPROTECT, "pkey_mprotect": unix.SYS_PKEY_MPROTECT,
		"shmat": unix.SYS_SHMAT, "personality": unix.SYS_PERSONALITY,
	}
	got := map[string]int64{}
	for _, c := range slices.Concat(networkCalls(), []call{sigreturn()}, startingCalls(), mappingCalls()) {
		got[c.name] = c.number(runtime.GOARCH)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%v\nwant %v", got, want)
	}
}

// TestNotJudged: no conclusion is drawn from what cannot be read.
func TestNotJudged(t *testing.T) {
	clean := cheat{dir: "clean"}.build(t)
	compiled, err := os.ReadFile("/bin/true") // a program of C
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		file []byte
		want []string
	}{
		{"nothing", nil, []string{"neither an ELF nor a PE file"}},
		{"cut short", clean[:len(clean)/2], []string{"damaged: a segment is beyond the end of the file"}},
		{"a program of C", compiled, []string{
			"no table of Go's functions: it is packed, or not a program of Go", "no build information of Go",
		}},
		{"without its table", replaced(clean, "\xf1\xff\xff\xff\x00\x00", "\xf2\xff\xff\xff\x00\x00"), []string{
			"no table of Go's functions: it is packed, or not a program of Go",
		}},
		{"without its build information", replaced(clean, "\xff Go buildinf:", "\xff no buildinf:"), []string{"no build information of Go"}},
		{"code that can be rewritten", writable(clean), []string{"code at 0x400000 that can be rewritten at run time"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := Examine(test.file)
			// Without the table no function has a name, and those that pass on a number are none.
			first := r.Unjudged[:min(len(test.want), len(r.Unjudged))]
			if r.Conclusion != NotJudged || !slices.Equal(first, test.want) {
				t.Errorf("%s: %q, want %q", r.Conclusion, r.Unjudged, test.want)
			}
			var text strings.Builder
			if err := r.Print(&text); err != nil || !strings.Contains(text.String(), "\nConclusion: cannot be judged\n") {
				t.Errorf("%v\n%s", err, text.String())
			}
		})
	}
	r := Report{Program: &Program{Go: "go1.26"}}
	r.judgeable(subject{
		image: &executable.Image{Tables: make([]executable.Table, 1), Alterable: []string{"code on its stack can be executed"}},
		code:  machinecode.Code{Excess: true},
	})
	want := []string{"more code, or more calls, than any program has", "code on its stack can be executed"}
	if !slices.Equal(r.Unjudged, want) || r.Conclusion != NotJudged {
		t.Errorf("%s: %q", r.Conclusion, r.Unjudged)
	}
	r = Report{}
	r.judgeableTables(2)
	if want := []string{"2 tables of Go's functions, where the linker makes one"}; !slices.Equal(r.Unjudged, want) {
		t.Errorf("%q", r.Unjudged)
	}
}

func replaced(file []byte, old, with string) []byte {
	return []byte(strings.ReplaceAll(string(file), old, with))
}

// writable sets PF_W in each program header that has PF_X, which stand after the
// ELF header, 56 bytes each.
func writable(file []byte) []byte {
	file = slices.Clone(file)
	for at := 64; at < 64+56*int(file[56]); at += 56 {
		if file[at+4]&1 == 1 {
			file[at+4] |= 2
		}
	}
	return file
}

// FuzzExamine: whatever is done to a program, there is a report, and one that is
// not a pass unless there is a table to go by.
func FuzzExamine(f *testing.F) {
	f.Add([]byte("\x7fELF\x02\x01\x01"))
	f.Add([]byte("MZ"))
	f.Add([]byte("#!/bin/sh\n"))
	f.Fuzz(func(t *testing.T, file []byte) {
		r := Examine(file)
		if r.Conclusion == None && (r.Program == nil || r.Program.Functions == 0) {
			t.Errorf("%+v", r)
		}
		if err := r.Print(&strings.Builder{}); err != nil {
			t.Error(err)
		}
	})
}
