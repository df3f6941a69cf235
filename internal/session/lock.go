package session

import (
	"byok/internal/exitcode"
	"byok/internal/kmdata"
)

// unchanged refuses a chain that another session has continued since it was
// read: a statement signed now would have the same number.
func unchanged(chain *kmdata.Chain) error {
	now, err := kmdata.Open(chain.Dir())
	if err != nil {
		return err
	}
	if now.Last().Sum == chain.Last().Sum {
		return nil
	}
	return exitcode.Errorf(exitcode.Refused, "%s: another session has signed %v in the meantime", chain.Dir(), now.Last()).
		Hint("run the same command again")
}

// tidy refuses a chain that another session has continued, and takes up what an
// interrupted run left of the files.
func tidy(chain *kmdata.Chain) error {
	if err := unchanged(chain); err != nil {
		return err
	}
	if err := chain.PutBack(); err != nil {
		return err
	}
	return chain.SweepSignatures()
}
