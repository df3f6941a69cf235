// Command uploadbench measures "byok-online upload" against rehearsal vaults: how
// much of a vault's limit it uses without running into it; without a limit, how
// long it takes beside what the vault itself needs, and how much of the processor a
// key takes beside the service's own SDKs; its peak memory; and how well plan
// simulate foretells it for many vaults. scripts/bench-upload.sh runs it.
//
// It compares what was measured in one run, and does not fail on a target that is
// missed. The vault is the rehearsal's, on this computer: how fast the service is
// cannot be measured here.
package main

import (
	"context"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"time"

	"byok/internal/benchpage"
	"byok/internal/kek"
	"byok/internal/simulation"
)

func main() {
	var s sizes
	program := flag.String("program", "bin/byok-online", "the `PROGRAM` to measure")
	page := flag.String("page", "", "`FILE` whose section is replaced, docs/performance.md")
	flag.IntVar(&s.many, "many", 500, "packages without a limit, in each of three rounds")
	flag.IntVar(&s.stick, "stick", 2000, "packages whose memory is measured")
	flag.IntVar(&s.few, "few", 60, "packages at ten in ten seconds")
	flag.Float64Var(&s.clock, "clock", 2, "how many times as fast the many vaults' limits pass")
	flag.Parse()
	if err := run(*program, *page, s); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "uploadbench:", err)
		os.Exit(1)
	}
}

// sizes are how many packages are uploaded, and how fast the clock of many vaults is.
type sizes struct {
	many, stick, few int
	clock            float64
}

func run(program, page string, s sizes) error {
	program, err := filepath.Abs(program)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "byok-bench.")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	var rows []benchpage.Row
	for _, part := range []func() ([]benchpage.Row, error){
		func() ([]benchpage.Row, error) { return limited(program, filepath.Join(dir, "limited"), s.few) },
		func() ([]benchpage.Row, error) { return unlimited(program, filepath.Join(dir, "unlimited"), s.many) },
		func() ([]benchpage.Row, error) { return memory(program, filepath.Join(dir, "memory"), s.stick) },
		func() ([]benchpage.Row, error) {
			fleet := simulation.Fleet{Service: kek.ServiceVault, Vaults: 100, Subscriptions: 5, Keys: 1000}
			return scale(filepath.Join(dir, "scaled"), fleet, s.clock)
		},
	} {
		more, err := part()
		if err != nil {
			return err
		}
		if _, err := fmt.Print(benchpage.Table(more)); err != nil {
			return err
		}
		rows = append(rows, more...)
	}
	if page == "" {
		return nil
	}
	return benchpage.Write(page, "upload", benchpage.Table(rows))
}

// limited uploads n packages to a vault that takes ten keys in ten seconds.
func limited(program, dir string, n int) ([]benchpage.Row, error) {
	b, err := newBench(program, dir, 2048, "--limit", "10/10s")
	if err != nil {
		return nil, err
	}
	defer b.stop()
	folder, err := b.packages("few", n)
	if err != nil {
		return nil, err
	}
	time.Sleep(10 * time.Second) // the KEK was a key of the limit, too
	got, err := b.upload(folder)
	if err != nil {
		return nil, err
	}
	ideal := time.Duration(n-1) * time.Second // the first needs no wait
	return []benchpage.Row{
		benchpage.Least(fmt.Sprintf("share of the documented limit, %d keys at ten in ten seconds", n),
			ideal.Seconds()/got.took.Seconds(), 0.95),
		benchpage.Most("answers 429 there", float64(b.throttled()), 0, ""),
	}, nil
}

// rounds is how often each is measured; the best of each counts.
const rounds = 3

// best is the least of each figure.
func (u usage) best(other usage) usage {
	return usage{min(u.took, other.took), min(u.cpu, other.cpu), min(u.peak, other.peak)}
}

func worst() usage { return usage{math.MaxInt64, math.MaxInt64, math.MaxInt64} }

