package exitcode

// Partly adds to the hint of err, which ended a command that does the same for many
// things, how many of them are done and how many are left. A nil error stays nil; of a single thing
// nothing is added.
func Partly(err error, done, all int) error {
	switch inner := HintOf(err); {
	case all < 2:
		return err
	case inner == "":
		return Hint(err, "%d done, %d left: the same command goes on", done, all-done)
	default:
		return Hint(err, "%s; %d done, %d left", inner, done, all-done)
	}
}
