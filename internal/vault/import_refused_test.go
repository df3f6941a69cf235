package vault

import (
	"context"
	"net/http"
	"testing"

	"byok/internal/exitcode"
)

func TestImportRefused(t *testing.T) {
	p := kinds()["RSA"]
	const stranger = "do not use this key; find out who or what answers for https://HOST"
	put := func(reply func(http.ResponseWriter, *http.Request, []byte)) []step {
		return []step{{listVersions, missing}, {putKey, reply}}
	}
	lies := func(change func(*fakeKey)) []step { return put(p.stored(version1).with(change).bundle) }
	badRequest := func(message string) []step { return put(refusal(400, "BadParameter", "", message)) }
	for name, c := range map[string]struct {
		steps      []step
		code       exitcode.Code
		want, hint string
	}{
		"another public key": {lies(func(k *fakeKey) { k.public = public("other RSA") }), exitcode.Check, "key https://HOST/keys/contoso/" + version1 + " has a different public key in the vault than in the package", stranger},
		"another type":       {lies(func(k *fakeKey) { k.kty, k.public = "EC-HSM", public("P-256") }), exitcode.Check, "key https://HOST/keys/contoso/" + version1 + " is of type EC-HSM in the vault, not RSA-HSM", ""},
		"software":           {lies(func(k *fakeKey) { k.kty = "RSA" }), exitcode.Check, "key https://HOST/keys/contoso/" + version1 + " is of type RSA in the vault, not RSA-HSM", ""},
		"other operations": {lies(func(k *fakeKey) { k.ops = []string{"verify"} }), exitcode.Check, "key https://HOST/keys/contoso/" + version1 + " has the operations verify in the vault, not sign, verify",
			"the operations of a version can be changed in the vault; --force-new-version imports another"},
		"wrong plaintext": {badRequest("RSA key is not valid - cannot instantiate crypto service"), exitcode.Vault,
			"import key contoso: the vault could not unwrap a key of this type from the package: RSA key is not valid - cannot instantiate crypto service (BadParameter, request req-1)",
			"the plaintext must be PKCS#8, the KEK's padding OAEP with SHA-1, the type right (--kty); " + hintInspect},
		"wrong KEK": {badRequest(`The property "key" must be a valid JsonWebKey object`), exitcode.Vault,
			"import key contoso: the vault cannot read the package as a key of this type: The property \"key\" must be a valid JsonWebKey object (BadParameter, request req-1)", "check --kty and --curve; " + hintInspect},
		"wrong operations": {badRequest("Unsupported key operation(s)"), exitcode.Vault,
			"import key contoso: a key operation does not fit the key's type: Unsupported key operation(s) (BadParameter, request req-1)",
			"--ops: RSA encrypt, decrypt, sign, verify, wrapKey, unwrapKey; EC sign, verify; AES encrypt, decrypt, wrapKey, unwrapKey"},
		"no policy": {badRequest("Exportable keys must have release policy."), exitcode.Vault,
			"import key contoso: an exportable key needs a release policy, and only such a key has one: Exportable keys must have release policy (BadParameter, request req-1)", "--exportable with --release-policy FILE, or neither"},
		"unheard of": {badRequest("Something new.\r\nand its second line"), exitcode.Vault, "import key contoso: the service refused: Something new (BadParameter, request req-1)", ""},
		"deleted": {append(put(softDeleted), step{"GET /deletedkeys/contoso", answer(200, "{}")}), exitcode.Vault,
			"import key contoso: a deleted key holds this name: Key kek is currently in a deleted but recoverable state, and its name cannot be reused; in this state, the key can only be recovered or purged (Conflict/ObjectIsDeletedButRecoverable, request req-1)", "--recover brings that key back; or choose another --name"},
		"being deleted": {append(put(refusal(409, "Conflict", "ObjectIsBeingDeleted", "")), step{"GET /deletedkeys/contoso", answer(200, "{}")}), exitcode.Vault,
			"import key contoso: a key of this name is being deleted (Conflict/ObjectIsBeingDeleted, request req-1)", "run the same command again in a minute"},
		"firewall": {[]step{{listVersions, refusal(403, "Forbidden", "ForbiddenByFirewall", "Client address is not authorized and caller is not a trusted service.")}}, exitcode.Vault,
			"list the versions of key contoso: the vault's firewall blocks this computer: Client address is not authorized and caller is not a trusted service (Forbidden/ForbiddenByFirewall, request req-1)", "add this network to the vault's firewall, or work from inside it"},
		"private": {[]step{{listVersions, refusal(403, "Forbidden", "ForbiddenByConnection", "Public network access is disabled and request is not from a trusted service nor via an approved private link.")}}, exitcode.Vault,
			"list the versions of key contoso: the vault answers only through its private endpoint: Public network access is disabled and request is not from a trusted service nor via an approved private link (Forbidden/ForbiddenByConnection, request req-1)", "work from inside its network"},
		"policy": {put(refusal(403, "Forbidden", "AccessDenied", "The user, group or application does not have keys import permission.")), exitcode.Vault,
			"import key contoso: the vault's access policy does not allow this to the account: The user, group or application does not have keys import permission (Forbidden/AccessDenied, request req-1)",
			"give it the key permissions get, list, create, import, recover, sign, encrypt and decrypt"},
		"Managed HSM role": {put(refusal(403, "Forbidden", "", "The user, group or application is not authorized.")), exitcode.Vault,
			"import key contoso: the vault does not allow this: The user, group or application is not authorized (Forbidden, request req-1)", hintRole},
		"another tenant": {put(refusal(401, "Unauthorized", "", "AKV10032: Invalid issuer. Expected one of https://sts.windows.net/a/, found https://sts.windows.net/b/.")), exitcode.Vault,
			"import key contoso: the token belongs to a different tenant than the vault: AKV10032: Invalid issuer. Expected one of https://sts.windows.net/a/, found https://sts.windows.net/b/ (Unauthorized, request req-1)", "--tenant with the vault's tenant"},
		"cut, then unreachable for good": {[]step{{listVersions, missing}, {putKey, cut}, {listVersions, refusal(403, "Forbidden", "ForbiddenByFirewall", "")}}, exitcode.Vault,
			"import key contoso: the answer was lost, and it is unknown whether the vault did it: list the versions of key contoso: the vault's firewall blocks this computer (Forbidden/ForbiddenByFirewall, request req-1)",
			"run the same command again: it finds what was done"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScript(t, c.steps...)
			client, _ := s.client()
			got, err := client.Import(context.Background(), p)
			check(t, err, c.code, s.host(), c.want, c.hint)
			if made := c.code == exitcode.Check; made != (got.Key.ID.Version == version1) {
				t.Errorf("it names %q as the version not to use", got.Key.ID.Version)
			}
		})
	}
}
