package main

import (
	"context"
	"errors"
	"net/http"

	"byok/internal/azure"
	"byok/internal/command"
	"byok/internal/exitcode"
	"byok/internal/vault"
)

// agree says back who is about to change what, and wants a yes. Something was
// read from the vault before, so that the account is the one it knows us by.
func (c *connection) agree(r *command.Run, what string) error {
	credential, tenant := c.standing()
	r.Console.Say("credential %s, tenant %s, vault %v", credential, tenant, c.Address())
	r.Event.AddNote("credential", credential)
	r.Event.AddNote("tenant", tenant)
	if r.Bool("yes") {
		return nil
	}
	if !r.Console.Interactive() {
		return exitcode.Hint(exitcode.Errorf(exitcode.Refused, "%s in %v: there is nobody to ask", what, c.Address()), "give --yes where that is meant")
	}
	return r.Console.Confirm(what+" in "+c.Address().String()+"?", "yes")
}

// standing is the credential and the tenant in use, by the token's own word
// where there is one.
func (c *connection) standing() (credential, tenant string) {
	credential, tenant = c.method, c.tenant
	if c.rehearsal == nil {
		credential += " in " + c.cloud.Name
	}
	if id, known := c.cred.Identity(); known {
		credential, tenant = c.method+" as "+id.Account+" in "+id.Cloud, id.Tenant
	}
	if tenant == "" {
		tenant = "the credential's own"
	}
	return credential, tenant
}

// deleted tells whether a deleted key holds the name. An account may import
// without being allowed to see deleted keys: then it shows when the vault
// refuses the name.
func (c *connection) deleted(ctx context.Context, name string) (vault.Deleted, bool, error) {
	gone, held, err := c.Deleted(ctx, name)
	var answer *azure.Error
	if errors.As(err, &answer) && answer.Status == http.StatusForbidden {
		return vault.Deleted{}, false, nil
	}
	return gone, held, err
}
