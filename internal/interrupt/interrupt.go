// Package interrupt delivers the signals by which a person ends a program.
//
// A program that runs as one process gets them from the system. One that runs
// as a worker under a supervisor gets them from the supervisor, through a pipe
// ([Relay]): the terminal sends a signal to both processes, "kill" to the one
// whose number somebody read, and neither must count it twice.
//
// Use [Notify] and [Stop] wherever os/signal would be used for one of [Signals].
package interrupt

import (
	"io"
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"
)

// Signals lists them: SIGINT, SIGTERM, SIGQUIT, and SIGHUP unless the program
// was started to ignore it, as by nohup.
func Signals() []os.Signal {
	signals := []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGQUIT}
	if !signal.Ignored(syscall.SIGHUP) {
		signals = append(signals, syscall.SIGHUP)
	}
	return signals
}

// relay is where signals come from once [Relay] was called.
var relay struct {
	sync.Mutex
	active    bool
	listeners []chan<- os.Signal
}

// Notify has signals sent to c, which should have room for one: like os/signal,
// it does not wait for the receiver.
func Notify(c chan<- os.Signal) {
	relay.Lock()
	defer relay.Unlock()
	if !relay.active {
		signal.Notify(c, Signals()...)
		return
	}
	relay.listeners = append(relay.listeners, c)
}

// Stop ends what Notify began.
func Stop(c chan<- os.Signal) {
	relay.Lock()
	defer relay.Unlock()
	signal.Stop(c)
	relay.listeners = slices.DeleteFunc(relay.listeners, func(l chan<- os.Signal) bool { return l == c })
}

// Relay makes this process, and those that it starts, deaf to [Signals], and
// delivers what r says instead: a byte a signal, its number. Call it once,
// before the first Notify. It returns at once.
func Relay(r io.Reader) {
	relay.Lock()
	relay.active = true
	relay.Unlock()
	Ignore(Signals()...)
	go func() {
		number := make([]byte, 1)
		for {
			if _, err := io.ReadFull(r, number); err != nil {
				return
			}
			deliver(syscall.Signal(number[0]))
		}
	}()
}

// End ends this process as s does where no one listens for it: at once. A
// worker dies by SIGKILL, and its supervisor knows why.
func End(s os.Signal) {
	number, ok := s.(syscall.Signal)
	relay.Lock()
	active := relay.active
	relay.Unlock()
	if active || !ok {
		number = syscall.SIGKILL
	}
	signal.Reset(s)
	end(number)
}

func deliver(s os.Signal) {
	relay.Lock()
	defer relay.Unlock()
	for _, c := range relay.listeners {
		select {
		case c <- s:
		default:
		}
	}
}
