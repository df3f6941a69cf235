package linkage

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"byok/internal/executable"
	"byok/internal/machinecode"
)

// Rule is something that a program which reaches no network does not hold.
type Rule struct {
	Name   string // on one line of a report
	format string // "ELF" or "PE"; "" is both
	find   func(subject) []place
	expect []expectation
	opaque bool // what it finds leads to code, or to calls, that cannot be read here
}

// place is what a rule found, and where.
type place struct {
	what string // a function, an import, a system call
	by   string // the function that has it, where that is another
}

func (p place) String() string {
	if p.by == "" || p.by == inGo {
		return p.what
	}
	return p.what + " in " + p.by
}

// expectation explains places. A place is explained by the first that fits both
// what it is and who has it.
type expectation struct {
	what, by *regexp.Regexp
	reason   string
}

// Rules returns every rule, in the order of a report.
func Rules() []Rule {
	return slices.Concat(functionRules(), []Rule{
		{Name: "open descriptors", find: descriptorUses, expect: expectedDescriptors()},
		{Name: "network libraries", find: networkLibrariesNeeded},
		{Name: "other libraries", find: libraries, opaque: true},
		{Name: "imported functions", find: imports},
		{Name: "beside imported functions", find: besideImports, opaque: true},
		{Name: "system calls", format: "ELF", find: systemCalls, expect: expectedCalls()},
		{Name: "calls without a number", format: "ELF", find: unknownCalls, expect: expectedUnknown(), opaque: true},
		{Name: "calls by function values", format: "ELF", find: gateValues, opaque: true},
		{Name: "system calls", format: "PE", find: anyCalls, opaque: true},
		{Name: "libraries by name", find: libraryNames, expect: expectedNames()},
		{Name: "programs in the data", find: programsInside, opaque: true},
	})
}

func (r Rule) applies(image *executable.Image) bool {
	return r.format == "" || r.format == image.Format
}

// check sorts what the rule finds into what is expected and what is not.
func (r Rule) check(s subject) Check {
	c := Check{Name: r.Name}
	expected := make([][]string, len(r.expect))
	for _, p := range r.find(s) {
		i := slices.IndexFunc(r.expect, func(e expectation) bool {
			return e.what.MatchString(p.what) && e.by.MatchString(p.by)
		})
		if i < 0 {
			c.Found = append(c.Found, p.String())
		} else {
			expected[i] = append(expected[i], p.String())
		}
	}
	c.Found = sorted(c.Found)
	for i, places := range expected {
		if len(places) > 0 {
			c.Expected = append(c.Expected, Expected{sorted(places), r.expect[i].reason})
		}
	}
	return c
}

func sorted(list []string) []string {
	slices.Sort(list)
	return slices.Compact(list)
}

// whole matches all of a text.
func whole(pattern string) *regexp.Regexp { return regexp.MustCompile(`^(` + pattern + `)$`) }

// functionRules are about functions of Go, by their names: those that the linker
// kept, and those that were inlined into others. What each program has is not
// among them: net's addresses, which crypto/x509 compares, and internal/poll's
// methods for a descriptor that is open already.
func functionRules() (rules []Rule) {
	for _, f := range []struct{ name, pattern string }{
		{"dialler", `net\.(\(\*(Dialer|sysDialer)\)\.|Dial).*`},
		{"listener", `net\.(\(\*(ListenConfig|sysListener|TCPListener|UnixListener)\)\.|Listen).*`},
		{"resolver", `(net\.(\(\*Resolver\)\.|Lookup[A-Z]|goLookup|cgoLookup)|` +
			`vendor/golang\.org/x/net/dns/dnsmessage\.\(\*).*`},
		{"connection", `net\.(\(\*(netFD|conn|TCPConn|UDPConn|UnixConn)\)\..*|socket|internetSocket|sysSocket)`},
		{"TLS handshake", `crypto/tls\.(\(\*Conn\)\..*|\(\*(client|server)HandshakeState.*|Client|Server|Dial|Listen)`},
		{"HTTP", `(net/http|golang\.org/x/net/(http2|websocket|proxy))[./].*`},
		{"QUIC", `(crypto/tls\.\(\*QUICConn\)\.|golang\.org/x/net/quic|github\.com/quic-go/).*`},
		{"socket call", `(syscall|golang\.org/x/sys/(unix|windows))\.` +
			`(Socketpair|Connect|Bind|Listen|socketpair|connect|bind|listen|Getaddrinfo.*|GetAddrInfoW|DnsQuery.*)` +
			`|golang\.org/x/sys/(unix|windows)\.(Socket|socket|WSA\w+|wsa\w+)`},
	} {
		pattern := whole(f.pattern)
		rules = append(rules, Rule{Name: f.name, find: func(s subject) (found []place) {
			for _, name := range s.names {
				if pattern.MatchString(name) {
					found = append(found, place{what: name})
				}
			}
			return found
		}})
	}
	return rules
}

// Who has a place that no function has.
const (
	inData = "data"             // an address that is not taken by code
	inGo   = "Go's own library" // a function that is there
)

