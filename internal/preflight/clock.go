package preflight

import (
	"time"

	"byok/internal/stamp"
	"byok/internal/statement"
	"byok/internal/version"
)

// clock warns of a clock that is before what was made already. It refuses
// nothing: what rests on a date says so itself.
func (f *Facts) clock() error {
	now := time.Now().UTC()
	if day, err := time.Parse(time.DateOnly, version.Built().Date()); err == nil && now.Before(day) {
		f.warnOfClock(now, "this program was built on "+version.Built().Date())
	}
	if f.Chain == nil {
		return nil
	}
	last := f.Chain.Last()
	if signed := statement.HeaderOf(last.Statement).Time; now.Add(time.Minute).Before(signed) {
		f.warnOfClock(now, last.String()+" was signed at "+stamp.Text(signed))
	}
	return nil
}

func (f *Facts) warnOfClock(now time.Time, later string) {
	f.UI.Warn("the clock of this computer says " + stamp.Text(now) + ", but " + later + ": set the clock")
}
