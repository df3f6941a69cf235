package keys

import (
	"cmp"
	"sync"

	"byok/internal/hsm"
	"byok/internal/kmdata"
)

// defaultJobs is how many keys are generated at a time where --jobs is not given
// and the token allows it.
const defaultJobs = 4

// ahead generates the keys of a row, each n-th in a session of its own, as session
// objects. Of each session one key waits to be taken.
type ahead struct {
	sessions []*hsm.Session
	made     []chan early
	stop     chan struct{}
	working  sync.WaitGroup
}

// early is a key that was generated before its turn.
type early struct {
	at  int
	key hsm.Key
	err error
}

// generateAhead begins to generate; nil where the token allows one session alone.
// Close what it returns while the user is logged in.
func (s Quorum) generateAhead(list []Generation) (*ahead, error) {
	n := s.HSM.Jobs(min(cmp.Or(s.Jobs, defaultJobs), len(list)))
	if n < 2 {
		return nil, nil
	}
	a := &ahead{stop: make(chan struct{})}
	for range n {
		session, err := s.HSM.Beside()
		if err != nil {
			a.close()
			return nil, err
		}
		a.sessions, a.made = append(a.sessions, session), append(a.made, make(chan early))
	}
	for i := range a.sessions {
		a.working.Go(func() { a.generate(i, list) })
	}
	return a, nil
}

func (a *ahead) generate(i int, list []Generation) {
	for at := i; at < len(list); at += len(a.sessions) {
		e := early{at: at}
		label := kmdata.KeyName(kmdata.Simple, list[at].Ident)
		e.key, e.err = a.sessions[i].Generate(list[at].Spec, label, hsm.SessionObject)
		select {
		case a.made[i] <- e:
		case <-a.stop:
			return
		}
	}
}

// take waits for a key. Those before it that were not taken are left where they are,
// and end with their session.
func (a *ahead) take(at int) (hsm.Key, error) {
	for {
		if e := <-a.made[at%len(a.made)]; e.at == at {
			return e.key, e.err
		}
	}
}

// close ends the sessions, and every key that was not taken.
func (a *ahead) close() {
	if a == nil {
		return
	}
	close(a.stop)
	a.working.Wait()
	for _, s := range a.sessions {
		s.Close()
	}
}
