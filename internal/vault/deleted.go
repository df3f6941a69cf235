package vault

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azkeys"

	"byok/internal/exitcode"
)

// Deleted is a deleted key whose name the vault still keeps.
type Deleted struct {
	Name      string
	DeletedAt time.Time
	PurgeAt   time.Time // when the service will forget it by itself
}

func deletedOf(name string, k azkeys.DeletedKey) Deleted {
	return Deleted{Name: name, DeletedAt: value(k.DeletedDate).UTC(), PurgeAt: value(k.ScheduledPurgeDate).UTC()}
}

// Deleted reports whether a deleted key holds the name.
func (c *Client) Deleted(ctx context.Context, name string) (Deleted, bool, error) {
	var found Deleted
	err := c.read(ctx, "look for a deleted key "+name, func(ctx context.Context) error {
		answer, err := c.keys.GetDeletedKey(ctx, name, nil)
		found = deletedOf(name, answer.DeletedKey)
		return err
	})
	held, err := present(err)
	return found, held, err
}

// Recover brings a deleted key back with all its versions, and waits until it
// can be read.
func (c *Client) Recover(ctx context.Context, name string) error {
	doing := "recover key " + name
	back := func(ctx context.Context, c *Client) (bool, error) {
		_, err := c.Key(ctx, name, "")
		return present(err)
	}
	err := c.write(ctx, write{doing: doing, settled: back, request: func(ctx context.Context) error {
		_, err := c.keys.RecoverDeletedKey(ctx, name, nil)
		return err
	}})
	if err != nil {
		return err
	}
	for _, wait := range pauses() {
		ok, err := back(ctx, c)
		if ok || err != nil {
			return err
		}
		if err := c.clock.Sleep(ctx, wait); err != nil {
			return c.explain(doing, err)
		}
	}
	return exitcode.Errorf(exitcode.Vault, "%s: the vault accepted it and is still busy", doing).
		Hint("run the same command again in a minute")
}

// limbo marks the refusal of a name that no key holds any more: for one to
// five seconds after a purge the service answers 409 while the key and the
// deleted key are both not found.
func (c *Client) limbo(ctx context.Context, name string, refusal error) error {
	var answer *azcore.ResponseError
	if !errors.As(refusal, &answer) || answer.StatusCode != http.StatusConflict || judgeStatus(answer) != refused {
		return refusal
	}
	if _, held, err := c.Deleted(ctx, name); held || err != nil {
		return refusal
	}
	if _, err := c.Key(ctx, name, ""); !notFound(err) {
		return refusal
	}
	return limboError{refusal}
}
