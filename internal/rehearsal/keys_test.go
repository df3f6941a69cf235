package rehearsal

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azkeys"

	"byok/internal/keykind"
)

var ctx = context.Background()

func TestCreateEveryType(t *testing.T) {
	r := start(t, ManagedHSM)
	for _, c := range []struct {
		asked    azkeys.CreateKeyParameters
		kty, crv string
		n        int // bytes of the modulus or of a coordinate
	}{
		{azkeys.CreateKeyParameters{Kty: to.Ptr(azkeys.KeyTypeRSAHSM)}, "RSA-HSM", "", 256},
		{azkeys.CreateKeyParameters{Kty: to.Ptr(azkeys.KeyTypeRSA), KeySize: to.Ptr(int32(3072)), PublicExponent: to.Ptr(int32(65537))}, "RSA-HSM", "", 384},
		{azkeys.CreateKeyParameters{Kty: to.Ptr(azkeys.KeyTypeECHSM)}, "EC-HSM", "P-256", 32},
		{azkeys.CreateKeyParameters{Kty: to.Ptr(azkeys.KeyTypeECHSM), Curve: to.Ptr(azkeys.CurveNameP384)}, "EC-HSM", "P-384", 48},
		{azkeys.CreateKeyParameters{Kty: to.Ptr(azkeys.KeyTypeECHSM), Curve: to.Ptr(azkeys.CurveNameP521)}, "EC-HSM", "P-521", 66},
		{azkeys.CreateKeyParameters{Kty: to.Ptr(azkeys.KeyTypeECHSM), Curve: to.Ptr(azkeys.CurveNameP256K)}, "EC-HSM", "P-256K", 32},
		{azkeys.CreateKeyParameters{Kty: to.Ptr(azkeys.KeyTypeOctHSM)}, "oct-HSM", "", 0},
		{azkeys.CreateKeyParameters{Kty: to.Ptr(azkeys.KeyTypeOctHSM), KeySize: to.Ptr(int32(192))}, "oct-HSM", "", 0},
	} {
		b := r.key(t, "every-type", c.asked)
		crv := ""
		if b.Key.Crv != nil {
			crv = string(*b.Key.Crv)
		}
		n := len(b.Key.N) + len(b.Key.X)
		if string(*b.Key.Kty) != c.kty || crv != c.crv || n != c.n || len(b.Key.X) != len(b.Key.Y) {
			t.Errorf("%s %s: got %s %s of %d bytes", c.kty, c.crv, *b.Key.Kty, crv, n)
		}
		if b.Key.D != nil || b.Key.P != nil || b.Key.K != nil || b.Key.T != nil {
			t.Errorf("%s %s: private parts in the answer", c.kty, c.crv)
		}
		if got, want := fmt.Sprint(opNames(b.Key.KeyOps)), fmt.Sprint(keykind.KeyOps(c.kty)); got != want {
			t.Errorf("%s: key_ops %s, want %s", c.kty, got, want)
		}
	}
}

func opNames(ops []*azkeys.KeyOperation) (names []string) {
	for _, op := range ops {
		names = append(names, string(*op))
	}
	return names
}

func TestBundle(t *testing.T) {
	r := start(t, Vault)
	from, until := time.Now().Add(-time.Hour).UTC().Truncate(time.Second), time.Now().Add(72*time.Hour).UTC().Truncate(time.Second)
	b := r.key(t, "KEKforBYOK", azkeys.CreateKeyParameters{
		Kty: to.Ptr(azkeys.KeyTypeRSAHSM), KeySize: to.Ptr(int32(2048)), KeyOps: ops("import"),
		KeyAttributes: &azkeys.KeyAttributes{Expires: &until, NotBefore: &from},
		Tags:          map[string]*string{"purpose": to.Ptr("byok")},
	})
	if want := regexp.MustCompile(`^` + regexp.QuoteMeta(r.vault.URL) + `/keys/KEKforBYOK/[0-9a-f]{32}$`); !want.MatchString(string(*b.Key.KID)) {
		t.Errorf("kid %s", *b.Key.KID)
	}
	a := b.Attributes
	if !*a.Enabled || !a.Expires.Equal(until) || !a.NotBefore.Equal(from) || *a.HSMPlatform != "2" || *a.RecoverableDays != 90 ||
		*a.RecoveryLevel != "Recoverable+Purgeable" || *a.Exportable || time.Since(*a.Created) > time.Minute || !a.Created.Equal(*a.Updated) {
		t.Errorf("attributes %+v", a)
	}
	got, err := r.GetKey(ctx, "kekforbyok", "", nil) // names compare without case
	must(t, err)
	if *got.Key.KID != *b.Key.KID || *got.Tags["purpose"] != "byok" || fmt.Sprint(opNames(got.Key.KeyOps)) != "[import]" {
		t.Errorf("got %s %v %v", *got.Key.KID, got.Tags, opNames(got.Key.KeyOps))
	}
	got, err = r.GetKey(ctx, "KEKforBYOK", strings.ToUpper(b.Key.KID.Version()), nil)
	must(t, err)
	if *got.Key.KID != *b.Key.KID {
		t.Errorf("by version: %s", *got.Key.KID)
	}
}

