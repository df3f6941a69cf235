// Command uploadbench measures "byok-online upload" against a rehearsal vault
// in a process of its own: how many keys a second without a limit, beside bare
// requests of the same packages; its peak memory; and how much of a vault's
// limit it uses without running into it. scripts/bench-upload.sh runs it.
//
// It does not test the vault's speed: that is the rehearsal's, on this computer.
package main

import (
	"context"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"time"
)

func main() {
	program := flag.String("program", "bin/byok-online", "the `PROGRAM` to measure")
	many := flag.Int("many", 1000, "packages without a limit")
	few := flag.Int("few", 100, "packages at ten in ten seconds")
	flag.Parse()
	if err := run(*program, *many, *few); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "uploadbench:", err)
		os.Exit(1)
	}
}

func run(program string, many, few int) error {
	program, err := filepath.Abs(program)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "byok-bench.")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := unlimited(program, filepath.Join(dir, "unlimited"), many); err != nil {
		return err
	}
	return limited(program, filepath.Join(dir, "limited"), few)
}

// rounds is how often each is measured; the best of each counts.
const rounds = 3

// unlimited uploads n packages as fast as it goes, and then sends the same
// bytes under other names without any check.
func unlimited(program, dir string, n int) error {
	b, err := newBench(program, dir)
	if err != nil {
		return err
	}
	defer b.stop()
	one, err := b.packages("one", 1)
	if err != nil {
		return err
	}
	small, err := b.upload(one, "--rate", "0")
	if err != nil {
		return err
	}
	var all usage
	bare := time.Duration(math.MaxInt64)
	for i := range rounds {
		folder, err := b.packages(fmt.Sprintf("many%d", i), n)
		if err != nil {
			return err
		}
		got, err := b.upload(folder, "--rate", "0")
		if err != nil {
			return err
		}
		if all.took == 0 || got.took < all.took {
			all = got
		}
		took, err := b.bare(context.Background(), folder, fmt.Sprintf("bare%d", i))
		if err != nil {
			return err
		}
		bare = min(bare, took)
	}
	return report(n, all, small, bare)
}

func report(n int, all, small usage, bare time.Duration) error {
	_, err := fmt.Printf("%d packages without a limit\n"+
		"  byok-online upload     %.1f keys a second\n"+
		"  bare requests          %.1f keys a second, one after the other, nothing checked\n"+
		"  ratio                  %.2f\n"+
		"  peak memory            %d MB, %.2f times that of one package\n",
		n, float64(n)/all.took.Seconds(), float64(n)/bare.Seconds(), bare.Seconds()/all.took.Seconds(),
		all.peak>>20, float64(all.peak)/float64(small.peak))
	return err
}

// limited uploads n packages to a vault that takes ten keys in ten seconds.
func limited(program, dir string, n int) error {
	b, err := newBench(program, dir, "--limit", "10/10s")
	if err != nil {
		return err
	}
	defer b.stop()
	folder, err := b.packages("few", n)
	if err != nil {
		return err
	}
	time.Sleep(10 * time.Second) // the KEK was a key of the limit, too
	got, err := b.upload(folder)
	if err != nil {
		return err
	}
	least := time.Duration(n-1) * time.Second // the first needs no wait
	share := least.Seconds() / got.took.Seconds()
	throttled := b.throttled()
	_, err = fmt.Printf("%d packages at ten in ten seconds\n"+
		"  share of the limit     %.3f, at least 0.95 is wanted\n"+
		"  answers 429            %d, none is wanted\n", n, share, throttled)
	if err != nil {
		return err
	}
	if share < 0.95 || throttled > 0 {
		return fmt.Errorf("a share of %.3f with %d answers 429", share, throttled)
	}
	return nil
}
