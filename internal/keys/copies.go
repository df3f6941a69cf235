package keys

import (
	"slices"

	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/kmdata"
	"byok/internal/session"
	"byok/internal/statement"
)

// noCopies refuses while the token holds keys with secrets that this world did
// not make: one of them may be a copy of the key that a command is to remove.
func noCopies(on *session.Station, token *hsm.Session) error {
	ours, err := secretLabels(on.Chain)
	if err != nil {
		return err
	}
	items, err := token.Inventory()
	if err != nil {
		return err
	}
	ours = append(ours, statement.KMLLabel(on.Module.Module))
	var foreign []string
	for _, i := range items {
		described := session.DescribeItem(i)
		if i.Class.HoldsSecrets() && !i.Trusted &&
			!slices.Contains(ours, i.Label) && !slices.Contains(on.Module.Others, described) {
			foreign = append(foreign, described)
		}
	}
	if len(foreign) == 0 {
		return nil
	}
	return exitcode.Errorf(exitcode.Check, "%v holds keys that this world did not make: %s",
		on.Token, session.Join(foreign)).
		Hint("byok-offline world check names them; a copy of the key may be among them")
}

// secretLabels lists the labels of the keys that kmdata knows.
func secretLabels(chain *kmdata.Chain) (labels []string, err error) {
	keys, err := chain.Keys()
	for _, k := range keys {
		labels = append(labels, k.Name())
	}
	return labels, err
}
