package dryrun

import (
	"context"
	"errors"
	"fmt"

	"byok/internal/rehearsal"
)

// vault is a rehearsal vault in the place of one of the plan's.
type vault struct {
	state       string // its folder
	fingerprint string // of the KEK, as its owner reads it aloud
	kid         string
	owner       string
}

// serve starts a rehearsal vault for each of the plan's, and puts its address into
// the plan. stop, which is never nil, ends them.
func (r *run) serve(ctx context.Context) (stop func() error, err error) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx)) // the command under way finishes first
	ended := make(chan error, len(r.plan.Vaults))
	started := 0
	stop = func() error {
		cancel()
		var failed []error
		for range started {
			failed = append(failed, <-ended)
		}
		return errors.Join(failed...)
	}
	for i := range r.plan.Vaults {
		v := &r.plan.Vaults[i]
		ready := make(chan rehearsal.Info, 1)
		c := rehearsal.Config{State: r.scratch.path(stateFolder(i)), Listen: "127.0.0.1:0", Service: v.Service}
		started++
		go func() {
			err := rehearsal.Serve(ctx, c, func(info rehearsal.Info) { ready <- info })
			close(ready)
			ended <- err
		}()
		info, runs := <-ready
		if !runs {
			started--
			return stop, fmt.Errorf("a rehearsal vault for %s: %w", v.Name, <-ended)
		}
		v.Address = info.URL
		r.vaults[v.Name] = &vault{state: stateFolder(i), owner: v.Owner.Name}
	}
	return stop, nil
}
