package rehearsal

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azkeys"

	"byok/internal/exitcode"
)

func TestParseFault(t *testing.T) {
	for text, want := range map[string]string{
		"throttle":                                "throttle,times=1",
		"throttle=5":                              "throttle=5,times=1",
		"throttle=0,times=always":                 "throttle=0,times=always",
		"error=503,times=3,on=import":             "error=503,on=import,times=3",
		"error-after=500,on=create+import,skip=2": "error-after=500,on=create+import,skip=2,times=1",
		"cut=stored":                              "cut=stored,times=1",
		"slow=1.5s":                               "slow=1.5s,times=1",
		"forbidden=role":                          "forbidden=role,times=1",
		"deleted":                                 "deleted,times=1",
		"limbo=3s,on=purge":                       "limbo=3s,on=purge,times=1",
		"kek=expired":                             "kek=expired,times=1",
		"stores-wrong-key":                        "stores-wrong-key,times=1",
		"shows-wrong-key":                         "shows-wrong-key,times=1",
		"uses-wrong-key":                          "uses-wrong-key,times=1",
		"standard":                                "standard,times=1",
		"expired-certificate":                     "expired-certificate,times=1",
	} {
		f, err := parseFault(text)
		if err != nil || f.String() != want {
			t.Errorf("%s: %v, %v", text, f, err)
			continue
		}
		if again, err := parseFault(f.String()); err != nil || again.String() != want {
			t.Errorf("%s: %v, %v", f, again, err)
		}
	}
}

func TestParseFaultRefusals(t *testing.T) {
	for text, want := range map[string]string{
		"":                     `fault "": there are NAMES`,
		"cutt":                 `fault "cutt": there are NAMES`,
		"Throttle":             `fault "Throttle": there are NAMES`,
		"throttle=soon":        `fault "throttle=soon": throttle[=SECONDS] is expected`,
		"throttle=":            `fault "throttle=": throttle[=SECONDS] is expected`,
		"error":                `fault "error": error=500|502|503|504 is expected`,
		"error=404":            `fault "error=404": error=500|502|503|504 is expected`,
		"error=+500":           `fault "error=+500": error=500|502|503|504 is expected`,
		"error-after=200":      `fault "error-after=200": error-after=500|502|503|504 is expected`,
		"cut=off":              `fault "cut=off": cut=request|stored|answer is expected`,
		"slow=5":               `fault "slow=5": slow=DURATION is expected`,
		"slow=-5s":             `fault "slow=-5s": slow=DURATION is expected`,
		"limbo=1h":             `fault "limbo=1h": limbo=DURATION is expected`,
		"forbidden":            `fault "forbidden": forbidden=firewall|private|role|policy is expected`,
		"kek=lost":             `fault "kek=lost": kek=disabled|expired|deleted is expected`,
		"deleted=yes":          `fault "deleted=yes": deleted is expected`,
		"standard=":            `fault "standard=": standard is expected`,
		"cut=stored,on=put":    `fault "cut=stored,on=put": on=put: cut is met by OPERATIONS`,
		"standard,on=get":      `fault "standard,on=get": on=get: standard is met by create, import`,
		"standard,on=":         `fault "standard,on=": on=: standard is met by create, import`,
		"limbo=1s,on=recover":  `fault "limbo=1s,on=recover": on=recover: limbo is met by create, import, purge`,
		"throttle,times=0":     `fault "throttle,times=0": times=0: a number from 1 is expected`,
		"throttle,times=all":   `fault "throttle,times=all": times=all: a number from 1 is expected`,
		"throttle,skip=-1":     `fault "throttle,skip=-1": skip=-1: a number from 1 is expected`,
		"throttle,skip=always": `fault "throttle,skip=always": skip=always: a number from 1 is expected`,
		"throttle,import":      `fault "throttle,import": import: on=, skip= or times= is expected`,
	} {
		_, err := parseFaults([]string{"throttle", text})
		want = strings.NewReplacer("OPERATIONS", strings.Join(operations(), ", "),
			"NAMES", "throttle, error, error-after, cut, slow, forbidden, deleted, limbo, kek, stores-wrong-key, shows-wrong-key, uses-wrong-key, standard, expired-certificate").Replace(want)
		if err == nil || err.Error() != want || exitcode.Of(err) != exitcode.Usage {
			t.Errorf("got %v, status %d\nwant %s", err, exitcode.Of(err), want)
		}
	}
}