// unlimited uploads n packages as fast as it goes, has the service's SDKs import
// them under other names, and sends the same bytes without any check.
func unlimited(program, dir string, n int) ([]benchpage.Row, error) {
	b, err := newBench(program, dir, 4096)
	if err != nil {
		return nil, err
	}
	defer b.stop()
	ours, bare, theirs := worst(), worst(), map[string]usage{}
	one, small, err := b.one()
	if err != nil {
		return nil, err
	}
	for round := range rounds {
		folder, err := b.packages(fmt.Sprintf("many%d", round), n)
		if err != nil {
			return nil, err
		}
		got, err := b.upload(folder, "--rate", "0")
		if err != nil {
			return nil, err
		}
		ours = ours.best(got)
		took, err := b.bare(context.Background(), folder, fmt.Sprintf("bare%d", round))
		if err != nil {
			return nil, err
		}
		bare.took = min(bare.took, took)
		if err := b.sdks(theirs, folder, one, round); err != nil {
			return nil, err
		}
	}
	return compared(n, ours, small, bare, theirs), nil
}

// one is a folder with a single package, and what its upload takes.
func (b *bench) one() (string, usage, error) {
	one, err := b.packages("one", 1)
	if err != nil {
		return "", usage{}, err
	}
	small, err := b.upload(one, "--rate", "0")
	return one, small, err
}

// sdks has each SDK import the packages of many, and those of one. An SDK that
// cannot be had has no entry.
func (b *bench) sdks(theirs map[string]usage, many, one string, round int) error {
	for _, s := range sdks {
		folder, err := s.find()
		if err != nil {
			continue
		}
		for _, what := range []struct{ name, dir string }{{s.name, many}, {s.name + ", one", one}} {
			got, err := s.imports(b, folder, what.dir, fmt.Sprintf("%s-%s-%d", s.name, filepath.Base(what.dir), round))
			if err != nil {
				return err
			}
			if before, measured := theirs[what.name]; measured {
				got = got.best(before)
			}
			theirs[what.name] = got
		}
	}
	return nil
}

// compared are the rows of a vault without a limit.
func compared(n int, ours, small, bare usage, theirs map[string]usage) []benchpage.Row {
	cpu := cpuPerKey(ours, small, n)
	rows := []benchpage.Row{
		benchpage.Most(fmt.Sprintf("wall time without a limit, over what the vault itself needs, %d keys", n),
			ours.took.Seconds()/bare.took.Seconds(), 1.15, ""),
		benchpage.Fact("wall time a key",
			fmt.Sprintf("%.2f ms, the vault %.2f ms", millis(ours.took)/float64(n), millis(bare.took)/float64(n))),
		benchpage.Fact("processor time a key", fmt.Sprintf("%.2f ms", millis(cpu))),
	}
	for _, s := range sdks {
		many, measured := theirs[s.name]
		if !measured {
			rows = append(rows, benchpage.Fact("the service's "+s.name+" SDK", "could not be had here"))
			continue
		}
		other := cpuPerKey(many, theirs[s.name+", one"], n)
		rows = append(rows,
			benchpage.Fact("the service's "+s.name+" SDK, a bare loop",
				fmt.Sprintf("%.2f ms of processor time a key, %.2f ms in all", millis(other), millis(many.took)/float64(n))),
			benchpage.Most("processor time a key over that", cpu.Seconds()/other.Seconds(), s.most, ""))
	}
	return rows
}

func millis(d time.Duration) float64 { return d.Seconds() * 1000 }

// memory uploads a stick of n packages.
func memory(program, dir string, n int) ([]benchpage.Row, error) {
	b, err := newBench(program, dir, 2048)
	if err != nil {
		return nil, err
	}
	defer b.stop()
	folder, err := b.packages("stick", n)
	if err != nil {
		return nil, err
	}
	got, err := b.upload(folder, "--rate", "0")
	if err != nil {
		return nil, err
	}
	what := fmt.Sprintf("peak memory, %d packages", n)
	return []benchpage.Row{benchpage.Most(what, float64(got.peak)/1e6, 50, " MB")}, nil
}