func TestCreateRefusals(t *testing.T) {
	hsm, vault := start(t, ManagedHSM), start(t, Vault)
	rsa := to.Ptr(azkeys.KeyTypeRSAHSM)
	policy := &azkeys.KeyReleasePolicy{EncodedPolicy: []byte("{}")}
	for name, c := range map[string]struct {
		on   *running
		name string
		p    azkeys.CreateKeyParameters
		want string
	}{
		"name":             {hsm, "no_underscore", azkeys.CreateKeyParameters{Kty: rsa}, "400 BadParameter: The request URI contains an invalid name: no_underscore"},
		"long name":        {hsm, strings.Repeat("n", 128), azkeys.CreateKeyParameters{Kty: rsa}, "400 BadParameter: The request URI contains an invalid name: " + strings.Repeat("n", 128)},
		"no kty":           {hsm, "k", azkeys.CreateKeyParameters{}, `400 BadParameter: The property "key" must be a valid JsonWebKey object`},
		"unknown kty":      {hsm, "k", azkeys.CreateKeyParameters{Kty: to.Ptr(azkeys.KeyType("OKP"))}, `400 BadParameter: The property "key" must be a valid JsonWebKey object`},
		"RSA of 1024":      {hsm, "k", azkeys.CreateKeyParameters{Kty: rsa, KeySize: to.Ptr(int32(1024))}, "400 BadParameter: Invalid key_size: 1024. An RSA key has 2048, 3072 or 4096 bits"},
		"oct of 512":       {hsm, "k", azkeys.CreateKeyParameters{Kty: to.Ptr(azkeys.KeyTypeOctHSM), KeySize: to.Ptr(int32(512))}, "400 BadParameter: Invalid key_size: 512. An oct key has 128, 192 or 256 bits"},
		"exponent 3":       {hsm, "k", azkeys.CreateKeyParameters{Kty: rsa, PublicExponent: to.Ptr(int32(3))}, "400 BadParameter: Invalid public_exponent: 3. The vault makes RSA keys with 65537"},
		"unknown curve":    {hsm, "k", azkeys.CreateKeyParameters{Kty: to.Ptr(azkeys.KeyTypeECHSM), Curve: to.Ptr(azkeys.CurveName("SECP256K1"))}, "400 BadParameter: Invalid crv: SECP256K1. A curve is P-256, P-384, P-521 or P-256K"},
		"EC encrypts":      {hsm, "k", azkeys.CreateKeyParameters{Kty: to.Ptr(azkeys.KeyTypeECHSM), KeyOps: ops("encrypt")}, "400 BadParameter: Unsupported key operation(s)"},
		"EC imports":       {hsm, "k", azkeys.CreateKeyParameters{Kty: to.Ptr(azkeys.KeyTypeECHSM), KeyOps: ops("import")}, "400 BadParameter: Unsupported key operation(s)"},
		"oct signs":        {hsm, "k", azkeys.CreateKeyParameters{Kty: to.Ptr(azkeys.KeyTypeOctHSM), KeyOps: ops("sign")}, "400 BadParameter: Unsupported key operation(s)"},
		"import and more":  {hsm, "k", azkeys.CreateKeyParameters{Kty: rsa, KeyOps: ops("import", "sign")}, "400 BadParameter: Unsupported key operation(s)"},
		"twice":            {hsm, "k", azkeys.CreateKeyParameters{Kty: rsa, KeyOps: ops("sign", "sign")}, "400 BadParameter: Unsupported key operation(s)"},
		"no such op":       {hsm, "k", azkeys.CreateKeyParameters{Kty: rsa, KeyOps: ops("derive")}, "400 BadParameter: Unsupported key operation(s)"},
		"dates":            {hsm, "k", azkeys.CreateKeyParameters{Kty: rsa, KeyAttributes: &azkeys.KeyAttributes{NotBefore: to.Ptr(time.Now()), Expires: to.Ptr(time.Now())}}, "400 BadParameter: The expiry date must be after the activation date"},
		"no policy":        {hsm, "k", azkeys.CreateKeyParameters{Kty: rsa, KeyAttributes: &azkeys.KeyAttributes{Exportable: to.Ptr(true)}}, "400 BadParameter: Exportable keys must have release policy"},
		"policy":           {hsm, "k", azkeys.CreateKeyParameters{Kty: rsa, ReleasePolicy: policy}, "400 BadParameter: Non-exportable keys must not have release policy"},
		"no policy, vault": {vault, "k", azkeys.CreateKeyParameters{Kty: rsa, KeyAttributes: &azkeys.KeyAttributes{Exportable: to.Ptr(true)}}, "400 BadParameter: AKV.SKR.1004: Exportable keys must have release policy."},
		"policy, vault":    {vault, "k", azkeys.CreateKeyParameters{Kty: rsa, ReleasePolicy: policy}, "400 BadParameter: AKV.SKR.1005: Non-exportable keys must not have release policy."},
		"oct, vault":       {vault, "k", azkeys.CreateKeyParameters{Kty: to.Ptr(azkeys.KeyTypeOctHSM)}, "400 BadParameter: Key type oct-HSM is not supported by a vault, only by a Managed HSM"},
		"software, vault":  {vault, "k", azkeys.CreateKeyParameters{Kty: to.Ptr(azkeys.KeyTypeRSA)}, "400 BadParameter: Key type RSA is a software key, which the rehearsal vault does not keep"},
	} {
		_, err := c.on.CreateKey(ctx, c.name, c.p, nil)
		same(t, name, err, c.want)
	}
	for _, r := range []*running{hsm, vault} {
		if names := r.names(t); len(names) > 0 {
			t.Errorf("refused keys are listed: %v", names)
		}
	}
}