// descriptors are functions that every program of Go has which reads a file, or
// the like on Windows, where they can also make a socket. Only the packages in
// owners may use them: then nothing leads to them but a descriptor that is open.
var descriptors = whole(`(syscall\.((S|s)ocket|(C|c)onnectEx|LoadConnectEx|AcceptEx|(A|a)ccept4?|(WSA|wsa)\w+|` +
	`(S|s)endto\w*|(R|r)ecvfrom\w*|(S|s)endmsg\w*|(R|r)ecvmsg\w*|(S|s)hutdown|Closesocket|AllThreadsSyscall6?)|` +
	`internal/syscall/(windows|unix)\.((load)?WSA\w*|(S|s)end\w*|(R|r)ecv\w*)|` +
	`internal/poll\.\(\*FD\)\.(ConnectEx|Accept|acceptOne|(ReadFrom|ReadMsg|WriteTo|WriteMsg)\w*|Shutdown|WSAIoctl|` +
	`(S|G)etsockopt\w+))(\..*)?`)

var owners = whole(`syscall|internal/poll|internal/syscall/(windows|unix)`)

func expectedDescriptors() []expectation {
	return []expectation{
		{
			what: descriptors, by: whole(inGo),
			reason: "for a descriptor that is open already, as of a file; called by Go's syscall and internal/poll alone",
		},
		{
			what: whole(`syscall\.(Accept4|AcceptEx|ConnectEx|Closesocket)|.*\.func\d+(\.\d+)*`), by: whole(inData),
			reason: "where Go's internal/poll, for its own tests, and sync.Once keep functions",
		},
	}
}

func descriptorUses(s subject) (found []place) {
	for _, name := range s.names {
		part := strings.Contains(name, ".func") || strings.Contains(name, ".deferwrap")
		if !part && descriptors.MatchString(name) && owners.MatchString(machinecode.Package(name)) {
			found = append(found, place{name, inGo})
		}
	}
	for _, u := range s.code.Uses {
		if !descriptors.MatchString(u.Name) || owners.MatchString(machinecode.Package(u.By)) {
			continue
		}
		by := u.By
		if by == "" {
			by = inData
		}
		found = append(found, place{u.Name, by})
	}
	return found
}

// usual are the libraries of a system that have no networking, or, as the C
// library, none that a program does not import by name.
var usual = whole(`(?i)libc\.so\.6|libpthread\.so\.0|libdl\.so\.2|ld-linux-(x86-64\.so\.2|aarch64\.so\.1)|` +
	`(kernel32|kernelbase|ntdll|msvcrt|ucrtbase|api-ms-win-crt-[a-z0-9-]+|advapi32|user32|bcrypt|bcryptprimitives)\.dll`)

// loader is the program that the kernel starts first, and which loads the others.
var loader = whole(`(/lib64/ld-linux-x86-64\.so\.2|/lib/ld-linux-aarch64\.so\.1)?`)

func libraries(s subject) (found []place) {
	for _, library := range s.image.Libraries {
		if !usual.MatchString(library) && !ofNetworks(s, library) {
			found = append(found, place{what: library})
		}
	}
	if !loader.MatchString(s.image.Interpreter) {
		found = append(found, place{what: s.image.Interpreter + ", in place of the loader"})
	}
	for _, folder := range s.image.Folders {
		found = append(found, place{what: "any of " + folder})
	}
	return found
}

func networkLibrariesNeeded(s subject) (found []place) {
	for _, library := range s.image.Libraries {
		if ofNetworks(s, library) {
			found = append(found, place{what: library})
		}
	}
	return found
}

func ofNetworks(s subject, library string) bool {
	return slices.ContainsFunc(networkLibraries(s.image.Format), func(name string) bool {
		return strings.HasPrefix(strings.ToLower(library), name)
	})
}

// networkImports are the C library's ways to a network, and Winsock's; what asks
// its name services, which may ask a server; and syscall(3), which makes any call.
var networkImports = whole(`(_|__|__libc_)?(socket|socketpair|connect|bind|listen|accept4?|` +
	`send|sendto|sendmsg|sendmmsg|recv|recvfrom|recvmsg|recvmmsg|getaddrinfo(_a)?|getnameinfo|` +
	`get(host|net|serv|proto|rpc)(by|ent|id)\w*|get(pw|gr|sp)(nam|uid|gid|ent)\w*|getgrouplist|initgroups|` +
	`innetgr|[sg]etnetgrent\w*|getifaddrs|if_(name|index)\w+|ether_\w+|bindresvport\w*|rresvport\w*|` +
	`(res|clnt|svc|pmap|rcmd|rexec|i?ruserok)_?\w*|v?syslog|openlog|syscall|ptrace|process_vm_writev|` +
	`io_uring_\w+|mount|init_module|(WSA|WinHttp|Internet|Dns|WNet|Icmp|URLDownload)\w+)(_chk)?`)

// besideImports finds addresses that are counted from a function's that is
// imported: a socket's is as far from it in each copy of the library.
func besideImports(s subject) (found []place) {
	for _, i := range s.image.Imports {
		if i.Offset != 0 {
			found = append(found, place{what: fmt.Sprintf("%s%+d", i.Name, i.Offset)})
		}
	}
	return found
}

func imports(s subject) (found []place) {
	for _, i := range s.image.Imports {
		if networkImports.MatchString(i.Name) || i.Library != "" && ofNetworks(s, i.Library) {
			found = append(found, place{what: strings.TrimPrefix(i.Library+" "+i.Name, " ")})
		}
	}
	return found
}
