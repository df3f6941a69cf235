package main

import (
	"byok/internal/cards"
	"byok/internal/ceremony"
	"byok/internal/command"
	"byok/internal/dialogue"
	"byok/internal/kmdata"
	"byok/internal/session"
)

// readChain reads and verifies the world of --kmdata, and says if it is a
// rehearsal's.
func readChain(r *command.Run) (*kmdata.Chain, error) {
	dir, err := r.KMData()
	if err != nil {
		return nil, err
	}
	chain, err := kmdata.Open(dir)
	if err != nil {
		return nil, err
	}
	if chain.Rehearsal() && !r.Event.Rehearsal { // said once
		r.Console.Warning("REHEARSAL world: production refuses everything it makes")
	}
	r.Event.Rehearsal = chain.Rehearsal()
	r.Event.AddNote("hknso", chain.HKNSO().String())
	return chain, nil
}

// connect reads the world and connects its module.
func connect(r *command.Run) (*session.Station, *dialogue.UI, error) {
	chain, err := readChain(r)
	if err != nil {
		return nil, nil, err
	}
	return connectChain(r, chain)
}

func connectChain(r *command.Run, chain *kmdata.Chain) (*session.Station, *dialogue.UI, error) {
	if err := session.CheckHeaders(chain, dialogue.CardMedia(r, "")); err != nil {
		return nil, nil, err
	}
	u := dialogue.New(r, chain.Rehearsal())
	station, err := dialogue.Connect(r, chain, u)
	if err != nil {
		return nil, nil, err
	}
	recordModule(r, station)
	return station, u, nil
}

func recordModule(r *command.Run, s *session.Station) {
	r.Event.Module = &ceremony.Module{Library: s.Description(), Model: s.Token.Model, Serial: s.Token.Serial}
}

// withOperator connects the module, logs the user in and runs f.
func withOperator(r *command.Run, f func(o *session.Operator) (command.Result, error)) (command.Result, error) {
	station, u, err := connect(r)
	if err != nil {
		return nil, err
	}
	defer station.Close()
	return asOperator(r, station, u, f)
}

// asOperator runs f with the user logged in: by the user PIN, or by the cards
// where they hold it.
func asOperator(
	r *command.Run,
	station *session.Station,
	u *dialogue.UI,
	f func(o *session.Operator) (command.Result, error),
) (result command.Result, err error) {
	a, err := dialogue.Access(r, station.Chain.Dir(), u)
	if err != nil {
		return nil, err
	}
	err = session.WithOperator(a, station, dialogue.CardMedia(r, ""), func(o *session.Operator) error {
		result, err = f(o)
		return err
	})
	return result, err
}

// withQuorum connects the module, reads the cards and runs f in a quorum
// session. check refuses before anybody is asked what needs no person.
func withQuorum(
	r *command.Run,
	check func(*kmdata.Chain) error,
	f func(s *session.Quorum) (command.Result, error),
) (command.Result, error) {
	if err := dialogue.CheckCards(r, ""); err != nil {
		return nil, err
	}
	chain, err := readChain(r)
	if err != nil {
		return nil, err
	}
	if err := chain.PutBack(); err != nil { // or check would miss a key file
		return nil, err
	}
	if check != nil {
		if err := check(chain); err != nil {
			return nil, err
		}
	}
	station, u, err := connectChain(r, chain)
	if err != nil {
		return nil, err
	}
	defer station.Close()
	return inSession(r, station, u, dialogue.CardMedia(r, ""), f)
}

// inSession runs f in a quorum session on a connected module.
func inSession(
	r *command.Run,
	station *session.Station,
	u *dialogue.UI,
	media []cards.Medium,
	f func(s *session.Quorum) (command.Result, error),
) (command.Result, error) {
	a, err := dialogue.Access(r, station.Chain.Dir(), u)
	if err != nil {
		return nil, err
	}
	a.WithoutUser = r.Command.Name == "reset-pin"
	s, err := session.Begin(a, station, media)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	for _, c := range s.Cards() {
		r.Event.AddNote("card", c.String())
	}
	return f(s)
}
