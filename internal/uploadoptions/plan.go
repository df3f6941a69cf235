package uploadoptions

import (
	"path/filepath"
	"slices"

	"byok/internal/command"
	"byok/internal/exitcode"
	"byok/internal/kek"
	"byok/internal/plan"
	"byok/internal/transfer"
	"byok/internal/upload"
)

// Files are the files of an upload: those of the arguments, or with --all those of
// the plan, for which it fills in what the plan says of each.
func Files(r *command.Run, o *upload.Options) ([]string, error) {
	if !r.Bool("all") {
		return upload.Find(r.Args().Slice())
	}
	for _, name := range []string{"name", "ops", "exportable", "not-before", "expires", "release-policy", "vault"} {
		if r.IsSet(name) {
			return nil, exitcode.Errorf(exitcode.Usage, "--%s and --all: the plan says that of each key", name)
		}
	}
	switch {
	case r.NArg() > 0:
		return nil, exitcode.Errorf(
			exitcode.Usage,
			"--all is every package of the plan, and %q is named as well",
			r.Args().First(),
		)
	case r.String("plan") == "":
		return nil, exitcode.Errorf(exitcode.Usage, "upload: --all is every package of a plan").Hint("--plan PLAN")
	}
	p, err := r.Plan()
	if err != nil {
		return nil, err
	}
	return ofPlan(r, p, o)
}

// ofPlan lists the packages of a plan, where it has them on the stick.
func ofPlan(r *command.Run, p *plan.Plan, o *upload.Options) (files []string, err error) {
	o.Planned = map[string]upload.Planned{}
	var policies []string
	for _, pair := range p.Pairs() {
		one, err := planned(pair)
		if err != nil {
			return nil, err
		}
		names, err := transfer.Names(pair.Key.Called())
		if err != nil {
			return nil, err
		}
		file := filepath.Join(pair.Folder, names.Blob)
		files, o.Planned[file] = append(files, file), one
		if path := pair.Key.ReleasePolicy; path != "" && !slices.Contains(policies, path) {
			policies = append(policies, path)
		}
	}
	for _, path := range policies {
		policy, err := releasePolicy(r, path)
		if err != nil {
			return nil, err
		}
		o.Policies = append(o.Policies, policy)
	}
	return files, nil
}

func planned(pair plan.Pair) (one upload.Planned, err error) {
	if one.Vault, err = kek.ParseVault(pair.Vault.Address); err != nil {
		return one, exitcode.Mark(exitcode.Usage, err)
	}
	if pair.Key.NotBefore != "" {
		if one.NotBefore, err = pair.Key.NotBefore.Time(); err != nil {
			return one, exitcode.Mark(exitcode.Usage, err)
		}
	}
	if pair.Key.Expires != "" {
		if one.Expires, err = pair.Key.Expires.Time(); err != nil {
			return one, exitcode.Mark(exitcode.Usage, err)
		}
	}
	return one, nil
}
