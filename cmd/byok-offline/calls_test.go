package main

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
)

// callBounds are the most PKCS#11 calls that a command may make, as a library
// counts them: the binding asks for a size before most values. An HSM behind a
// network answers each in a millisecond or more. TestFaults counts them.
func callBounds() map[string]int {
	return map[string]int{
		"world create": 400, "world adopt": 420, "key generate": 330, "key generate alone": 200, "acl modify": 200,
		"package": 90, "key retire": 110, "key restore": 290, "key freeze": 300, "world recover": 400,
		"key restore all": 310, "module strike-off": 190, "module accept": 500, "world replace-cards": 630,
		"world check": 290, "world reset-pin": 50, "world change-pin": 20, "ceremony seal": 75, "ceremony seal by quorum": 190,
	}
}

// BenchmarkWorldCheck takes the processor time of world check in worlds of 100
// and of 1,000 keys. It grows with their number: ten times, and not a hundred.
//
//	go test -run '^$' -bench WorldCheck -benchtime 1x ./cmd/byok-offline
func BenchmarkWorldCheck(b *testing.B) {
	s := newStage(b)
	for _, one := range subjects()[:1] {
		s.must(b, s.filled(b, one.line))
	}
	made := 0
	for _, keys := range []int{100, 1000} {
		for ; made < keys; made++ {
			s.must(b, fmt.Sprintf("key generate --ident k%d --type EC --without-quorum%s", made, withPINs))
		}
		b.Run(fmt.Sprint(keys), func(b *testing.B) {
			for b.Loop() {
				cmd := s.command(nil, "world check"+withPINs)
				cmd.Stderr = os.Stderr
				out, err := cmd.Output()
				if err != nil || strings.Count(string(out), "pass") < keys {
					b.Fatalf("%v\n%s", err, out)
				}
				usage := cmd.ProcessState.SysUsage().(*syscall.Rusage)
				b.ReportMetric(float64(usage.Utime.Nano()+usage.Stime.Nano())/1e9, "cpu-s/op")
			}
		})
	}
}
