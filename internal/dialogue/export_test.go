package dialogue

import "time"

// Hurry has the officer's work looked at without a pause.
func Hurry() { betweenLooks = time.Millisecond }
