package script

import (
	"byok/internal/plan"
	"byok/internal/printable"
	"fmt"
	"path/filepath"
	"slices"
)

func approve(p *plan.Plan) []Step {
	var steps []Step
	if pairs := p.Pairs(); len(pairs) == 1 {
		steps = approveOne(p, pairs[0])
	} else {
		steps = approveAll(p)
	}
	if !p.Alone() { // otherwise the session that approves seals as well
		steps = append(steps, typed(Disconnected, Approve, "seal", "Seal the log",
			slices.Concat([]string{"ceremony", "seal"}, quorum(p), network(p))...).
			byHolders(p, "to sign the log's end").
			noting("number and words of the last statement"))
	}
	return append(steps, Step{
		ID: "carry-out", Chapter: Approve, Title: "The stick goes back to the connected workstation",
		Place: Room, Minutes: 2,
		Acts: []Act{
			{Part: plan.RoleOperator, Does: "unmount the stick and hand it over"},
			{Part: plan.RoleConnected, Does: "plug the stick in"},
			{Part: PartWitness, Does: "keep the stick in sight"},
		},
	})
}

// approveAll are the steps that approve and package every pair of the plan, in one
// session of the quorum.
func approveAll(p *plan.Plan) []Step {
	command := []string{"acl", "modify", "--all"}
	for _, v := range p.Vaults {
		command = append(command, packages(v)...)
	}
	pairs := len(p.Pairs())
	title := fmt.Sprintf(
		"Approve %s for %s",
		printable.Count(len(p.Keys), "key"),
		printable.Count(len(p.Vaults), "vault"),
	)
	steps := []Step{approval(typed(Disconnected, Approve, "approve", title,
		slices.Concat(command, quorum(p), apart(p))...), p, 5+5*len(p.Vaults)+pairs/2)}
	if p.Alone() {
		return steps
	}
	return append(steps, typed(Disconnected, Approve, "package", "Write the "+printable.Count(pairs, "package"),
		append([]string{"package", "--all"}, apart(p)...)...))
}

// approveOne are the steps of one key and one vault.
func approveOne(p *plan.Plan, pair plan.Pair) []Step {
	k, v := pair.Key, pair.Vault
	id := k.Ident + ":" + v.Name
	command := append([]string{"acl", "modify", "--ident", k.Ident}, packages(v)...)
	command = append(command, "--key-friendly-name", k.Called())
	for _, op := range k.Operations {
		command = append(command, "--key-op", op)
	}
	if k.Exportable {
		command = append(command, "--exportable", "--release-policy", k.ReleasePolicy)
	}
	where := []string{"--subscription-id", v.Subscription, "--out", pair.Folder}
	if p.Alone() {
		command = append(command, where...)
	}
	steps := []Step{approval(typed(Disconnected, Approve, "approve:"+id, "Approve "+k.Ident+" for "+v.Name,
		slices.Concat(command, quorum(p), apart(p))...), p, 10)}
	if p.Alone() {
		return steps
	}
	return append(steps, typed(
		Disconnected,
		Approve,
		"package:"+id,
		"Package "+k.Ident+" for "+v.Name,
		slices.Concat(
			[]string{"package", "--ident", k.Ident, "--key-friendly-name", k.Called()},
			where,
			apart(p),
		)...))
}

// approval is what people do where a quorum approves.
func approval(s Step, p *plan.Plan, minutes int) Step {
	return s.taking(minutes).
		with(
			Act{Part: plan.RoleOperator, Does: "when asked: what the vault's owner said of the KEK, word by word"},
			Act{Part: PartOwner, Does: "over the telephone: answer what you are asked about the KEK"},
		).
		byHolders(p, "to approve the list; one of you types the first word of its hash").
		noting("number and words of the statement")
}

// Singles are the steps of single keys that [Steps] takes together: each may be
// typed alone as well, and then is the plan's all the same.
func Singles(p *plan.Plan) (steps []Step) {
	if len(p.Keys) > 1 {
		for _, k := range p.Keys {
			steps = append(steps, key(p, k))
		}
	}
	if pairs := p.Pairs(); len(pairs) > 1 {
		for _, pair := range pairs {
			steps = append(append(steps, approveOne(p, pair)...), uploadOne(pair)...)
		}
	}
	return steps
}

func upload(p *plan.Plan) []Step {
	var steps []Step
	if pairs := p.Pairs(); len(pairs) == 1 {
		steps = uploadOne(pairs[0])
	} else {
		steps = uploadAll(p, len(pairs))
	}
	for _, v := range p.Vaults {
		steps = append(steps, typed(Connected, Upload, "close:"+v.Name, "Close the KEK of "+v.Name,
			"kek", "delete", "--vault", v.Address, "--name", v.KEKName).
			with(Act{Part: PartOwner, Does: "see that the KEK is gone; from now on the packages are useless"}))
	}
	return steps
}

// uploadAll are the steps of all packages.
func uploadAll(p *plan.Plan, packages int) []Step {
	title := fmt.Sprintf("Upload the %s to %s", printable.Count(packages, "package"),
		printable.Count(len(p.Vaults), "vault"))
	minutes := 2 + packages/10
	return []Step{
		hears(typed(Connected, Upload, "upload", title, "upload", "--all")).taking(minutes),
		typed(Connected, Upload, "prove", "Have each vault prove that it holds its keys",
			"verify", "--all", "--from", p.Stick).taking(minutes),
	}
}

// hears has the witness answer for the world's hknso.
func hears(s Step) Step {
	return s.with(
		Act{Part: PartWitness, Does: "where hknso is asked for: read its first eight words from your paper"},
	)
}

// uploadOne are the steps of one package.
func uploadOne(pair plan.Pair) []Step {
	k, v := pair.Key, pair.Vault
	id := k.Ident + ":" + v.Name
	file := filepath.Join(pair.Folder, "KeyTransferPackage-"+k.Called())
	arguments := []string{"upload", file + ".byok", "--vault", v.Address}
	if k.Exportable {
		arguments = append(arguments, "--exportable", "--release-policy", k.ReleasePolicy)
	}
	if k.NotBefore != "" {
		arguments = append(arguments, "--not-before", k.NotBefore.Text())
	}
	if k.Expires != "" {
		arguments = append(arguments, "--expires", k.Expires.Text())
	}
	return []Step{
		hears(typed(Connected, Upload, "upload:"+id, "Upload "+k.Called()+" to "+v.Name, arguments...)),
		typed(Connected, Upload, "prove:"+id, "Have "+v.Name+" prove that it holds "+k.Called(),
			"verify", "--vault", v.Address, "--manifest", file+".manifest.json"),
	}
}
