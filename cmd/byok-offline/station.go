package main

import (
	"fmt"
	"os"

	"byok/internal/cards"
	"byok/internal/ceremony"
	"byok/internal/command"
	"byok/internal/dialogue"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/kmdata"
	"byok/internal/session"
	"byok/internal/version"
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
	r.Event.Rehearsal = chain.Rehearsal()
	r.Event.AddNote("hknso", chain.HKNSO().String())
	if chain.Rehearsal() {
		r.Console.Warning("REHEARSAL world: production refuses everything it makes")
	}
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
	u := dialogue.New(r, chain.Rehearsal())
	station, err := session.Connect(chain, r.String("module-path"), u)
	if err != nil {
		return nil, nil, err
	}
	recordModule(r, station)
	return station, u, nil
}

func recordModule(r *command.Run, s *session.Station) {
	r.Event.Module = &ceremony.Module{Library: s.Description(), Model: s.Token.Model, Serial: s.Token.Serial}
}

// access is what a quorum session needs of this command.
func access(r *command.Run, dir string, u *dialogue.UI) (session.Access, error) {
	sum, err := executableSum()
	return session.Access{
		Dir:     dir,
		Library: r.String("module-path"),
		UI:      u,
		Log:     ceremonyLog{dir},
		Program: kmdata.Program{Version: version.String(), SHA256: sum},
	}, err
}

// executableSum is the SHA-256 of this program's file.
func executableSum() (fingerprint.Sum, error) {
	path, err := os.Executable()
	if err != nil {
		return fingerprint.Sum{}, err
	}
	return fingerprint.File(path)
}

// withOperator connects the module, logs the user in and runs f.
func withOperator(r *command.Run, f func(o *session.Operator) (command.Result, error)) (command.Result, error) {
	station, u, err := connect(r)
	if err != nil {
		return nil, err
	}
	defer station.Close()
	return asOperator(station, u, f)
}

func asOperator(
	station *session.Station,
	u *dialogue.UI,
	f func(o *session.Operator) (command.Result, error),
) (result command.Result, err error) {
	err = session.AskUser(station, u, func(o *session.Operator) error {
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
	if err := checkCardFlags(r, ""); err != nil {
		return nil, err
	}
	chain, err := readChain(r)
	if err != nil {
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
	return inSession(r, station, u, cardMedia(r, ""), f)
}

// inSession runs f in a quorum session on a connected module.
func inSession(
	r *command.Run,
	station *session.Station,
	u *dialogue.UI,
	media []cards.Medium,
	f func(s *session.Quorum) (command.Result, error),
) (command.Result, error) {
	a, err := access(r, station.Chain.Dir(), u)
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

// ceremonyLog is the log of a kmdata folder as a session needs it.
type ceremonyLog struct{ dir string }

// Head is the log as it stands now.
func (l ceremonyLog) Head() (kmdata.LogHead, error) {
	log, err := ceremony.Open(l.dir)
	if err != nil {
		return kmdata.LogHead{}, err
	}
	head, err := log.Head()
	return kmdata.LogHead(head), err
}

// Since lists what happened after head. A log that does not read whole is
// taken as one that does not contain it: the session shows that and goes on.
func (l ceremonyLog) Since(head kmdata.LogHead) (events []string, found bool, err error) {
	record, err := ceremony.ReadSince(l.dir, ceremony.Head(head))
	if exitcode.Of(err) == exitcode.Check {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	if !record.Contains(ceremony.Head(head)) {
		return nil, false, nil
	}
	for _, e := range record.Since(ceremony.Head(head)) {
		if e.Phase == ceremony.End {
			events = append(
				events,
				fmt.Sprintf("%s %s by %s: %s", e.Time.Format("2006-01-02 15:04"), e.Command, e.Operator, e.Result),
			)
		}
	}
	return events, true, nil
}
