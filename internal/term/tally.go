package term

// Tally shows how far a command has come that does the same for many things, each
// of which has a name. On a terminal it is a progress line with rate and time left. In
// a pipe it is a line for each of the first fifty, and then for every fiftieth and
// the last. Of a single thing it shows nothing.
type Tally struct {
	progress *Progress
	done     string
	number   int
}

// every is how far apart lines in a pipe are once there have been as many.
const every = 50

// Tally starts a tally of total things. doing is what happens to them, such as
// "generating keys", and done what is said of one in a pipe, such as "is made".
func (c *Console) Tally(doing, done string, total int) *Tally {
	return &Tally{progress: c.Count(doing, int64(total)), done: done}
}

// Add reports that another thing is done.
func (t *Tally) Add(name string) {
	t.number++
	total := int(t.progress.total)
	if total > 1 {
		t.progress.Add(1)
	}
	if t.progress.width == 0 && total > 1 && (t.number <= every || t.number%every == 0 || t.number == total) {
		t.progress.console.Say("%s %s, %d of %d", name, t.done, t.number, total)
	}
}

// Number is how many are done.
func (t *Tally) Number() int { return t.number }

// Done takes the line off the screen.
func (t *Tally) Done() { t.progress.Done() }
