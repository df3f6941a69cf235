package dialogue

import (
	"time"

	"github.com/urfave/cli/v2"

	"byok/internal/exitcode"
	"byok/internal/officer"
)

// OfficerFlags say how long a crypto officer is waited for.
func OfficerFlags() []cli.Flag {
	return []cli.Flag{&cli.DurationFlag{
		Name:  "officer-wait",
		Usage: "`TIME` to wait for the crypto officer, where the vendor's tool trusts KM",
		Value: 30 * time.Minute,
	}}
}

// JoiningFlags are for a module that joins a world: [OfficerFlags], and whether it
// has two logins.
func JoiningFlags() []cli.Flag {
	return append(OfficerFlags(),
		yes("rights-per-login",
			"guard login, on an HSM whose logins have rights of their own: the user PIN is the operator's, who exports nothing"),
		text("quorum-pin-file", "`FILE` with the PIN of the login that exports, for the cards alone (default: asked for)"),
	)
}

// betweenLooks is the time between two looks at what the officer did.
var betweenLooks = 2 * time.Second

// AwaitOfficer shows what the officer is to do, and looks every two seconds
// whether it is done, until --officer-wait is over.
func (u *UI) AwaitOfficer(order officer.Order, done func() (bool, error)) error {
	for _, line := range order.Lines() {
		u.Say("%s", line)
	}
	u.r.Event.AddNote("to be trusted by the crypto officer", order.Label+", public key "+order.Words)
	limit := u.r.Duration("officer-wait")
	u.Say("waiting for that, %v at most; an interrupt ends the wait, and the same command goes on", limit)
	over := time.NewTimer(limit)
	defer over.Stop()
	look := time.NewTicker(betweenLooks)
	defer look.Stop()
	for {
		there, err := done()
		if err != nil || there {
			return err
		}
		select {
		case <-look.C:
		case <-over.C:
			return exitcode.Errorf(exitcode.Refused, "%s was not trusted within %v", order.Label, limit).
				Hint("have the crypto officer do what was shown, then run the same command again")
		case <-u.r.Context.Done():
			return exitcode.Hint(u.r.Context.Err(), "run the same command again: it goes on with the same object")
		}
	}
}
