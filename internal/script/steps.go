package script

import (
	"fmt"
	"path/filepath"
	"slices"

	"byok/internal/plan"
	"byok/internal/printable"
	"byok/internal/toolset"
)

// leads is an act of whoever leads.
func leads(does string) Act { return Act{Part: plan.RoleAdministrator, Does: does} }

func arrive(p *plan.Plan) []Step {
	const fill = "sign the list of participants, with the time"
	return []Step{
		{
			ID: "arrive", Chapter: Arrive, Title: "Everybody is there, and is who the plan names", Place: Room, Minutes: 10,
			Acts: []Act{
				leads("read the plan's title, purpose and approver aloud; compare each person with the plan"),
				{Part: plan.RoleOperator, Does: fill},
				{Part: plan.RoleConnected, Does: fill},
				{Part: PartHolder, Does: fill},
				{Part: PartWitness, Does: fill + "; from here on note the time of each step"},
			},
			If: []If{{"Somebody of the plan is missing", "Fewer than " + p.Quorum +
				" holders, no operator or no witness: stop. Otherwise note who on a deviation sheet."}},
		},
	}
}

func prepare(p *plan.Plan) []Step {
	var steps []Step
	for _, v := range p.Vaults {
		steps = append(steps,
			typed(Connected, Prepare, "kek:"+v.Name, "Make the KEK of "+v.Name,
				"kek", "create", "--vault", v.Address, "--name", v.KEKName),
			typed(Connected, Prepare, "toolset:"+v.Name, "Make the toolset of "+v.Name,
				"toolset", "build", "--vault", v.Address, "--kek", v.KEKName, "--suffix", v.KEK, "--out", p.Stick).
				noting("first 8 words of the zip's SHA-256").
				with(Act{Part: PartWitness, Does: "write the zip's first eight words down; they do not travel on the stick"}),
		)
	}
	return append(steps, Step{
		ID: "carry-in", Chapter: Prepare, Title: "The stick goes to the disconnected workstation", Place: Room, Minutes: 2,
		Acts: []Act{
			{Part: plan.RoleConnected, Does: "type: " + folders(p)},
			{Part: plan.RoleConnected, Does: "unmount the stick and hand it over"},
			{Part: plan.RoleOperator, Does: "plug the stick in"},
			{Part: PartWitness, Does: "keep the stick in sight"},
		},
	})
}

// folders is the command that makes the stick's folders for the packages.
func folders(p *plan.Plan) string {
	var paths []string
	for _, pair := range p.Pairs() {
		if !slices.Contains(paths, pair.Folder) {
			paths = append(paths, pair.Folder)
		}
	}
	command := "mkdir"
	for _, path := range paths {
		command += " " + printable.Quote(path)
	}
	return command
}

func world(p *plan.Plan) []Step {
	steps := []Step{
		typed(Disconnected, World, "module", "The HSM is in reach",
			append([]string{"module", "list", "--module-path", p.HSM.Library}, network(p)...)...).
			with(Act{Part: PartWitness, Does: "read the serial number from the device, not from the screen"}).
			noting("serial number on the device"),
	}
	if !p.Existing {
		steps = append(steps, create(p))
	}
	steps = append(steps, typed(Disconnected, World, "check", "The world is whole",
		append([]string{"world", "check"}, network(p)...)...))
	return append(steps, install(p)...)
}

// create is the step that creates the world.
func create(p *plan.Plan) Step {
	command := []string{
		"world",
		"create",
		"--module-path",
		p.HSM.Library,
		"--label",
		p.World,
		"--acs-quorum",
		p.Quorum,
	}
	for _, o := range []struct {
		given bool
		words []string
	}{
		{p.HSM.Guard != "", []string{"--guard", p.HSM.Guard}},
		{p.HSM.Token != "", []string{"--" + p.HSM.Token}},
		{p.HSM.RightsPerLogin, []string{"--rights-per-login"}},
		{p.HSM.VendorQuorum != "", []string{"--vendor-quorum", p.HSM.VendorQuorum}},
		{p.Rehearsal, []string{"--rehearsal"}},
	} {
		if o.given {
			command = append(command, o.words...)
		}
	}
	for _, h := range p.Holders {
		command = append(command, "--card", h.Media, "--holder", h.Name)
	}
	return typed(Disconnected, World, "world", "Create the security world, and deal the cards",
		append(command, apart(p)...)...).
		taking(10+3*len(p.Holders)).
		with(
			Act{Part: plan.RoleOperator, Does: "when asked: the first eight words of the library's SHA-256, " +
				"from the vendor's release"},
			Act{Part: plan.RoleOperator, Does: "when asked: the serial number, as the witness reads it; " +
				"then a user PIN, twice"},
			Act{
				Part: PartHolder,
				Does: "when your name is on the screen: come alone, learn the seven words, type them; " +
					"then put your card into its bag, and seal it",
			},
			Act{Part: PartWitness, Does: "write down the hknso, and each statement's number and words"},
		).
		noting("first 8 words of hknso", "number and words of the last statement").
		seeing("card 1 of " + fmt.Sprint(len(p.Holders)) + " written and read back")
}

