package secondproc

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"slices"
	"syscall"

	"github.com/miekg/pkcs11"

	"byok/internal/hsm"
	"byok/internal/hsm/p11"
	"byok/internal/interrupt"
	"byok/internal/secret"
)

// Argument is the only argument of the second process.
const Argument = "byok-second-process"

// IsChild reports whether args, as os.Args gives them, are those of the second
// process.
func IsChild(args []string) bool { return len(args) == 2 && args[1] == Argument }

// Child is the second process: it carries out the orders it reads from in,
// reports on out, and returns the exit status when in ends. It touches nothing
// but objects whose label begins with [LabelPrefix].
func Child(in io.Reader, out io.Writer) int {
	// The parent ends this process by closing the pipe: an interrupt meant for
	// the parent, or a parent that died, must not keep it from clearing up.
	interrupt.Ignore(os.Interrupt, syscall.SIGPIPE)
	c := &child{out: out}
	defer c.close()
	for {
		o, pin, err := readOrder(in)
		if errors.Is(err, io.EOF) {
			return 0
		}
		if err == nil {
			err = c.obey(o, pin)
		}
		pin.Wipe()
		end := reply{Done: true}
		if err != nil {
			end.Error = err.Error()
		}
		if c.say(end) != nil {
			return 1
		}
	}
}

// child is the second process's state.
type child struct {
	out    io.Writer
	module *hsm.Module
	*maker
	key p11.Object // of the private key that the control has made
}

// orders is the table of what the second process does.
var orders = map[string]func(*child, order, *secret.Bytes) error{
	"open":    (*child).open,
	"control": (*child).control,
	"trust":   (*child).trust,
	"private": (*child).private,
	"look":    (*child).look,
	"restart": (*child).restart,
}

// obey carries out one order.
func (c *child) obey(o order, pin *secret.Bytes) error {
	do, known := orders[o.Do]
	switch {
	case !known:
		return errors.New("an unknown order")
	case c.maker == nil && o.Library == "":
		return errors.New("no library is open")
	}
	return do(c, o, pin)
}

func (c *child) close() {
	if c.maker != nil {
		c.maker.close()
	}
	c.module.Close()
}

// open loads the library, which is C_Initialize in a process of its own.
func (c *child) open(o order, _ *secret.Bytes) error {
	m, err := hsm.Load(o.Library)
	if err != nil {
		return err
	}
	c.module = m
	t, err := m.Token(o.Token)
	if err != nil {
		return err
	}
	r, err := connect(m.Path, t.Slot)
	if err != nil {
		return err
	}
	c.maker = newMaker(r, o.Label)
	return nil
}

// report sends what came of an attempt.
func (c *child) report(name string, worked bool, err error) error {
	return c.say(reply{Try: &try{Name: name, Worked: worked, Code: code(err)}})
}

// say sends one reply in one write, behind a line end: a library that prints
// to the same pipe may have left a line unfinished.
func (c *child) say(r reply) error {
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	_, err = c.out.Write(slices.Concat([]byte{'\n'}, line, []byte{'\n'}))
	return err
}

// login is the name of the attempt to log in.
const login = "a login with the user PIN"

// within runs work logged in with the user PIN, or as it is where there is
// none. A token that says the user is logged in already has shared that login:
// work goes on in it, and it is not ended. A refused login is reported as an
// attempt that did not work, and work is left out.
func (c *child) within(pin *secret.Bytes, work func() error) error {
	if pin.Len() == 0 {
		return work()
	}
	err := c.Ctx.Login(c.Handle, pkcs11.CKU_USER, pin.Text())
	switch code(err) {
	case pkcs11.CKR_OK:
		defer c.Ctx.Logout(c.Handle)
	case pkcs11.CKR_USER_ALREADY_LOGGED_IN:
	default:
		return c.report(login, false, err)
	}
	return work()
}

// trust tries every route to a trusted key.
func (c *child) trust(_ order, pin *secret.Bytes) error {
	return c.within(pin, func() error { return c.tryRoutes(true) })
}

// tryRoutes goes every route in the session, and on the token unless one has
// worked by then: there is nothing more to learn, and less to clear up.
func (c *child) tryRoutes(trust bool) error {
	reached := false
	for _, where := range []place{inSession, onToken} {
		for _, r := range routes {
			o, err := r.take(c.maker, where, trust)
			worked := err == nil && (!trust || c.trusted(o))
			c.discard()
			reached = reached || worked
			if err := c.report(r.name+" "+where.String(), worked, err); err != nil {
				return err
			}
		}
		if trust && reached {
			return nil
		}
	}
	return nil
}

// look looks for session objects of the parent.
func (c *child) look(o order, pin *secret.Bytes) error {
	return c.within(pin, func() error {
		for _, s := range o.Sought {
			found, err := c.Find(pkcs11.NewAttribute(pkcs11.CKA_LABEL, s.Label))
			if err := c.report(s.Name, len(found) > 0, err); err != nil {
				return err
			}
		}
		return nil
	})
}
