package preflight

import (
	"os"

	"byok/internal/dialogue"
	"byok/internal/durable"
	"byok/internal/exitcode"
	"byok/internal/library"
	"byok/internal/toolset"
)

// newWorld refuses a library that may not be loaded, and everything about the
// world, its cards and its folder that can be known, and says what an interrupted
// run has left.
func (f *Facts) newWorld() error {
	c := f.Creation
	f.UI = dialogue.New(f.Run, c.Rehearsal)
	if err := dialogue.CheckCards(f.Run, ""); err != nil {
		return err
	}
	if err := c.Check(); err != nil {
		return err
	}
	id, err := library.Identify(c.Library)
	if err != nil {
		return err
	}
	if _, err := library.CheckOwners(id, c.Rehearsal); err != nil { // its warnings come when it is loaded
		return err
	}
	left, err := c.Left()
	for _, text := range left {
		f.UI.Warn(text)
	}
	return err
}

// toolset refuses a zip that cannot be installed where it is to go.
func (f *Facts) toolset() error {
	zip, err := f.Run.Arg("ZIP")
	if err != nil {
		return err
	}
	file, err := durable.OpenUpTo(zip, toolset.MaxZip)
	if err != nil {
		return exitcode.Mark(exitcode.Usage, err)
	}
	_ = file.Close()
	if info, err := os.Stat(f.Run.String("to")); err == nil && !info.IsDir() {
		return exitcode.Errorf(exitcode.Refused, "%s: not a folder", f.Run.String("to")).
			Hint("name a folder with --to, which is made if it is not there")
	}
	return nil
}