// network is the option by which a library may reach its HSM.
func network(p *plan.Plan) []string {
	if p.HSM.Network {
		return []string{"--hsm-network"}
	}
	return nil
}

// apart is network, and the option of a command that refuses a workstation which is
// not disconnected.
func apart(p *plan.Plan) []string {
	if p.Airgap {
		return append(network(p), "--require-airgap")
	}
	return network(p)
}

func install(p *plan.Plan) []Step {
	var steps []Step
	for _, v := range p.Vaults {
		steps = append(steps,
			typed(Disconnected, World, "install:"+v.Name, "Install the toolset of "+v.Name,
				"toolset", "install", "--to", tools(v), filepath.Join(p.Stick, toolset.ZipName(v.KEK))).
				with(Act{Part: PartWitness, Does: "read the zip's first eight words from your paper"}),
			typed(Disconnected, World, "verify:"+v.Name, "Verify the KEK of "+v.Name,
				append([]string{"verify"}, packages(v)...)...).
				taking(5).
				with(Act{Part: PartOwner, Does: "over the telephone: read the KEK's first eight words, its key identifier, " +
					"and that import is its only operation (byok-online kek show)"}),
		)
	}
	return steps
}

// tools is where a vault's toolset is installed: in a folder of its own, since one
// SHA256SUMS never replaces another.
func tools(v plan.Vault) string { return "tools-" + v.KEK }

// packages are the options that name a vault's packages.
func packages(v plan.Vault) []string {
	return []string{
		"-k", filepath.Join(tools(v), toolset.KEKName(v.KEK, 1)),
		"-w", filepath.Join(tools(v), toolset.SecurityWorldName(v.KEK, 1)),
	}
}

func keys(p *plan.Plan) []Step {
	if len(p.Keys) == 1 {
		return []Step{key(p, p.Keys[0]), backup(p, Keys, "backup:keys", "keys")}
	}
	title := "Generate the " + printable.Count(len(p.Keys), "key") + " of the plan"
	all := typed(
		Disconnected,
		Keys,
		"keys",
		title,
		slices.Concat([]string{"key", "generate", "--all"}, quorum(p), network(p))...).
		taking(5+len(p.Keys)/10).
		with(Act{Part: PartWitness, Does: "compare the list of keys and types on the screen with the plan"}).
		byHolders(p, "to sign the keys' origin").
		noting("number and words of the last statement")
	return []Step{all, backup(p, Keys, "backup:keys", "keys")}
}

// key is the step that generates one key.
func key(p *plan.Plan, k plan.Key) Step {
	command := append([]string{"key", "generate", "--ident", k.Ident}, kind(k)...)
	if k.Replaces != "" {
		command = append(command, "--replaces", k.Replaces)
	}
	return typed(Disconnected, Keys, "key:"+k.Ident, "Generate "+k.Ident+", "+k.Purpose,
		slices.Concat(command, quorum(p), network(p))...).
		taking(5).
		byHolders(p, "to sign the key's origin")
}

// backup is the step that copies kmdata to a new folder.
func backup(p *plan.Plan, chapter Chapter, id, folder string) Step {
	return typed(Disconnected, chapter, id, "Copy kmdata, which holds the keys' backups",
		"world", "backup", filepath.Join(p.Backup, folder))
}

// kind is the options that name a key's kind.
func kind(k plan.Key) []string {
	kind := k.Kind()
	options := []string{"--type", string(kind.Type)}
	if kind.Curve != "" {
		return append(options, "--curve", kind.Curve)
	}
	return append(options, "--size", fmt.Sprint(kind.Bits))
}

func finish(p *plan.Plan) []Step {
	bags := make([]string, len(p.Holders))
	for i, h := range p.Holders {
		bags[i] = "bag and seal of " + h.Name
	}
	return []Step{
		typed(Disconnected, Close, "record:disconnected", "The record holds together", "ceremony", "verify").
			noting("first 8 words of the log's head, disconnected"),
		typed(
			Connected,
			Close,
			"record:connected",
			"The connected side's record holds together",
			"ceremony",
			"verify",
		).
			noting("first 8 words of the log's head, connected"),
		backup(p, Close, "backup:end", "end").
			with(leads("see that the medium leaves the room apart from the cards")),
		{
			ID: "leave", Chapter: Close, Title: "Cards, media and signatures", Place: Room, Minutes: 10,
			Acts: []Act{
				{Part: PartHolder, Does: "read the numbers of your bag and seal aloud; take the bag with you"},
				{Part: PartWitness, Does: "sign each page of this book"},
				leads("collect the books, the deviation sheets and the media of the plan"),
			},
			Write: bags,
		},
	}
}
