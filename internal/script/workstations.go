package script

import (
	"fmt"

	"byok/internal/plan"
)

// workstations are the steps by which both workstations are found to be the
// reviewed ones.
func workstations(p *plan.Plan) []Step {
	steps := []Step{
		{
			ID: "programs", Chapter: Arrive, Title: "The programs are the reviewed ones", Place: Room, Minutes: 5,
			Acts: []Act{
				{Part: plan.RoleOperator, Does: "type: sha256sum \"$(command -v byok-offline)\""},
				{Part: plan.RoleConnected, Does: "type: sha256sum \"$(command -v byok-online)\""},
				{Part: PartWitness, Does: "compare both with the release notes you brought"},
			},
			Write: []string{"first 8 digits, byok-offline", "first 8 digits, byok-online"},
			If:    []If{{"A hash differs", "Stop. This workstation is not used."}},
		},
		typed(Disconnected, Arrive, "confine", "The disconnected workstation is contained", "confine", "status").
			with(leads("see that no cable but the HSM's is plugged in, and that radio is off")),
	}
	if p.Kit != (plan.Kit{}) {
		steps = append([]Step{kit(p.Kit)}, steps...)
	}
	if p.Image != (plan.Image{}) {
		steps = append([]Step{image(p.Image)}, steps...)
	}
	return steps
}

// kit is the step in which the kit that the disconnected workstation was installed from
// is found to be the plan's: first by a program that has nothing to do with it. A dry
// run has no such kit, and so none of it is for a computer to type.
func kit(k plan.Kit) Step {
	return Step{
		ID: "kit", Chapter: Arrive, Title: "The kit is " + k.Groups(), Place: Room, Minutes: 5,
		Acts: []Act{
			{Part: plan.RoleOperator, Does: "beside the copy of the kit, type: sha256sum kit/SHA256SUMS"},
			{Part: PartWitness, Does: "compare every digit with the title of this step"},
			{Part: plan.RoleOperator, Does: "then type: byok-offline kit verify kit"},
			{Part: PartWitness, Does: "when the kit's fingerprint is asked for, read: " + k.FirstWords()},
		},
		See:   []string{"every file of the list is there with its hash, and nothing else"},
		Write: []string{"first 8 digits, disconnected workstation"},
		If:    []If{{"A digit differs, or something is found", "Stop. Nothing that came with the kit is used."}},
	}
}

// image is the step in which the image's medium is hashed, and the disconnected
// workstation started from it. No computer can say so of itself: what has started
// could claim any hash. So two others look at the medium, before it starts one.
func image(i plan.Image) Step {
	return Step{
		ID: "image", Chapter: Arrive, Title: "The image on the medium is " + i.Groups(), Place: Room, Minutes: 10,
		Acts: []Act{
			{Part: plan.RoleConnected, Does: fmt.Sprintf("plug the image's medium in; find its name, such as sdb, with lsblk; "+
				"then as root, with that name: head -c %d /dev/sdb | sha256sum", i.Bytes)},
			{Part: PartWitness, Does: "do the same on a computer of your own"},
			{Part: PartWitness, Does: "compare both, digit by digit, with the title of this step"},
			{Part: plan.RoleOperator, Does: "start the disconnected workstation from the medium, " +
				"with nothing else plugged in; then pull the medium out, and hand it to the witness"},
		},
		Write: []string{"first 8 digits, connected workstation", "first 8 digits, the witness's computer"},
		If:    []If{{"A hash differs", "Stop. The medium is kept, and not used."}},
	}
}