// names lists the vault's keys.
func (r *running) names(t *testing.T) (names []string) {
	t.Helper()
	for pager := r.NewListKeyPropertiesPager(nil); pager.More(); {
		page, err := pager.NextPage(ctx)
		must(t, err)
		for _, k := range page.Value {
			names = append(names, k.KID.Name())
		}
	}
	return names
}

func TestListsInPages(t *testing.T) {
	r := start(t, ManagedHSM)
	small := azkeys.CreateKeyParameters{Kty: to.Ptr(azkeys.KeyTypeOctHSM)}
	var want []string
	for i := range 2*pageSize + 3 {
		want = append(want, fmt.Sprintf("key-%02d", i))
		r.key(t, want[i], small)
	}
	if got := r.names(t); !slices.Equal(got, want) {
		t.Errorf("keys %v", got)
	}

	made := map[string]bool{}
	for range pageSize + 2 {
		b := r.key(t, "versions", small)
		made[string(*b.Key.KID)] = true
	}
	pages := 0
	for pager := r.NewListKeyPropertiesVersionsPager("versions", nil); pager.More(); pages++ {
		page, err := pager.NextPage(ctx)
		must(t, err)
		for _, k := range page.Value {
			if !made[string(*k.KID)] {
				t.Errorf("version %s", *k.KID)
			}
			delete(made, string(*k.KID))
		}
	}
	if len(made) > 0 || pages != 2 {
		t.Errorf("%d versions missing in %d pages", len(made), pages)
	}

	none, err := r.NewListKeyPropertiesVersionsPager("no-such-key", nil).NextPage(ctx)
	if err != nil || len(none.Value) != 0 {
		t.Errorf("versions of no key: %d, %v", len(none.Value), err)
	}
	for _, asked := range []string{"0", "26", "x"} {
		got := r.raw(t, "GET", "/keys?api-version=7.4&maxresults="+asked, "")
		if want := "400 BadParameter: Invalid maxresults: " + asked + ". It must be between 1 and 25"; got != want {
			t.Errorf("maxresults: %s", got)
		}
	}
	if got := r.raw(t, "GET", "/keys?api-version=7.4&%24skiptoken=*", ""); got != "400 BadParameter: Invalid $skiptoken" {
		t.Errorf("skiptoken: %s", got)
	}
}

