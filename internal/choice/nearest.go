package choice

// Nearest returns the known word that a mistyped one was most likely meant to
// be: the only one at the least distance, which is at most 2 and less than
// half the word. It is "" if no word or more than one qualifies.
func Nearest(word string, known []string) string {
	found, least := "", min(3, (len(word)+1)/2)
	for _, k := range known {
		switch d := distance(word, k); {
		case d < least:
			found, least = k, d
		case d == least:
			found = "" // two are as near
		}
	}
	return found
}

// distance counts the characters to insert, delete, replace or swap with their
// neighbour to make b of a (optimal string alignment).
func distance(a, b string) int {
	s, t := []rune(a), []rune(b)
	rows := make([][]int, len(s)+1)
	for i := range rows {
		rows[i] = make([]int, len(t)+1)
		rows[i][0] = i
	}
	for j := range t {
		rows[0][j+1] = j + 1
	}
	for i := range s {
		for j := range t {
			cost := 1
			if s[i] == t[j] {
				cost = 0
			}
			best := min(rows[i][j+1]+1, rows[i+1][j]+1, rows[i][j]+cost)
			if i > 0 && j > 0 && s[i] == t[j-1] && s[i-1] == t[j] {
				best = min(best, rows[i-1][j-1]+1)
			}
			rows[i+1][j+1] = best
		}
	}
	return rows[len(s)][len(t)]
}
