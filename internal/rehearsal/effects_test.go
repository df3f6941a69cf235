package rehearsal

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azkeys"
)

const missingK = "404 KeyNotFound: A key with (name/id) k was not found in this key vault. If you recently deleted this key you may be able to recover it " +
	"using the correct recovery command. For help resolving this issue, please see https://go.microsoft.com/fwlink/?linkid=2125182"

// TestFaultsThatAnswer: each of these is met once, and nothing is done.
func TestFaultsThatAnswer(t *testing.T) {
	for _, service := range []string{Vault, ManagedHSM} {
		r := start(t, service)
		for fault, want := range map[string]string{
			"throttle":           "429 Throttled: Request was not processed because too many requests were received. Reason: VaultRequestTypeLimitReached",
			"error=500":          "500 InternalServerError: Internal Server Error on purpose",
			"error=503":          "503 ServiceUnavailable: Service Unavailable on purpose",
			"forbidden=firewall": "403 Forbidden/ForbiddenByFirewall: Client address is not authorized and caller is not a trusted service.\r\nClient address: 127.0.0.1",
			"forbidden=private":  "403 Forbidden/ForbiddenByConnection: Public network access is disabled and request is not from a trusted service nor via an approved private link.",
			"forbidden=role":     "403 Forbidden/ForbiddenByRbac: Caller is not authorized to perform action on resource.\r\nIf role assignments, deny assignments or role definitions were changed recently, please observe propagation time.",
			"forbidden=policy":   "403 Forbidden/AccessDenied: The user, group or application does not have the permission on key vault 'rehearsal;location=rehearsal'. For help resolving this issue, please see https://go.microsoft.com/fwlink/?linkid=2125287",
			"standard":           "400 BadParameter: Hardware key operation not allowed on standard vault.",
		} {
			r.arm(t, fault)
			_, err := r.CreateKey(ctx, "k", azkeys.CreateKeyParameters{Kty: to.Ptr(azkeys.KeyTypeECHSM)}, nil)
			same(t, fault, err, want)
			r.left(t)
			_, err = r.GetKey(ctx, "k", "", nil)
			same(t, "afterwards", err, missingK)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	r := start(t, Vault)
	r.arm(t, "throttle=7", "throttle")
	for _, want := range []string{"7", ""} {
		_, err := r.GetKey(ctx, "k", "", nil)
		var e *azcore.ResponseError
		if !errors.As(err, &e) || e.StatusCode != http.StatusTooManyRequests || e.RawResponse.Header.Get("Retry-After") != want {
			t.Errorf("%v", err)
		}
	}
}

// TestFaultsAfterTheFact: the client hears of a failure, and the key is there.
func TestFaultsAfterTheFact(t *testing.T) {
	r := start(t, Vault)
	for fault, want := range map[string]bool{
		"error-after=502": true, "error-after=504": true, "cut=stored": true, "cut=answer": true, "cut=request": false, "error=502": false,
	} {
		name := strings.ReplaceAll(fault, "=", "-")
		r.arm(t, fault+",on=create")
		_, err := r.CreateKey(ctx, name, azkeys.CreateKeyParameters{Kty: to.Ptr(azkeys.KeyTypeECHSM)}, nil)
		if err == nil {
			t.Errorf("%s: no error", fault)
		}
		if _, err := r.GetKey(ctx, name, "", nil); (err == nil) != want {
			t.Errorf("%s: afterwards %v", fault, err)
		}
	}
}

// TestCut looks at what comes over the wire.
func TestCut(t *testing.T) {
	r := start(t, Vault)
	r.key(t, "k", azkeys.CreateKeyParameters{Kty: to.Ptr(azkeys.KeyTypeECHSM)})
	token, err := r.vault.Credential().GetToken(ctx, policy.TokenRequestOptions{})
	must(t, err)
	for fault, whole := range map[string]bool{"cut=request": false, "cut=stored": false, "cut=answer": true} {
		r.arm(t, fault)
		conn, err := tls.Dial("tcp", strings.TrimPrefix(r.vault.URL, "https://"), &tls.Config{RootCAs: r.vault.CA, ServerName: "localhost"})
		must(t, err)
		fmt.Fprintf(conn, "GET /keys/k?api-version=7.4 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n\r\n", token.Token)
		data, _ := io.ReadAll(conn)
		conn.Close()
		head, body, found := strings.Cut(string(data), "\r\n\r\n")
		if found != whole || whole && (!strings.HasPrefix(head, "HTTP/1.1 200 OK\r\n") || !strings.HasPrefix(body, `{"key":`) || strings.HasSuffix(body, "\n")) {
			t.Errorf("%s: %q", fault, data)
		}
	}
}

// TestSlow: the key is made at once, and the answer comes late.
func TestSlow(t *testing.T) {
	r := start(t, Vault)
	r.arm(t, "slow=10m,on=create", "slow=1ms,on=get")
	waiting, giveUp := context.WithCancel(ctx)
	go func() {
		defer giveUp()
		for range 1000 {
			if _, err := r.GetKey(ctx, "k", "", nil); err == nil {
				return
			}
			time.Sleep(5 * time.Millisecond)
		}
	}()
	_, err := r.CreateKey(waiting, "k", azkeys.CreateKeyParameters{Kty: to.Ptr(azkeys.KeyTypeECHSM)}, nil)
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, err := r.GetKey(ctx, "k", "", nil); err != nil {
		t.Error(err)
	}
	r.left(t)
}

func TestDeletedMeanwhile(t *testing.T) {
	r := start(t, Vault)
	r.arm(t, "deleted,on=create", "deleted,on=get")
	_, err := r.CreateKey(ctx, "new", azkeys.CreateKeyParameters{Kty: to.Ptr(azkeys.KeyTypeRSAHSM)}, nil)
	same(t, "create", err, "409 Conflict/ObjectIsDeletedButRecoverable: Key new is currently in a deleted but recoverable state, and its name cannot be reused; in this state, the key can only be recovered or purged.")
	if _, err := r.GetDeletedKey(ctx, "new", nil); err != nil {
		t.Error(err)
	}
	r.key(t, "k", azkeys.CreateKeyParameters{Kty: to.Ptr(azkeys.KeyTypeECHSM)})
	_, err = r.GetKey(ctx, "k", "", nil)
	same(t, "get", err, missingK)
	if _, err := r.RecoverDeletedKey(ctx, "k", nil); err != nil {
		t.Error(err)
	}
}

func TestLimbo(t *testing.T) {
	r := start(t, Vault)
	r.key(t, "k", azkeys.CreateKeyParameters{Kty: to.Ptr(azkeys.KeyTypeECHSM)})
	_, err := r.DeleteKey(ctx, "k", nil)
	must(t, err)
	r.arm(t, "limbo=10m,on=purge", "limbo=50ms,on=create,skip=1")
	_, err = r.PurgeDeletedKey(ctx, "k", nil)
	must(t, err)
	create := func(name string) error {
		_, err := r.CreateKey(ctx, name, azkeys.CreateKeyParameters{Kty: to.Ptr(azkeys.KeyTypeECHSM)}, nil)
		return err
	}
	same(t, "create", create("K"), "409 Conflict/ObjectIsBeingDeleted: Key K is currently being deleted and cannot be re-created; retry later.")
	_, err = r.GetKey(ctx, "k", "", nil)
	same(t, "get", err, missingK)
	_, err = r.GetDeletedKey(ctx, "k", nil)
	same(t, "get deleted", err, "404 KeyNotFound: Deleted Key not found: k")
	same(t, "another", create("another"), "409 Conflict/ObjectIsBeingDeleted: Key another is currently being deleted and cannot be re-created; retry later.")
	for deadline := time.Now().Add(5 * time.Second); create("another") != nil; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("limbo does not end")
		}
	}
}

