package dialogue

import (
	"slices"
	"strings"

	"byok/internal/command"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/kek"
	"byok/internal/kmdata"
	"byok/internal/statement"

	"github.com/urfave/cli/v2"
)

// TargetFlags say what the key is to be in the vault: the quorum approves
// that with it.
func TargetFlags() []cli.Flag {
	return []cli.Flag{
		list("key-friendly-name", "`NAME` for the key in the vault; of several keys, once per key (default: the ident)"),
		list("key-op",
			"`OPERATION` the key may do in the vault; once per operation (default: every one that its type allows)"),
		yes("exportable", "the key may be released under --release-policy"),
		text("release-policy", "`FILE` with the release policy of an exportable key"),
	}
}

// AttestationFlags name what the HSM's vendor attests of the key.
func AttestationFlags() []cli.Flag {
	return []cli.Flag{
		text("hsm-attestation", "`FILE` with the attestation that the HSM makes of the key, to go with it"),
		text("hsm-attestation-root", "`FILE` with the root's certificate in place of the vendor's; in rehearsals only"),
	}
}

// Asked is what a key is to be in the vault, as it was asked for.
type Asked struct {
	Name          string
	KeyOps        []string // none for all that the type allows
	Exportable    bool
	ReleasePolicy string // path
}

// AskedOf is what the options ask for, without the name.
func AskedOf(r *command.Run) Asked {
	return Asked{
		KeyOps: r.StringSlice("key-op"), Exportable: r.Bool("exportable"), ReleasePolicy: r.String("release-policy"),
	}
}

// Target is the key in the vault, for a key of this world. Its vault is the KEK's.
func Target(r *command.Run, k *kmdata.Key, a Asked) (statement.Target, error) {
	kind, err := k.Kind()
	if err != nil {
		return statement.Target{}, err
	}
	t := statement.Target{Name: a.Name, KeyOps: a.KeyOps, Exportable: a.Exportable}
	if len(t.KeyOps) == 0 {
		t.KeyOps = kind.KeyOps()
	}
	if err := kek.CheckName(t.Name); err != nil {
		return t, exitcode.Errorf(exitcode.Usage, "--key-friendly-name: %w", err)
	}
	for _, op := range t.KeyOps {
		if !slices.Contains(kind.KeyOps(), op) {
			return t, exitcode.Errorf(exitcode.Usage, "--key-op %s: for %s it is one of %s",
				op, kind, strings.Join(kind.KeyOps(), ", "))
		}
	}
	path := a.ReleasePolicy
	if t.Exportable != (path != "") {
		return t, exitcode.Errorf(exitcode.Usage, "--exportable and --release-policy go together")
	}
	if path == "" {
		return t, nil
	}
	policy, err := r.ReadFile(path, maxReleasePolicy)
	t.ReleasePolicy = fingerprint.Of(policy)
	return t, err
}

// maxReleasePolicy is the size of a release policy in bytes that is read.
const maxReleasePolicy = 64 << 10
