package azure

import (
	"context"
	"errors"
	"net/url"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"byok/internal/secret"
)

// leastSecret is the length in bytes from which a part of a token is taken out
// of an answer. Shorter ones are ordinary words.
const leastSecret = 8

// secretive is an error whose text may hold a secret that is known.
type secretive struct {
	error
	secrets []string
}

// Unwrap returns the cause.
func (s secretive) Unwrap() error { return s.error }

// WithSecrets marks err as one whose text, or the answer behind it, may hold
// the secrets: a token, a client secret. [Explain] takes them out wherever
// they stand, whole, in the parts of a JSON Web Token, or escaped for a URL. A
// nil error stays nil.
func WithSecrets(err error, secrets ...string) error {
	if err == nil || len(secrets) == 0 {
		return err
	}
	return secretive{err, secrets}
}

// secretsOf collects the secrets that err was marked with.
func secretsOf(err error) (all []string) {
	var s secretive
	for errors.As(err, &s) {
		all = append(all, s.secrets...)
		err = s.error
	}
	return all
}

// redactKnown takes out the secrets.
func redactKnown(s string, secrets []string) string {
	for _, whole := range secrets {
		for _, part := range append([]string{whole}, strings.Split(whole, ".")...) {
			if len(part) < leastSecret {
				continue
			}
			for _, shape := range []string{part, url.QueryEscape(part), url.PathEscape(part)} {
				s = strings.ReplaceAll(s, shape, "[token]")
			}
		}
	}
	return s
}

// hiding is a credential whose errors are marked with its secret.
type hiding struct {
	azcore.TokenCredential
	secret *secret.Bytes
}

// GetToken implements azcore.TokenCredential.
func (h hiding) GetToken(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	token, err := h.TokenCredential.GetToken(ctx, o)
	if err != nil && h.secret.Len() > 0 {
		err = WithSecrets(err, h.secret.Text())
	}
	return token, err
}