func TestSpoiledKEK(t *testing.T) {
	r := start(t, Vault)
	for how, want := range map[string]string{
		"disabled": "403 Forbidden/KeyDisabled: Operation import is not allowed on a disabled key.",
		"expired":  "403 Forbidden/KeyExpired: Operation import is not allowed on an expired key.",
		"deleted":  "404 KeyNotFound: ",
	} {
		kek := r.kek(t, "KEK-"+how)
		der, _ := storedPKCS8(t, "p-256")
		blob := wrap(t, kek, der, wrapping{})
		r.arm(t, "kek="+how+",on=import")
		_, err := r.imports("target", "EC-HSM", "P-256", blob, nil)
		if !strings.HasPrefix(answer(err), want) {
			t.Errorf("%s: %s", how, answer(err))
		}
	}
	if k := r.key(t, "k", azkeys.CreateKeyParameters{Kty: to.Ptr(azkeys.KeyTypeECHSM)}); !*k.Attributes.Enabled {
		t.Error("another key is spoiled, too")
	}
}

// TestExpiredCertificate: the certificate is that of one new connection.
func TestExpiredCertificate(t *testing.T) {
	r := start(t, Vault)
	r.arm(t, "expired-certificate")
	for _, expired := range []bool{true, false} {
		client := r.vault.HTTP()
		answer, err := client.Get(r.vault.URL)
		var invalid x509.CertificateInvalidError
		if got := errors.As(err, &invalid) && invalid.Reason == x509.Expired; got != expired || !expired && err != nil {
			t.Error(err)
		}
		if err == nil {
			answer.Body.Close()
		}
		client.CloseIdleConnections()
	}
	r.left(t)
}
