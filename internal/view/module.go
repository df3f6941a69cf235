package view

import (
	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/hsm/survey"
	"byok/internal/secondproc"
	"byok/internal/statement"
	"byok/internal/term"
	"fmt"
	"io"
	"strconv"
)

// Tokens is a table of tokens.
type Tokens struct {
	Library string      `json:"library"`
	Path    string      `json:"path"`
	Tokens  []hsm.Token `json:"tokens"`
}

// Print writes a token a line.
func (v Tokens) Print(w io.Writer) error {
	rows := [][]string{{"SLOT", "LABEL", "SERIAL", "MODEL", "FIRMWARE", "STATE"}}
	for _, t := range v.Tokens {
		rows = append(
			rows,
			[]string{strconv.FormatUint(uint64(t.Slot), 10), t.Label, t.Serial, t.Model, t.Firmware, tokenState(t)},
		)
	}
	if _, err := io.WriteString(w, term.Printable(v.Library+" ("+v.Path+")")+"\n"); err != nil {
		return err
	}
	return term.Table(w, rows)
}

// tokenState says whether the token is free, and what it reports about PINs.
func tokenState(t hsm.Token) string {
	switch {
	case t.Fault != "":
		return "does not answer (" + t.Fault + ")"
	case !t.Initialised:
		return "free"
	}
	state := "initialised"
	if t.PINPad() {
		state += "; PINs are typed on the device"
	}
	if !t.HasUserPIN() {
		state += "; no user PIN"
	}
	for _, role := range []hsm.Role{hsm.RoleUser, hsm.RoleSO} {
		if pin := t.PINState(role); pin != hsm.PINFresh {
			state += fmt.Sprintf("; %v PIN: %s", role, pin)
		}
	}
	return state
}

// Survey prints a property a line, and the conclusion.
type Survey struct {
	Library    string            `json:"library"`
	Properties []survey.Property `json:"properties"`
	Processes  []secondproc.Row  `json:"second_process"`
	Guards     []survey.Reach    `json:"guards"`
	Conclusion survey.Conclusion `json:"conclusion"`
	Device     survey.Device     `json:"device"`
}

// Refusal is the error of a module that cannot be used, or not with the guard that
// was asked for: the hint names one that it reaches. Where only the API to
// initialise a token is missing, the hint names the other way.
func (v Survey) Refusal(path string) error {
	c := v.Conclusion
	if c.Usable {
		return nil
	}
	err := exitcode.Errorf(exitcode.HSM, "this module cannot serve a ceremony%s: %s", with(c.Guard), c.Why)
	for _, p := range v.Properties {
		if p.Name == survey.PropInitToken && p.Outcome == survey.Refused {
			return err.Hint(
				"initialise a token with the vendor's tool, then byok-offline module check --module-path %s "+
					"--with-test-keys SERIAL --so-pin-file FILE",
				term.Quote(path),
			)
		}
	}
	if best := survey.Conclude(v.Guards, ""); c.Guard != "" && best.Outcome == survey.Reached {
		return err.Hint("it reaches guard %s: ask for that with --guard, or for none", best.Guard)
	}
	return err
}

func with(g statement.Guard) string {
	if g == "" {
		return ""
	}
	return " with guard " + string(g)
}

// can says how a module whose guard turned out so serves a ceremony.
var can = map[string]string{
	survey.Reached:    "can serve",
	survey.Unknown:    "may serve",
	survey.NotReached: "cannot serve",
}

// Print writes the properties, the rows of the second process, and the conclusion.
func (v Survey) Print(w io.Writer) error {
	rows := [][]string{}
	for _, p := range v.Properties {
		rows = append(rows, []string{string(p.Outcome), p.Name, p.Detail})
	}
	for _, p := range v.Processes {
		rows = append(rows, []string{string(p.Outcome), p.Name, p.Detail})
	}
	for _, g := range v.Guards {
		rows = append(rows, []string{g.Outcome, "guard " + string(g.Guard), g.Why})
	}
	if err := term.Table(w, rows); err != nil {
		return err
	}
	c := v.Conclusion
	text := fmt.Sprintf("%s %s a ceremony%s: %s", v.Library, can[c.Outcome], with(c.Guard), c.Why)
	_, err := io.WriteString(w, term.Printable(text)+"\n")
	return err
}
