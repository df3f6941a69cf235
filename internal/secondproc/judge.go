package secondproc

import (
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/pkcs11"

	"byok/internal/hsm/p11"
	"byok/internal/printable"
)

// evidence is what is known for one row.
type evidence struct {
	row     string
	tries   []trial
	missing []string // why an experiment could not be made
}

// trial is an attempt and the circumstances it was made in.
type trial struct {
	try
	when string // behind the attempt's name: "without a PIN"
}

// add takes the attempts of one order, and the error that ended it early.
func (e *evidence) add(when string, tries []try, err error) {
	for _, t := range tries {
		e.tries = append(e.tries, trial{t, when})
	}
	if err != nil && !slices.Contains(e.missing, err.Error()) {
		e.missing = append(e.missing, err.Error())
	}
}

// judge returns the row. controls are the attempts that the second process
// made while it was alone, by name.
func (e *evidence) judge(controls map[string]try) Row {
	var achieved []string
	unclear, refusals := slices.Clone(e.missing), 0
	for _, t := range e.tries {
		outcome, why := t.judge(controls[t.Name])
		switch outcome {
		case Failed:
			achieved = append(achieved, t.Name+" "+t.when)
		case NotAnswered:
			unclear = append(unclear, t.Name+" "+t.when+": "+why)
		case Held:
			refusals++
		}
	}
	switch {
	case len(achieved) > 0:
		return Row{e.row, Failed, "the second process achieved: " + some(achieved, ", ")}
	case len(unclear) > 0:
		return Row{e.row, NotAnswered, some(unclear, "; ")}
	case refusals == 0:
		return Row{e.row, NotAnswered, "the module offers nothing that could be tried"}
	}
	return Row{e.row, Held, printable.Count(refusals, "attempt") + " of the second process achieved nothing"}
}

// most is how many of several like things a detail names.
const most = 3

// some joins a list, of which it leaves out what is too much to read.
func some(list []string, separator string) string {
	if more := len(list) - most; more > 0 {
		list = append(slices.Clone(list[:most]), fmt.Sprintf("and %d more", more))
	}
	return strings.Join(list, separator)
}

// notOffered is the outcome of an attempt that fails for everybody alike. It
// counts neither way.
const notOffered Outcome = "not offered"

// judge says what an attempt shows beside its control, and for NotAnswered why.
// An attempt that achieved nothing and met no error, such as a search that
// found nothing, is as good as a refused one.
func (t try) judge(control try) (o Outcome, why string) {
	switch {
	case t.Worked:
		return Failed, ""
	case control.Name == "":
		return NotAnswered, "it was not tried alone"
	case !control.Worked && control.Code == t.Code && t.means():
		return notOffered, ""
	case !control.Worked:
		return NotAnswered, "alone it did not work either (" + p11.ReturnCode(control.Code).Error() + ")"
	case t.Code == pkcs11.CKR_OK, t.refused():
		return Held, ""
	}
	return NotAnswered, p11.ReturnCode(t.Code).Error()
}

// means reports whether the return value says more than that the call failed.
func (t try) means() bool {
	err := p11.ReturnCode(t.Code)
	return !p11.Gone(err) && !p11.Is(err, pkcs11.CKR_OK, pkcs11.CKR_GENERAL_ERROR, pkcs11.CKR_FUNCTION_FAILED)
}

// loginRefusals are the return values by which a token refuses a login because
// of another one: the second process, which can log in alone, is kept out.
var loginRefusals = []uint{
	pkcs11.CKR_USER_ANOTHER_ALREADY_LOGGED_IN,
	pkcs11.CKR_USER_TOO_MANY_TYPES,
	pkcs11.CKR_FUNCTION_REJECTED,
}

// refused reports whether the return value means a refusal. The handle of a
// private object ends with the login, so what is said of a stale one counts
// as well; and YubiHSM 2 calls a session read-only until somebody has logged in.
func (t try) refused() bool {
	if t.Name == login {
		return slices.Contains(loginRefusals, t.Code)
	}
	return t.Code == pkcs11.CKR_OBJECT_HANDLE_INVALID || t.Code == pkcs11.CKR_SESSION_READ_ONLY ||
		p11.Refusal(p11.ReturnCode(t.Code))
}
