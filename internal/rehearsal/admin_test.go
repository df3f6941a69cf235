package rehearsal

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azkeys"

	"byok/internal/exitcode"
	"byok/internal/secret"
)

// arm switches faults on in a running vault.
func (r *running) arm(t *testing.T, faults ...string) {
	t.Helper()
	_, err := r.vault.SetFaults(ctx, faults...)
	must(t, err)
}

// left fails the test unless these faults are left.
func (r *running) left(t *testing.T, want ...string) {
	t.Helper()
	got, err := r.vault.Faults(ctx)
	must(t, err)
	if !slices.Equal(got, want) {
		t.Errorf("left are %q, not %q", got, want)
	}
}

func TestFaultsFromTheStart(t *testing.T) {
	for want, c := range map[string]Config{
		`fault "cut": expected cut=request|stored|answer`:                             {Faults: []string{"cut"}},
		`limit "10": expected documented or KEYS/DURATION, such as 10/10s`:            {Limit: "10"},
		`limit "0/10s": expected documented or KEYS/DURATION, such as 10/10s`:         {Limit: "0/10s"},
		`limit "x/10s": expected documented or KEYS/DURATION, such as 10/10s`:         {Limit: "x/10s"},
		`limit "10/forever": expected documented or KEYS/DURATION, such as 10/10s`:    {Limit: "10/forever"},
		`limit "documented/1s": expected documented or KEYS/DURATION, such as 10/10s`: {Limit: "documented/1s"},
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
		{"POST", `{"faults":[]}`, "405 BadParameter: expected GET or PUT"},
	} {
		if got := r.raw(t, c.method, adminPath, c.body); !strings.HasPrefix(got, c.want) {
			t.Errorf("%s %.40s\n got %s\nwant %s", c.method, c.body, got, c.want)
		}
	}
	r.left(t, "throttle=5,on=import,times=1")
	if _, err := r.vault.SetFaults(ctx, "slow"); err == nil || err.Error() != `fault "slow": expected slow=DURATION` || exitcode.Of(err) != exitcode.Usage {
		t.Error(err)
	}
	r.left(t, "throttle=5,on=import,times=1")
	list, err := r.vault.SetFaults(ctx)
	if err != nil || list == nil || len(list) > 0 {
		t.Errorf("%v, %v", list, err)
	}
	stranger := *r.vault
	stranger.token = secret.Take([]byte("of another vault"))
	if _, err := stranger.SetFaults(ctx, "throttle"); err == nil || err.Error() != "the rehearsal vault answers 401 Unauthorized" || exitcode.Of(err) != exitcode.Vault {
		t.Error(err)
	}
	r.stop()
	if _, err := r.vault.Faults(ctx); exitcode.Of(err) != exitcode.Vault || !strings.HasSuffix(err.Error(), "connect: connection refused") || exitcode.HintOf(err) != "byok-online rehearsal serve --state DIR runs the vault" {
		t.Errorf("%v, status %d, hint %s", err, exitcode.Of(err), exitcode.HintOf(err))
	}
}
