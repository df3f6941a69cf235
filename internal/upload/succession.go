package upload

import (
	"context"
	"errors"

	"byok/internal/exitcode"
	"byok/internal/succession"
)

// mayFollow refuses a package whose name in the vault is another key's, unless its
// quorum approved it as the next version. What another vendor's tool wrapped no
// quorum approved, and whoever uploads it answers for its name.
func (l *lane) mayFollow(ctx context.Context, i *Item) error {
	if !i.Approved {
		return nil
	}
	err := succession.Check(ctx, l.vault, succession.Step{
		Name: i.Name(), Key: i.request.Expected, Blob: i.SHA256.String(), Replaces: i.replaces,
	})
	if errors.Is(err, succession.ErrUnread) && l.holdsUnread(ctx, i) {
		return nil // the same key once more
	}
	return err
}

// holdsUnread reports whether the vault has the package's key as a version that
// may not be read, and that is known by its tag.
func (l *lane) holdsUnread(ctx context.Context, i *Item) bool {
	again := i.request
	again.ForceNewVersion = false
	held, found, err := l.vault.Held(ctx, again)
	return err == nil && found && held.Unread
}

// checkNext finds the packages that may not become the next version of their name.
func (l *lane) checkNext(ctx context.Context, i *Item) error {
	err := l.mayFollow(ctx, i)
	if exitcode.Of(err) != exitcode.Refused {
		if ends := endsUpload(err); ends != nil {
			return ends
		}
	}
	i.Err = err
	return nil
}
