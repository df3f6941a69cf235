package ceremony

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"testing"

	"byok/internal/exitcode"
)

const eachProcess = 15

// play is what the test binary does as another process.
func play(role, dir string) {
	l, err := Open(dir)
	switch role {
	case "append":
		for n := 1; err == nil && n <= eachProcess; n++ {
			_, err = l.Append(event(1))
		}
	case "hold":
		if _, err = Hold(dir, fmt.Sprintf("byok-offline package, process %d", os.Getpid())); err == nil {
			fmt.Println("held")
			_, err = bufio.NewReader(os.Stdin).ReadByte() // until killed
		}
	}
	if err != nil {
		panic(err)
	}
}

func otherProcess(role, dir string) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0", "CEREMONY_TEST_ROLE="+role, "CEREMONY_TEST_KMDATA="+dir)
	return cmd
}

// TestManyProcesses: concurrent appends keep one chain, and lose nothing.
func TestManyProcesses(t *testing.T) {
	const processes = 4
	dir := newLog(t, 0)
	var wait sync.WaitGroup
	for range processes {
		wait.Go(func() {
			if out, err := otherProcess("append", dir).CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
	for range eachProcess {
		if _, err := Read(dir); err != nil { // beside the writers
			t.Error(err)
		}
	}
	wait.Wait()
	if r := read(t, dir); len(r.Events) != processes*eachProcess {
		t.Errorf("%d events, want %d", len(r.Events), processes*eachProcess)
	}
}

// TestHold: the second command is refused with who the first one is, and the
// hold ends with its process, however that ends.
func TestHold(t *testing.T) {
	dir := newLog(t, 0)
	holder := otherProcess("hold", dir)
	in, inErr := holder.StdinPipe()
	out, outErr := holder.StdoutPipe()
	if err := holder.Start(); inErr != nil || outErr != nil || err != nil {
		t.Fatal(inErr, outErr, err)
	}
	defer in.Close()
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "held\n" {
		t.Fatalf("the other process said %q, %v", line, err)
	}
	_, err := Hold(dir, "late")
	wantErr(t, "held by another process", dir, err, exitcode.Refused,
		fmt.Sprintf("DIR is in use by byok-offline package, process %d", holder.Process.Pid))
	if got := exitcode.HintOf(err); got != "wait until it has ended, then run the command again" {
		t.Errorf("hint %q", got)
	}
	if err := holder.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = holder.Wait()

	release, err := Hold(dir, "byok-offline upload, process 1")
	if err != nil {
		t.Fatal(err)
	}
	_, err = Hold(dir, "late")
	wantErr(t, "held by this process", dir, err, exitcode.Refused, "DIR is in use by byok-offline upload, process 1")
	release()
	if release, err = Hold(dir, "next"); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(dir+"/local/.held-by", 0); err != nil {
		t.Fatal(err)
	}
	_, err = Hold(dir, "late")
	wantErr(t, "not written yet who", dir, err, exitcode.Refused, "DIR is in use by another process")
	release()
}

func TestCannotHold(t *testing.T) {
	dir := t.TempDir()
	_, err := Hold(dir, "no log there")
	wantErr(t, "no folder", dir, err, exitcode.Failed,
		"DIR cannot be held for one command at a time: no such file or directory")
	if err := os.MkdirAll(dir+"/local/.held-by", 0o700); err != nil {
		t.Fatal(err)
	}
	_, err = Hold(dir, "a folder has the name")
	wantErr(t, "a folder", dir, err, exitcode.Refused, "DIR cannot be held for one command at a time: a folder, not a file")
}
