package upload

import (
	"context"
	"errors"
	"net/http"
	"time"

	"byok/internal/azure"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/kek"
	"byok/internal/vault"
	"byok/internal/vault/endpoint"
)

// preflight finds everything that could keep a package out, so that nothing is
// sent before. What is wrong with a package stays with it, and what is wrong with
// a vault with its lane; an error is the person's, or every vault's, and ends the
// upload.
func (u *Uploader) preflight(ctx context.Context, lanes []*lane) error {
	u.stage("reading the KEKs", lanes, func(l *lane, _ Progress) error {
		l.checkRehearsal()
		return l.checkKEKs(ctx)
	})
	u.stage("checking the names", lanes, func(l *lane, p Progress) error { return l.checkNames(ctx, p) })
	u.stage("looking for the keys", lanes, func(l *lane, p Progress) error { return l.findHeld(ctx, p) })
	return ended(lanes)
}

// checkRehearsal keeps rehearsal and production apart.
func (l *lane) checkRehearsal() {
	for _, i := range l.ready() {
		if i.Approved {
			i.Err = CheckRehearsal(i.File, i.rehearsal, l.vault.Address())
		}
	}
}

// CheckRehearsal refuses a rehearsal's package at a production vault, and a
// production package at the vault of a rehearsal or a test. Status Refused.
func CheckRehearsal(file string, rehearsal bool, at endpoint.Address) error {
	switch mark := at.Mark(); {
	case rehearsal && mark == kek.Production:
		return exitcode.Errorf(exitcode.Refused, "%s is from a rehearsal, and %v is a production vault", file, at)
	case !rehearsal && mark != kek.Production:
		return exitcode.Errorf(exitcode.Refused, "%s is from production, and %v is a %s vault", file, at, mark)
	}
	return nil
}

// checkKEKs reads every KEK once, however many packages are for it.
func (l *lane) checkKEKs(ctx context.Context) error {
	type wanted struct {
		id   kek.ID
		hash fingerprint.Sum
	}
	type found struct {
		key vault.Key
		err error
	}
	known := map[wanted]found{}
	for _, i := range l.ready() {
		w := wanted{i.kek, i.kekHash}
		f, asked := known[w]
		if !asked {
			f.key, f.err = l.vault.CheckKEK(ctx, w.id, w.hash)
			known[w] = f
			l.warnExpiry(f.key, f.err)
		}
		if code := exitcode.Of(f.err); code != exitcode.Done && code != exitcode.Check {
			return f.err
		}
		if i.Err = f.err; i.Err == nil {
			i.Err = i.fits(f.key)
		}
	}
	return nil
}

// warnExpiry warns of a KEK that will not last until the upload is done.
func (l *lane) warnExpiry(k vault.Key, err error) {
	if left := time.Until(k.Expires); err == nil && !k.Expires.IsZero() && left < l.takes {
		l.ui.Warning("KEK %v expires in %s, but the upload takes %s", k.ID, left.Round(time.Second), l.takes)
	}
}

// checkNames finds the names that deleted keys hold. Those are never purged
// from here.
func (l *lane) checkNames(ctx context.Context, progress Progress) error {
	return each(ctx, l.ready(), func(ctx context.Context, i *Item) error {
		defer progress.Add(1)
		_, held, err := Reserved(ctx, l.vault, i.Name())
		if err != nil {
			return err
		}
		i.recover = held && i.mayRecover
		if held && !i.mayRecover {
			i.Err = exitcode.Errorf(exitcode.Vault, "a deleted key holds the name %s", i.Name()).
				Hint("--recover brings that key back and makes this its newest version")
		}
		return nil
	})
}

// findHeld finds the packages whose keys the vault has already, and those whose
// names there are another key's: no one is asked about them. A package whose name
// a deleted key holds cannot be looked for.
func (l *lane) findHeld(ctx context.Context, progress Progress) error {
	return each(ctx, l.ready(), func(ctx context.Context, i *Item) error {
		defer progress.Add(1)
		if i.recover {
			return nil
		}
		held, found, err := l.vault.Held(ctx, i.request)
		if ends := endsUpload(err); ends != nil {
			return ends
		}
		if i.Err = err; found {
			i.Imported = &held
		}
		if i.Err != nil || found {
			return nil
		}
		return l.checkNext(ctx, i)
	})
}

// DeletedKeys looks for a deleted key; [vault.Client] is one.
type DeletedKeys interface {
	Deleted(ctx context.Context, name string) (vault.Deleted, bool, error)
}

// Reserved reports whether a deleted key holds the name. An account may import
// without being allowed to see deleted keys: then it is false, and the vault
// says so when it refuses the name.
func Reserved(ctx context.Context, v DeletedKeys, name string) (vault.Deleted, bool, error) {
	gone, held, err := v.Deleted(ctx, name)
	var answer *azure.Error
	if errors.As(err, &answer) && answer.Status == http.StatusForbidden {
		return vault.Deleted{}, false, nil
	}
	return gone, held, err
}
