// Package choice knows values that are one of a few words, by the words that
// people type for them: in any case, with or without dashes, by the names that
// other tools have for them, and nearly right.
//
// A command declares with a [Choice] what an option of its takes; the value it
// gets is then one of [Choice.Words] as these are written. What a value means
// for the others that were given, such as the size of a curve, is for the
// command to judge.
package choice

import "strings"

// Choice is what an option takes that takes one of a few words. Its names may
// not contradict each other.
type Choice struct {
	Words []string
	Also  map[string]string // other names of these words, in lower case and without "-" and "_"
	Open  bool              // other values are for the command to judge
}

// Of returns the word that is meant: in any case, and by any of its names.
func (c Choice) Of(word string) (string, bool) {
	for _, w := range c.Words {
		if strings.EqualFold(w, word) {
			return w, true
		}
	}
	for _, w := range c.Words {
		if plain(w) == plain(word) {
			return w, true
		}
	}
	if w, ok := c.Also[plain(word)]; ok {
		return w, true
	}
	return word, c.Open
}

// plain is a word as [Choice.Also] lists it.
func plain(word string) string {
	return strings.NewReplacer("-", "", "_", "").Replace(strings.ToLower(word))
}

// Nearest returns the word that was most likely meant; "" if none is.
func (c Choice) Nearest(word string) string {
	names := append([]string{}, c.Words...)
	for name := range c.Also {
		names = append(names, name)
	}
	near := Nearest(word, names)
	if near == "" {
		near = Nearest(plain(word), names)
	}
	if near == "" {
		return ""
	}
	meant, _ := c.Of(near)
	return meant
}

// Expected lists the words: "RSA, EC or AES".
func (c Choice) Expected() string {
	last := len(c.Words) - 1
	if last == 0 {
		return c.Words[0]
	}
	return strings.Join(c.Words[:last], ", ") + " or " + c.Words[last]
}
