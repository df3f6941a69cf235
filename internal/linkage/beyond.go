package linkage

import (
	"regexp"

	"byok/internal/machinecode"
)

// way is a way to what is not in the file.
type way struct {
	name, reason   string
	imports, names *regexp.Regexp
	calls          []call // of the kernel, by anything but Go's runtime
}

func ways() []way {
	return []way{
		{
			name: "loads libraries at run time",
			reason: "What such a library does is not in this file. On Linux the kernel refuses it sockets before it is loaded " +
				"(seccomp, Landlock): byok-offline confine status. On Windows nothing does.",
			imports: whole(`dlm?open|dlv?sym|__libc_dl\w+|iconv_open|LoadLibrary\w*|LdrLoadDll|GetProcAddress|Co[A-Z]\w+`),
			names: whole(`plugin\.Open|syscall\.(LoadDLL|LoadLibrary)|` +
				`golang\.org/x/sys/windows\.(LoadDLL|LoadLibraryEx|CoGetObject)`),
		},
		{
			name:   "starts programs",
			reason: "What such a program does is not in this file. On Linux it inherits what the kernel refuses.",
			imports: whole(`f?exec\w+|(__libc_)?system|popen|posix_spawnp?|wordexp|` +
				`CreateProcess\w*|WinExec|ShellExecute\w*`),
			names: whole(`syscall\.(forkAndExecInChild1?|Exec|CreateProcess\w*|StartProcess)|` +
				`golang\.org/x/sys/unix\.Exec|golang\.org/x/sys/windows\.(CreateProcess\w*|ShellExecute)`),
			calls: startingCalls(),
		},
		{
			name:    "maps memory",
			reason:  "Code can be made there at run time, of what is data in this file, and is not seen.",
			imports: whole(`mmap(64)?|mprotect|pkey_mprotect|shmat|VirtualAlloc\w*|VirtualProtect\w*|MapViewOfFile\w*`),
			names: whole(`(syscall|golang\.org/x/sys/unix)\.(Mmap|MmapPtr|Mprotect)|` +
				`(syscall|golang\.org/x/sys/windows)\.(VirtualAlloc\w*|VirtualProtect\w*|MapViewOfFile)`),
			calls: mappingCalls(),
		},
		{
			name: "opens files, and uses descriptors",
			reason: "A path can lead to another computer (a network file system, \\\\host\\share) or to a device " +
				"(/dev/net/tun, a modem), and a descriptor that it was started with can be a socket: " +
				"byok-offline confine status shows those.",
			imports: whole(`f?open(at)?(64)?|write|CreateFile\w*|WriteFile`),
			names: whole(`os\.(NewFile|OpenFile)|syscall\.(Open|openat|write|CreateFile|WriteFile)|` +
				`golang\.org/x/sys/unix\.(Open|Openat2?)|golang\.org/x/sys/windows\.(Nt)?CreateFile`),
		},
	}
}

// beyond lists the ways to what is not in the file.
func beyond(s subject) (list []Beyond) {
	for _, w := range ways() {
		if places := w.places(s); len(places) > 0 {
			list = append(list, Beyond{w.name, places, w.reason})
		}
	}
	return append(list, Beyond{
		"jumps to addresses", append([]string{"in its own code"}, sorted(s.image.Libraries)...),
		"One that is computed is not seen. It can lead into the middle of a function, or to a function of a library that " +
			"it does not import, and the C library has sockets.",
	})
}

func (w way) places(s subject) (places []string) {
	for _, i := range s.image.Imports {
		if w.imports.MatchString(i.Name) {
			places = append(places, i.Name)
		}
	}
	for _, name := range s.names {
		if w.names.MatchString(name) {
			places = append(places, name)
		}
	}
	for _, k := range s.code.Kernel {
		if name := nameOf(k, w.calls, s.image.Arch); name != "" && machinecode.Package(k.By) != "runtime" {
			places = append(places, place{name, where(k)}.String())
		}
	}
	return sorted(places)
}
