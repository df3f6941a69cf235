package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// sdk is one of the service's own SDKs, in a loop of imports and nothing else.
type sdk struct {
	name   string
	setup  string  // script that prints the SDK's folder
	most   float64 // of its processor time a key that byok-online may take
	script func(b *bench, folder, list string) *exec.Cmd
}

var sdks = []sdk{
	{"Python", "scripts/python-sdk.sh", 0.3, func(b *bench, folder, list string) *exec.Cmd {
		cmd := exec.Command("/usr/bin/python3", "-S", "-s", "internal/uploadbench/testdata/import.py", b.state(), list)
		cmd.Env = []string{"PYTHONPATH=" + folder, "PATH=" + os.Getenv("PATH")}
		return cmd
	}},
	{"JavaScript", "scripts/js-sdk.sh", 0.5, func(b *bench, folder, list string) *exec.Cmd {
		cmd := exec.Command("node", "internal/uploadbench/testdata/import.mjs", folder, b.state(), list)
		cmd.Env = []string{"NODE_EXTRA_CA_CERTS=" + filepath.Join(b.state(), "ca.pem"), "PATH=" + os.Getenv("PATH")}
		return cmd
	}},
}

// find returns the SDK's folder, or why it cannot be had.
func (s sdk) find() (string, error) {
	out, err := exec.Command(s.setup).Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w", s.setup, err)
	}
	return strings.TrimSpace(string(out)), nil
}

// imports has the SDK import the packages of dir under other names.
func (s sdk) imports(b *bench, folder, dir, prefix string) (usage, error) {
	blobs, err := filepath.Glob(filepath.Join(dir, "*.byok"))
	if err != nil {
		return usage{}, err
	}
	type entry struct {
		Name string `json:"name"`
		Blob string `json:"blob"`
	}
	var list []entry
	for i, blob := range blobs {
		list = append(list, entry{fmt.Sprintf("%s-%04d", prefix, i), blob})
	}
	data, err := json.Marshal(list)
	if err != nil {
		return usage{}, err
	}
	path := filepath.Join(b.dir, prefix+".json")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		return usage{}, err
	}
	return measured(s.script(b, folder, path))
}

// usage is what a run of a program took.
type usage struct {
	took time.Duration
	cpu  time.Duration
	peak int64 // bytes
}

// measured runs a program to its end.
func measured(cmd *exec.Cmd) (usage, error) {
	start := time.Now()
	out, err := cmd.CombinedOutput()
	if err != nil {
		return usage{}, fmt.Errorf("%s: %w\n%s", cmd.Args[0], err, out)
	}
	u := usage{took: time.Since(start), cpu: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()}
	if r, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		u.peak = r.Maxrss << 10 // Linux counts in KiB
	}
	return u, nil
}

// cpuPerKey is the processor time of a key, without what starting takes: many are
// n keys, and small is one.
func cpuPerKey(many, small usage, n int) time.Duration {
	return (many.cpu - small.cpu) / time.Duration(n-1)
}
