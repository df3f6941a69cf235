package clients

import (
	"byok/internal/exitcode"
)

// Hints that many errors end with.
const (
	hintAgain = "run the same command again: it finds what was done"
	hintBusy  = "wait a minute; for uploads lower --rate"
	hintKEK   = "make a KEK (byok-online kek create), and package the key for it"
	hintVault = "do not use this key; find out who or what answers for https://HOST"
	hintRole  = "on a vault the role Key Vault Crypto Officer is needed, on a Managed HSM the local role Managed HSM Crypto User (import) or Crypto Officer (recover); a role assigned just now takes minutes to take effect"

	lost = "import key NAME: the answer was lost, and it is unknown whether the vault did it: "
)

// moment is a request of an upload.
type moment struct {
	what   string
	before string // a fault that brings the upload there
	on     string // options of the fault that shall meet it
	doing  string // how an error there begins
	held   int    // versions there are when that request fails for good
	looks  bool   // it looks for what became of a lost answer
}

func moments(s sample) []moment {
	const cut = "cut=stored,on=import"
	return []moment{
		{"reading the KEK", "", ",on=get", "read key KEK/VERSION: ", 0, false},
		{"looking for the key", "", ",on=versions", "list the versions of key NAME: ", 0, false},
		{"importing", "", ",on=import", "import key NAME: ", 0, false},
		{"looking again after a lost answer", cut, ",on=versions,skip=1", lost + "list the versions of key NAME: ", 1, true},
		{"reading what was found then", cut, ",on=get,skip=1", lost + "read key NAME/VERSION: ", 1, true},
		{"proving", "", ",on=" + s.ops[0], "have key NAME " + s.ops[0] + ": ", 1, false},
	}
}

// cells lists every fault at every moment.
func cells(s sample) (list []cell) {
	for _, m := range moments(s) {
		for _, fault := range passing() {
			list = append(list, m.meets(fault, outcome{held: 1}))
		}
		for _, f := range lasting() {
			list = append(list, m.meets(f.fault+",times=always", m.fails(f)))
		}
		for _, f := range refusing() {
			list = append(list, m.meets(f.fault, m.fails(f)))
		}
	}
	return append(append(list, spoiled()...), append(special(s), lies(s)...)...)
}

func (m moment) meets(fault string, want outcome) cell {
	c := cell{what: fault + " while " + m.what, faults: []string{fault + m.on}, want: want}
	if m.before != "" {
		c.faults = append([]string{m.before}, c.faults...)
	}
	return c
}

// failure is a fault with the end of the error it leads to, and its hint.
type failure struct{ fault, text, hint string }

// fails is the outcome of a fault that does not pass. An import that was
// carried out is found, whatever its answers said.
func (m moment) fails(f failure) outcome {
	stores := f.fault == "error-after=500" || f.fault == "cut=stored" || f.fault == "cut=answer"
	if m.what == "importing" && stores {
		return outcome{held: 1}
	}
	if m.looks {
		f.hint = hintAgain
	}
	return outcome{exitcode.Vault, m.doing + f.text, f.hint, m.held}
}

// passing are the faults that an upload survives.
func passing() []string {
	return []string{
		"throttle", "throttle=1", "throttle,times=3", "error=500", "error=503,times=3", "error-after=500", "cut=request", "cut=stored", "cut=answer",
		"cut=answer,times=3", "slow=10m",
	}
}

// lasting are those that it does not survive when they never end.
func lasting() []failure {
	const cut = " cut the connection before its answer was complete"
	return []failure{
		{"throttle", "the service receives too many requests: Request was not processed because too many requests were received. Reason: VaultRequestTypeLimitReached (Throttled, request ID)", hintBusy},
		{"error=503", "the service is not available: Service Unavailable on purpose (ServiceUnavailable, request ID)", hintAgain},
		{"error-after=500", "the service failed: Internal Server Error on purpose (InternalServerError, request ID)", hintAgain},
		{"cut=request", "HOST" + cut, hintAgain},
		{"cut=stored", "HOST" + cut, hintAgain},
		{"cut=answer", "the server" + cut, hintAgain},
	}
}

// refusing are those that need a person.
func refusing() []failure {
	return []failure{
		{"forbidden=firewall", "the vault's firewall blocks this computer: Client address is not authorized and caller is not a trusted service (Forbidden/ForbiddenByFirewall, request ID)", "add this network to the vault's firewall, or work from inside it"},
		{"forbidden=private", "the vault answers only through its private endpoint: Public network access is disabled and request is not from a trusted service nor via an approved private link (Forbidden/ForbiddenByConnection, request ID)", "work from inside its network"},
		{"forbidden=role", "the account has no role in the vault that allows this: Caller is not authorized to perform action on resource (Forbidden/ForbiddenByRbac, request ID)", hintRole},
		{"forbidden=policy", "the vault's access policy does not allow this to the account: The user, group or application does not have the permission on key vault 'rehearsal;location=rehearsal' (Forbidden/AccessDenied, request ID)", "give it the key permissions get, list, create, import, recover, sign, encrypt and decrypt"},
	}
}

