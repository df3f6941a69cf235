package wire

import (
	"encoding/json"
	"errors"
	"testing"
	"time"
)

func TestTimes(t *testing.T) {
	noon := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	for _, at := range []time.Time{{}, noon} {
		if back := Moment(Seconds(at)); !back.Equal(at) {
			t.Errorf("%s became %s", at, back)
		}
	}
	data, err := json.Marshal(Attributes{NotBefore: Seconds(time.Time{}), Expires: Seconds(noon)})
	if err != nil || string(data) != `{"exp":1767355200}` {
		t.Errorf("%s, %v", data, err)
	}
}

func TestFailures(t *testing.T) {
	for _, c := range []struct {
		failure *Failure
		status  int
		inner   string
		want    string
	}{
		{BadParameter("a %d", 1), 400, "", "BadParameter: a 1"},
		{InvalidKey(), 400, "", `BadParameter: The property "key" must be a valid JsonWebKey object`},
		{UnsupportedOperations(), 400, "", "BadParameter: Unsupported key operation(s)"},
		{NotFound("k", "v"), 404, "", "KeyNotFound: A key with (name/id) k/v was not found in this key vault. If you recently deleted this key you may be able to recover it using the correct recovery command. For help resolving this issue, please see https://go.microsoft.com/fwlink/?linkid=2125182"},
		{DeletedNotFound("k"), 404, "", "KeyNotFound: Deleted Key not found: k"},
		{Recoverable("k"), 409, "ObjectIsDeletedButRecoverable", "Conflict: Key k is currently in a deleted but recoverable state, and its name cannot be reused; in this state, the key can only be recovered or purged."},
		{BeingDeleted("k"), 409, "ObjectIsBeingDeleted", "Conflict: Key k is currently being deleted and cannot be re-created; retry later."},
		{Throttled(), 429, "", "Throttled: Request was not processed because too many requests were received. Reason: VaultRequestTypeLimitReached"},
		{Forbidden("KeyDisabled", "no %s", "sign"), 403, "KeyDisabled", "Forbidden: no sign"},
	} {
		if c.failure.Error() != c.want || c.failure.Status != c.status || c.failure.Inner != c.inner {
			t.Errorf("%d %s (%s), want %d %s (%s)", c.failure.Status, c.failure, c.failure.Inner, c.status, c.want, c.inner)
		}
	}
	why := errors.New("the cause")
	if f := BadParameter("x").Because(why); f.Why != why || f.Error() != "BadParameter: x" {
		t.Errorf("%+v", f)
	}
}
