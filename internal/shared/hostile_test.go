package shared

import (
	"testing"

	"byok/internal/testkit/hostile"
)

// TestHostileText prints each result with hostile text wherever it takes text.
func TestHostileText(t *testing.T) {
	hostile.Try(t, "headView", hostile.Fill[headView]())
	hostile.Try(t, "logView", hostile.Fill[logView]())
	hostile.Try(t, "inspectView", hostile.Fill[inspectView]())
	hostile.Try(t, "versionView", hostile.Fill[versionView]())
	hostile.Try(t, "textView", hostile.Fill[textView]())
	hostile.Try(t, "manualView", hostile.Fill[manualView]())
	hostile.Try(t, "explainView", hostile.Fill[explainView]())
	hostile.Try(t, "fingerprintView", hostile.Fill[fingerprintView]())
	hostile.Try(t, "written", hostile.Fill[written]())
	hostile.Try(t, "attestation", hostile.Fill[attestation]())
	hostile.Try(t, "heldView", hostile.Fill[heldView]())
	hostile.Try(t, "newKit", hostile.Fill[newKit]())
	hostile.Try(t, "checkedKit", hostile.Fill[checkedKit]())
	hostile.Try(t, "checkedKit that is whole", checkedKit{Kit: hostile.Fill[newKit]().Kit})
	hostile.Try(t, "planView", hostile.Fill[planView]())
	hostile.Try(t, "planView of a good plan", planView{File: hostile.Text, Title: hostile.Text, Date: hostile.Text, Quorum: hostile.Text})
}