func TestUpdate(t *testing.T) {
	r := start(t, ManagedHSM)
	b := r.key(t, "changing", azkeys.CreateKeyParameters{Kty: to.Ptr(azkeys.KeyTypeECHSM), Tags: map[string]*string{"a": to.Ptr("1")}})
	until := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	u, err := r.UpdateKey(ctx, "changing", "", azkeys.UpdateKeyParameters{
		KeyOps: ops("verify"), Tags: map[string]*string{"b": to.Ptr("2")},
		KeyAttributes: &azkeys.KeyAttributes{Expires: &until, Enabled: to.Ptr(false)},
	}, nil)
	must(t, err)
	if *u.Key.KID != *b.Key.KID || fmt.Sprint(opNames(u.Key.KeyOps)) != "[verify]" || u.Tags["a"] != nil || *u.Tags["b"] != "2" ||
		!u.Attributes.Expires.Equal(until) || *u.Attributes.Enabled {
		t.Errorf("updated to %+v %+v", u.Key, u.Attributes)
	}
	_, err = r.GetKey(ctx, "changing", "", nil)
	same(t, "get of a disabled key", err, "403 Forbidden/KeyDisabled: Operation get is not allowed on a disabled key.")

	policy := &azkeys.KeyReleasePolicy{EncodedPolicy: []byte(`{"v":1}`), Immutable: to.Ptr(true)}
	x := r.key(t, "exportable", azkeys.CreateKeyParameters{
		Kty: to.Ptr(azkeys.KeyTypeECHSM), KeyAttributes: &azkeys.KeyAttributes{Exportable: to.Ptr(true)}, ReleasePolicy: policy})
	if string(x.ReleasePolicy.EncodedPolicy) != `{"v":1}` || !*x.Attributes.Exportable {
		t.Errorf("exportable key %+v", x.ReleasePolicy)
	}
	r.kek(t, "kek")
	for name, c := range map[string]struct {
		key  string
		p    azkeys.UpdateKeyParameters
		want string
	}{
		"no such key":      {"nothing", azkeys.UpdateKeyParameters{}, "404 KeyNotFound: A key with (name/id) nothing was not found in this key vault. If you recently deleted this key you may be able to recover it using the correct recovery command. For help resolving this issue, please see https://go.microsoft.com/fwlink/?linkid=2125182"},
		"ops of EC":        {"changing", azkeys.UpdateKeyParameters{KeyOps: ops("wrapKey")}, "400 BadParameter: Unsupported key operation(s)"},
		"KEK signs":        {"kek", azkeys.UpdateKeyParameters{KeyOps: ops("sign")}, "400 BadParameter: Unsupported key operation(s)"},
		"key becomes KEK":  {"changing", azkeys.UpdateKeyParameters{KeyOps: ops("import")}, "400 BadParameter: Unsupported key operation(s)"},
		"made exportable":  {"changing", azkeys.UpdateKeyParameters{KeyAttributes: &azkeys.KeyAttributes{Exportable: to.Ptr(true)}}, "400 BadParameter: Cannot modify the exportable state of a key"},
		"policy, not kept": {"changing", azkeys.UpdateKeyParameters{ReleasePolicy: policy}, "400 BadParameter: Non-exportable keys must not have release policy"},
		"immutable policy": {"exportable", azkeys.UpdateKeyParameters{ReleasePolicy: policy}, "400 BadParameter: Immutable Key Release Policy cannot be modified"},
	} {
		_, err := r.UpdateKey(ctx, c.key, "", c.p, nil)
		same(t, name, err, c.want)
	}
}