// spoiled are KEKs that were good when the package was made.
func spoiled() []cell {
	read := func(how, text, hint string) cell {
		return cell{"kek=" + how + " while reading it", []string{"kek=" + how + ",on=get"}, outcome{exitcode.Check, text, hint, 0}, true}
	}
	late := func(how, text, hint string) cell {
		return cell{"kek=" + how + " while importing", []string{"kek=" + how + ",on=import"}, outcome{exitcode.Vault, "import key NAME: " + text, hint, 0}, true}
	}
	const kid = "the package's KEK https://HOST/keys/KEK/VERSION"
	return []cell{
		read("disabled", kid+": read key KEK/VERSION: the key is disabled: Operation get is not allowed on a disabled key (Forbidden/KeyDisabled, request ID)", "enable it in the vault, or "+hintKEK),
		read("expired", kid+": KEK-EXPIRY: the key expired at TIME, and now is TIME", hintKEK),
		read("deleted", kid+" is no longer in the vault: read key KEK/VERSION: the vault has no such key: A key with (name/id) KEK was not found in this key vault. If you recently deleted this key you may be able to recover it using the correct recovery command (KeyNotFound, request ID)", hintKEK),
		late("disabled", "the key is disabled: Operation import is not allowed on a disabled key (Forbidden/KeyDisabled, request ID)", "enable it in the vault"),
		late("expired", "the key has expired: Operation import is not allowed on an expired key (Forbidden/KeyExpired, request ID)", "change its dates in the vault; replace an expired KEK with a new one"),
		late("deleted", "the vault has no such key: A key with (name/id) KEK/VERSION was not found in this key vault. If you recently deleted this key you may be able to recover it using the correct recovery command (KeyNotFound, request ID)", "check the name and the vault; a new key takes some minutes to reach every region of a Managed HSM"),
	}
}

// special are the faults of one moment or two.
func special(s sample) []cell {
	deleted := outcome{exitcode.Vault, "import key NAME: a deleted key holds this name: Key NAME is currently in a deleted but recoverable state, and its name cannot be reused; in this state, the key can only be recovered or purged (Conflict/ObjectIsDeletedButRecoverable, request ID)",
		"--recover brings that key back; or choose another --name", 0}
	expired := failure{"", "the certificate of HOST expired on TIME, and it is TIME here", "if the clock of this computer is right, the server's certificate must be renewed"}
	const cut = "cut=stored,on=import"
	return []cell{
		{"deleted while looking for the key", []string{"deleted,on=versions"}, deleted, true},
		{"deleted while importing", []string{"deleted,on=import"}, deleted, true},
		{"deleted while looking again", []string{cut, "deleted,on=versions,skip=1"}, deleted, true},
		{"deleted while proving", []string{"deleted,on=" + s.ops[0]},
			outcome{exitcode.Vault, "have key NAME " + s.ops[0] + ": the vault has no such key: A key with (name/id) NAME was not found in this key vault. If you recently deleted this key you may be able to recover it using the correct recovery command (KeyNotFound, request ID)", "check the name and the vault; a new key takes some minutes to reach every region of a Managed HSM", 0}, true},
		{"limbo that ends", []string{"limbo=8ms,on=import"}, outcome{held: 1}, false},
		{"limbo that does not end", []string{"limbo=10m,on=import"},
			outcome{exitcode.Vault, "import key NAME: a key of this name is being deleted: Key NAME is currently being deleted and cannot be re-created; retry later (Conflict/ObjectIsBeingDeleted, request ID)", "run the same command again in a minute", 0}, true},
		{"standard", []string{"standard,on=import"},
			outcome{exitcode.Vault, "import key NAME: the vault is of the Standard tier and has no HSM: Hardware key operation not allowed on standard vault (BadParameter, request ID)", "byok-online vault list shows Premium vaults and Managed HSMs", 0}, false},
		{"expired-certificate at first", []string{"expired-certificate"}, outcome{exitcode.Vault, "read key KEK/VERSION: " + expired.text, expired.hint, 0}, false},
		{"expired-certificate after a lost answer", []string{cut, "expired-certificate,skip=1"}, outcome{held: 1}, false},
	}
}

// lies are what a vault could do to us.
func lies(s sample) []cell {
	const (
		another = "key https://HOST/keys/NAME/VERSION has a different public key in the vault than in the package"
		misused = "key https://HOST/keys/NAME/VERSION signed our challenge with a key other than the package's"
		value   = "key https://HOST/keys/NAME/VERSION has a different check value than the package's"
		kek     = "the package's KEK https://HOST/keys/KEK/VERSION: its public key is not the one the package was made for (SPKI SHA-256 HASH, not HASH)"
	)
	check := func(text string, held int) outcome { return outcome{exitcode.Check, text, hintVault, held} }
	stored, shown, used := check(another, 0), check(another, 1), check(misused, 1)
	if s.expected.PublicKey == nil { // an AES key shows nothing until it is used
		stored, shown, used = check(value, 0), outcome{held: 1}, check(value, 1)
	}
	return []cell{
		{"stores-wrong-key", []string{"stores-wrong-key"}, stored, true},
		{"shows-wrong-key while importing", []string{"shows-wrong-key,on=import"}, shown, false},
		{"shows-wrong-key for the KEK", []string{"shows-wrong-key,on=get"}, outcome{exitcode.Check, kek, hintKEK, 0}, false},
		{"uses-wrong-key while proving", []string{"uses-wrong-key"}, used, false},
	}
}
