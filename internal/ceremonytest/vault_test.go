//go:build linux

package ceremonytest

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// server is a rehearsal vault that runs beside the script.
type server struct {
	cmd      *exec.Cmd
	messages *lockedBuffer
	printed  chan string // the rest of stdout, once it has ended
}

// serve starts byok-online rehearsal serve on a free port, or the one its
// state folder has had before, and sets $VAULT to its URL.
func serve(ts *testscript.TestScript, args []string) {
	s := of(ts)
	if s.vault != nil {
		ts.Fatalf("the rehearsal vault is running")
	}
	p := processOf(ts, append([]string{"byok-online", "rehearsal", "serve", "--listen", "127.0.0.1:0", "--state", "vault"}, args...))
	v := &server{cmd: p.command(context.Background()), messages: new(lockedBuffer), printed: make(chan string, 1)}
	v.cmd.Stderr = v.messages
	out, err := v.cmd.StdoutPipe()
	ts.Check(err)
	v.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	ts.Check(start(v.cmd))
	s.vault = v
	lines := bufio.NewReader(out)
	url, err := lines.ReadString('\n')
	if err != nil {
		ts.Fatalf("the rehearsal vault does not come up: %v\n%s", err, v.messages)
	}
	go func() {
		rest, _ := lines.ReadString(0)
		v.printed <- url + rest
	}()
	ts.Setenv("VAULT", strings.TrimSuffix(url, "\n"))
}

// halt ends the rehearsal vault as its operator would.
func halt(ts *testscript.TestScript, _ []string) { ts.Check(of(ts).stopVault()) }

// stopVault interrupts the server, if there is one, which is its regular end.
func (s *stage) stopVault() error {
	v := s.vault
	if v == nil {
		return nil
	}
	s.vault = nil
	if err := v.cmd.Process.Signal(syscall.SIGINT); err != nil {
		return err
	}
	kill := time.AfterFunc(patience, func() { _ = v.cmd.Process.Kill() })
	defer kill.Stop()
	s.said.WriteString(<-v.printed)
	ended := v.cmd.Wait()
	s.said.WriteString(v.messages.String())
	if ended != nil {
		return fmt.Errorf("%w\n%s", ended, v.messages)
	}
	return nil
}

// lockedBuffer is written by a process and read by the test.
type lockedBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// deaf listens and never answers, as a vault behind a broken network; it makes
// the file "connected" once somebody calls, and sets $DEAF.
func deaf(ts *testscript.TestScript, _ []string) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Defer(func() { _ = listener.Close() })
	ts.Setenv("DEAF", fmt.Sprintf("https://localhost:%d", listener.Addr().(*net.TCPAddr).Port))
	called := ts.MkAbs("connected")
	go func() {
		connection, err := listener.Accept()
		if err != nil {
			return
		}
		defer connection.Close()
		_ = os.WriteFile(called, nil, 0o600)
		_, _ = io.Copy(io.Discard, connection) // until the caller goes
	}()
}