func TestDeleteRecoverPurge(t *testing.T) {
	r := start(t, ManagedHSM)
	p := azkeys.CreateKeyParameters{Kty: to.Ptr(azkeys.KeyTypeECHSM)}
	first := r.key(t, "Short-Lived", p)
	second := r.key(t, "Short-Lived", p)

	d, err := r.DeleteKey(ctx, "short-lived", nil)
	must(t, err)
	if *d.Key.KID != *second.Key.KID || *d.RecoveryID != r.vault.URL+"/deletedkeys/Short-Lived" || d.ScheduledPurgeDate.Sub(*d.DeletedDate) != recoverableDays*24*time.Hour {
		t.Errorf("deleted %s, recovery %s, %v until %v", *d.Key.KID, *d.RecoveryID, d.DeletedDate, d.ScheduledPurgeDate)
	}
	const conflict = "409 Conflict/ObjectIsDeletedButRecoverable: Key Short-Lived is currently in a deleted but recoverable state, and its name cannot be reused; in this state, the key can only be recovered or purged."
	const missing = "404 KeyNotFound: A key with (name/id) Short-Lived was not found in this key vault. If you recently deleted this key you may be able to recover it using the correct recovery command. For help resolving this issue, please see https://go.microsoft.com/fwlink/?linkid=2125182"
	const notDeleted = "404 KeyNotFound: Deleted Key not found: Short-Lived"
	_, err = r.CreateKey(ctx, "Short-Lived", p, nil)
	same(t, "create over a deleted key", err, conflict)
	_, err = r.GetKey(ctx, "Short-Lived", "", nil)
	same(t, "get a deleted key", err, missing)
	_, err = r.DeleteKey(ctx, "Short-Lived", nil)
	same(t, "delete a deleted key", err, missing)
	if names := r.names(t); len(names) != 0 {
		t.Errorf("a deleted key is listed: %v", names)
	}
	deleted, err := r.NewListDeletedKeyPropertiesPager(nil).NextPage(ctx)
	must(t, err)
	if len(deleted.Value) != 1 || string(*deleted.Value[0].KID) != r.vault.URL+"/keys/Short-Lived" || *deleted.Value[0].RecoveryID != *d.RecoveryID {
		t.Errorf("deleted keys %+v", deleted.Value)
	}

	recovered, err := r.RecoverDeletedKey(ctx, "Short-Lived", nil)
	must(t, err)
	if *recovered.Key.KID != *second.Key.KID {
		t.Errorf("recovered %s", *recovered.Key.KID)
	}
	_, err = r.GetKey(ctx, "Short-Lived", first.Key.KID.Version(), nil)
	must(t, err)
	_, err = r.RecoverDeletedKey(ctx, "Short-Lived", nil)
	same(t, "recover a live key", err, notDeleted)
	_, err = r.PurgeDeletedKey(ctx, "Short-Lived", nil)
	same(t, "purge a live key", err, notDeleted)
	_, err = r.GetDeletedKey(ctx, "Short-Lived", nil)
	same(t, "a live key among the deleted", err, notDeleted)

	_, err = r.DeleteKey(ctx, "Short-Lived", nil)
	must(t, err)
	_, err = r.PurgeDeletedKey(ctx, "Short-Lived", nil)
	must(t, err)
	_, err = r.GetDeletedKey(ctx, "Short-Lived", nil)
	same(t, "get a purged key", err, notDeleted)
	again := r.key(t, "Short-Lived", p)
	if *again.Key.KID == *first.Key.KID || *again.Key.KID == *second.Key.KID {
		t.Errorf("a purged version came back: %s", *again.Key.KID)
	}
}

func TestNotFoundVersions(t *testing.T) {
	r := start(t, Vault)
	b := r.key(t, "here", azkeys.CreateKeyParameters{Kty: to.Ptr(azkeys.KeyTypeECHSM)})
	other := hex.EncodeToString([]byte("0123456789abcdef"))
	_, err := r.GetKey(ctx, "here", other, nil)
	same(t, "another version", err, "404 KeyNotFound: A key with (name/id) here/"+other+" was not found in this key vault. If you recently deleted this key you may be able to recover it using the correct recovery command. For help resolving this issue, please see https://go.microsoft.com/fwlink/?linkid=2125182")
	_, err = r.Sign(ctx, "here", other, azkeys.SignParameters{Algorithm: to.Ptr(azkeys.SignatureAlgorithmES256), Value: make([]byte, 32)}, nil)
	if !strings.HasPrefix(answer(err), "404 KeyNotFound: ") {
		t.Errorf("sign with another version: %s", answer(err))
	}
	got := r.raw(t, http.MethodPost, "/keys/here/"+b.Key.KID.Version()+"/sign?api-version=7.4", `{"alg":"ES256","value":"`+base64.RawURLEncoding.EncodeToString([]byte("short"))+`"}`)
	if want := "400 BadParameter: Invalid length of 'value': 5 bytes. ES256 requires 32 bytes, encoded with base64url."; got != want {
		t.Errorf("short digest: %s", got)
	}
}
