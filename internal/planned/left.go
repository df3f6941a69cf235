package planned

// left are the options that no plan decides: what people compare on the day, where
// their answers are kept, who signs in, and how the result is shown. An option that
// is not here and not in the plan's step is refused.
var left = []string{
	"plan", "kmdata", "output", "token", "debug", "config", "unconfined",
	// Held to more than the plan asks for.
	"require-airgap",
	// Answers, from files.
	"pin-file", "new-pin-file", "so-pin-file", "quorum-pin-file", "card-pin-file", "new-card-pin-file", "own-passphrase",
	// What people say and compare.
	"fingerprint", "kid", "import-only", "said-by", "show-words", "sha256", "words", "library-sha256", "serial",
	"approve", "approve-unseen", "last-statement", "break-reason", "hknso", "nonce", "yes", "officer-wait",
	"hsm-attestation", "hsm-attestation-root",
	// Who signs in, and how fast.
	"auth", "cloud", "tenant", "client-id", "client-secret-file", "client-certificate",
	"client-certificate-password-file", "ca-file", "disable-instance-discovery", "vault-suffix", "resource-manager",
	"rate",
}
