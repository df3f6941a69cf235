package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"byok/internal/azure"
	"byok/internal/ceremony"
	"byok/internal/command"
	"byok/internal/exitcode"
	"byok/internal/onlineview"
	"byok/internal/register"
	"byok/internal/stamp"
	"byok/internal/upload"
	"byok/internal/vault"
)

func kekCommands(p *command.Program) *cli.Command {
	return &cli.Command{Name: "kek", Usage: "the vault's key exchange key", Subcommands: []*cli.Command{
		{
			Name:   "create",
			Usage:  "create an RSA-HSM key that can do nothing but import",
			Action: p.Step(command.WithoutFiles(debuggable(createKEK))),
			Flags: with(changeFlags(),
				&cli.StringFlag{
					Name:  "name",
					Usage: "`NAME` of the KEK in the vault (default: KEKforBYOK-<UTC time>-<4 hex digits>)",
				},
				&cli.IntFlag{Name: "size", Usage: "`BITS` of it: 2048, 3072 or 4096", Value: 4096},
				&cli.DurationFlag{Name: "expires-in", Usage: "`DURATION` until it expires", Value: 72 * time.Hour}),
		},
		{
			Name:   "show",
			Usage:  "show a KEK and its fingerprint",
			Action: p.Action(command.WithoutFiles(debuggable(showKEK))),
			Flags:  with(vaultFlags(), kekName()),
		},
		{
			Name:   "delete",
			Usage:  "close a KEK: delete it, so that nothing more can be imported with it",
			Action: p.Step(command.WithoutFiles(debuggable(deleteKEK))),
			Flags:  with(changeFlags(), kekName()),
		},
	}}
}

func kekName() cli.Flag {
	return &cli.StringFlag{Name: "name", Usage: "`NAME` of the KEK in the vault", Required: true}
}

// uniqueName names a KEK by the time, and distinguishes two of one second.
func uniqueName(now time.Time) string {
	var tail [2]byte
	_, _ = rand.Read(tail[:]) // never fails (Go 1.24)
	return fmt.Sprintf("KEKforBYOK-%s-%x", now.Format("20060102T150405Z"), tail)
}

func createKEK(r *command.Run) (command.Result, error) {
	name, bits, lifetime := r.String("name"), r.Int("size"), r.Duration("expires-in")
	if lifetime < time.Second {
		return nil, exitcode.Errorf(exitcode.Usage, "--expires-in %v: it must be positive", lifetime)
	}
	now := time.Now().UTC().Truncate(time.Second)
	if name == "" {
		name = uniqueName(now)
	}
	c, err := connect(r)
	if err != nil {
		return nil, err
	}
	ctx, expires := r.Context.Context, now.Add(lifetime)
	if err := c.newKEK(ctx, name, bits, expires); err != nil {
		return nil, err
	}
	if err := c.confirm(r, fmt.Sprintf("create KEK %s, RSA %d, until %s", name, bits, stamp.Text(expires))); err != nil {
		return nil, err
	}
	k, err := c.CreateKEK(ctx, name, bits, expires)
	if err != nil {
		return nil, err
	}
	r.Event.AddNote(register.NoteKEK, k.ID.String())
	return onlineview.OfKey(k)
}

// newKEK checks that the name is free: a deleted key keeps its own.
func (c *connection) newKEK(ctx context.Context, name string, bits int, expires time.Time) error {
	if err := c.CheckNewKEK(ctx, name, bits, expires); err != nil {
		return err
	}
	gone, held, err := upload.Reserved(ctx, c.Client, name)
	if err != nil || !held {
		return err
	}
	return exitcode.Errorf(exitcode.Refused, "a deleted key holds the name %s until %s", name, stamp.Text(gone.PurgeAt)).
		Hint("give another --name, or none to have one generated")
}

func showKEK(r *command.Run) (command.Result, error) {
	c, err := connect(r)
	if err != nil {
		return nil, err
	}
	name := r.String("name")
	k, err := c.Key(r.Context.Context, name, "")
	if d, gone := deletedBefore(r, c, name, err); gone {
		return nil, exitcode.Errorf(exitcode.Vault,
			"the KEK %s is closed: it was deleted%s, and nothing can be imported with it", name, since(d))
	}
	if err != nil {
		return nil, err
	}
	v, err := onlineview.OfKey(k)
	return v, errors.Join(onlyKEK(k), err)
}

// since says when a key was deleted; the vault forgets that once it is purged.
func since(d vault.Deleted) string {
	if d.DeletedAt.IsZero() {
		return " and purged"
	}
	return " on " + stamp.Text(d.DeletedAt)
}

// deleteKEK closes a KEK: nothing can be imported with it any more. That it is
// closed is in the log, also where somebody else has deleted it before.
func deleteKEK(r *command.Run) (command.Result, error) {
	c, err := connect(r)
	if err != nil {
		return nil, err
	}
	ctx, name := r.Context.Context, r.String("name")
	k, err := c.Key(ctx, name, "")
	if err != nil {
		return closedBefore(r, c, name, err)
	}
	if err := onlyKEK(k); err != nil {
		return nil, err
	}
	if err := c.confirm(r, "delete KEK "+k.ID.String()+" with all its versions"); err != nil {
		return nil, err
	}
	d, err := c.DeleteKEK(ctx, name)
	if err != nil {
		return nil, err
	}
	r.Event.AddNote(register.NoteClosed, k.ID.String())
	return onlineview.OfDeleted(k.ID.String(), d, false), nil
}

// closedBefore shows a KEK that is not in the vault any more; err says why it
// cannot be read, and stands where it was not deleted. One that was purged as
// well is known from the log alone.
func closedBefore(r *command.Run, c *connection, name string, err error) (command.Result, error) {
	d, gone := deletedBefore(r, c, name, err)
	if !gone {
		return nil, err
	}
	kid := c.Address().String() + "/keys/" + name
	r.Event.AddNote(register.NoteClosed, kid)
	return onlineview.OfDeleted(kid, d, true), nil
}

// deletedBefore reports whether a KEK that cannot be read was deleted, and when.
func deletedBefore(r *command.Run, c *connection, name string, err error) (vault.Deleted, bool) {
	var answer *azure.Error
	if !errors.As(err, &answer) || answer.Status != http.StatusNotFound {
		return vault.Deleted{}, false
	}
	d, held, failed := upload.Reserved(r.Context.Context, c.Client, name)
	if failed != nil || held {
		return d, held && failed == nil
	}
	dir, err := r.KMData()
	if err != nil {
		return d, false
	}
	log, _ := ceremony.Read(dir) // a torn log shows less
	return d, register.KnownKEK(log.Events, c.Address().String(), name)
}

// onlyKEK returns an error for a key that is more than a KEK.
func onlyKEK(k vault.Key) error {
	if k.IsKEK() {
		return nil
	}
	return exitcode.Errorf(exitcode.Check, "key %s is not a KEK: its operations are %s",
		k.ID.Name, strings.Join(k.Ops, ", "))
}
