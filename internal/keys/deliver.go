package keys

import (
	"slices"

	"byok/internal/exitcode"
	"byok/internal/kmdata"
	"byok/internal/packing"
	"byok/internal/statement"
)

// Delivery is a transfer, and where its package goes. Which package it is follows
// from the transfer.
type Delivery struct {
	Transfer
	To packing.Request
}

// Deliver does in one session all that brings keys to vaults: it approves and
// wraps them, writes the packages, proves the backups, erases the originals, and
// seals the record. Where the cards hold the user PIN no one else could do the
// rest, and an original that any key may wrap must not wait for the next login.
func (s Quorum) Deliver(list []Delivery) ([]packing.Packed, error) {
	transfers := make([]Transfer, len(list))
	for i, d := range list {
		transfers[i] = d.Transfer
	}
	if _, err := s.Approve(transfers); err != nil {
		return nil, err
	}
	requests := make([]packing.Request, len(list))
	for i, d := range list {
		d.To.Ident, d.To.Name, d.To.KEK = d.Ident, d.Target.Name, d.Packages()
		requests[i] = d.To
	}
	var packed []packing.Packed
	err := s.AsUser(func() (err error) {
		to := packing.Packer{Chain: s.Chain, Token: s.Token, KML: s.KML(), Check: s.ExactlyTrusted}
		if packed, err = to.Pack(requests, nil); err != nil {
			return err
		}
		return s.eraseAll(transfers)
	})
	if err != nil {
		return packed, exitcode.Hint(err,
			"what was authorized stays so: byok-offline package and key retire, with the cards, finish it")
	}
	_, err = s.Sign(&statement.Seal{})
	return packed, s.End(err)
}

// eraseAll erases each key once.
func (s Quorum) eraseAll(list []Transfer) error {
	var done []string
	for _, t := range list {
		if slices.Contains(done, t.Ident) {
			continue
		}
		if _, err := s.erase(t.Ident); err != nil {
			return err
		}
		done = append(done, t.Ident)
		s.UI().Say("%s is erased on %v: its backup was restored and proved possession of it",
			kmdata.KeyName(kmdata.Simple, t.Ident), s.Token)
	}
	return nil
}

// erase destroys a key once its backup is proved to open.
func (s Quorum) erase(ident string) (*kmdata.Retired, error) {
	list, err := Restorables(s.Chain, []string{ident})
	if err != nil {
		return nil, err
	}
	if err := s.ProveBackup(list[0].Key.Identity, list[0].Backup); err != nil {
		return nil, err
	}
	return retirer{s.Station, s.HSM, s.KML()}.destroy(ident)
}
