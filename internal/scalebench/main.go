// Command scalebench measures what commands take that only look at a record, as it
// grows: from ten keys to ten thousand, and from a thousand lines of the ceremony log
// to a million. scripts/bench-scale.sh runs it, and adds what needs an HSM.
//
// It compares what was measured in one run, and does not fail on a target that is
// missed. Times are those of the processor: a record is read from memory.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"byok/internal/benchpage"
)

func main() {
	var b bench
	flag.StringVar(&b.program, "program", "bin/byok-offline", "the `PROGRAM` to measure")
	flag.IntVar(&b.keys, "keys", 10_000, "keys of the largest record; the others have a tenth and a hundredth")
	flag.IntVar(&b.lines, "lines", 1_000_000, "lines of the longest log; the other has a tenth")
	page := flag.String("page", "", "`FILE` whose section is replaced, docs/performance.md")
	also := flag.String("also", "", "`FILE` with further rows of the table")
	flag.Parse()
	if err := b.run(*page, *also); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "scalebench:", err)
		os.Exit(1)
	}
}

type bench struct {
	program     string
	keys, lines int
	dir         string
}

// usage is what a command took: time of the processor, and memory at its peak in bytes.
type usage struct {
	cpu  time.Duration
	peak int64
}

func (u usage) megabytes() float64 { return float64(u.peak) / 1e6 }

func (b *bench) run(page, also string) (err error) {
	if b.program, err = filepath.Abs(b.program); err != nil {
		return err
	}
	if b.dir, err = os.MkdirTemp("", "byok-bench."); err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	rows, err := b.records()
	if err != nil {
		return err
	}
	more, err := b.logs()
	if err != nil {
		return err
	}
	table := benchpage.Table(append(rows, more...))
	if also != "" {
		text, err := os.ReadFile(also)
		if err != nil {
			return err
		}
		table += string(text)
	}
	if page == "" {
		_, err = fmt.Print(table)
		return err
	}
	return benchpage.Write(page, "scale", table)
}

// looking are commands whose time may grow with the number of keys, and no faster.
var looking = []string{"key list", "world info", "ceremony verify", "ceremony report"}

// records measures commands on records of more and more keys.
func (b *bench) records() (rows []benchpage.Row, err error) {
	sizes := []int{b.keys / 100, b.keys / 10, b.keys}
	took := map[string][]usage{}
	for _, n := range sizes {
		dir := filepath.Join(b.dir, fmt.Sprint("keys", n))
		if err := makeRecord(dir, n, 0); err != nil {
			return nil, err
		}
		for _, command := range looking {
			used, err := b.measure(dir, command)
			if err != nil {
				return nil, err
			}
			took[command] = append(took[command], used)
		}
	}
	for _, command := range looking {
		few, some, many := took[command][0], took[command][1], took[command][2]
		rows = append(rows,
			benchpage.Most(fmt.Sprintf("`%s`, time a key of %d over a key of %d", command, sizes[2], sizes[1]),
				ratio(many.cpu-few.cpu, some.cpu-few.cpu, sizes[2]-sizes[0], sizes[1]-sizes[0]), 1.2, ""),
			benchpage.Fact(fmt.Sprintf("`%s`, %d keys", command, sizes[2]), fmt.Sprintf("%.1f s, %.0f MB; %d keys %.0f MB",
				many.cpu.Seconds(), many.megabytes(), sizes[0], few.megabytes())))
	}
	return rows, nil
}

// ratio is a over b, each a thing.
func ratio(a, b time.Duration, as, bs int) float64 {
	return a.Seconds() / float64(as) / (b.Seconds() / float64(bs))
}

// logs measures commands on longer and longer logs.
func (b *bench) logs() ([]benchpage.Row, error) {
	sizes := []int{b.lines / 1000, b.lines / 10, b.lines}
	var verify, status []usage
	for _, n := range sizes {
		dir := filepath.Join(b.dir, fmt.Sprint("lines", n))
		if err := makeRecord(dir, 10, n); err != nil {
			return nil, err
		}
		for _, what := range []struct {
			command string
			used    *[]usage
		}{{"ceremony verify", &verify}, {"confine status", &status}} {
			used, err := b.measure(dir, what.command)
			if err != nil {
				return nil, err
			}
			*what.used = append(*what.used, used)
		}
	}
	return []benchpage.Row{
		benchpage.Most(fmt.Sprintf("`ceremony verify`, time a line of %d over a line of %d", sizes[2], sizes[1]),
			ratio(verify[2].cpu-verify[0].cpu, verify[1].cpu-verify[0].cpu, sizes[2]-sizes[0], sizes[1]-sizes[0]), 1.2, ""),
		benchpage.Most(fmt.Sprintf("`ceremony verify`, memory for %d lines over that for %d", sizes[2], sizes[0]),
			verify[2].megabytes()/verify[0].megabytes(), 1.2, ""),
		benchpage.Fact(fmt.Sprintf("`ceremony verify`, %d lines", sizes[2]),
			fmt.Sprintf("%.1f s, %.0f MB", verify[2].cpu.Seconds(), verify[2].megabytes())),
		benchpage.Most(fmt.Sprintf("a command that appends two lines, memory behind %d lines over that behind %d",
			sizes[2], sizes[0]),
			status[2].megabytes()/status[0].megabytes(), 1.2, ""),
		benchpage.Fact("its time, of the processor",
			fmt.Sprintf("%d ms and %d ms", status[2].cpu.Milliseconds(), status[0].cpu.Milliseconds())),
	}, nil
}

// measure runs a command on a record.
func (b *bench) measure(dir, command string) (usage, error) {
	words := strings.Fields(command)
	if command == "ceremony report" {
		words = append(words, "--out", dir+".html", dir)
	}
	run := exec.Command(b.program, append(words, "--kmdata", dir)...)
	if out, err := run.CombinedOutput(); err != nil {
		return usage{}, fmt.Errorf("%s: %w\n%s", command, err, out)
	}
	used := usage{cpu: run.ProcessState.UserTime() + run.ProcessState.SystemTime()}
	if r, ok := run.ProcessState.SysUsage().(*syscall.Rusage); ok {
		used.peak = r.Maxrss * 1024
	}
	return used, nil
}
