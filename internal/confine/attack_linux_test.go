//go:build amd64 || arm64

package confine

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"os/exec"
	"runtime"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// TestAttacksByWayOfAnotherProcess tries what a hostile library could do with
// an accomplice of the same user: first without a filter, so that it is known
// to work here, then with it.
func TestAttacksByWayOfAnotherProcess(t *testing.T) {
	attacks := []string{"ptrace", "process_vm_readv", "process_vm_writev", "pidfd_getfd", "prctl PR_SET_DUMPABLE"}
	for _, test := range []struct {
		child string
		errno unix.Errno
	}{
		{"attacker", 0},
		{"confined attacker", unix.EPERM},
		{"attacker with network", unix.EPERM},
	} {
		t.Run(test.child, func(t *testing.T) {
			want := map[string]int{}
			for _, name := range attacks {
				want[name] = int(test.errno)
			}
			r := run(t, command(t, test.child))
			if r.Error != "" || !maps.Equal(r.Errnos, want) {
				t.Errorf("%s\n got %v\nwant %v", r.Error, r.Errnos, want)
			}
		})
	}
}

// victim is what the accomplice says of itself: where it has eight bytes, and
// which of its descriptors is a socket that listens.
type victim struct {
	PID     int
	Address uintptr
	Socket  int
}

const secretOfVictim = 0x5345435245544b45

// accomplice waits until its standard input ends.
func accomplice() report {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return reportOf(Status{}, err)
	}
	defer listener.Close()
	file, err := listener.(*net.TCPListener).File()
	if err != nil {
		return reportOf(Status{}, err)
	}
	defer file.Close()
	word := new(uint64)
	*word = secretOfVictim
	var pin runtime.Pinner
	pin.Pin(word)
	defer pin.Unpin()
	_ = json.NewEncoder(os.Stdout).Encode(victim{os.Getpid(), uintptr(unsafe.Pointer(word)), int(file.Fd())})
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(0)
	return report{}
}

// attackUnder starts the accomplice outside the filter.
func attackUnder(allowNetwork bool) report {
	return withVictim(func(v victim) report {
		if err := Apply(allowNetwork); err != nil {
			return reportOf(Status{}, err)
		}
		return attacksOn(v)
	})
}

func attack() report { return withVictim(attacksOn) }

func withVictim(work func(victim) report) report {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), childVariable+"=accomplice")
	hold, err := cmd.StdinPipe()
	if err != nil {
		return reportOf(Status{}, err)
	}
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return reportOf(Status{}, err)
	}
	var v victim
	line, _ := bufio.NewReader(out).ReadBytes('\n')
	if err := json.Unmarshal(line, &v); err != nil {
		return reportOf(Status{}, fmt.Errorf("the accomplice said %q: %w", line, err))
	}
	r := work(v)
	_ = hold.Close()
	_ = cmd.Wait()
	return r
}

func attacksOn(v victim) report {
	word := uint64(0)
	local := unix.Iovec{Base: (*byte)(unsafe.Pointer(&word)), Len: 8}
	remote := unix.RemoteIovec{Base: v.Address, Len: 8}
	copyMemory := func(number uintptr) unix.Errno {
		n, _, errno := unix.RawSyscall6(number, uintptr(v.PID),
			uintptr(unsafe.Pointer(&local)), 1, uintptr(unsafe.Pointer(&remote)), 1, 0)
		if errno == 0 && (n != 8 || word != secretOfVictim) {
			return unix.EIO
		}
		return errno
	}
	r := report{Errnos: map[string]int{
		"process_vm_readv":  int(copyMemory(unix.SYS_PROCESS_VM_READV)),
		"process_vm_writev": 0,
		"pidfd_getfd":       int(takeSocket(v)),
		"ptrace":            int(attach(v.PID)),
	}}
	word = secretOfVictim
	r.Errnos["process_vm_writev"] = int(copyMemory(unix.SYS_PROCESS_VM_WRITEV))
	_, _, errno := unix.RawSyscall(unix.SYS_PRCTL, unix.PR_SET_DUMPABLE, 1, 0)
	r.Errnos["prctl PR_SET_DUMPABLE"] = int(errno)
	return r
}

// takeSocket gets the accomplice's socket.
func takeSocket(v victim) unix.Errno {
	process, err := unix.PidfdOpen(v.PID, 0)
	if err != nil {
		return err.(unix.Errno)
	}
	defer unix.Close(process)
	taken, _, errno := unix.RawSyscall(unix.SYS_PIDFD_GETFD, uintptr(process), uintptr(v.Socket), 0)
	if errno != 0 {
		return errno
	}
	defer unix.Close(int(taken))
	if !isNetworkSocket(fmt.Sprint(taken)) {
		return unix.EIO
	}
	return 0
}

// attach stops the accomplice as a debugger does, and lets it go.
func attach(pid int) unix.Errno {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.PtraceAttach(pid); err != nil {
		return err.(unix.Errno)
	}
	_, err := unix.Wait4(pid, nil, 0, nil)
	if err == nil {
		err = unix.PtraceDetach(pid)
	}
	if err != nil {
		return err.(unix.Errno)
	}
	return 0
}
