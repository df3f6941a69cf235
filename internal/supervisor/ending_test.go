//go:build windows || (linux && (amd64 || arm64))

package supervisor

import "testing"

// TestWords: what Go's runtime printed is told from what the library did.
func TestWords(t *testing.T) {
	const exception = "Exception 0xc0000005 0x1 0x0 0x7ffe0a31\nPC=0x7ffe0a31\nsignal arrived during external code execution\n"
	for _, c := range []struct {
		name        string
		printed     string
		ending      ending
		said, crash string
	}{
		{"nothing", "", ending{}, "", ""},
		{"a library that prints", "hello\n", ending{status: crashStatus}, "hello\n", ""},
		{"an exception of Windows", "hello\n" + exception, ending{status: crashStatus}, "hello\n", "Exception 0xc0000005"},
		{"a signal", "SIGSEGV: segmentation violation\nPC=0x1\n", ending{status: crashStatus}, "", "SIGSEGV: segmentation violation"},
		{"another status", exception, ending{status: 7}, exception, ""},
		{"no exit", exception, ending{signal: "SIGSEGV"}, exception, ""},
	} {
		w := &worker{printed: c.printed, ending: c.ending}
		if said, crash := w.words(); said != c.said || crash != c.crash {
			t.Errorf("%s: %q, %q", c.name, said, crash)
		}
	}
}
