package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"byok/internal/command"
	"byok/internal/exitcode"
	"byok/internal/term"
	"byok/internal/vault"
)

func kekCommands(p *command.Program) *cli.Command {
	name := &cli.StringFlag{Name: "name", Usage: "`NAME` of the KEK in the vault"}
	return &cli.Command{Name: "kek", Usage: "the vault's key exchange key", Subcommands: []*cli.Command{
		{
			Name: "create", Usage: "create an RSA-HSM key that can do nothing but import", Action: p.Step(debuggable(createKEK)),
			Flags: append(changeFlags(),
				&cli.StringFlag{Name: "name", Usage: "`NAME` of the KEK in the vault (default: KEKforBYOK-, the time and four digits)"},
				&cli.IntFlag{Name: "size", Usage: "`BITS`: 2048, 3072 or 4096", Value: 4096},
				&cli.DurationFlag{Name: "expires-in", Usage: "`DURATION` until it expires", Value: 72 * time.Hour}),
		},
		{Name: "show", Usage: "show a KEK and its fingerprint", Action: p.Action(debuggable(showKEK)), Flags: append(vaultFlags(), name)},
		{Name: "delete", Usage: "delete a KEK; its name stays reserved until the vault forgets it", Action: p.Step(debuggable(deleteKEK)), Flags: append(changeFlags(), name)},
	}}
}

// uniqueName names a KEK by the time, and tells two of one second apart.
func uniqueName(now time.Time) string {
	var tail [2]byte
	_, _ = rand.Read(tail[:]) // never fails (Go 1.24)
	return fmt.Sprintf("KEKforBYOK-%s-%x", now.Format("20060102T150405Z"), tail)
}

func createKEK(r *command.Run) (command.Result, error) {
	if err := r.NoArgs(); err != nil {
		return nil, err
	}
	name, bits, lifetime := r.String("name"), r.Int("size"), r.Duration("expires-in")
	if lifetime < time.Second {
		return nil, exitcode.Errorf(exitcode.Usage, "--expires-in %v: a time to come is expected", lifetime)
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
	if err := c.agree(r, fmt.Sprintf("create KEK %s, RSA %d, until %s", name, bits, timeText(expires))); err != nil {
		return nil, err
	}
	k, err := c.CreateKEK(ctx, name, bits, expires)
	if err != nil {
		return nil, err
	}
	r.Event.AddNote("KEK", k.ID.String())
	return describeVaultKey(k)
}

// newKEK checks that the name is free: a deleted key keeps its own.
func (c *connection) newKEK(ctx context.Context, name string, bits int, expires time.Time) error {
	if err := c.CheckNewKEK(ctx, name, bits, expires); err != nil {
		return err
	}
	gone, held, err := c.deleted(ctx, name)
	if err != nil || !held {
		return err
	}
	return exitcode.Hint(exitcode.Errorf(exitcode.Refused, "a deleted key holds the name %s until %s", name, timeText(gone.PurgeAt)), "another --name, or none for a new one")
}

func showKEK(r *command.Run) (command.Result, error) {
	c, k, err := namedKEK(r)
	if c == nil {
		return nil, err
	}
	v, failed := describeVaultKey(k)
	return v, errors.Join(err, failed)
}

func deleteKEK(r *command.Run) (command.Result, error) {
	c, k, err := namedKEK(r)
	if err != nil {
		return nil, err
	}
	if err := c.agree(r, "delete KEK "+k.ID.String()+" with all its versions"); err != nil {
		return nil, err
	}
	d, err := c.DeleteKEK(r.Context.Context, k.ID.Name)
	if err != nil {
		return nil, err
	}
	r.Event.AddNote("KEK", k.ID.String())
	return deletedView{d.Name, timeText(d.DeletedAt), timeText(d.PurgeAt)}, nil
}

// namedKEK reads the KEK that --name names. Of a key that is none it returns
// the key and an error.
func namedKEK(r *command.Run) (*connection, vault.Key, error) {
	if err := r.NoArgs(); err != nil {
		return nil, vault.Key{}, err
	}
	name, err := r.Required("name")
	if err != nil {
		return nil, vault.Key{}, err
	}
	c, err := connect(r)
	if err != nil {
		return nil, vault.Key{}, err
	}
	k, err := c.Key(r.Context.Context, name, "")
	if err != nil {
		return nil, vault.Key{}, err
	}
	if !k.IsKEK() {
		err = exitcode.Errorf(exitcode.Check, "key %s is no KEK: its operations are %s", name, strings.Join(k.Ops, ", "))
	}
	return c, k, err
}

type deletedView struct {
	Name    string `json:"name"`
	Deleted string `json:"deleted"`
	Purged  string `json:"purged"`
}

func (v deletedView) Print(w io.Writer) error {
	return term.Table(w, filled([][]string{{"deleted", v.Name}, {"at", v.Deleted}, {"name free again", v.Purged}}))
}
