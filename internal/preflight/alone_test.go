package preflight_test

import (
	"path/filepath"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/statement"
	"byok/internal/testkit/softworld"
)

// TestAlone: a key without the quorum is refused where no module's operator can back
// it up.
func TestAlone(t *testing.T) {
	const line = "key generate --ident new --without-quorum"
	s := newStage(t)
	ok(t, s.run(line).err)
	w, err := softworld.New(
		filepath.Join(s.dir, "two"),
		softworld.Options{Rehearsal: true, Guard: statement.GuardLogin},
	)
	ok(t, err)
	ok(t, s.run(line+" --kmdata two").err)
	rights := w.Statement(w.Module())
	rights.RightsPerLogin = true
	_, err = w.Sign(rights)
	ok(t, err)
	refused(t, line, s.run(line+" --kmdata two").err, exitcode.Refused,
		"the operator's login exports nothing on any module of this world, so it backs no key up",
		"byok-offline key generate --ident new --card DIR …")
	ok(t, s.run("key generate --ident new"+quorumOf).err)
}
