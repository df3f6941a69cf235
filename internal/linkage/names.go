package linkage

import (
	"bytes"
	"strings"

	"byok/internal/executable"
)

// networkLibraries are libraries of networking, as far as their names are the
// same in every spelling. A program that loads one at run time has its name.
func networkLibraries(format string) []string {
	if format == "PE" {
		return []string{
			"ws2_32", "wsock32", "mswsock", "wininet", "winhttp", "dnsapi", "iphlpapi", "httpapi", "urlmon",
			"webservices.dll", "websocket.dll", "msquic", "rasapi32", "fwpuclnt", "webio.dll", "wldap32", "winrnr",
			"rpcrt4", "davclnt", "msxml", "p2p.dll", "wsnmp32", "ndfapi", "bthprops", "wlanapi",
		}
	}
	return []string{"libcurl", "libssl.so", "libgnutls", "libresolv.so", "libnss_dns", "libanl.so", "liburing"}
}

// namedLibraries finds their names in the data, in ASCII of either case and in
// UTF-16.
func namedLibraries(image *executable.Image) map[uint64]string {
	found := map[uint64]string{}
	for _, segment := range image.Segments {
		data := bytes.ToLower(segment.Data)
		if len(data) != len(segment.Data) { // invalid UTF-8 can change lengths
			data = lower(segment.Data)
		}
		for _, name := range networkLibraries(image.Format) {
			for _, spelt := range []string{name, strings.Join(strings.Split(name, ""), "\x00")} {
				for _, at := range occurrences(data, spelt) {
					found[segment.Address+uint64(at)] = name
				}
			}
		}
	}
	return found
}

func occurrences(data []byte, text string) (found []int) {
	for offset := 0; ; offset++ {
		at := bytes.Index(data[offset:], []byte(text))
		if at < 0 {
			return found
		}
		offset += at
		found = append(found, offset)
	}
}

// lower is [bytes.ToLower] for bytes that are no text.
func lower(data []byte) []byte {
	copied := bytes.Clone(data)
	for i, b := range copied {
		if 'A' <= b && b <= 'Z' {
			copied[i] = b + 'a' - 'A'
		}
	}
	return copied
}

func addresses(data map[uint64]string) []uint64 {
	var list []uint64
	for address := range data {
		list = append(list, address)
	}
	return list
}

// libraryNames finds who uses those names. Those that Go's own library has are
// in the data of every program for Windows; what counts is who uses them, and
// data that points to one more than once is someone else's. Of the others, being
// there is enough.
func libraryNames(s subject) (found []place) {
	times := map[uint64]int{}
	for _, u := range s.code.Uses {
		name, ok := s.data[u.Target]
		if !ok || !goLibraries.MatchString(name) {
			continue
		}
		by := u.By
		if by == "" {
			if times[u.Target]++; times[u.Target] == 1 {
				continue
			}
			by = inData
		}
		found = append(found, place{name, by})
	}
	for _, name := range s.data {
		if !goLibraries.MatchString(name) {
			found = append(found, place{what: name})
		}
	}
	return found
}

// goLibraries are those that Go's syscall and golang.org/x/sys name on Windows.
var goLibraries = whole(`ws2_32|mswsock|dnsapi|iphlpapi`)

func expectedNames() []expectation {
	return []expectation{{
		what: goLibraries, by: whole(`(syscall|internal/syscall/windows|golang\.org/x/sys/windows)\.init`),
		reason: "Go's syscall packages name them in every program for Windows; they load one when a function of it is called",
	}}
}
