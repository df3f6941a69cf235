package main

import (
	"byok/internal/cards"
	"byok/internal/ceremony"
	"byok/internal/command"
	"byok/internal/dialogue"
	"byok/internal/preflight"
	"byok/internal/session"
)

// connect connects the world's module, once the preflight has passed.
func connect(f *preflight.Facts) (*session.Station, error) {
	station, err := dialogue.Connect(f.Run, f.Chain, f.UI)
	if err == nil {
		recordModule(f.Run, station)
	}
	return station, err
}

func recordModule(r *command.Run, s *session.Station) {
	r.Event.Module = &ceremony.Module{Library: s.Description(), Model: s.Token.Model, Serial: s.Token.Serial}
}

// onModule is a command that passes the preflight and then connects the world's
// module. Who logs in there is up to do.
func onModule(do func(f *preflight.Facts, station *session.Station) (command.Result, error)) command.Func {
	return func(r *command.Run) (command.Result, error) {
		f, err := preflight.Passed(r)
		if err != nil {
			return nil, err
		}
		station, err := connect(f)
		if err != nil {
			return nil, err
		}
		defer station.Close()
		return do(f, station)
	}
}

// withOperator connects the module, logs the user in and runs do.
func withOperator(f *preflight.Facts, do func(o *session.Operator) (command.Result, error)) (command.Result, error) {
	station, err := connect(f)
	if err != nil {
		return nil, err
	}
	defer station.Close()
	f.Ready(station.Module)
	return asOperator(f, station, do)
}

// asOperator runs do with the user logged in: by the user PIN, or by the cards
// where they hold it.
func asOperator(
	f *preflight.Facts, station *session.Station, do func(o *session.Operator) (command.Result, error),
) (result command.Result, err error) {
	a, err := dialogue.Access(f.Run, f.Chain.Dir(), f.UI)
	if err != nil {
		return nil, err
	}
	err = session.WithOperator(a, station, f.Media, func(o *session.Operator) error {
		result, err = do(o)
		return err
	})
	return result, err
}

// withQuorum connects the module, reads the cards and runs do in a quorum
// session.
func withQuorum(f *preflight.Facts, do func(s *session.Quorum) (command.Result, error)) (command.Result, error) {
	station, err := connect(f)
	if err != nil {
		return nil, err
	}
	defer station.Close()
	f.Ready(station.Module)
	return inSession(f, station, f.UI, f.Media, do)
}

// inSession runs do in a quorum session on a connected module.
func inSession(
	f *preflight.Facts,
	station *session.Station,
	u *dialogue.UI,
	media []cards.Medium,
	do func(s *session.Quorum) (command.Result, error),
) (command.Result, error) {
	a, err := dialogue.Access(f.Run, f.Chain.Dir(), u)
	if err != nil {
		return nil, err
	}
	a.WithoutUser = f.Run.Command.Name == "reset-pin"
	s, err := session.Begin(a, station, media)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	for _, c := range s.Cards() {
		f.Run.Event.AddNote("card", c.String())
	}
	return do(s)
}
