package dialogue

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"byok/internal/ceremony"
	"byok/internal/command"
	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/kmdata"
	"byok/internal/session"
	"byok/internal/statement"
	"byok/internal/version"
)

// Access is what a quorum session needs of this command.
func Access(r *command.Run, dir string, u *UI) (session.Access, error) {
	name, err := TokenName(r)
	if err != nil {
		return session.Access{}, err
	}
	sum, err := command.ExecutableSum()
	return session.Access{
		Dir:     dir,
		Library: r.String("module-path"),
		Token:   name,
		UI:      u,
		Log:     ceremonyLog{dir},
		Program: statement.Program{Version: version.String(), SHA256: sum},
	}, err
}

// TokenFlag is --token.
func TokenFlag() cli.Flag {
	return text("token", "`TOKEN` to use where several fit: PKCS#11 URI, serial number, slot:N or label:LABEL")
}

// TokenName is what --token calls the token by.
func TokenName(r *command.Run) (hsm.TokenName, error) {
	if !r.IsSet("token") {
		return hsm.TokenName{}, nil
	}
	return hsm.ParseTokenName(r.String("token"))
}

// Connect connects the module of the world that --module-path and --token name.
func Connect(r *command.Run, chain *kmdata.Chain, u *UI) (*session.Station, error) {
	name, err := TokenName(r)
	if err != nil {
		return nil, err
	}
	return session.Connect(chain, r.String("module-path"), name, u)
}

// ConnectNew connects a module of the world through a library that no statement
// names.
func ConnectNew(r *command.Run, chain *kmdata.Chain, u *UI) (*session.Station, error) {
	name, err := TokenName(r)
	if err != nil {
		return nil, err
	}
	return session.ConnectNew(chain, r.String("module-path"), name, u)
}

// ceremonyLog is the log of a kmdata folder as a session needs it.
type ceremonyLog struct{ dir string }

// Head is the log as it stands now.
func (l ceremonyLog) Head() (statement.LogHead, error) {
	log, err := ceremony.Open(l.dir)
	if err != nil {
		return statement.LogHead{}, err
	}
	head, err := log.Head()
	return statement.LogHead(head), err
}

// Since lists what happened after head. A log that does not read whole is
// taken as one that does not contain it: the session shows that and goes on.
func (l ceremonyLog) Since(head statement.LogHead) (events []string, found bool, err error) {
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
	for _, e := range record.Events {
		if e.Phase == ceremony.End {
			events = append(
				events,
				fmt.Sprintf("%s %s by %s: %s", e.Time.Format("2006-01-02 15:04"), e.Command, e.Operator, e.Result),
			)
		}
	}
	return events, true, nil
}
