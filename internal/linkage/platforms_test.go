//go:build platforms

package linkage

import "testing"

// TestCheatsElsewhere is what make check-offline runs besides: it needs cross
// compilers, and compiles Go's library for each platform.
func TestCheatsElsewhere(t *testing.T) {
	const mingw = "x86_64-w64-mingw32-gcc"
	list := []cheat{
		{name: "Windows: reads a file", dir: "clean", conclusion: None},
		{
			name: "Windows: Winsock by its name", dir: "lazydll", conclusion: Found,
			check: "libraries by name", places: []string{"ws2_32 in main.main"},
		},
		{
			name: "Windows: Winsock by its name, in data", dir: "renamed", conclusion: Found,
			check: "libraries by name", places: []string{"ws2_32 in data"},
		},
		{
			name: "Windows: a name in UTF-16", dir: "wide", conclusion: Found,
			check: "libraries by name", places: []string{"winhttp"},
		},
		{
			name: "Windows: what files bring with them", dir: "connectex", conclusion: Found,
			check: "open descriptors", places: []string{"syscall.ConnectEx in main.main", "syscall.Socket in main.main"},
		},
		{
			name: "Windows: Winsock imported", dir: "winsock", compiler: mingw, conclusion: Found,
			check: "imported functions", places: []string{"WS2_32.dll WSAStartup", "WS2_32.dll socket"},
		},
		{
			name: "Windows: package net", dir: "dial", conclusion: Found, check: "socket call",
			places: []string{
				"syscall.Bind", "syscall.Connect", "syscall.GetAddrInfoW", "syscall.Listen",
				"syscall.bind", "syscall.connect", "syscall.listen",
			},
		},
	}
	for i := range list {
		list[i].platform = "windows/amd64"
	}
	for _, c := range here() {
		c.name, c.platform = "arm64: "+c.name, "linux/arm64"
		list = append(list, c)
	}
	for _, c := range ofC() {
		c.name, c.platform, c.compiler = "arm64: "+c.name, "linux/arm64", "aarch64-linux-gnu-gcc"
		list = append(list, c)
	}
	for _, c := range list {
		t.Run(c.name, c.try)
	}
}