// FuzzParseFault holds that a fault's text survives being read.
func FuzzParseFault(f *testing.F) {
	for _, k := range kinds() {
		f.Add(k.name + k.form + ",on=import,skip=2,times=always")
	}
	f.Add("throttle=5,on=get+import,times=7")
	f.Fuzz(func(t *testing.T, text string) {
		one, err := parseFault(text)
		if err != nil {
			return
		}
		if again, err := parseFault(one.String()); err != nil || again.String() != one.String() {
			t.Errorf("%q became %s, then %v, %v", text, one, again, err)
		}
	})
}

func TestFaultHelp(t *testing.T) {
	help := FaultHelp()
	for _, k := range kinds() {
		if !strings.Contains(help, "  "+k.name+k.form+"\n") {
			t.Errorf("%s is missing", k.name)
		}
	}
	for _, name := range operations() {
		if !slices.Contains(strings.Fields(strings.Map(func(r rune) rune {
			if r == '.' {
				return ' '
			}
			return r
		}, help)), name) {
			t.Errorf("%s is missing", name)
		}
	}
}

// arm switches faults on in a running vault.
func (r *running) arm(t *testing.T, faults ...string) {
	t.Helper()
	_, err := r.vault.SetFaults(ctx, faults...)
	must(t, err)
}

// left wants these faults to be left.
func (r *running) left(t *testing.T, want ...string) {
	t.Helper()
	got, err := r.vault.Faults(ctx)
	must(t, err)
	if !slices.Equal(got, want) {
		t.Errorf("left are %q, not %q", got, want)
	}
}

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

// TestOrder: a fault that answers leaves the next to a later request; on, skip
// and times decide who is hit.
func TestOrder(t *testing.T) {
	r := start(t, Vault)
	r.arm(t, "throttle,on=get,skip=1", "error=500,on=get+list,times=2", "cut=stored,on=purge")
	var got []string
	for range 5 {
		_, err := r.GetKey(ctx, "k", "", nil)
		got = append(got, answer(err)[:3])
	}
	if want := "500 429 500 404 404"; strings.Join(got, " ") != want {
		t.Errorf("answers %s, not %s", got, want)
	}
	r.left(t, "cut=stored,on=purge,times=1")
	r.arm(t, "throttle,times=always")
	for range 3 {
		_, err := r.GetKey(ctx, "k", "", nil)
		if answer(err)[:3] != "429" {
			t.Error(err)
		}
	}
	r.left(t, "throttle,times=always")
	r.arm(t)
	r.left(t)
}

