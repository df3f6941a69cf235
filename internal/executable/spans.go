package executable

import "errors"

// mostSpans is how many there are: programs have five of ELF, some twenty of PE.
const mostSpans = 128

// smallestPage is how a kernel maps at its finest, in bytes.
const smallestPage = 4 << 10

var errOverlap = errors.New("damaged: its segments overlap")

// spans are ranges of memory that are mapped, by whole pages.
type spans [][2]uint64 // the first address, and the last

// add notes a range. Where two overlap, what is in memory depends on the order
// in which they are mapped, and it can be something else than what was read here.
func (s *spans) add(start, length uint64) error {
	if length == 0 {
		return nil
	}
	span := [2]uint64{start &^ (smallestPage - 1), (start + length - 1) | (smallestPage - 1)}
	if span[1] < span[0] || length > 1<<63 {
		return errOverlap
	}
	if len(*s) == mostSpans {
		return errors.New("damaged: it has more segments than any program")
	}
	for _, other := range *s {
		if span[0] <= other[1] && other[0] <= span[1] {
			return errOverlap
		}
	}
	*s = append(*s, span)
	return nil
}
