package world

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"byok/internal/durable"
	"byok/internal/exitcode"
	"byok/internal/quorum"
	"byok/internal/strictjson"
)

// A pending file stands beside a file that a command is about to write, while
// the command changes the token: it says what an interrupted run may have left
// there. The next run of the same command cleans that up, or goes on from it.
// It holds nothing secret and is gone once the command has ended well.

func pendingPath(path string) string { return path + ".pending" }

// setPending writes v as the pending file of path.
func setPending(path string, v any) error {
	data, err := strictjson.Marshal(v)
	if err != nil {
		return err
	}
	return durable.WriteFile(pendingPath(path), data, 0o600)
}

// replacePending writes v over the pending file of path.
func replacePending(path string, v any) error {
	data, err := strictjson.Marshal(v)
	if err != nil {
		return err
	}
	return durable.Replace(pendingPath(path), data, 0o600)
}

// pending reads the pending file of path into v and tells whether there is one.
func pending(path string, v any) (bool, error) {
	data, err := os.ReadFile(pendingPath(path))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, exitcode.Mark(exitcode.Usage, strictjson.Unmarshal(pendingPath(path), data, MaxFile, v))
}

func clearPending(path string) error {
	err := durable.Remove(pendingPath(path))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// pendingWorld is the pending file of a world: what was asked for, and the
// card set that is being written, so that an interrupted creation goes on with
// the same cards.
type pendingWorld struct {
	Label     string `json:"label"`
	Rehearsal bool   `json:"rehearsal"`
	pendingCards
}

// check refuses to go on with another creation than the interrupted one.
func (p pendingWorld) check(path string, c Creation) error {
	names, err := quorum.CheckHolders(c.names())
	if err != nil {
		return err
	}
	if p.Label == c.Label && p.Rehearsal == c.Rehearsal && p.Cards.Quorum == c.Quorum && slices.Equal(p.Cards.Holders, names) {
		return nil
	}
	return exitcode.Hint(exitcode.Errorf(exitcode.Refused, "%s: an interrupted creation asked for %s", pendingPath(path), p),
		"run the same command again, or remove that file and its cards to begin afresh")
}

// String names the creation for messages.
func (p pendingWorld) String() string {
	kind := "production"
	if p.Rehearsal {
		kind = "a rehearsal"
	}
	return fmt.Sprintf("%s, label %q, quorum %v, cards of %s", kind, p.Label, p.Cards.Quorum, strings.Join(p.Cards.Holders, ", "))
}

// interrupted returns the cards of an interrupted run of the same creation.
func (c *creator) interrupted() (*pendingCards, error) {
	var before pendingWorld
	there, err := pending(c.path, &before)
	if err != nil || !there {
		return nil, err
	}
	return &before.pendingCards, before.check(c.path, c.Creation)
}

// leaving adds to the error of a step that what the step had made could not be
// taken back either. The next run takes it back.
func leaving(err, cleanErr error) error {
	if cleanErr == nil {
		return err
	}
	return exitcode.Hint(fmt.Errorf("%w; what was made so far is still on the token: %w", err, cleanErr),
		"run the same command again: it removes that first")
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