// TestFaultLog: the operator sees what went wrong on purpose.
func TestFaultLog(t *testing.T) {
	r := start(t, Vault)
	r.arm(t, "error-after=500,on=get")
	if got := r.log.last(); got != "PUT /rehearsal/faults 200" {
		t.Errorf("log %s", got)
	}
	_, err := r.GetKey(ctx, "k", "", nil)
	same(t, "get", err, "500 InternalServerError: Internal Server Error on purpose")
	want := []string{"fault error-after=500 on get", "GET /keys/k/ 404 KeyNotFound", "GET /keys/k/ 500 InternalServerError"}
	said := r.log.said[len(r.log.said)-len(want):]
	for i, line := range said {
		if !strings.HasPrefix(line, want[i]) {
			t.Errorf("log %q", said)
		}
	}
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

// TestLies: what the vault keeps, what it shows and what it uses can differ.
func TestLies(t *testing.T) {
	r := start(t, ManagedHSM)
	kek := r.kek(t, "KEKforBYOK")
	der, truth := storedPKCS8(t, "p-256")
	imports := func(name string) azkeys.KeyBundle {
		b, err := r.imports(name, "EC-HSM", "P-256", wrap(t, kek, der, wrapping{}), nil)
		must(t, err)
		return b
	}
	shown := func(name string) string {
		got, err := r.GetKey(ctx, name, "", nil)
		must(t, err)
		return publicPEM(t, got.Key)
	}

	r.arm(t, "stores-wrong-key")
	stored := publicPEM(t, imports("stored").Key)
	if stored == truth || stored != shown("stored") {
		t.Error("the other key was not stored")
	}
	checkSignature(t, r, "stored", "ES256", stored)

	r.arm(t, "shows-wrong-key")
	if publicPEM(t, imports("shown").Key) == truth || shown("shown") != truth {
		t.Error("the other key was not shown, or not only shown")
	}
	checkSignature(t, r, "shown", "ES256", truth)

	r.arm(t, "uses-wrong-key")
	imports("used")
	digest := make([]byte, 32)
	signed, err := r.Sign(ctx, "used", "", azkeys.SignParameters{Algorithm: to.Ptr(azkeys.SignatureAlgorithmES256), Value: digest}, nil)
	must(t, err)
	verified, err := r.Verify(ctx, "used", "", azkeys.VerifyParameters{Algorithm: to.Ptr(azkeys.SignatureAlgorithmES256), Digest: digest, Signature: signed.Result}, nil)
	if err != nil || *verified.Value {
		t.Errorf("the key's own signature: %v, %v", verified.Value, err)
	}

	r.arm(t, "stores-wrong-key", "uses-wrong-key")
	secret := []byte("an AES key, 16..")
	_, err = r.imports("aes", "oct-HSM", "", wrap(t, kek, secret, wrapping{}), nil)
	must(t, err)
	r.arm(t)
	block := azkeys.KeyOperationParameters{Algorithm: to.Ptr(azkeys.EncryptionAlgorithmA128CBC), Value: make([]byte, 16), IV: make([]byte, 16)}
	sealed, err := r.Encrypt(ctx, "aes", "", block, nil)
	must(t, err)
	if own, _ := octKey(secret).encrypt(operation{Algorithm: "A128CBC", Value: make([]byte, 16), IV: make([]byte, 16)}); string(own.Value) == string(sealed.Result) {
		t.Error("the AES key that was imported is the one in the vault")
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

func TestFaultsFromTheStart(t *testing.T) {
	for want, c := range map[string]Config{
		`fault "cut": cut=request|stored|answer is expected`:                              {Faults: []string{"cut"}},
		`limit "10": documented, or KEYS/DURATION such as 10/10s, is expected`:            {Limit: "10"},
		`limit "0/10s": documented, or KEYS/DURATION such as 10/10s, is expected`:         {Limit: "0/10s"},
		`limit "x/10s": documented, or KEYS/DURATION such as 10/10s, is expected`:         {Limit: "x/10s"},
		`limit "10/forever": documented, or KEYS/DURATION such as 10/10s, is expected`:    {Limit: "10/forever"},
		`limit "documented/1s": documented, or KEYS/DURATION such as 10/10s, is expected`: {Limit: "documented/1s"},
	} {
		c.State, c.Listen = filepath.Join(t.TempDir(), "state"), "127.0.0.1:0"
		err := Serve(ctx, c, func(Info) { t.Error("ready") })
		if err == nil || err.Error() != want || exitcode.Of(err) != exitcode.Usage {
			t.Errorf("got %v, status %d\nwant %s", err, exitcode.Of(err), want)
		}
		if _, err := os.Stat(c.State); err == nil {
			t.Error("the folder was made all the same")
		}
	}
	r := startAs(t, Config{State: t.TempDir(), Service: Vault, Faults: []string{"throttle=9", "cut=answer,on=list"}, Limit: "1/1m"})
	r.left(t, "throttle=9,times=1", "cut=answer,on=list,times=1")
	const throttled = "429 Throttled: Request was not processed because too many requests were received. Reason: VaultRequestTypeLimitReached"
	for _, want := range []string{throttled, "no error", throttled} {
		_, err := r.CreateKey(ctx, "k", azkeys.CreateKeyParameters{Kty: to.Ptr(azkeys.KeyTypeECHSM)}, nil)
		if want == "no error" {
			must(t, err)
			continue
		}
		same(t, "create", err, want)
	}
}

// TestAdministration: the faults of a running vault are for the holder of the
// folder's token.
func TestAdministration(t *testing.T) {
	r := start(t, Vault)
	if res, data := r.request(t, "PUT", adminPath, "Bearer wrong", strings.NewReader(`{"faults":["throttle"]}`)); res.StatusCode != http.StatusUnauthorized {
		t.Errorf("without the token: %d %s", res.StatusCode, data)
	}
	r.left(t)
	r.arm(t, "throttle=5,on=import")
	for _, c := range []struct{ method, body, want string }{
		{"PUT", `{"faults":["throttle","cutt"]}`, `400 BadParameter: fault "cutt": there are throttle,`},
		{"PUT", `{"fault":["throttle"]}`, "400 BadParameter: faults: unknown field fault"},
		{"PUT", `[]`, "400 BadParameter: faults: "},
		{"PUT", strings.Repeat(" ", maxBody+1), "400 BadParameter: the request cannot be read"},
		{"POST", `{"faults":[]}`, "405 BadParameter: GET or PUT is expected"},
	} {
		if got := r.raw(t, c.method, adminPath, c.body); !strings.HasPrefix(got, c.want) {
			t.Errorf("%s %.40s\n got %s\nwant %s", c.method, c.body, got, c.want)
		}
	}
	r.left(t, "throttle=5,on=import,times=1")
	if _, err := r.vault.SetFaults(ctx, "slow"); err == nil || err.Error() != `fault "slow": slow=DURATION is expected` || exitcode.Of(err) != exitcode.Usage {
		t.Error(err)
	}
	r.left(t, "throttle=5,on=import,times=1")
	list, err := r.vault.SetFaults(ctx)
	if err != nil || list == nil || len(list) > 0 {
		t.Errorf("%v, %v", list, err)
	}
	r.stop()
	if _, err := r.vault.Faults(ctx); exitcode.Of(err) != exitcode.Vault || !strings.HasSuffix(err.Error(), "connect: connection refused") || exitcode.HintOf(err) != "byok-online rehearsal serve --state DIR runs the vault" {
		t.Errorf("%v, status %d, hint %s", err, exitcode.Of(err), exitcode.HintOf(err))
	}
}

// TestLimiter goes through time second by second: in every span of ten seconds
// there are at most three.
func TestLimiter(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	l := &limiter{limit: limit{keys: 3, per: 10 * time.Second}, clock: func() time.Time { return at }}
	var got strings.Builder
	for range 24 {
		fmt.Fprint(&got, map[bool]string{true: "+", false: "-"}[l.admit()])
		at = at.Add(time.Second)
	}
	if want := "+++-------+++-------+++-"; got.String() != want {
		t.Errorf("%s, not %s", got.String(), want)
	}
	for text, want := range map[string]limit{
		"": {}, "7/3s": {keys: 7, per: 3 * time.Second}, documented: {keys: 1, per: time.Second},
	} {
		l, err := parseLimit(text)
		if got := l.of(ManagedHSM); err != nil || got != want {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
	if got := (limit{asked: true}).of(Vault); got != (limit{keys: 10, per: 10 * time.Second}) {
		t.Errorf("a vault's is %+v", got)
	}
	for range 100 {
		if !(&limiter{clock: time.Now}).admit() {
			t.Fatal("without a limit it refuses")
		}
	}
}
