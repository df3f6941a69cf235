package main

import (
	"context"
	"net/http"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/rogpeppe/go-internal/testscript"
)

// purgeKey: purge NAME destroys a deleted key of the rehearsal vault, as its
// owner can.
func purgeKey(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: purge NAME")
	}
	v, ctx := sceneOf(ts).vault, context.Background()
	token, err := v.Open.Credential().GetToken(ctx, policy.TokenRequestOptions{})
	ts.Check(err)
	request, err := http.NewRequestWithContext(ctx, http.MethodDelete,
		v.Open.URL+"/deletedkeys/"+args[0]+"?api-version=7.5", nil)
	ts.Check(err)
	request.Header.Set("Authorization", "Bearer "+token.Token)
	answer, err := v.Open.HTTP().Do(request)
	ts.Check(err)
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusNoContent {
		ts.Fatalf("purge %s: %s", args[0], answer.Status)
	}
}
