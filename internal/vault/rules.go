package vault

import (
	"net/http"
	"slices"

	"byok/internal/azure"
)

const (
	textDisabled = "the key is disabled"

	hintRole = "on a vault the role Key Vault Crypto Officer is needed, on a Managed HSM the local role " +
		"Managed HSM Crypto User (import) or Crypto Officer (recover); a role assigned just now takes minutes to take effect"
	hintInspect = "byok-online inspect FILE shows the KEK the package is for; package the key again for this vault's"
)

// rules are the vault's answers in our words, most specific first. The codes
// are documented (Azure Key Vault, "Common error codes", "REST API error
// codes"); the messages are those users have quoted.
var rules = append(slices.Clone(importRules), []azure.Rule{
	{
		Status: http.StatusForbidden,
		Code:   "ForbiddenByFirewall",
		Text:   "the vault's firewall blocks this computer",
		Hint:   "add this network to the vault's firewall, or work from inside it",
	},
	{
		Status:   http.StatusForbidden,
		Contains: "client address is not authorized",
		Text:     "the vault's firewall blocks this computer",
		Hint:     "add this network to the vault's firewall, or work from inside it",
	},
	{
		Status: http.StatusForbidden,
		Code:   "ForbiddenByConnection",
		Text:   "the vault answers only through its private endpoint",
		Hint:   "work from inside its network",
	},
	{
		Status:   http.StatusForbidden,
		Contains: "public network access is disabled",
		Text:     "the vault answers only through its private endpoint",
		Hint:     "work from inside its network",
	},
	{Status: http.StatusForbidden, Code: "KeyDisabled", Text: textDisabled, Hint: "enable it in the vault"},
	{Status: http.StatusForbidden, Contains: "disabled key", Text: textDisabled, Hint: "enable it in the vault"},
	{
		Status:   http.StatusForbidden,
		Contains: "not permitted on this key",
		Text:     "the key may not do this: it is not among its operations",
		Hint:     "change its operations in the vault",
	},
	{
		Status:   http.StatusForbidden,
		Contains: "not yet valid",
		Text:     "the key is not yet valid",
		Hint:     "change its dates in the vault",
	},
	{
		Status:   http.StatusForbidden,
		Contains: "expired",
		Text:     "the key has expired",
		Hint:     "change its dates in the vault; replace an expired KEK with a new one",
	},
	{
		Status: http.StatusForbidden,
		Code:   "ForbiddenByRbac",
		Text:   "the account has no role in the vault that allows this",
		Hint:   hintRole,
	},
	{
		Status:   http.StatusForbidden,
		Contains: "security domain",
		Text:     "the Managed HSM is not activated",
		Hint:     "download its security domain first: az keyvault security-domain download",
	},
	{
		Status:   http.StatusForbidden,
		Code:     "ForbiddenByPolicy",
		Contains: "azure policy",
		Text:     "an Azure Policy forbids this",
		Hint:     "ask who administers the subscription's policies",
	},
	{
		Status: http.StatusForbidden,
		Code:   "ForbiddenByPolicy",
		Text:   "the vault's access policy does not allow this to the account",
		Hint:   "give it the key permissions get, list, create, import, recover, sign, encrypt and decrypt",
	},
	{
		Status: http.StatusForbidden,
		Code:   "AccessDenied",
		Text:   "the vault's access policy does not allow this to the account",
		Hint:   "give it the key permissions get, list, create, import, recover, sign, encrypt and decrypt",
	},
	{
		Status:   http.StatusForbidden,
		Contains: "exceeds the limit",
		Text:     "the vault takes no more keys",
		Hint:     "delete and purge what is not needed, or use another vault",
	},
	{
		Status:   http.StatusForbidden,
		Contains: "purge protection",
		Text:     "the vault's purge protection forbids this",
		Hint:     "wait until the retention period has passed",
	},
	{Status: http.StatusForbidden, Text: "the vault does not allow this", Hint: hintRole},
	{
		Status:   http.StatusBadRequest,
		Contains: "consider using the latest supported version",
		Text:     "this cloud's service does not support this program's API version",
		Hint:     "use the release of this program made for it, or wait until the cloud has caught up",
	},
	{
		Status: http.StatusNotFound,
		Code:   "KeyNotFound",
		Text:   "the vault has no such key",
		Hint:   "check the name and the vault; a new key takes some minutes to reach every region of a Managed HSM",
	},
	{
		Status: http.StatusConflict,
		Code:   "ObjectIsDeletedButRecoverable",
		Text:   "a deleted key holds this name",
		Hint:   "--recover brings that key back; or choose another --name",
	},
	{
		Status: http.StatusConflict,
		Code:   "ObjectIsBeingDeleted",
		Text:   "a key of this name is being deleted",
		Hint:   "run the same command again in a minute",
	},
	{
		Status: http.StatusConflict,
		Code:   "ObjectIsBeingRecovered",
		Text:   "a key of this name is being recovered",
		Hint:   "run the same command again in a minute",
	},
}...)

// importRules are the opaque refusals of an import.
var importRules = []azure.Rule{
	{
		Status:   http.StatusBadRequest,
		Contains: "cannot instantiate crypto service",
		Text:     "the vault could not unwrap a key of this type from the package",
		Hint: "the plaintext must be PKCS#8, the KEK's padding OAEP with SHA-1, the type right (--kty); " +
			hintInspect,
	},
	{
		Status:   http.StatusBadRequest,
		Contains: "valid JsonWebKey",
		Text:     "the vault cannot read the package as a key of this type",
		Hint:     "check --kty and --curve; " + hintInspect,
	},
	{
		Status:   http.StatusBadRequest,
		Contains: "Unsupported key operation",
		Text:     "a key operation does not fit the key's type",
		Hint: "--ops: RSA encrypt, decrypt, sign, verify, wrapKey, unwrapKey; EC sign, verify; AES encrypt, " +
			"decrypt, wrapKey, unwrapKey",
	},
	{
		Contains: "not allowed on standard vault",
		Text:     "the vault is of the Standard tier and has no HSM",
		Hint:     "byok-online vault list shows Premium vaults and Managed HSMs",
	},
	{
		Status:   http.StatusBadRequest,
		Contains: "release policy",
		Text:     "an exportable key needs a release policy, and only such a key has one",
		Hint:     "--exportable with --release-policy FILE, or neither",
	},
}
