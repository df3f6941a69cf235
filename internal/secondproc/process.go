package secondproc

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"sync"
	"time"

	"byok/internal/exitcode"
	"byok/internal/library"
	"byok/internal/secret"
)

// process is the second process as the parent sees it.
type process struct {
	cmd      *exec.Cmd
	in       io.WriteCloser
	replies  chan reply // closed when the process says nothing more
	patience time.Duration
	lost     error         // why it is not asked any more
	wait     func() string // waits for the end and says how it came
}

// start starts this program again as the second process. Its environment holds
// nothing but what a PKCS#11 library needs.
func start(patience time.Duration) (*process, error) {
	program := "/proc/self/exe" // the file that runs, even if another has taken its name
	if runtime.GOOS != "linux" {
		var err error
		if program, err = os.Executable(); err != nil {
			return nil, exitcode.Mark(exitcode.Failed, err)
		}
	}
	cmd := exec.Command(program, Argument)
	cmd.Args[0] = os.Args[0]
	cmd.Env = slices.Concat(library.Environ(), passedOn("GLIBC_TUNABLES"), passedOn(NetworkVariable))
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, exitcode.Errorf(exitcode.Failed, "the second process could not be started: %w", err)
	}
	p := &process{cmd: cmd, in: in, replies: make(chan reply), patience: patience}
	p.wait = sync.OnceValue(p.end)
	go p.listen(out)
	return p, nil
}

// NetworkVariable is set to 1 in the environment of a process that lets the
// library use the network, so that the second process does the same.
const NetworkVariable = "BYOK_HSM_NETWORK"

// passedOn is a variable of this process for the second one, if it is set.
// GLIBC_TUNABLES says how the C library wipes the memory it frees (glibc,
// "Memory Allocation Tunables"), for the sake of the user PIN.
func passedOn(name string) []string {
	if value, set := os.LookupEnv(name); set {
		return []string{name + "=" + value}
	}
	return nil
}

// listen passes the replies on. What a library prints between them is left out.
func (p *process) listen(out io.Reader) {
	defer close(p.replies)
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		var r reply
		if json.Unmarshal(lines.Bytes(), &r) == nil && (r.Done || r.Try != nil) {
			p.replies <- r
		}
	}
}

// ask gives an order and returns the attempts it led to. A process that is
// silent for too long is ended; it and one that has ended are asked no more,
// and every later order gives the same error.
func (p *process) ask(o order, pin *secret.Bytes) ([]try, error) {
	if p.lost != nil {
		return nil, p.lost
	}
	if err := writeOrder(p.in, o, pin); err != nil {
		return nil, p.lose(p.ended())
	}
	var tries []try
	for {
		select {
		case r, open := <-p.replies:
			if !open {
				return tries, p.lose(p.ended())
			}
			if r.Try != nil {
				tries = append(tries, *r.Try)
			}
			if r.Done && r.Error != "" {
				return tries, errors.New("the second process could not continue: " + r.Error)
			}
			if r.Done {
				return tries, nil
			}
		case <-time.After(p.patience):
			return tries, p.lose(fmt.Errorf("the second process did not answer within %v", p.patience))
		}
	}
}

// lose ends the process.
func (p *process) lose(why error) error {
	p.lost = why
	_ = p.cmd.Process.Kill()
	return why
}

// ended says how a process came to its end that closed its output: "signal:
// segmentation fault".
func (p *process) ended() error { return errors.New("the second process ended: " + p.wait()) }

func (p *process) end() string {
	for range p.replies { // what was said last, for the reader to end
	}
	if err := p.cmd.Wait(); err != nil {
		return err.Error()
	}
	return "exit status 0"
}

// stop lets the process clear up and end, and ends it where it does not.
func (p *process) stop() {
	_ = p.in.Close()
	killer := time.AfterFunc(p.patience, func() { _ = p.cmd.Process.Kill() })
	defer killer.Stop()
	p.wait()
}
