package azure

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"byok/internal/secret"
)

// TestKnownSecretsAreTakenOut: whatever shape an answer gives them.
func TestKnownSecretsAreTakenOut(t *testing.T) {
	const token = "hdr1hdr1hdr1.pay2/pay2+pay2.sig3sig3sig3"
	for _, c := range []struct{ name, echo string }{
		{"whole", token},
		{"dots to dashes", strings.ReplaceAll(token, ".", "-")},
		{"escaped", "hdr1hdr1hdr1%2Epay2%2Fpay2%2Bpay2%2Esig3sig3sig3"},
		{"a part", "the payload pay2/pay2+pay2 only"},
	} {
		err := WithSecrets(responded(400, envelope("A", "you said "+c.echo, "null")), token)
		err = Explain("do", fmt.Errorf("sent: %w", err), noon)
		for _, shown := range []string{err.Error(), Detail(err)} {
			for _, part := range []string{"hdr1", "pay2", "sig3"} {
				if strings.Contains(shown, part) {
					t.Errorf("%s: %s", c.name, shown)
				}
			}
			if !strings.Contains(shown, "you said") && !strings.Contains(shown, "[token]") {
				t.Errorf("%s: %s", c.name, shown)
			}
		}
	}
	nested := Explain("do", WithSecrets(WithSecrets(responded(400, envelope("A", "outer-secret inner-secret the", "null")), "inner-secret"), "outer-secret", "the"), noon)
	if want := "do: the service refused: [token] [token] the (A, request req-1)"; nested.Error() != want {
		t.Errorf("%v", nested)
	}
	if WithSecrets(nil, "x") != nil || WithSecrets(nested) != nested {
		t.Error("marked without need")
	}
}

// echoing is a credential whose refusal echoes what it was given.
type echoing struct{ said string }

func (e echoing) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{}, errors.New("refused: " + e.said)
}

func TestClientSecretIsTakenOut(t *testing.T) {
	value := secret.Take([]byte("Cl1entSecret~value"))
	defer value.Wipe()
	cred := hiding{echoing{"cs=Cl1entSecret~value;"}, value}
	_, err := Who(context.Background(), cred, Cloud{Suffixes: []string{".vault.azure.net"}}, "")
	if want := "sign in: refused: cs=[token];"; err == nil || err.Error() != want || strings.Contains(Detail(err), "Cl1ent") {
		t.Errorf("%v\n%s", err, Detail(err))
	}
}
